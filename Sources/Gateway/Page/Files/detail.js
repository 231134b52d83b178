// The selected event: what, when, its sound, and what a person says about it.
import { byId, element, icon } from './dom.js';
import { color } from './colors.js';
import { clipPlayer } from './clip.js';
import { askLabel } from './dialogs.js';
import { clock, dayName, duration, score } from './format.js';
import { isMuted } from './memory.js';
import { toggleMuted } from './mute.js';
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
  parts = { facts: element('p', { class: 'facts' }), verdicts: element('div', { class: 'buttons' }), hasDaemons, choices, labels, looks, canReview };
  const children = [element('div', { class: 'detail-head' }, element('h2', {}, dot, element('span', { textContent: event.label })),
    round('above', 'Newer event', () => onMove(-1)), round('below', 'Older event', () => onMove(1)), round('close', 'Close the event', onClose)), parts.facts];
  if (event.clip) {
    player = clipPlayer(event.clip, event.label);
    children.push(player.player);
  } else children.push(element('p', { class: 'hint', textContent: 'No clip of this event: the daemon keeps clips with its setting clips.directory.' }));
  if (canReview) children.push(element('h3', { textContent: 'Is it ' + event.label + '?' }));
  children.push(parts.verdicts);
  if (canReview) {
    const others = choices.map((label, at) => [label, at]).filter(([label]) => label !== event.label);
    if (others.length) {
      children.push(element('h3', { textContent: 'No, it is …' }), element('div', { class: 'buttons choices' }, ...others.map(([label, at]) =>
        action([element('kbd', { textContent: String(at + 1) }), label], () => review(event, 'other', label), '', String(at + 1)))));
    }
  }
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
  const day = dayName(event.begin);
  const facts = [(day === dayName(Date.now()) ? 'today ' : day + ' ') + clock(event.begin) + (event.end ? ' – ' + clock(event.end) : ', in progress'),
    event.end ? duration((event.end - event.begin) / 1000) + (event.interrupted ? ', interrupted' : '') : '', 'score up to ' + score(event.peak),
    parts.hasDaemons || event.source ? event.daemon + (event.source ? ', ' + event.source : '') : '', event.adapter ? 'adapter ' + event.adapter : '',
    event.review ? 'reviewed: ' + reviewText(event) : ''];
  parts.facts.replaceChildren(...facts.filter(fact => fact).flatMap((fact, at) => [at ? ' · ' : '', element('span', { textContent: fact })]));
  const focused = document.activeElement && parts.verdicts.contains(document.activeElement) ? document.activeElement.dataset.verdict : '';
  const verdicts = [['right', 'Right', 'r'], ['wrong', 'Wrong', 'w'], ['other', 'Another…', 'o']].filter(() => parts.canReview);
  parts.verdicts.replaceChildren(...verdicts.map(([verdict, text, key]) => {
    const button = verdictButton(verdict, text, key, () => decide(verdict), verdict);
    button.setAttribute('aria-pressed', String(event.review === verdict));
    return button;
  }), muteButton(event.label), ...(parts.canReview && event.review ? [verdictButton('clear', 'Remove review', 'c', () => decide('clear'), 'undo')] : []));
  if (focused) (parts.verdicts.querySelector('[data-verdict=' + focused + ']') || parts.verdicts.firstChild).focus();
}

function verdictButton(name, text, key, run, picture) {
  const button = action([icon(picture), text, element('kbd', { textContent: key.toUpperCase() })], run, '', key);
  button.dataset.verdict = name;
  return button;
}

function muteButton(label) {
  const isQuiet = isMuted(label);
  const button = verdictButton('mute', (isQuiet ? 'Unmute ' : 'Mute ') + label, 'm', () => toggleMuted(label), 'muted');
  button.title = (isQuiet ? 'Show ' + label + ' again' : 'Hide ' + label) + ' on this page, in this browser';
  return button;
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
document.addEventListener('labels-muted', refresh);
