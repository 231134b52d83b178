// Right, wrong, or another label: what a person says about an event. Shown at once, taken back where the gateway refuses.
import { send } from './api.js';
import { announce } from './dom.js';
import { toast } from './dialogs.js';
import { clock } from './format.js';
import { isMuted } from './memory.js';
import { toggleMuted } from './mute.js';

const done = [];
let wrong = '';    // the label that was marked wrong last

export const reviewText = event => event.review === 'right' ? 'right' : event.review === 'wrong' ? 'wrong'
  : event.review === 'other' ? 'another label: ' + (event.reviewLabel || '?') : '';

function show(event, { review, reviewLabel }) {
  event.review = review;
  event.reviewLabel = reviewLabel;
  document.dispatchEvent(new CustomEvent('event-reviewed', { detail: event }));
}

async function store(event, after) {
  const before = { review: event.review, reviewLabel: event.reviewLabel };
  show(event, after);
  try {
    await send.review(event, after.review, after.reviewLabel);
    return before;
  } catch (error) {
    show(event, before);
    toast('The review was not stored. ' + error.message);
    return null;
  }
}

/** `review`: right, wrong, other (with a label) or null, which removes it. */
export async function review(event, verdict, label = null) {
  const before = await store(event, { review: verdict, reviewLabel: label });
  if (!before) return;
  done.push({ event, before });
  const text = event.label + ' at ' + clock(event.begin) + ': ' + (reviewText(event) || 'review removed');
  wrong = verdict === 'wrong' || verdict === 'other' ? event.label : '';
  const mute = wrong && !isMuted(wrong) ? [['Mute ' + wrong, muteWrong, 'Shift+M']] : [];
  toast(text, ['Undo', undo, 'U'], ...mute);
  announce(text);
}

/** The next event is selected by then, so that the key of its own label would be the wrong one. */
export function muteWrong() {
  if (!wrong || isMuted(wrong)) return false;
  toggleMuted(wrong);
  return true;
}

export async function undo() {
  const last = done.pop();
  if (!last) return toast('There is nothing to undo.');
  if (await store(last.event, last.before)) {
    const text = 'Undone: ' + last.event.label + ' at ' + clock(last.event.begin);
    toast(text);
    announce(text);
  }
}
