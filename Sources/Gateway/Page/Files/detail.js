// The selected event: what, when, its sound, and what a person says about it.
import { byId, element, icon } from './dom.js';
import { color } from './colors.js';
import { clipPlayer } from './clip.js';
import { askLabel } from './dialogs.js';
import { clock, dayName, duration, score } from './format.js';
import { isHidden, toggleHidden } from './memory.js';
import { review, reviewText } from './review.js';

let shown = null, player = null, parts = {};

/** `labels`: those for the keys 1 to 9, and all that a daemon knows; `canReview`: whether the gateway takes reviews. */
export function showDetail(event, { choices = [], labels = [], hasDaemons = false, canReview = true, onMove, onClose } = {}) {
  const place = byId('detail');
  const looks = event && JSON.stringify([event.id, event.clip, choices, canReview, hasDaemons]);
  const isSame = event && event === shown && looks === parts.looks;
  if (player && !isSame) {
    player.close();
    player = null;
  }
  shown = event;
  place.classList.toggle('none', !event);
  document.body.classList.toggle('with-sheet', Boolean(event));
  if (!event) {
    parts = {};
    place.replaceChildren(element('p', { class: 'hint', textContent: 'Select an event to play its clip and to review it.' }));
    return;
  }
  if (isSame) return refresh();
  const dot = element('span', { class: 'dot' });
  dot.style.background = color(event.label);
  parts = { facts: element('dl', { class: 'facts' }), verdicts: element('div', { class: 'buttons' }), hasDaemons, choices, labels, looks };
  const children = [element('div', { class: 'detail-head' }, element('h2', {}, dot, element('span', { textContent: event.label })),
    round('above', 'Newer event', () => onMove(-1)), round('below', 'Older event', () => onMove(1)), round('close', 'Close the event', onClose)), parts.facts];
  if (event.clip) {
    player = clipPlayer(event.clip, event.label);
    children.push(player.player);
  } else children.push(element('p', { class: 'hint', textContent: 'No clip of this event: the daemon keeps clips with its setting clips.directory.' }));
  if (canReview) {
    children.push(element('h3', { textContent: 'Is it ' + event.label + '?' }), parts.verdicts);
    const others = choices.map((label, at) => [label, at]).filter(([label]) => label !== event.label);
    if (others.length) {
      children.push(element('h3', { textContent: 'No, it is …' }), element('div', { class: 'buttons choices' }, ...others.map(([label, at]) =>
        action([element('kbd', { textContent: String(at + 1) }), label], () => review(event, 'other', label), '', String(at + 1)))));
    }
  }
  parts.hide = action([], () => toggleHidden(event.label), 'quiet', 'm');
  children.push(element('p', { class: 'buttons' }, parts.hide));
  place.replaceChildren(...children);
  refresh();
}

function action(content, run, style, key) {
  const button = element('button', { type: 'button', class: style, 'aria-keyshortcuts': key || null }, ...content);
  button.onclick = run;
  return button;
}

function round(picture, name, run) {
  const button = element('button', { type: 'button', class: 'round ' + picture, 'aria-label': name, title: name }, icon(picture));
  button.onclick = run;
  return button;
}

/** After a review, or when the event has ended. */
export function refresh() {
  if (!shown) return;
  const event = shown;
  const facts = [['When', dayName(event.begin) + ', ' + clock(event.begin) + (event.end ? ' – ' + clock(event.end) : ', in progress')],
    ['Duration', event.end ? duration((event.end - event.begin) / 1000) + (event.interrupted ? ', interrupted' : '') : 'in progress'],
    ['Highest score', score(event.peak)]];
  if (parts.hasDaemons || event.source) facts.push(['Daemon', event.daemon + (event.source ? ', ' + event.source : '')]);
  if (event.adapter) facts.push(['Adapter', event.adapter]);
  if (event.review) facts.push(['Review', reviewText(event)]);
  parts.facts.replaceChildren(...facts.map(([name, value]) => element('div', {}, element('dt', { textContent: name }), element('dd', { textContent: value }))));
  const focused = document.activeElement && parts.verdicts.contains(document.activeElement) ? document.activeElement.dataset.verdict : '';
  const verdicts = [['right', 'Right', 'r'], ['wrong', 'Wrong', 'w'], ['other', 'Another…', 'o'], ['clear', 'Remove review', 'c']]
    .filter(([verdict]) => verdict !== 'clear' || event.review);
  parts.verdicts.replaceChildren(...verdicts.map(([verdict, text, key]) => {
    const button = action([icon(verdict === 'clear' ? 'undo' : verdict), text, element('kbd', { textContent: key.toUpperCase() })], () => decide(verdict), '', key);
    button.dataset.verdict = verdict;
    if (verdict !== 'clear') button.setAttribute('aria-pressed', String(event.review === verdict));
    return button;
  }));
  if (focused) (parts.verdicts.querySelector('[data-verdict=' + focused + ']') || parts.verdicts.firstChild).focus();
  parts.hide.replaceChildren((isHidden(event.label) ? 'Show ' : 'Hide ') + event.label + ' on this page', element('kbd', { textContent: 'M' }));
}

/** Also for keys. Resolves to whether there was a decision. */
export async function decide(verdict) {
  if (!shown) return false;
  const event = shown;
  if (verdict === 'other') {
    const label = await askLabel(parts.labels, event.label);
    if (!label) return false;
    await review(event, label === event.label ? 'right' : 'other', label === event.label ? null : label);
  } else if (/^[1-9]$/.test(verdict)) {
    const label = parts.choices[Number(verdict) - 1];
    if (!label) return false;
    await review(event, label === event.label ? 'right' : 'other', label === event.label ? null : label);
  } else await review(event, verdict === 'clear' ? null : verdict);
  return true;
}

export const playClip = () => player && player.toggle();
export const selectedEvent = () => shown;

document.addEventListener('event-reviewed', event => { if (event.detail === shown) refresh(); });
document.addEventListener('labels-hidden', refresh);
