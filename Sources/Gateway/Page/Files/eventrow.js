// A row of the list of events.
import { element, icon } from './dom.js';
import { color } from './colors.js';
import { clock, duration, score } from './format.js';
import { reviewText } from './review.js';

const VERDICTS = { right: 'Reviewed: right', wrong: 'Reviewed: wrong', other: 'Reviewed: another label' };

export function eventRow(event, hasDaemons) {
  const dot = element('span', { class: 'dot' });
  dot.style.background = color(event.label);
  const what = element('span', { class: 'what', textContent: event.label });
  if (event.review === 'other') what.append(element('span', { class: 'from', textContent: ' → ' + event.reviewLabel }));
  if (hasDaemons) what.append(element('span', { class: 'from', textContent: '  ' + event.daemon + (event.source ? ', ' + event.source : '') }));
  else if (event.source) what.append(element('span', { class: 'from', textContent: '  ' + event.source }));
  const fill = element('i');
  fill.style.width = 100 * Math.min(1, Math.max(0, event.peak ?? 0)) + '%';
  fill.style.background = color(event.label);
  const clip = element('span', { class: 'has-clip', title: event.clip ? 'With a clip' : '' });
  if (event.clip) clip.append(icon('clip'));
  const verdict = element('span', { class: 'verdict', title: VERDICTS[event.review] || '' });
  if (event.review) {
    const picture = icon(event.review);
    picture.classList.add('icon-' + event.review);
    verdict.append(picture);
  }
  return [element('span', { class: 'when', textContent: clock(event.begin) }), dot, what,
    element('span', { class: 'long', textContent: length(event) }),
    element('span', { class: 'peak' }, element('span', {}, fill), score(event.peak)), clip, verdict];
}

const length = event => event.end === null ? 'now' : duration((event.end - event.begin) / 1000);

/** What a screen reader says of it. */
export function eventTitle(event, hasDaemons) {
  return [clock(event.begin), event.label, event.end === null ? 'in progress' : length(event), 'score ' + score(event.peak),
    hasDaemons ? event.daemon : '', event.source || '', event.clip ? 'with a clip' : '', reviewText(event)].filter(part => part).join(', ');
}
