// Starts the page: the stream of records, the views, the keys.
import { connect } from './connection.js';
import { closeControl, openControl } from './control.js';
import { byId, icon } from './dom.js';
import { closeLive, openLive } from './live.js';
import { keysAreOn, setKeys } from './memory.js';
import { muteWrong, undo } from './review.js';
import { readRoute } from './route.js';
import { closeDay, dayKey, openDay } from './timeline.js';

const VIEWS = {
  live: { title: 'Live', open: openLive, close: closeLive },
  day: { title: 'Timeline', open: openDay, close: closeDay },
  control: { title: 'Control', open: openControl, close: closeControl },
};
let current = '';

function show() {
  const { view, query } = readRoute();
  const name = Object.hasOwn(VIEWS, view) ? view : 'live';
  if (current && current !== name) VIEWS[current].close();
  for (const each of Object.keys(VIEWS)) byId('view-' + each).hidden = each !== name;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.dataset.view === name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (name !== 'live') document.title = VIEWS[name].title + ' – astd';
  const isOther = current && current !== name;
  current = name;
  VIEWS[name].open(query);
  if (isOther) {
    scrollTo(0, 0);
    byId('main').focus({ preventScroll: true });
  }
}

function isTyping(target) {
  return target.closest('input:not([type=checkbox], [type=range]), select, textarea, [contenteditable]');
}

addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector('dialog[open]')) return;
  // The space bar presses the focused button and scrolls elsewhere; only in the list it plays.
  if (event.key === ' ' && !event.target.closest('[role=listbox]')) return;
  if (!keysAreOn() && event.key !== ' ') return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : '';
  if (!key) return;
  if (key === '?') byId('help').showModal();
  else if (key === 'l') location.hash = '#live';
  else if (key === 't') location.hash = '#day';
  else if (key === 'u') undo();
  else if (key === 'm' && event.shiftKey) muteWrong();
  else if (current !== 'day' || !dayKey(key)) return;
  event.preventDefault();
});

byId('help-open').onclick = () => byId('help').showModal();
byId('help').onclick = event => { if (event.target === byId('help')) byId('help').close(); };
byId('keys-on').checked = keysAreOn();
byId('keys-on').onchange = event => setKeys(event.target.checked);
byId('skip').onclick = event => {
  event.preventDefault();
  byId('main').focus();
};
byId('day-before').append(icon('before'));
byId('day-after').append(icon('after'));
byId('help-close').append(icon('close'));
addEventListener('hashchange', show);
show();
connect();
