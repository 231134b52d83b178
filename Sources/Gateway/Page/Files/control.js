// Pause, adapters, and why a label is reported or not.
import { load, send } from './api.js';
import { announce, byId, element, icon, write } from './dom.js';
import { color } from './colors.js';
import { confirmed, toast } from './dialogs.js';
import { score } from './format.js';
import { daemonNames, earState, model } from './model.js';
import { writeRoute } from './route.js';

const EXPLAIN = 2000;   // ms between two looks at a label

let isOpen = false, timer = 0, explained = { daemon: '', label: '' }, drawn = '', isAsking = false;
// The adapter whose labels are listed.
let listed = null;
const busy = new Set();

export function open(query) {
  isOpen = true;
  explained = { daemon: query.get('daemon') || '', label: query.get('label') || '' };
  drawn = '';
  render();
  fillLabels();
  clearInterval(timer);
  timer = setInterval(explain, EXPLAIN);
}

export function close() {
  isOpen = false;
  clearInterval(timer);
}

function render() {
  const off = byId('control-off');
  off.hidden = model.hasControl || !model.isKnown;
  if (!off.hidden && !off.childElementCount) {
    off.replaceChildren('This page only shows: to pause daemons and to choose adapters here, set ', element('code', { textContent: 'http: {control: true}' }),
      ' in the settings of astd-gateway and restart it. ', element('code', { textContent: 'astctl pause' }), ' works on the machine itself.');
  }
  // Replaced only where something differs, so that the focus stays.
  const ears = model.earList();
  const state = JSON.stringify([model.hasControl, model.link, [...busy], ears.map(ear => [ear.title, ear.name, earState(ear)]),
    [...model.daemons.values()].map(daemon => [daemon.name, daemon.isConnected, daemon.model, daemon.adapter, daemon.adapters, daemon.version])]);
  if (state === drawn) return;
  drawn = state;
  if (listed !== null && model.daemon(explained.daemon).adapter !== listed) fillLabels();
  const focused = document.activeElement && document.activeElement.dataset.control;
  byId('control-daemons').replaceChildren(...daemonNames().map(name => card(model.daemon(name), ears.filter(ear => ear.daemon === name))));
  if (focused) [...document.querySelectorAll('[data-control]')].find(each => each.dataset.control === focused)?.focus();
}

function card(daemon, ears) {
  const place = element('section', { class: 'card', 'aria-label': daemon.name }, element('h2', { textContent: daemon.name }),
    element('p', { class: 'hint', textContent: [daemon.model && 'model ' + daemon.model, daemon.version && 'astd ' + daemon.version].filter(part => part).join(' · ') }));
  for (const ear of ears) place.append(sourceRow(daemon, ear, ears.length > 1));
  if (daemon.adapters.length && model.hasControl) place.append(adapterChoice(daemon));
  else if (daemon.adapters.length) {
    place.append(element('p', { textContent: 'Adapter: ' + (daemon.adapter || 'none (base model)') + '. Loaded: ' + daemon.adapters.join(', ') + '.' }));
  }
  return place;
}

function sourceRow(daemon, ear, isOneOfMany) {
  const { state, title, text } = earState(ear);
  const row = element('div', { class: 'source-row' }, element('p', { class: 'chip', data: { state } }, element('span', { class: 'lamp' }),
    element('span', { textContent: (isOneOfMany ? ear.source + ': ' : '') + title })), element('p', { class: 'hint', textContent: [ear.name, text].filter(part => part).join('. ') }));
  if (!model.hasControl) return row;
  const isPaused = ear.state === 'paused';
  const button = element('button', { type: 'button', disabled: busy.has(ear.key) || !daemon.isConnected || model.link === 'away', data: { control: 'pause ' + ear.key } },
    icon(isPaused ? 'play' : 'pause'), isPaused ? 'Resume' : 'Pause');
  button.setAttribute('aria-label', (isPaused ? 'Resume ' : 'Pause ') + ear.title);
  button.onclick = () => pause(ear, !isPaused);
  row.append(button);
  return row;
}

async function pause(ear, isPaused) {
  const question = isPaused ? 'Nothing is recorded then, also after a restart, until it is resumed.' : 'It records again at once.';
  if (!await confirmed((isPaused ? 'Pause ' : 'Resume ') + ear.title + '?', question, isPaused ? 'Pause' : 'Resume')) return;
  await act(ear.key, () => send.pause(ear.daemon, ear.source, isPaused), ear.title + (isPaused ? ' is paused.' : ' is resumed.'));
}

function adapterChoice(daemon) {
  const group = element('fieldset', {}, element('legend', { textContent: 'Classes' }));
  for (const name of ['', ...daemon.adapters]) {
    const input = element('input', { type: 'radio', name: 'adapter ' + daemon.name, value: name, checked: name === daemon.adapter,
      disabled: busy.has(daemon.name) || !daemon.isConnected || model.link === 'away', data: { control: 'adapter ' + daemon.name + ' ' + name } });
    input.onchange = () => choose(daemon, name);
    group.append(element('label', { class: 'check' }, input, name || 'base model'));
  }
  return group;
}

async function choose(daemon, name) {
  const text = 'From the next window on, ' + daemon.name + ' recognises the classes of ' + (name ? 'the adapter ' + name : 'the base model') + '. Events in progress end.';
  if (await confirmed('Switch to ' + (name || 'the base model') + '?', text, 'Switch')) {
    await act(daemon.name, () => send.adapter(daemon.name, name || 'base'), daemon.name + ' uses ' + (name || 'the base model') + '.');
  }
  drawn = '';
  render();
}

async function act(key, run, done) {
  busy.add(key);
  render();
  try {
    await run();
    toast(done);
    announce(done);
  } catch (error) {
    toast('That did not work. ' + error.message);
  }
  busy.delete(key);
  render();
}

/** The lists of daemons and labels; labels are those of the daemon. */
async function fillLabels() {
  const names = daemonNames();
  byId('explain-card').hidden = !names.length;
  if (!names.length || isAsking) return;
  if (!names.includes(explained.daemon)) explained.daemon = names[0];
  byId('explain-daemon').replaceChildren(...names.map(name => element('option', { value: name, textContent: name })));
  byId('explain-daemon').value = explained.daemon;
  byId('explain-daemon-field').hidden = names.length < 2;
  isAsking = true;
  listed = model.daemon(explained.daemon).adapter;
  let labels = [];
  try {
    labels = await load.labels(explained.daemon);
    model.daemon(explained.daemon).labels = labels;
  } catch (error) {
    write(byId('explain'), error.message);
  }
  isAsking = false;
  if (!labels.length) return;
  if (!labels.includes(explained.label)) {
    const ear = model.earList().find(each => each.daemon === explained.daemon);
    explained.label = ear && ear.best && labels.includes(ear.best.label) ? ear.best.label : labels[0];
  }
  byId('explain-label').replaceChildren(...[...labels].sort((a, b) => a.localeCompare(b)).map(label => element('option', { value: label, textContent: label })));
  byId('explain-label').value = explained.label;
  explain();
}

async function explain() {
  if (!isOpen || document.hidden || model.link === 'away') return;
  if (!explained.label) return fillLabels();
  const { daemon, label } = explained;
  try {
    const found = await load.explain(daemon, label);
    if (explained.label === label && explained.daemon === daemon) showExplanation(found);
  } catch (error) {
    byId('explain').replaceChildren(element('p', { class: 'hint', textContent: error.message }));
  }
}

const STATES = { active: 'An event is in progress', fading: 'The event ends soon', rising: 'An event may begin', below: 'Below the threshold',
  refractory: 'Waiting after the last event', denied: 'Excluded by the settings', quiet: 'Too quiet to be classified', pending: 'No window yet',
  lost: 'The source delivers no samples', recovering: 'The source is connecting', paused: 'Paused' };

function showExplanation(found) {
  const place = byId('explain');
  const value = found.smoothed_score ?? found.score;
  if (!place.querySelector('.gauge')) {
    place.replaceChildren(element('p', { class: 'verdict' }), element('div', { class: 'gauge', role: 'img' },
      element('div', { class: 'score' }), element('div', { class: 'mark low' }, element('span')), element('div', { class: 'mark high' }, element('span'))),
    element('p', { class: 'rule hint' }));
  }
  const [verdict, gauge, rule] = place.children;
  write(verdict, (STATES[found.state] || found.state) + (found.reason ? ': ' + found.reason : '') + '.');
  const part = number => 100 * Math.min(1, Math.max(0, number ?? 0)) + '%';
  gauge.children[0].style.width = part(value);
  gauge.children[0].style.background = color(found.label);
  gauge.children[1].style.left = part(found.off);
  gauge.children[2].style.left = part(found.on);
  write(gauge.children[1].firstChild, 'ends below ' + score(found.off));
  write(gauge.children[2].firstChild, 'begins at ' + score(found.on));
  gauge.setAttribute('aria-label', found.label + ' has the score ' + score(value) + '. An event begins at ' + score(found.on) + ' and ends below ' + score(found.off) + '.');
  write(rule, found.label + ' has ' + score(value) + ' now. An event needs ' + found.minimum_hits + ' windows in a row with ' + score(found.on) + ' or more'
    + (found.minimum_duration ? ' and ' + found.minimum_duration + ' s' : '') + '; it ends when the score stays below ' + score(found.off) + '. '
    + 'The settings detection.on, detection.off and detection.minimum_hits change that, also for single labels.');
}

function chosen() {
  explained = { daemon: byId('explain-daemon').value, label: byId('explain-label').value };
  writeRoute('control', explained, {});
}
byId('explain-form').onsubmit = event => event.preventDefault();
byId('explain-label').onchange = () => { chosen(); explain(); };
byId('explain-daemon').onchange = () => { chosen(); fillLabels(); };
document.addEventListener('model-changed', () => { if (isOpen) render(); });
document.addEventListener('status-read', () => { if (isOpen && byId('explain-card').hidden) fillLabels(); });
