// A span of time as labels by minutes: the brighter a minute, the higher the label's score in it; events are bars below.
import { darkScheme, element, prepareCanvas, set, write } from './dom.js';
import { color } from './colors.js';
import { clockMinutes, score } from './format.js';

const MINUTE = 60000;
const DRAG = 6;         // pixels that a pointer moves before it selects a span

/**
 * `options.onLabel(label)`: a label's name was pressed; without it, names are text.
 * `options.onPick(label, time)`: a place was pressed. `options.onSpan(begin, end)`: a span was selected.
 */
export class HeatMap {
  constructor(place, options = {}) {
    this.options = options;
    this.names = element('div', { class: 'heat-names' });
    this.canvas = element('canvas', { role: 'img' });
    this.tip = element('div', { class: 'tip', hidden: true, 'aria-hidden': 'true' });
    this.brush = element('div', { class: 'brush', hidden: true });
    this.axis = element('div', { class: 'heat-axis', 'aria-hidden': 'true' });
    this.field = element('div', { class: 'heat-field' }, this.canvas, this.brush, this.tip);
    place.replaceChildren(element('div', { class: 'heat' }, this.names, this.field, this.axis));
    this.place = place;
    this.data = null;
    new ResizeObserver(() => this.draw()).observe(this.field);
    darkScheme.addEventListener('change', () => { if (this.data) this.show(this.data); });
    if (options.onPick) this.listen();
  }

  /**
   * `data`: begin, end and now in milliseconds; `rows`: label, count, cells (the highest score of each `step`, from `first` on; 0: none);
   * events (label, begin, end); gaps (begin, end, reason); `summary`: what the picture shows, in words.
   */
  show(data) {
    this.data = data;
    set(this.canvas, { 'aria-label': data.summary });
    this.showNames(data);
    this.field.style.setProperty('--rows', String(data.rows.length));
    this.select(data.selection);
    this.draw();
  }

  /** Replaced only where they differ, so that a name keeps the focus. */
  showNames(data) {
    const names = JSON.stringify([data.label, data.rows.map(row => [row.label, row.count]), darkScheme.matches]);
    if (names === this.shown) return;
    this.shown = names;
    const focused = this.names.contains(document.activeElement) ? document.activeElement.title : '';
    this.names.replaceChildren(...data.rows.map(row => {
      const dot = element('span', { class: 'dot' });
      dot.style.background = color(row.label);
      const inside = [dot, element('span', { class: 'name', textContent: row.label }),
        element('span', { class: 'count', textContent: row.count ? String(row.count) : '' })];
      if (!this.options.onLabel) return element('div', { class: 'heat-name', title: row.label }, ...inside);
      const button = element('button', { type: 'button', class: 'heat-name', title: 'Show only ' + row.label,
        'aria-pressed': String(row.label === data.label) }, ...inside);
      button.onclick = () => this.options.onLabel(row.label);
      return button;
    }));
    if (focused) [...this.names.children].find(name => name.title === focused)?.focus();
  }

  /** Shows which span is selected; undefined: none. */
  select(span) {
    this.brush.hidden = !span;
    if (!span || !this.data) return;
    const { begin, end } = this.data, share = time => (Math.min(end, Math.max(begin, time)) - begin) / (end - begin) * 100 + '%';
    this.brush.style.left = share(span.begin);
    this.brush.style.right = 'calc(100% - ' + share(span.end) + ')';
  }

  draw() {
    if (!this.data || !this.field.clientWidth || !this.data.rows.length) return;
    const { begin, end, now, rows, events, gaps, first, step } = this.data;
    const { context, width, height } = prepareCanvas(this.canvas);
    const style = getComputedStyle(this.field), tall = height / rows.length;
    const x = time => (time - begin) / (end - begin) * width;
    context.fillStyle = style.getPropertyValue('--track');
    rows.forEach((_, at) => context.fillRect(0, at * tall, width, tall - 2));
    this.drawGaps(context, gaps, x, height, style.getPropertyValue('--hatch'));
    rows.forEach((row, place) => {
      // The highest score of the minutes that share a pixel.
      const perPixel = new Float32Array(Math.ceil(width) + 1);
      row.cells.forEach((value, at) => {
        if (!(value > 0)) return;
        const from = Math.floor(x(first + at * step)), to = Math.max(from + 1, Math.ceil(x(first + (at + 1) * step)));
        for (let pixel = Math.max(0, from); pixel < to && pixel < perPixel.length; pixel++) {
          perPixel[pixel] = Math.max(perPixel[pixel], value);
        }
      });
      for (let from = 0; from < perPixel.length;) {
        // Steps of a twentieth: neighbours of about the same score are one rectangle.
        const level = Math.round(Math.min(1, perPixel[from]) * 20);
        let to = from + 1;
        while (to < perPixel.length && Math.round(Math.min(1, perPixel[to]) * 20) === level) to++;
        if (level > 0) {
          context.fillStyle = color(row.label, .06 + .7 * (level / 20) ** 1.4);
          context.fillRect(from, place * tall, to - from, tall - 2);
        }
        from = to;
      }
    });
    const place = new Map(rows.map((row, at) => [row.label, at]));
    for (const event of events) {
      if (!place.has(event.label)) continue;
      const left = x(event.begin), right = x(event.end ?? now);
      context.fillStyle = color(event.label);
      context.fillRect(left, place.get(event.label) * tall + tall - 7, Math.max(2, right - left), 5);
    }
    context.fillStyle = style.getPropertyValue('--grid');
    for (const tick of this.ticks(width)) if (tick > begin) context.fillRect(Math.round(x(tick)), 0, 1, height);
    if (now > begin && now < end) {
      context.fillStyle = style.getPropertyValue('--card');
      context.globalAlpha = .6;
      context.fillRect(x(now), 0, width - x(now), height);
      context.globalAlpha = 1;
      context.fillStyle = style.getPropertyValue('--accent');
      context.fillRect(Math.round(x(now)) - 1, 0, 2, height);
    }
    this.drawAxis(width, x);
  }

  drawGaps(context, gaps, x, height, ink) {
    context.save();
    context.beginPath();
    for (const gap of gaps) {
      const left = x(gap.begin), right = x(gap.end);
      if (right - left >= .5) context.rect(left, 0, right - left, height);
    }
    context.clip();
    context.strokeStyle = ink;
    context.beginPath();
    for (let left = -height; left < x(this.data.end); left += 6) {
      context.moveTo(left, height);
      context.lineTo(left + height, 0);
    }
    context.stroke();
    context.restore();
  }

  /** Round times of the local clock, as many as there is room for. */
  ticks(width) {
    const { begin, end } = this.data;
    const minutes = (end - begin) / MINUTE;
    const step = [5, 10, 15, 30, 60, 120, 180, 240, 360, 720].find(each => width / (minutes / each) >= 46) || 1440;
    const between = Math.min(step, 60);
    const first = new Date(begin);
    first.setMinutes(Math.floor(first.getMinutes() / between) * between, 0, 0);
    const ticks = [];
    for (let time = first.getTime(); time <= end; time += between * MINUTE) {
      const date = new Date(time);
      if (time >= begin && (step <= 60 || date.getHours() % (step / 60) === 0)) ticks.push(time);
    }
    return ticks;
  }

  drawAxis(width, x) {
    const texts = this.ticks(width).filter(tick => x(tick) < width - 12);
    this.axis.replaceChildren(...texts.map(tick => {
      const text = element('span', { textContent: clockMinutes(tick) });
      text.style.left = x(tick) + 'px';
      if (x(tick) < 14) text.className = 'first';
      return text;
    }));
  }

  at(event) {
    const box = this.field.getBoundingClientRect();
    const { begin, end, rows } = this.data;
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    const row = Math.floor((event.clientY - box.top) / box.height * rows.length);
    return { time: begin + share * (end - begin), row: rows[Math.min(rows.length - 1, Math.max(0, row))],
      x: share * box.width, y: event.clientY - box.top, width: box.width };
  }

  listen() {
    let start = null, isDragging = false;
    this.field.onpointerdown = event => {
      if (!this.data || event.button !== 0) return;
      start = this.at(event);
      isDragging = false;
    };
    this.field.onpointermove = event => {
      if (!this.data) return;
      const here = this.at(event);
      if (start && this.options.onSpan && event.pointerType === 'mouse' && Math.abs(here.x - start.x) > DRAG) {
        if (!isDragging) this.field.setPointerCapture(event.pointerId);
        isDragging = true;
        this.select({ begin: Math.min(start.time, here.time), end: Math.max(start.time, here.time) });
      }
      this.showTip(here);
    };
    this.field.onpointerup = event => {
      if (!start) return;
      const here = this.at(event);
      if (isDragging) this.options.onSpan(Math.min(start.time, here.time), Math.max(start.time, here.time));
      else if (Math.abs(here.x - start.x) <= DRAG) this.options.onPick(here.row.label, here.time);
      start = null;
    };
    this.field.onpointercancel = () => {
      start = null;
      this.select(this.data && this.data.selection);
    };
    this.field.onpointerleave = () => { this.tip.hidden = true; };
  }

  showTip(here) {
    const { first, step, gaps } = this.data;
    const value = here.row.cells[Math.floor((here.time - first) / step)];
    const gap = gaps.find(gap => gap.begin <= here.time && here.time < gap.end);
    this.tip.hidden = false;
    write(this.tip, clockMinutes(here.time) + '  ' + here.row.label + '  ' + (value > 0 ? score(value) : gap ? gap.text : '–'));
    const half = this.tip.offsetWidth / 2;
    this.tip.style.transform = 'translate(' + Math.min(here.width - 2 * half, Math.max(0, here.x - half)) + 'px, '
      + (here.y - 34) + 'px)';
  }
}
