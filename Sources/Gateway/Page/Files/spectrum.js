// The picture of a source's sound: ten columns a second move to the left, with the events of that time drawn on them.
import { element, prepareCanvas } from './dom.js';
import { color, spectrumColors } from './colors.js';
import { clock } from './format.js';

const BANDS = 64;         // rows, evenly spaced on the mel scale from 20 Hz to 8 kHz
const COLUMNS = 600;      // a minute
const SAMPLES = 1600;     // of a column, a tenth of a second
const COLUMN_PIXELS = 1.2;
const RANGE_DB = 70;
const HIGHEST_FLOOR = -55; // dB; the loudest band of a quiet room is not drawn as bright as a siren
const FALL_DB = 9;        // the colours change only when the loudest band has fallen by so much
const NOTHING = -128;     // a column that did not arrive
const CALM = 50;          // columns: with reduced motion, the picture moves once in five seconds
const LANES = 3, LANE = 20;
const TONES = [[4000, '4 kHz'], [1000, '1 kHz'], [250, '250 Hz']];

const calm = matchMedia('(prefers-reduced-motion: reduce)');
const mel = hertz => 1127 * Math.log(1 + hertz / 700);
const height = hertz => (mel(hertz) - mel(20)) / (mel(8000) - mel(20));

export class SpectrumPicture {
  constructor(canvas) {
    this.canvas = canvas;
    this.image = element('canvas', { width: COLUMNS, height: BANDS });
    this.context = this.image.getContext('2d', { willReadFrequently: true });
    this.levels = new Int8Array(COLUMNS * BANDS);
    this.column = new ImageData(1, BANDS);
    this.clear();
  }

  clear() {
    this.levels.fill(NOTHING);
    this.context.clearRect(0, 0, COLUMNS, BANDS);
    this.newest = null;   // the number of the newest column, counted from the begin of the stream
    this.time = 0;        // its end
    this.top = HIGHEST_FLOOR;
    this.drawn = null;
  }

  get isEmpty() {
    return this.newest === null;
  }

  /** Takes a `spectrum` record. The image is a ring: column N is at N modulo its width. */
  add(record) {
    const levels = record.levels, number = Math.round(record.end_sample / SAMPLES), time = Date.parse(record.time);
    if (!Array.isArray(levels) || !levels.length || !Number.isFinite(number) || !Number.isFinite(time)) return;
    // The stream of a daemon that was started again begins at 0.
    if (this.newest === null || number > this.newest + COLUMNS || number < this.newest - 10) this.clear();
    else if (number <= this.newest) return;
    for (let missing = this.newest === null ? number : this.newest + 1; missing < number; missing++) {
      const slot = missing % COLUMNS;
      this.levels.fill(NOTHING, slot * BANDS, (slot + 1) * BANDS);
      this.context.clearRect(slot, 0, 1, BANDS);
    }
    this.newest = number;
    this.time = time;
    const slot = number % COLUMNS;
    for (let band = 0; band < BANDS; band++) {
      const level = Number(levels[Math.floor(band * levels.length / BANDS)]);
      this.levels[slot * BANDS + band] = Math.max(NOTHING + 1, Math.min(20, Number.isFinite(level) ? level : NOTHING + 1));
    }
    if (this.adapt()) for (let each = 0; each < COLUMNS; each++) this.paint(each);
    else this.paint(slot);
  }

  /** The brightest colour is that of the loudest band of the last minute. Returns whether that has changed. */
  adapt() {
    let loudest = HIGHEST_FLOOR;
    for (const level of this.levels) if (level > loudest) loudest = level;
    if (loudest <= this.top && loudest > this.top - FALL_DB) return false;
    if (loudest === this.top) return false;
    this.top = loudest;
    return true;
  }

  paint(slot) {
    const data = this.column.data;
    for (let band = 0; band < BANDS; band++) {
      const level = this.levels[slot * BANDS + band], to = 4 * (BANDS - 1 - band);
      const from = 3 * Math.round(255 * Math.min(1, Math.max(0, (level - this.top + RANGE_DB) / RANGE_DB)));
      for (let channel = 0; channel < 3; channel++) data[to + channel] = spectrumColors[from + channel];
      data[to + 3] = level === NOTHING ? 0 : 255;
    }
    this.context.putImageData(this.column, slot, 0);
  }

  /** `events`: those of this source, the newest first. */
  draw(events) {
    if (this.newest === null || !this.canvas.clientWidth) return;
    const last = calm.matches ? this.newest - this.newest % CALM : this.newest;
    if (calm.matches && last === this.drawn) return;
    this.drawn = last;
    const { context, width, height: tall } = prepareCanvas(this.canvas);
    const shown = Math.min(COLUMNS, Math.max(200, Math.floor(width / COLUMN_PIXELS))), wide = width / shown;
    // From the oldest column to the end of the ring, then from its start.
    for (let number = last - shown + 1; number <= last;) {
      const slot = (number % COLUMNS + COLUMNS) % COLUMNS, count = Math.min(last - number + 1, COLUMNS - slot);
      if (number + count > this.newest - COLUMNS) {
        context.drawImage(this.image, slot, 0, count, BANDS, (number - last + shown - 1) * wide, 0, count * wide, tall);
      }
      number += count;
    }
    const end = this.time - (this.newest - last) * 100, begin = end - shown * 100;
    drawScales(context, width, tall, shown);
    const marked = drawEvents(context, events, begin, end, width, tall);
    const text = 'Picture of the sound of the last ' + Math.round(shown / 10) + ' seconds, low tones at the bottom.'
      + (marked.length ? ' Events: ' + marked.map(event => event.label + ' since ' + clock(event.begin)).join(', ') + '.' : ' No event.');
    if (this.canvas.getAttribute('aria-label') !== text) this.canvas.setAttribute('aria-label', text);
  }
}

function drawScales(context, width, tall, shown) {
  context.font = '11px system-ui, sans-serif';
  context.fillStyle = '#ffffffb8';
  context.shadowColor = '#000';
  context.shadowBlur = 3;
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  for (const [hertz, text] of TONES) context.fillText(text, 5, tall * (1 - height(hertz)));
  context.textBaseline = 'bottom';
  context.textAlign = 'center';
  for (let seconds = 10; seconds < shown / 10 - 3; seconds += 10) {
    const x = width * (1 - seconds * 10 / shown);
    if (x > 80) context.fillText(seconds + ' s ago', x, tall - 3);
  }
  context.shadowBlur = 0;
}

/**
 * Bars with names, in lanes so that none covers another; lines mark begin and end in the picture. A bar begins where the
 * sound is estimated to begin, and ends with the last window that contains it.
 */
function drawEvents(context, events, begin, end, width, tall) {
  const x = time => (time - begin) / (end - begin) * width;
  const shown = events.filter(event => event.begin < end && (event.end ?? end) > begin).reverse();
  const edge = at => {
    context.globalAlpha = .6;
    context.fillRect(at, 0, 1, tall);
    context.globalAlpha = 1;
  };
  const lanes = new Array(LANES).fill(-Infinity);
  context.font = '600 12px system-ui, sans-serif';
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  for (const event of shown) {
    const left = x(event.onset ?? event.begin), right = Math.min(width, x(event.end ?? end));
    const lane = lanes.findIndex(free => left >= free);
    const ink = color(event.label, 1, true);
    context.fillStyle = ink;
    if (left >= 0) edge(left);
    if (event.end !== null && right > 0) edge(right - 1);
    if (lane < 0) continue;
    const top = lane * LANE, from = Math.max(0, left), textWidth = context.measureText(event.label).width;
    const over = Math.min(width, Math.max(right, from + textWidth + 14));
    lanes[lane] = over + 4;
    context.fillStyle = '#060710cc';
    context.fillRect(from, top, over - from, LANE - 2);
    context.fillStyle = ink;
    context.fillRect(from, top + LANE - 5, Math.max(2, right - from), 3);
    context.fillStyle = '#fff';
    // At the right edge, a name that just begins would be cut off.
    context.fillText(event.label, Math.max(2, Math.min(from + 6, width - textWidth - 4)), top + (LANE - 5) / 2 + 1);
  }
  return shown;
}
