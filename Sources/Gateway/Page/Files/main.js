// Shows the views, and carries out keys. A view is loaded when it is opened, or when the first one is on the screen.
import { byId, icon } from './dom.js';
import { showNotice } from './connection.js';
import { keysAreOn, setKeys } from './memory.js';
import { readRoute } from './route.js';

const VIEWS = {
  live: { title: 'Live', load: () => import('./live.js') },
  day: { title: 'Timeline', load: () => import('./timeline.js') },
  control: { title: 'Control', load: () => import('./control.js') },
};
const IDLE = 300;       // ms from the first view to the others
const opened = {};      // the modules of views, by name
let current = '', turn = 0;

async function show() {
  const { view, query } = readRoute();
  const name = Object.hasOwn(VIEWS, view) ? view : 'live';
  const isOther = current && current !== name;
  if (isOther) opened[current]?.close();
  current = name;
  for (const each of Object.keys(VIEWS)) byId('view-' + each).hidden = each !== name;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.dataset.view === name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (name !== 'live') document.title = VIEWS[name].title + ' – astd';
  if (isOther) {
    scrollTo(0, 0);
    byId('main').focus({ preventScroll: true });
  }
  const number = ++turn;
  try {
    opened[name] ??= await VIEWS[name].load();
  } catch {
    return showNotice('This view could not be loaded: reload the page.');
  }
  // Meanwhile, another one may have been chosen.
  if (number === turn) opened[name].open(query);
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
  else if (key === 'u') opened.day?.undo();
  else if (key === 'm' && event.shiftKey) opened.day?.muteWrong();
  else if (current !== 'day' || !opened.day?.dayKey(key)) return;
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
addEventListener('load', () => setTimeout(() => { for (const view of Object.values(VIEWS)) view.load().catch(() => {}); }, IDLE));
