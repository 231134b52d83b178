// Times and numbers as text, in the time zone of the browser.

const two = number => String(number).padStart(2, '0');

/** 21:04:12 */
export function clock(time) {
  const date = new Date(time);
  return two(date.getHours()) + ':' + two(date.getMinutes()) + ':' + two(date.getSeconds());
}

/** 21:04 */
export const clockMinutes = time => clock(time).slice(0, 5);

/** 2026-11-30, of the local day. */
export function dayName(time) {
  const date = new Date(time);
  return date.getFullYear() + '-' + two(date.getMonth() + 1) + '-' + two(date.getDate());
}

/** 21:04:12 today; Mon 21:04 before. */
export function shortTime(time) {
  return dayName(time) === dayName(Date.now()) ? clock(time) : ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][new Date(time).getDay()] + ' ' + clockMinutes(time);
}

/** The begin of a local day, and of the one that follows: a day has 23 or 25 hours where the clocks change. */
export function dayBounds(name) {
  const [year, month, day] = name.split('-').map(Number);
  return { begin: new Date(year, month - 1, day).getTime(), end: new Date(year, month - 1, day + 1).getTime() };
}

export function isDayName(name) {
  return /^\d{4}-\d\d-\d\d$/.test(name) && dayName(dayBounds(name).begin) === name;
}

export function shiftDay(name, days) {
  const [year, month, day] = name.split('-').map(Number);
  return dayName(new Date(year, month - 1, day + days).getTime());
}

/** Monday, 30 November 2026 */
export const longDate = name => new Intl.DateTimeFormat('en-GB', { dateStyle: 'full' }).format(dayBounds(name).begin);

/** 2.4 s, 48 s, 3 min 5 s, 2 h 4 min */
export function duration(seconds) {
  if (seconds < 9.95) return seconds.toFixed(1) + ' s';
  const whole = Math.round(seconds);
  if (whole < 60) return whole + ' s';
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return minutes + ' min' + (whole % 60 ? ' ' + whole % 60 + ' s' : '');
  return Math.floor(minutes / 60) + ' h' + (minutes % 60 ? ' ' + minutes % 60 + ' min' : '');
}

/** just now, 40 s ago, 5 min ago, 3 h ago; the clock time from a day on. */
export function ago(time, now = Date.now()) {
  const seconds = Math.max(0, (now - time) / 1000);
  if (seconds < 5) return 'just now';
  if (seconds < 60) return Math.floor(seconds) + ' s ago';
  if (seconds < 3600) return Math.floor(seconds / 60) + ' min ago';
  if (seconds < 86400) return Math.floor(seconds / 3600) + ' h ago';
  return 'on ' + dayName(time) + ' at ' + clockMinutes(time);
}

/** Scores are probabilities; those of a model without an activation may be outside 0 to 1. */
export const score = value => typeof value === 'number' ? value.toFixed(2) : '–';

export const many = (count, one) => count.toLocaleString('en-GB') + ' ' + one + (count === 1 ? '' : 's');

/** A message of a daemon as a sentence. */
export function sentence(text) {
  return text && text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}

/** Seconds since midnight of 03:00 or 3; undefined for anything else. */
export function parseClock(text) {
  const found = /^\s*(\d{1,2})(?::(\d\d))?(?::(\d\d))?\s*$/.exec(text || '');
  if (!found) return undefined;
  const [hours, minutes, seconds] = [Number(found[1]), Number(found[2] || 0), Number(found[3] || 0)];
  return hours <= 24 && minutes < 60 && seconds < 60 ? hours * 3600 + minutes * 60 + seconds : undefined;
}
