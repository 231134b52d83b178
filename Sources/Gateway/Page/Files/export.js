// Saves events as a table.
import { element } from './dom.js';

const COLUMNS = ['daemon', 'source', 'id', 'label', 'adapter', 'begin', 'end', 'duration', 'peak_score', 'review', 'review_label', 'interrupted'];

/** A cell never becomes a formula of a spreadsheet, whatever a label is called. */
function cell(value) {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? '\'' + value : String(value);
  const isQuoted = /[",\n\r]/.test(text);
  return isQuoted ? '"' + text.replaceAll('"', '""') + '"' : text;
}

export function table(events) {
  const time = value => value === null ? null : new Date(value).toISOString();
  const lines = events.map(event => [event.daemon, event.source, event.id, event.label, event.adapter, time(event.begin), time(event.end),
    event.end === null ? null : (event.end - event.begin) / 1000, event.peak, event.review, event.reviewLabel, event.interrupted]);
  return [COLUMNS, ...lines].map(line => line.map(cell).join(',') + '\r\n').join('');
}

export function saveEvents(events, name) {
  const link = URL.createObjectURL(new Blob([table(events)], { type: 'text/csv' }));
  element('a', { href: link, download: 'events-' + name + '.csv' }).click();
  setTimeout(() => URL.revokeObjectURL(link), 10000);
}
