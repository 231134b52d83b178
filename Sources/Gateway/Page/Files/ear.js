// The card of a source: its state, its level, and bars of the labels with the highest scores.
import { byId, element, prepareCanvas, set, write } from './dom.js';
import { color } from './colors.js';
import { score } from './format.js';
import { earState, model } from './model.js';
import { SpectrumPicture } from './spectrum.js';

const BARS = 8;         // of a source alone
const FEWER_BARS = 4;   // of each of several
const SPAN = 120000;    // ms of the curve behind a bar
const QUIET_DB = -90;

export class EarCard {
  constructor(ear) {
    const made = byId('ear').content.cloneNode(true);
    this.place = made.querySelector('.ear');
    for (const name of ['chip', 'state-text', 'source', 'meter', 'fill', 'db', 'message', 'bars', 'waiting', 'spectrum', 'no-spectrum']) {
      this[name] = this.place.querySelector('.' + name);
    }
    this.bars.setAttribute('aria-label', 'Highest scores now, ' + ear.title);
    this.meter.setAttribute('aria-label', 'Level, ' + ear.title);
    this.picture = new SpectrumPicture(this.spectrum.querySelector('canvas'));
    this.rows = new Map();
    this.drawn = 0;
  }

  /** Other colours, or other labels are muted: the bars are drawn again. */
  forget() {
    this.drawn = 0;
  }

  update(ear) {
    const { state, title, text } = earState(ear);
    write(this.place.querySelector('h2'), ear.title);
    this.chip.dataset.state = state;
    write(this['state-text'], title);
    write(this.source, [ear.name, ear.adapter ? 'adapter ' + ear.adapter : ''].filter(part => part).join(' · '));
    this.message.hidden = !text;
    write(this.message, text);
    this.place.classList.toggle('stale', state === 'bad' || ear.state === 'paused');
    this.showLevel(ear);
    if (this.drawn !== ear.time) this.showBars(ear);
    this.drawn = ear.time;
    this.waiting.hidden = ear.time > 0 || state !== 'good';
    write(this.waiting, 'Scores follow with the first window.');
    // The first column precedes the first scores.
    this['no-spectrum'].hidden = state !== 'good' || !ear.time || model.daemon(ear.daemon).hasSpectrum;
  }

  addColumn(record) {
    this.picture.add(record);
    this.spectrum.hidden = this.picture.isEmpty;
  }

  showLevel(ear) {
    const level = ear.level === null ? QUIET_DB : Math.max(QUIET_DB, Math.min(0, ear.level));
    this.fill.style.clipPath = 'inset(0 ' + (100 * level / QUIET_DB).toFixed(1) + '% 0 0)';
    const text = !ear.time ? '' : ear.level === null ? 'silence' : Math.round(ear.level) + ' dB';
    write(this.db, text);
    set(this.meter, { 'aria-valuenow': Math.round(level), 'aria-valuetext': text || 'unknown' });
  }

  showBars(ear) {
    const ranked = ear.ranked(model.ears.size > 1 ? FEWER_BARS : BARS);
    const keys = new Set(ranked.map(entry => entry.key));
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.remove();
      this.rows.delete(key);
    }
    this.bars.style.setProperty('--count', String(ranked.length));
    ranked.forEach((entry, at) => {
      if (!this.rows.has(entry.key)) this.rows.set(entry.key, makeRow());
      const row = this.rows.get(entry.key);
      row.style.transform = 'translateY(' + at * 2.35 + 'rem)';
      row.classList.toggle('active', entry.isActive);
      const [name, bar, value, curve] = row.children;
      const text = ear.hasVariants ? entry.label + ' [' + (entry.adapter || 'base') + ']' : entry.label;
      write(name, text);
      name.title = text;
      bar.firstChild.style.transform = 'scaleX(' + Math.min(1, Math.max(0, entry.score)).toFixed(4) + ')';
      bar.firstChild.style.background = color(entry.label, entry.isActive ? 1 : .75);
      write(value, score(entry.score));
      drawCurve(curve, entry, ear.time);
      if (!row.parentNode) this.bars.append(row);
      // The order in the document is that on the screen, for screen readers. Other ways to move a row stop its transition.
      if (this.bars.moveBefore && this.bars.children[at] !== row) this.bars.moveBefore(row, this.bars.children[at]);
    });
  }
}

function makeRow() {
  return element('li', {}, element('span', { class: 'name' }),
    element('span', { class: 'bar' }, element('span')), element('span', { class: 'value' }),
    element('canvas', { 'aria-hidden': 'true' }));
}

/** The last two minutes of a label's score. */
function drawCurve(canvas, entry, now) {
  if (!canvas.clientWidth) return;
  const { context, width, height } = prepareCanvas(canvas);
  const x = time => width - (now - time) / SPAN * width, y = value => height - 1 - Math.min(1, Math.max(0, value)) * (height - 2);
  const points = entry.history.filter(point => now - point.time <= SPAN);
  if (!points.length) return;
  context.beginPath();
  context.moveTo(x(points[0].time), height);
  for (const point of points) context.lineTo(x(point.time), y(point.score));
  context.lineTo(x(points[points.length - 1].time), height);
  context.fillStyle = color(entry.label, .28);
  context.fill();
  context.beginPath();
  points.forEach((point, at) => (at ? context.lineTo : context.moveTo).call(context, x(point.time), y(point.score)));
  context.strokeStyle = color(entry.label);
  context.lineWidth = 1.5;
  context.stroke();
}
