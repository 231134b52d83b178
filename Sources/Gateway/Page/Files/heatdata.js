// Events, minutes and gaps of a span of time as the rows of a heat map.
import { many } from './format.js';
import { isMuted } from './memory.js';

const FAINT = .2;       // labels whose score never reached it are not worth a row
const LATE = 150000;    // ms; the newest minutes are not in the history yet

/** `span`: begin, end, daemon ('': all), most (rows). `minutes`: begin, step in milliseconds, series. */
export function heatData(span, events, minutes, now = Date.now()) {
  const { begin, end } = span;
  const isWanted = entry => (!span.daemon || entry.daemon === span.daemon) && !isMuted(entry.label);
  const rows = new Map();
  const row = label => {
    if (!rows.has(label)) rows.set(label, { label, count: 0, top: 0, cells: new Float32Array(Math.ceil((end - minutes.begin) / minutes.step)) });
    return rows.get(label);
  };
  for (const series of minutes.series.filter(series => series.label !== null && isWanted(series))) {
    const found = row(series.label);
    series.at.forEach((at, place) => {
      const value = series.peak[place];
      if (value > (found.cells[at] || 0)) found.cells[at] = value;
      if (value > found.top) found.top = value;
    });
  }
  const shown = events.filter(event => isWanted(event) && event.begin < end && (event.end ?? now) >= begin);
  for (const event of shown) row(event.label).count++;
  const ranked = [...rows.values()].filter(each => each.count || each.top >= FAINT)
    .sort((a, b) => b.count - a.count || b.top - a.top || a.label.localeCompare(b.label)).slice(0, span.most);
  return { begin, end, now, step: minutes.step, first: minutes.begin, rows: ranked, events: shown, gaps: gaps(span, minutes, now),
    summary: summary(ranked, shown.length) };
}

/** Where no wanted daemon delivered a level: there the gateway received nothing. */
function gaps(span, { begin, step, series }, now) {
  const count = Math.floor((Math.min(span.end, now - LATE) - begin) / step);
  if (count <= 0) return [];
  const isReceived = new Uint8Array(count);
  for (const each of series) if (each.label === null && (!span.daemon || each.daemon === span.daemon)) each.at.forEach(at => { isReceived[at] = 1; });
  const found = [];
  for (let at = 0; at < count; at++) {
    if (isReceived[at]) continue;
    const time = begin + at * step, last = found[found.length - 1];
    if (last && last.end === time) last.end = time + step;
    else found.push({ begin: time, end: time + step, text: 'not listening' });
  }
  return found;
}

function summary(rows, count) {
  const parts = rows.filter(row => row.count).map(row => row.label + ' ' + row.count);
  return 'Heat map of labels by time. ' + many(count, 'event') + (parts.length ? ': ' + parts.join(', ') : '') + '.';
}
