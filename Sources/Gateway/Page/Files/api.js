// The requests of the page. docs/gateway.md and /api/openapi.json describe them.

const PAGE = 5000;      // events per request
const MOST = 40000;     // events of a span that are shown

export class RequestError extends Error {
  constructor(message, code, status) {
    super(message);
    Object.assign(this, { code, status });
  }
}

async function request(path, options = {}) {
  let answer;
  try {
    answer = await fetch('api/' + path, { cache: 'no-cache', ...options });
  } catch {
    throw new RequestError('The gateway does not answer.', 'away', 0);
  }
  const body = await answer.json().catch(() => null);
  if (answer.ok && body) return body;
  const error = body && body.error || {};
  throw new RequestError(error.message || 'The gateway answered ' + answer.status + '.', error.code || '', answer.status);
}

function query(path, values) {
  const text = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== '' && value !== null && value !== undefined)).toString();
  return request(text ? path + '?' + text : path);
}

const post = (path, body) => request(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
const time = value => new Date(value).toISOString();

/** An event with times in milliseconds; `end` is null while it is in progress. */
export function readEvent(found) {
  return { id: found.id, daemon: found.daemon, source: found.source || '', label: found.label, adapter: found.adapter || '',
    begin: Date.parse(found.begin), end: found.end ? Date.parse(found.end) : null, peak: found.peak_score, clip: found.clip || '',
    review: found.review || '', reviewLabel: found.review_label || '', interrupted: Boolean(found.interrupted), seen: Date.now() };
}

export const load = {
  status: () => query('status', {}),

  /** All events that begin in a span, oldest first. */
  async events(begin, end) {
    let events = [], before = null;
    do {
      const page = await query('events', { since: time(begin), until: time(end), limit: PAGE, before });
      events = page.events.map(readEvent).concat(events);
      before = page.before;
    } while (before && events.length < MOST);
    return events;
  },

  /** Scores of a span in steps of some minutes, and where nothing was received. */
  async minutes(begin, end, step) {
    const found = await query('minutes', { since: time(begin), until: time(end), step });
    return { begin: Date.parse(found.begin), step: found.step * 60000, series: found.series };
  },

  labels: async daemon => (await query('labels', { daemon })).labels,
  explain: (daemon, label, source) => query('explain', { daemon, label, source }),
};

export const send = {
  review: (event, review, label) => post('events/' + encodeURIComponent(event.id) + '/review',
    { review: review || null, ...(review === 'other' ? { label } : {}), daemon: event.daemon }),
  pause: (daemon, source, isPaused) => post(isPaused ? 'control/pause' : 'control/resume', source ? { daemon, source } : { daemon }),
  adapter: (daemon, adapter) => post('control/adapter', { daemon, adapter }),
};
