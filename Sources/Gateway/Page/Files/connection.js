// Brings what the gateway sends into the model, and says so when it sends nothing.
import { load, readEvent } from './api.js';
import { byId, write } from './dom.js';
import { clock } from './format.js';
import { model } from './model.js';
import { readRoute } from './route.js';
import { LiveStream } from './stream.js';

const STATUS = 30000;   // ms
const opened = Date.now();
let wasAway = false;
let stream = null, isPictured = !['day', 'control'].includes(readRoute().view), wasLive = false;

const address = () => 'api/live' + (isPictured && !document.hidden ? '?spectrum=1' : '');

/** Pictures of the sound are asked for only while somebody sees them. Without a daemon that sends them, nothing changes. */
function adaptStream() {
  if (stream && [...model.daemons.values()].some(daemon => daemon.hasSpectrum)) stream.follow(address());
}

export function followSpectrum(isShown) {
  isPictured = isShown;
  adaptStream();
}
document.addEventListener('visibilitychange', adaptStream);

const receivers = {
  daemon(record) {
    model.setDaemon(record);
    adaptStream();
  },
  prediction(record) {
    model.ear(record.daemon, record.source || '').predict(record);
    model.changed();
  },
  source(record) {
    model.ear(record.daemon, record.source || '').setSource(record);
    model.changed();
  },
  event(record) {
    const known = model.recent.find(event => event.id === record.id);
    if (known && known.end !== null && record.state === 'begin') return;
    const begin = record.state === 'begin' ? Date.parse(record.time) : Date.parse(record.time) - 1000 * record.duration;
    const event = { ...readEvent({ ...record, begin: new Date(begin).toISOString(), end: record.state === 'end' ? record.time : null }),
      ...(known ? { begin: known.begin, clip: known.clip, review: known.review, reviewLabel: known.reviewLabel } : {}) };
    // An estimate; only live records have it.
    if (Number.isFinite(Date.parse(record.onset))) event.onset = Date.parse(record.onset);
    model.addRecent([event]);
    const isNew = !known && begin > opened - 5000;
    document.dispatchEvent(new CustomEvent('live-event', { detail: { event: model.recent.find(each => each.id === event.id) || event, isNew } }));
  },
  review(record) {
    document.dispatchEvent(new CustomEvent('live-review', { detail: record }));
    const event = model.recent.find(each => each.id === record.id);
    if (event) Object.assign(event, { review: record.review || '', reviewLabel: record.review_label || '' });
  },
  spectrum(record) {
    document.dispatchEvent(new CustomEvent('spectrum-column', { detail: record }));
  },
  lost() {
    document.dispatchEvent(new CustomEvent('records-lost'));
  },
};

async function readStatus() {
  try {
    const status = await load.status();
    model.setStatus(status);
    document.dispatchEvent(new CustomEvent('status-read', { detail: status }));
  } catch (error) {
    if (error.status === 401) showNotice('The gateway asks for its token again: reload the page.');
  }
}

export function showNotice(text) {
  byId('notice').hidden = !text;
  write(byId('notice'), text);
}

function showLink(state, reason, since) {
  model.link = state;
  wasAway = wasAway || state === 'away';
  if (state === 'away') model.linkSince = model.newest || since;
  byId('link').dataset.state = { live: 'good', away: 'bad' }[state] || '';
  write(byId('link-text'), { live: 'Connected', away: 'No connection', connecting: 'Connecting' }[state]);
  showNotice(state !== 'away' ? '' : reason.includes('(401)') ? 'The gateway asks for its token: reload the page.'
    : 'No connection to the gateway. It is tried again every few seconds; what you see is from ' + clock(model.linkSince) + '.');
  if (state === 'live') {
    if (wasAway) readStatus();
    wasAway = false;
    if (wasLive) document.dispatchEvent(new CustomEvent('records-lost'));
    wasLive = true;
  }
  model.changed();
}

export function connect() {
  stream = new LiveStream(address(), (type, record) => {
    if (!Object.hasOwn(receivers, type) || !record || typeof record !== 'object') return;
    if (type !== 'lost' && typeof record.daemon !== 'string') return;
    receivers[type](record);
  }, showLink);
  stream.start();
  readStatus();
  setInterval(() => { if (!document.hidden && model.link === 'live') readStatus(); }, STATUS);
}
