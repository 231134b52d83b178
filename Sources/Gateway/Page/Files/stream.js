// Server-Sent Events by fetch: unlike EventSource, it continues after every error, notices a connection that died without
// a word, and sends Last-Event-ID also when it connects again by itself.

const SILENCE = 40000;      // ms without a byte, of a server that sends a comment at least every 15 s
const LONGEST_WAIT = 10000; // ms between two attempts
const HIDDEN = 60000;       // ms after which a page that nobody sees disconnects

export class LiveStream {
  /** `onRecord(type, data)` for each record; `onState('connecting' | 'live' | 'away', reason, since)` for each change. */
  constructor(address, onRecord, onState) {
    Object.assign(this, { address, onRecord, onState });
    this.lastId = '';
    this.failures = 0;
    this.isReading = this.isMoving = false;
    this.state = '';
    this.since = Date.now();
    addEventListener('online', () => this.retryNow());
    addEventListener('offline', () => this.abort && this.abort.abort());
    // A page that the button Back may show again would keep its connection, of which a browser has six for a server.
    addEventListener('pagehide', () => this.stop());
    addEventListener('pageshow', event => { if (event.persisted) this.start(); });
    document.addEventListener('visibilitychange', () => {
      clearTimeout(this.hiding);
      if (document.hidden) this.hiding = setTimeout(() => this.stop(), HIDDEN);
      else this.start();
    });
  }

  start() {
    this.isRunning = true;
    if (this.isLooping) this.retryNow();
    else this.run();
  }

  stop() {
    this.isRunning = false;
    if (this.abort) this.abort.abort();
    this.retryNow();
  }

  /** Reads another address from now on, without a gap of events: `lastId` is kept. */
  follow(address) {
    if (address === this.address) return;
    this.address = address;
    this.isMoving = this.isReading;
    if (this.isReading) this.abort.abort();
  }

  retryNow() {
    if (this.wake) this.wake();
  }

  change(state, reason = '') {
    if (state === this.state && reason === this.reason) return;
    if (state !== this.state) this.since = Date.now();
    this.state = state;
    this.reason = reason;
    this.onState(state, reason, this.since);
  }

  async run() {
    this.isLooping = true;
    if (!this.state) this.change('connecting');
    while (this.isRunning) {
      let reason = 'The connection ended.';
      try {
        reason = await this.read() || reason;
      } catch (error) {
        reason = error.name === 'AbortError' ? 'Nothing arrived any more.' : error.message;
      }
      if (!this.isRunning) break;
      if (this.isMoving) {
        this.isMoving = false;
        continue;
      }
      this.failures++;
      // One interruption of a moment, such as a restart of the gateway, is not worth a word.
      if (this.failures > 1) this.change('away', reason);
      const wait = Math.min(LONGEST_WAIT, 250 * 2 ** Math.min(this.failures, 6)) * (.75 + Math.random() / 2);
      await new Promise(resolve => {
        const timer = setTimeout(resolve, wait);
        this.wake = () => { clearTimeout(timer); resolve(); };
      });
      this.wake = null;
    }
    this.isLooping = false;
  }

  /** Until the connection ends. Returns the reason of a refusal. */
  async read() {
    this.abort = new AbortController();
    const headers = { Accept: 'text/event-stream' };
    if (this.lastId) headers['Last-Event-ID'] = this.lastId;
    let timer = 0;
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.abort.abort(), SILENCE);
    };
    watch();
    this.isReading = true;
    try {
      const answer = await fetch(this.address, { headers, signal: this.abort.signal, cache: 'no-store' });
      if (!answer.ok) return 'The gateway refuses the stream (' + answer.status + ').';
      this.failures = 0;
      this.change('live');
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ''; ;) {
        const { done, value } = await reader.read();
        if (done) return '';
        watch();
        const blocks = (rest + value).replace(/\r\n?/g, '\n').split('\n\n');
        rest = blocks.pop();
        blocks.forEach(block => this.receive(block));
      }
    } finally {
      this.isReading = false;
      clearTimeout(timer);
    }
  }

  receive(block) {
    let type = 'message';
    const data = [];
    for (const line of block.split('\n')) {
      const colon = line.indexOf(':');
      if (colon <= 0) continue;
      const name = line.slice(0, colon), value = line.slice(colon + 1).replace(/^ /, '');
      if (name === 'event') type = value;
      else if (name === 'data') data.push(value);
      else if (name === 'id') this.lastId = value;
    }
    if (!data.length) return;
    let record;
    try {
      record = JSON.parse(data.join('\n'));
    } catch {
      return;  // A later gateway may send other things.
    }
    this.onRecord(type, record);
  }
}
