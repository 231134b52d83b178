// The first second: is it listening, what does it recognise now, what did it recognise in the last hours?
import { load } from './api.js';
import { announce, byId, darkScheme, element, write } from './dom.js';
import { color } from './colors.js';
import { EarCard } from './ear.js';
import { ago, clock, clockMinutes, dayBounds, dayName, duration, many, score, shortTime } from './format.js';
import { followSpectrum } from './connection.js';
import { heatData } from './heatdata.js';
import { HeatMap } from './heatmap.js';
import { isMuted } from './memory.js';
import { showMuted } from './mute.js';
import { earState, model } from './model.js';
import { routeText } from './route.js';

const HOURS = 12, HOUR = 3600000, MINUTE = 60000, TEN_MINUTES = 600000;
const STEP = 2;         // minutes
const NEAR = 900000;    // ms; a press on the heat map means an event that is as near as this
const RECENT = 12;      // rows
const ANNOUNCE = 2500;  // ms; sounds that begin within it are one sentence

const night = new HeatMap(byId('night'), { onPick: openTimeline });
const cards = new Map();
let past = null, pastLoaded = 0, timer = 0, isOpen = false, waiting = 0, drawing = 0;
let newcomers = [];

export function open() {
  isOpen = true;
  followSpectrum(true);
  render();
  clearInterval(timer);
  timer = setInterval(tick, 1000);
  if (Date.now() - pastLoaded > 10000) loadPast();
}

export function close() {
  isOpen = false;
  followSpectrum(false);
  clearInterval(timer);
}

/** A place of the last hours: its event, or else the hour around it. */
function openTimeline(label, time) {
  const distance = event => Math.max(event.begin - time, time - (event.end ?? Date.now()), 0);
  const near = past.events.concat(model.recent).filter(event => event.label === label).sort((a, b) => distance(a) - distance(b))[0];
  const values = { date: dayName(time) };
  if (near && distance(near) < NEAR) Object.assign(values, { date: dayName(near.begin), event: near.id });
  else Object.assign(values, { from: clockMinutes(Math.max(dayBounds(values.date).begin, time - HOUR / 2)), to: clockMinutes(Math.min(dayBounds(values.date).end - 1, time + HOUR / 2)) });
  location.hash = routeText('day', values);
}

async function loadPast() {
  pastLoaded = Date.now();
  const end = Math.ceil(Date.now() / MINUTE) * MINUTE, begin = end - HOURS * HOUR;
  try {
    const [events, minutes] = await Promise.all([load.events(begin, end), load.minutes(begin, end, STEP)]);
    past = { begin, end, events, minutes };
    model.addRecent(events);
  } catch {
    // The notice below the header says why, or there is no history; what was loaded stays.
  }
  if (isOpen) render();
}

function tick() {
  if (document.hidden) return;
  if (Date.now() - pastLoaded > MINUTE) loadPast();
  showHero();
  ages();
}

function render() {
  showEars();
  showHero();
  showRecent();
  showNight();
}

/** Cards stay in place; one is made for each source that appears, and removed with it. */
function showEars() {
  const ears = model.earList();
  for (const [key, card] of cards) {
    if (model.ears.has(key)) continue;
    card.place.remove();
    cards.delete(key);
  }
  ears.forEach((ear, at) => {
    if (!cards.has(ear.key)) cards.set(ear.key, new EarCard(ear));
    const card = cards.get(ear.key);
    if (byId('ears').children[at] !== card.place) byId('ears').insertBefore(card.place, byId('ears').children[at] || null);
    card.update(ear);
  });
}

function showHero() {
  const ears = model.earList();
  const states = ears.map(earState);
  const open = model.openEvents().filter(event => !isMuted(event.label));
  let title, text = '', state;
  if (model.link === 'away') {
    [title, text, state] = ['No connection', 'The gateway does not answer. What you see is from ' + clock(model.linkSince) + '.', 'bad'];
  } else if (!ears.length) {
    [title, text, state] = model.isKnown ? ['No daemon', 'The gateway has no daemon to listen to.', 'bad'] : ['Connecting', '', 'waiting'];
  } else {
    const worst = states.find(each => each.state === 'bad') || states.find(each => each.state === 'warn');
    const good = states.filter(each => each.state === 'good').length;
    state = worst ? worst.state : 'good';
    if (open.length) {
      title = [...new Set(open.map(event => event.label))].slice(0, 3).join(', ');
      text = (worst && worst.title !== 'Listening' ? '' : 'Listening. ') + 'Since ' + open.slice(0, 3).map(event => clock(event.begin) + (ears.length > 1 ? ' in ' + event.daemon : '')).join(', ');
      if (worst) text += '. ' + (ears.length > 1 ? ears[states.indexOf(worst)].title + ': ' : '') + worst.text;
    } else if (!worst) {
      title = 'Listening';
      const best = ears.flatMap(ear => ear.best ? [ear.best] : []).sort((a, b) => b.score - a.score)[0];
      text = best && best.score >= .2 ? 'Mostly ' + best.label + ', ' + score(best.score) + '. No event at the moment.' : 'Nothing stands out at the moment.';
    } else {
      title = good ? good + ' of ' + ears.length + ' listening' : ears.length === 1 && worst.title === 'Away' ? ears[0].title + ' is away' : worst.title;
      text = (ears.length > 1 ? ears[states.indexOf(worst)].title + ': ' : '') + worst.text;
    }
  }
  byId('hero').dataset.state = state;
  write(byId('live-title'), title);
  write(byId('live-now'), text);
  document.title = title + ' – ' + (model.node || 'astd');
  showPast();
}

function showPast() {
  const since = Date.now() - HOURS * HOUR;
  const events = model.recent.filter(event => event.begin >= since && !isMuted(event.label));
  const older = past ? past.events.filter(event => event.begin >= since && !isMuted(event.label)) : [];
  const known = new Map([...older, ...events].map(event => [event.id, event]));
  const counts = new Map();
  let last = null;
  for (const event of known.values()) {
    counts.set(event.label, (counts.get(event.label) || 0) + 1);
    if (!last || event.begin > last.begin) last = event;
  }
  const parts = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 4).map(([label, count]) => label + ' ' + count);
  const text = known.size ? many(known.size, 'event') : 'No event';
  const rest = ' in the last ' + HOURS + ' hours' + (known.size ? ': ' + parts.join(', ') + (counts.size > parts.length ? ' and others' : '') : '')
    + (last && last.end !== null ? '. The last one ended ' + ago(last.end) + '.' : '.');
  const place = byId('live-past');
  if (place.textContent !== text + rest) place.replaceChildren(element('strong', { textContent: text }), rest);
}

function showRecent() {
  const events = model.recent.filter(event => !isMuted(event.label)).slice(0, RECENT);
  byId('recent-none').hidden = events.length > 0;
  const isMany = model.daemons.size > 1;
  const focused = document.activeElement && document.activeElement.dataset.event;
  byId('recent').replaceChildren(...events.map(event => {
    const dot = element('span', { class: 'dot' });
    dot.style.background = color(event.label);
    const what = element('span', { class: 'what', textContent: event.label });
    if (isMany) what.append(element('span', { class: 'daemon', textContent: ' ' + event.daemon }));
    const link = element('a', { href: routeText('day', { date: dayName(event.begin), event: event.id }), data: { event: event.id } },
      element('span', { class: 'when', textContent: shortTime(event.begin), title: dayName(event.begin) }), dot, what, element('span', { class: 'long' }));
    return element('li', { class: event.end === null ? 'open' : '' }, link);
  }));
  byId('recent').hidden = !events.length;
  showMuted(byId('live-muted'));
  if (focused) [...byId('recent').querySelectorAll('a')].find(link => link.dataset.event === focused)?.focus();
  ages();
}

function ages() {
  const events = new Map(model.recent.map(event => [event.id, event]));
  for (const link of byId('recent').querySelectorAll('a')) {
    const event = events.get(link.dataset.event);
    if (!event) continue;
    write(link.lastChild, event.end !== null ? duration((event.end - event.begin) / 1000)
      : 'now, ' + duration(Math.max(1, Math.round((Date.now() - event.begin) / 1000))));
  }
}

function showNight() {
  byId('night-link').href = routeText('day', { date: dayName(Date.now()) });
  byId('night-card').hidden = !past;
  if (!past) return;
  const known = new Map([...past.events, ...model.recent].map(event => [event.id, event]));
  // A history that has just begun fills the picture, too.
  const firsts = past.minutes.series.map(series => past.minutes.begin + series.at[0] * past.minutes.step);
  const begin = Math.max(past.begin, Math.floor(Math.min(past.end - 2 * TEN_MINUTES, ...firsts) / TEN_MINUTES) * TEN_MINUTES);
  write(byId('night-title'), begin > past.begin + HOUR ? 'Since ' + clockMinutes(begin) : 'The last ' + HOURS + ' hours');
  const data = heatData({ begin, end: past.end, daemon: '', most: 8 }, [...known.values()], past.minutes);
  byId('night').hidden = !data.rows.length;
  byId('night-none').hidden = Boolean(data.rows.length);
  if (data.rows.length) night.show(data);
}

/** At most a frame's worth of changes at a time. */
function schedule() {
  if (!isOpen || waiting) return;
  waiting = requestAnimationFrame(() => { waiting = 0; showEars(); showHero(); });
}

/** Columns that arrive within a frame are drawn at once. */
function drawPictures() {
  drawing = 0;
  for (const [key, card] of cards) {
    const ear = model.ears.get(key);
    if (ear) card.picture.draw(model.recent.filter(event => event.daemon === ear.daemon && event.source === ear.source && !isMuted(event.label)));
  }
}

document.addEventListener('model-changed', schedule);
document.addEventListener('spectrum-column', event => {
  const record = event.detail;
  // Of a source with several channels, the first is drawn.
  const card = isOpen && !(record.channel > 1) && cards.get(JSON.stringify([record.daemon, record.source || '']));
  if (!card) return;
  card.addColumn(record);
  drawing = drawing || requestAnimationFrame(drawPictures);
});
document.addEventListener('live-event', event => {
  const { event: record, isNew } = event.detail;
  if (isNew && record.end === null && !isMuted(record.label)) {
    if (!newcomers.length) setTimeout(announceNewcomers, ANNOUNCE);
    newcomers.push(record);
  }
  if (!isOpen) return;
  showRecent();
  showNight();
  schedule();
});
function redraw() {
  cards.forEach(card => card.forget());
  if (isOpen) render();
}
document.addEventListener('labels-muted', redraw);
darkScheme.addEventListener('change', redraw);
document.addEventListener('records-lost', () => { if (isOpen) loadPast(); });

function announceNewcomers() {
  const names = [...new Set(newcomers.map(event => event.label + (model.daemons.size > 1 ? ' in ' + event.daemon : '')))];
  newcomers = [];
  announce('Now: ' + names.slice(0, 5).join(', '));
}
