// What the page knows: daemons, their sources ("ears"), newest scores and events. Views read it; records change it.
import { sentence } from './format.js';
import { isMuted } from './memory.js';

const HISTORY = 130000;   // ms of scores that are kept for the curves
const RECENT = 200;       // events
const STALE = 20000;      // ms after which an event that its daemon does not list any more has ended
const GONE = 5000;        // ms after which the labels of a variant that is not in use any more are removed

const text = value => typeof value === 'string' ? value : '';
const number = value => typeof value === 'number' && Number.isFinite(value) ? value : null;

class Model {
  constructor() {
    this.daemons = new Map();
    this.ears = new Map();
    this.recent = [];
    this.link = 'connecting';
    this.linkSince = Date.now();
    this.isKnown = false;
    this.node = '';
    this.version = '';
    this.hasControl = this.canReview = false;
    this.labels = [];
  }

  daemon(name) {
    if (!this.daemons.has(name)) this.daemons.set(name, { name, isConnected: true, reason: '', adapters: [], labels: [], hasSpectrum: false });
    return this.daemons.get(name);
  }

  ear(daemon, source) {
    const key = JSON.stringify([daemon, source]);
    if (!this.ears.has(key)) {
      this.daemon(daemon);
      this.ears.set(key, new Ear(key, daemon, source));
    }
    return this.ears.get(key);
  }

  setStatus(status) {
    this.isKnown = true;
    this.node = text(status.node);
    this.version = text(status.version);
    this.hasControl = status.control === true;
    this.history = status.history || null;
    this.canReview = Boolean(status.history && status.history.writable !== false);
    const names = new Set(status.daemons.map(daemon => daemon.daemon));
    for (const name of this.daemons.keys()) if (!names.has(name)) this.removeDaemon(name);
    status.daemons.forEach(daemon => this.setDaemon(daemon));
    this.changed();
  }

  removeDaemon(name) {
    this.daemons.delete(name);
    for (const [key, ear] of this.ears) if (ear.daemon === name) this.ears.delete(key);
  }

  /** The state of a daemon, of its sources, and of its events in progress. */
  setDaemon(record) {
    const daemon = this.daemon(record.daemon);
    Object.assign(daemon, { isConnected: record.connected !== false, reason: text(record.reason), model: text(record.model),
      adapter: text(record.adapter), adapters: record.adapters || [], hasSpectrum: record.spectrum === true, isPaused: record.paused === true, version: text(record.version) });
    const sources = record.sources && record.sources.length ? record.sources : [{}];
    const names = new Set(sources.map(source => text(source.source)));
    for (const [key, ear] of this.ears) if (ear.daemon === daemon.name && !names.has(ear.source)) this.ears.delete(key);
    for (const source of sources) {
      const ear = this.ear(daemon.name, text(source.source));
      ear.setSource(source);
      ear.adapter = daemon.adapter;
    }
    const open = new Set((record.events || []).map(event => event.id));
    // Without a record of its end, an event that is not in progress any more was interrupted.
    for (const event of this.openEvents()) {
      if (event.daemon !== daemon.name || open.has(event.id) || !daemon.isConnected) continue;
      if (Date.now() - event.seen > STALE) Object.assign(event, { end: event.seen, interrupted: true });
    }
    this.changed();
  }

  earList() {
    return [...this.ears.values()].sort((a, b) => a.title.localeCompare(b.title));
  }

  openEvents() {
    return this.recent.filter(event => event.end === null);
  }

  addRecent(events) {
    const known = new Map(this.recent.map(event => [event.id, event]));
    for (const event of events) {
      if (known.has(event.id)) Object.assign(known.get(event.id), event);
      else known.set(event.id, event);
    }
    this.recent = [...known.values()].sort((a, b) => b.begin - a.begin).slice(0, RECENT);
    this.changed();
  }

  changed() {
    document.dispatchEvent(new CustomEvent('model-changed'));
  }
}

class Ear {
  constructor(key, daemon, source) {
    Object.assign(this, { key, daemon, source, state: '', message: '', name: '', level: null, time: 0, adapter: '' });
    this.title = source ? daemon + ', ' + source : daemon;
    this.entries = new Map();
    this.order = [];
    this.variants = new Set();
    this.hasVariants = false;
  }

  setSource(record) {
    this.state = text(record.state);
    this.message = text(record.message);
    if (record.name) this.name = text(record.name);
    if (this.state !== 'healthy') this.level = null;
  }

  get best() {
    return this.ranked(1)[0];
  }

  /** The labels with the highest scores, without muted ones. */
  ranked(most) {
    const open = new Set(model.openEvents().filter(event => event.daemon === this.daemon && event.source === this.source).map(event => event.label));
    return this.order.map(key => this.entries.get(key)).filter(entry => !isMuted(entry.label)).slice(0, most)
      .map(entry => Object.assign(entry, { isActive: open.has(entry.label) }));
  }

  predict(record) {
    const time = Date.parse(record.time) || Date.now();
    const adapter = text(record.adapter);
    // A stream that begins again repeats the newest one.
    if (time === this.time && this.variants.has(adapter)) return;
    // Each window has a prediction of every variant that is in use.
    if (time !== this.time) {
      this.hasVariants = this.variants.size > 1;
      this.variants.clear();
    }
    this.variants.add(adapter);
    this.time = time;
    model.newest = Math.max(model.newest || 0, time);
    this.level = number(record.level_dbfs);
    const seen = new Set();
    for (const { label, score } of Array.isArray(record.labels) ? record.labels : []) {
      const key = adapter + '\n' + label;
      if (typeof label !== 'string' || seen.has(key)) continue;
      seen.add(key);
      if (!this.entries.has(key)) this.entries.set(key, { key, label, adapter, smooth: 0, history: [] });
      const entry = this.entries.get(key);
      entry.score = number(score) ?? 0;
    }
    for (const [key, entry] of this.entries) {
      if (entry.adapter === adapter && !seen.has(key)) entry.score = 0;
      if (entry.adapter === adapter) entry.history.push({ time, score: entry.score });
      else if (time - entry.history[entry.history.length - 1].time > GONE) {
        this.entries.delete(key);
        continue;
      }
      entry.history = entry.history.filter(point => time - point.time <= HISTORY);
      entry.smooth = .4 * entry.smooth + .6 * entry.score;
      if (!entry.history.some(point => point.score > 0)) this.entries.delete(key);
    }
    this.rank();
  }

  /** Labels keep their places until another one is clearly higher: bars that swap all the time cannot be read. */
  rank() {
    const known = new Set(this.order);
    this.order = this.order.filter(key => this.entries.has(key)).concat([...this.entries.keys()].filter(key => !known.has(key)));
    for (let at = 1; at < this.order.length; at++) {
      for (let to = at; to > 0; to--) {
        const [above, below] = [this.entries.get(this.order[to - 1]).smooth, this.entries.get(this.order[to]).smooth];
        if (below < above + .01) break;
        [this.order[to - 1], this.order[to]] = [this.order[to], this.order[to - 1]];
      }
    }
  }
}

export const model = new Model();
export const daemonNames = () => [...model.daemons.keys()].sort();
export const labelNames = () => [...new Set([...model.daemons.values()].flatMap(daemon => daemon.labels))];

/** How a source does: `state` (good, warn, bad), and in words. */
export function earState(ear) {
  const daemon = model.daemon(ear.daemon);
  if (model.link === 'away') return { state: 'bad', title: 'Unknown', text: 'The gateway does not answer.' };
  if (!daemon.isConnected) return { state: 'bad', title: 'Away', text: sentence(daemon.reason) || 'The daemon does not answer.' };
  switch (ear.state) {
  case 'healthy': return { state: ear.message ? 'warn' : 'good', title: 'Listening', text: sentence(ear.message) };
  case 'paused': return { state: 'warn', title: 'Paused', text: sentence(ear.message) || 'Nothing is recorded until it is resumed.' };
  case 'recovering': return { state: 'warn', title: 'Connecting', text: sentence(ear.message) || 'The source is connected; its first samples have not arrived.' };
  case 'lost': return { state: 'bad', title: 'No sound', text: sentence(ear.message) || 'The source delivers no samples.' };
  case 'ended': return { state: 'warn', title: 'Ended', text: sentence(ear.message) || 'The source was read to its end.' };
  default: return { state: 'warn', title: ear.state || 'Waiting', text: sentence(ear.message) };
  }
}
