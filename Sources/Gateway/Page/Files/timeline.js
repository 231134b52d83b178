// A day: heat map, filters and the list of events. All of its state is in the address, so that a view can be shared.
import { load } from './api.js';
import { byId, element, set, write } from './dom.js';
import { decide, playClip, refresh as refreshDetail, selectedEvent, showDetail } from './detail.js';
import { toast } from './dialogs.js';
import { eventRow, eventTitle } from './eventrow.js';
import { saveEvents } from './export.js';
import { clockMinutes, dayBounds, dayName, isDayName, longDate, many, parseClock, score, shiftDay } from './format.js';
import { heatData } from './heatdata.js';
import { HeatMap } from './heatmap.js';
import { RowList } from './list.js';
import { isMuted } from './memory.js';
import { showMuted, toggleMuted } from './mute.js';
import { daemonNames, labelNames, model } from './model.js';
import { muteWrong, undo } from './review.js';
import { writeRoute } from './route.js';

export { muteWrong, undo };

const NONE = { date: '', label: '', from: '', to: '', score: '0', review: '', daemon: '', clip: '', event: '' };
const ROWS = 14;        // of the heat map
const STEP = 5;         // minutes
const REFRESH = 60000;  // ms
const CLIP_WAIT = 8000; // ms
const EMPTY = { step: STEP * 60000, series: [] };

let state = { ...NONE };
let day = null;         // name, begin, end, events (newest first), minutes
let visible = [];
let loading = 0, timer = 0, isOpen = false, problem = '', areLabelsLoaded = false;
// A filter of reviews does not remove an event at the moment of its review.
const kept = new Set();

const hasDaemons = () => daemonNames().length > 1;
const heat = new HeatMap(byId('heat'), {
  onLabel: label => change({ label: state.label === label ? '' : label }),
  onPick: pick,
  onSpan: (begin, end) => change({ from: clockMinutes(begin), to: day.end - end < 60000 ? '' : clockMinutes(end + 59999) }),
});
const list = new RowList(byId('events'), {
  label: 'Events, newest first',
  row: event => eventRow(event, hasDaemons()),
  title: event => eventTitle(event, hasDaemons()),
  onSelect: event => {
    state.event = event.id;
    writeRoute('day', state, NONE);
    detail();
  },
});

export function open(query) {
  isOpen = true;
  const given = Object.fromEntries(Object.keys(NONE).map(name => [name, query.get(name) || NONE[name]]));
  if (!isDayName(given.date)) given.date = dayName(Date.now());
  const isOther = !day || day.name !== given.date;
  state = given;
  if (isOther) loadDay();
  else {
    apply();
    reveal();
  }
  clearInterval(timer);
  timer = setInterval(refreshDay, REFRESH);
}

export function close() {
  isOpen = false;
  clearInterval(timer);
  showDetail(null);
}

async function loadDay() {
  const number = ++loading;
  const name = state.date, { begin, end } = dayBounds(name);
  kept.clear();
  day = { name, begin, end, events: [], minutes: { ...EMPTY, begin }, isLoading: true };
  apply();
  const loaded = await loadSpan(begin, end);
  if (number !== loading) return;
  if (loaded) day = { name, begin, end, ...loaded };
  else day.isLoading = false;
  apply();
  reveal();
}

/** Scrolls the list to the selected event, such as that of a link. */
function reveal() {
  list.select(visible.findIndex(event => event.id === state.event), true);
}

async function loadSpan(begin, end) {
  try {
    const [events, minutes] = await Promise.all([load.events(begin, end), load.minutes(day.begin, day.end, STEP)]);
    problem = '';
    return { events: events.reverse(), minutes };
  } catch (error) {
    problem = error.message;
    return null;
  }
}

/** The newest part of a day that is not over. */
async function refreshDay() {
  const now = Date.now();
  if (!isOpen || !day || day.isLoading || now < day.begin || now > day.end + REFRESH || document.hidden) return;
  const number = loading, current = day;
  const open = current.events.filter(event => event.end === null).map(event => event.begin);
  const from = Math.max(day.begin, Math.min(now - 10 * 60000, ...open));
  const loaded = await loadSpan(from, day.end);
  if (!loaded || number !== loading) return;
  merge(loaded.events);
  current.minutes = loaded.minutes;
  apply();
}

function merge(events) {
  const known = new Map(day.events.map(event => [event.id, event]));
  for (const event of events) {
    // The same object stays, because the detail and the undo of reviews refer to it.
    if (known.has(event.id)) Object.assign(known.get(event.id), event);
    else day.events.push(event);
  }
  day.events.sort((a, b) => b.begin - a.begin);
}

function change(what) {
  Object.assign(state, what);
  kept.clear();
  writeRoute('day', state, NONE);
  apply();
}

export function goToDay(name) {
  writeRoute('day', { ...state, date: name, event: '', from: state.from, to: state.to }, NONE, true);
}
export const shiftDays = days => goToDay(shiftDay(state.date, days));

function matches(event) {
  const { begin } = day;
  const from = parseClock(state.from), to = parseClock(state.to);
  const at = (event.begin - begin) / 1000;
  return !isMuted(event.label) && (!state.label || event.label === state.label) && (from === undefined || at >= from)
    && (to === undefined || at < to) && (event.peak ?? 0) >= Number(state.score) && (!state.daemon || event.daemon === state.daemon)
    && (!state.clip || event.clip) && (!state.review || kept.has(event) || (event.review || 'none') === state.review);
}

/** Shows the state and the day. */
function apply() {
  write(byId('day-title'), longDate(state.date));
  byId('day-date').value = state.date;
  byId('day-date').max = dayName(Date.now());
  byId('day-after').disabled = byId('day-today').disabled = state.date >= dayName(Date.now());
  // A list that was scrolled stays at its time.
  const scroller = byId('events'), top = scroller.scrollTop, first = top > 0 ? visible[Math.floor(top / list.height())] : null;
  visible = day.events.filter(matches);
  const after = event => { const at = visible.findIndex(each => each.begin <= event.begin); return at < 0 ? visible.length : at; };
  const selected = state.event ? day.events.find(event => event.id === state.event) : null;
  list.show(visible, visible.indexOf(selected), selected ? after(selected) : 0);
  if (first) scroller.scrollTop = after(first) * list.height() + top % list.height();
  showHeat();
  form();
  counts();
  detail();
}

function showHeat() {
  const span = { begin: day.begin, end: day.end, daemon: state.daemon, most: ROWS };
  const data = heatData(span, day.events, day.minutes);
  data.label = state.label;
  const from = parseClock(state.from), to = parseClock(state.to);
  if (from !== undefined || to !== undefined) {
    data.selection = { begin: day.begin + (from ?? 0) * 1000, end: to === undefined ? day.end : day.begin + to * 1000 };
  }
  byId('heat').hidden = !data.rows.length;
  byId('heat-none').hidden = Boolean(data.rows.length);
  write(byId('heat-none'), day.isLoading ? 'Loading…' : problem || 'Nothing was recognised on this day.');
  if (data.rows.length) heat.show(data);
}

function options(select, names, all) {
  const wanted = JSON.stringify(names);
  if (select.dataset.names === wanted) return;
  select.dataset.names = wanted;
  select.replaceChildren(element('option', { value: '', textContent: all }), ...names.map(name => element('option', { value: name, textContent: name })));
}

function form() {
  const labels = new Set(day.events.map(event => event.label).filter(label => !isMuted(label)));
  if (state.label) labels.add(state.label);
  options(byId('filter-label'), [...labels].sort((a, b) => a.localeCompare(b)), 'all');
  const daemons = new Set([...daemonNames(), ...day.events.map(event => event.daemon)]);
  if (state.daemon) daemons.add(state.daemon);
  options(byId('filter-daemon'), [...daemons].sort(), 'all');
  byId('filter-daemon-field').hidden = daemons.size < 2;
  byId('filter-label').value = state.label;
  byId('filter-daemon').value = state.daemon;
  byId('filter-review').value = state.review;
  byId('filter-clip').checked = Boolean(state.clip);
  byId('filter-score').value = state.score;
  write(byId('filter-score-text'), Number(state.score) ? score(Number(state.score)) : 'any');
  for (const name of ['from', 'to']) {
    const field = byId('filter-' + name);
    if (document.activeElement !== field) field.value = state[name];
    set(field, { 'aria-invalid': state[name] && parseClock(state[name]) === undefined ? 'true' : null });
  }
  byId('filter-reset').disabled = Object.keys(NONE).every(name => ['date', 'event'].includes(name) || state[name] === NONE[name]);
}

function counts() {
  const total = day.events.length;
  write(byId('events-count'), visible.length === total ? many(total, 'event') : visible.length + ' of ' + many(total, 'event'));
  byId('events').hidden = !visible.length;
  byId('events-none').hidden = Boolean(visible.length);
  write(byId('events-none'), day.isLoading ? 'Loading…' : problem || (total ? 'No event passes the filters.' : 'No events on this day.'));
  byId('export').disabled = !visible.length;
  showMuted(byId('day-muted'));
}

/** All labels of the daemons, once. */
async function loadLabels() {
  if (areLabelsLoaded || !model.daemons.size) return;
  areLabelsLoaded = true;
  let isComplete = true;
  for (const daemon of model.daemons.values()) {
    try {
      daemon.labels = await load.labels(daemon.name);
    } catch {
      isComplete = false;  // The daemon is away: again with the next status.
    }
  }
  if (isOpen && day) detail();
  areLabelsLoaded = isComplete;
}

function detail() {
  loadLabels();
  const event = day.events.find(event => event.id === state.event) || null;
  const counts = new Map();
  for (const each of day.events) counts.set(each.label, (counts.get(each.label) || 0) + 1);
  const labels = labelNames();
  // Few labels keep their places; of many, those of the day come first.
  const ranked = labels.length <= 9 ? labels : [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([label]) => label);
  showDetail(event, { choices: ranked.slice(0, 9), labels: [...new Set([...labels, ...counts.keys()])].sort(), hasDaemons: hasDaemons(),
    canReview: model.canReview, onMove: by => list.move(by), onClose: unselect });
}

function unselect() {
  change({ event: '' });
  byId('events').querySelector('.rows').focus({ preventScroll: true });
}

/** The event of this label that is the nearest to a time. */
function pick(label, time) {
  const distance = event => Math.max(event.begin - time, time - (event.end ?? Date.now()), 0);
  const near = visible.filter(event => event.label === label).sort((a, b) => distance(a) - distance(b))[0];
  if (near && distance(near) < (day.end - day.begin) / 48) list.select(visible.indexOf(near));
  else toast('No event of ' + label + ' in this list is near ' + clockMinutes(time) + '.');
}

/** Carries out a key; returns whether it has a meaning here. */
export function dayKey(key) {
  if (key === '[') shiftDays(-1);
  else if (key === ']') { if (!byId('day-after').disabled) shiftDays(1); }
  else if (key === 'j' || key === 'k') list.move(key === 'j' ? 1 : -1);
  else if (!selectedEvent()) return false;
  else if (key === ' ') playClip();
  else if (key === 'm') toggleMuted(selectedEvent().label);
  else if (key === 'c') decide('clear');
  else if (/^[rwo1-9]$/.test(key)) {
    decide({ r: 'right', w: 'wrong', o: 'other' }[key] || key).then(isDecided => { if (isDecided) list.move(1); });
  } else return false;
  return true;
}

document.addEventListener('event-reviewed', event => {
  kept.add(event.detail);
  if (!day) return;
  list.refresh(event.detail);
});
document.addEventListener('labels-muted', () => { if (day) apply(); });
document.addEventListener('live-event', event => {
  const record = event.detail.event;
  if (!isOpen || !day || day.isLoading || record.begin < day.begin || record.begin >= day.end) return;
  const known = day.events.find(each => each.id === record.id);
  // The record knows nothing of reviews and clips.
  if (known) Object.assign(known, { end: record.end, peak: record.peak, interrupted: record.interrupted });
  else merge([{ ...record }]);
  apply();
  // Its clip is written some seconds after its end.
  if (record.end !== null) setTimeout(refreshDay, CLIP_WAIT);
});
document.addEventListener('live-review', event => {
  const found = day && day.events.find(each => each.id === event.detail.id);
  if (!found) return;
  Object.assign(found, { review: event.detail.review || '', reviewLabel: event.detail.review_label || '' });
  list.refresh(found);
  refreshDetail();
});
document.addEventListener('records-lost', () => { if (isOpen && day) refreshDay(); });
document.addEventListener('status-read', () => { if (isOpen && day) { form(); detail(); } });

byId('day-before').onclick = () => shiftDays(-1);
byId('day-after').onclick = () => shiftDays(1);
byId('day-today').onclick = () => goToDay(dayName(Date.now()));
byId('day-date').onchange = event => { if (isDayName(event.target.value)) goToDay(event.target.value); };
byId('filters').onsubmit = event => event.preventDefault();
byId('filters').onreset = event => {
  event.preventDefault();
  change({ ...NONE, date: state.date, event: state.event });
};
byId('filter-label').onchange = event => change({ label: event.target.value });
byId('filter-review').onchange = event => change({ review: event.target.value });
byId('filter-daemon').onchange = event => change({ daemon: event.target.value });
byId('filter-clip').onchange = event => change({ clip: event.target.checked ? '1' : '' });
byId('filter-score').oninput = event => change({ score: event.target.value });
byId('filter-from').oninput = event => change({ from: event.target.value.trim() });
byId('filter-to').oninput = event => change({ to: event.target.value.trim() });
byId('export').onclick = () => saveEvents(visible, day.name);
