'use strict';
const byId = id => document.getElementById(id);
const { adapters, events: hasEvents } = JSON.parse(byId('model').textContent);
// The last line break is followed by an empty string, which is not a file.
const files = byId('files').textContent.split('\n').filter(line => line).map((line, order) => {
  const file = JSON.parse(line);
  const labels = new Map();
  const label = (adapter, index) => {
    const key = adapter + ':' + index;
    if (!labels.has(key)) labels.set(key, { key, name: labelName(adapter, index), peak: -Infinity, first: 0, events: [] });
    return labels.get(key);
  };
  file.spans = drawn(file.windows);
  file.windows.forEach((window, place) => {
    const alone = file.spans[place][1] - file.spans[place][0];
    for (let at = 3; at < window.length; at += 2) {
      const found = label(window[2], window[at]);
      found.peak = Math.max(found.peak, window[at + 1]);
      if (at === 3) found.first += alone;
    }
  });
  for (const event of file.events || []) {
    const found = label(event[2], event[3]);
    found.peak = Math.max(found.peak, event[4]);
    found.events.push({ event, span: eventSpan(file, event) });
  }
  const ranked = [...labels.values()].sort((a, b) => (b.events.length > 0) - (a.events.length > 0) || b.peak - a.peak);
  return { ...file, order, labels: ranked, label: ranked.length ? ranked[0].name : '', score: ranked.length ? ranked[0].peak : -Infinity,
    // The search ignores labels that never had the best score.
    text: [file.file, clockTime(file, 0), file.error || '', ...ranked.filter(isAbout).map(found => found.name)].join('\n').toLowerCase() };
});

// Where windows are drawn: each over its own span and, where windows overlap, over the part that is nearer to its middle
// than to the middle of any other. WindowSpans.swift follows the same rule.
function drawn(windows) {
  const spans = [];
  for (const adapter of new Set(windows.map(window => window[2]))) {
    const places = [...windows.keys()].filter(place => windows[place][2] === adapter);
    const length = windows[places[0]][1] - windows[places[0]][0];
    const border = (before, after) => (windows[before][0] + windows[after][0] + length) / 2;
    places.forEach((place, at) => {
      const [start, end] = windows[place];
      spans[place] = [at > 0 ? Math.max(start, border(places[at - 1], place)) : start,
        at + 1 < places.length ? Math.min(end, border(place, places[at + 1])) : end];
    });
  }
  return spans;
}

// An event begins and ends with a window; it is drawn from the span of the first one to that of the last one.
function eventSpan(file, event) {
  const near = (time, place, best) => best < 0 || Math.abs(file.windows[place][1] - time) < Math.abs(file.windows[best][1] - time);
  let first = -1, last = -1;
  file.windows.forEach((window, place) => {
    if (window[2] !== event[2]) return;
    if (near(event[0], place, first)) first = place;
    if (near(event[1], place, last)) last = place;
  });
  return first < 0 ? [event[0], event[1]] : [file.spans[first][0], file.spans[last][1]];
}

// Whether a file is listed under a label: with events if it has one, otherwise if the label ever had the best score.
function isAbout(found) { return hasEvents ? found.events.length > 0 : found.first > 0; }
function many(count, one) { return count + ' ' + one + (count === 1 ? '' : 's'); }

function labelName(adapter, index) {
  const from = adapters[adapter];
  const name = from && from.labels[index] !== undefined ? from.labels[index] : String(index);
  return adapters.length > 1 && from.name ? name + ' [' + from.name + ']' : name;
}

// Colours are assigned in the order of the totals, so the most frequent labels differ most.
const places = new Map();
function hue(name) {
  if (!places.has(name)) places.set(name, places.size);
  return Math.round(210 + places.get(name) * 137.508) % 360;
}
const bars = () => getComputedStyle(document.documentElement).getPropertyValue('--bars').trim();
const color = (name, alpha) => 'hsl(' + hue(name) + ' ' + bars() + ' / ' + alpha + ')';

function clock(seconds) {
  const whole = Math.floor(seconds), two = number => String(number).padStart(2, '0');
  const rest = two(Math.floor(whole / 60) % 60) + ':' + two(whole % 60);
  return whole >= 3600 ? Math.floor(whole / 3600) + ':' + rest : rest.replace(/^0/, '');
}
// The date and time of day at a position, in the recording's zone; empty when it is not known when it began.
function clockTime(file, seconds) {
  if (!file.start_time) return '';
  const zone = file.start_time.slice(23);
  const minutes = zone === 'Z' ? 0 : (zone[0] === '-' ? -1 : 1) * (60 * zone.slice(1, 3) + Number(zone.slice(4, 6)));
  const time = new Date(Date.parse(file.start_time) + seconds * 1000 + minutes * 60000);
  return time.toISOString().slice(0, 19).replace('T', ' ') + (zone === 'Z' ? ' UTC' : ' ' + zone);
}
function timeOfDay(file, seconds) { return clockTime(file, seconds).slice(11, 19); }
function length(seconds) { return seconds < 60 ? seconds.toFixed(2) + ' s' : clock(seconds); }

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// The state, which is kept in the address.
const state = { q: '', sort: 'order', down: false, theme: matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light' };
function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  state.q = given.get('q') || '';
  state.sort = ['order', 'file', 'seconds', 'label', 'score', 'error'].includes(given.get('sort')) ? given.get('sort') : 'order';
  state.down = given.get('down') === '1';
  if (['light', 'dark'].includes(given.get('theme'))) state.theme = given.get('theme');
}
function writeAddress() {
  const address = new URLSearchParams();
  if (state.q) address.set('q', state.q);
  if (state.sort !== 'order' || state.down) address.set('sort', state.sort);
  if (state.down) address.set('down', '1');
  address.set('theme', state.theme);
  history.replaceState(null, '', '#' + address);
}

const page = 60;
let shown = page;
function selected() {
  const words = state.q.toLowerCase().split(/\s+/).filter(word => word);
  const found = files.filter(file => words.every(word => file.text.includes(word)));
  const value = { order: file => file.order, file: file => file.file, seconds: file => file.seconds, label: file => file.label,
    score: file => file.score, error: file => file.error ? 0 : 1 }[state.sort];
  found.sort((a, b) => {
    const x = value(a), y = value(b);
    const order = typeof x === 'string' ? x.localeCompare(y, undefined, { numeric: true }) : x - y;
    return (state.down ? -order : order) || a.order - b.order;
  });
  return found;
}

const drawing = new IntersectionObserver(entries => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    drawing.unobserve(entry.target);
    entry.target.draw();
  }
}, { rootMargin: '200px' });

function card(file) {
  const article = element('article', {});
  article.dataset.file = file.file;
  const cut = file.file.lastIndexOf('/') + 1;
  const about = element('div', {}, element('h2', { textContent: file.file.slice(cut), title: file.file }));
  if (cut > 1) about.append(element('p', { className: 'dim folder', textContent: file.file.slice(0, cut - 1) }));
  about.append(element('p', { className: 'dim', style: 'margin:.2rem 0', textContent:
    (file.error && !file.seconds ? '' : length(file.seconds)) + (hasEvents && !file.error ? ', ' + many((file.events || []).length, 'event')
      : file.windows.length ? ', ' + many(file.windows.length, 'window') : '') }));
  if (file.start_time) about.append(element('p', { className: 'dim began', textContent: clockTime(file, 0) }));
  article.append(about);
  if (file.windows.length) {
    const play = element('button', { type: 'button', textContent: '▶ Play', className: 'play' });
    if (file.source) { about.append(play); play.onclick = () => start(article, file, 0); }
    article.append(timeline(article, file));
  }
  if (file.error) article.append(element('p', { className: 'error', textContent: file.error }));
  return article;
}

function timeline(article, file) {
  const time = element('div', { className: 'time' });
  if (file.picture) {
    const picture = element('img', { alt: 'Spectrogram', src: 'data:image/png;base64,' + file.picture, loading: 'lazy' });
    time.append(picture);
  }
  const heard = file.labels.filter(found => found.events.length).length;
  const most = Math.max(5, Math.min(heard, 12));
  const others = file.labels.length === most + 1 ? [] : file.labels.slice(most);
  for (const found of file.labels.slice(0, file.labels.length - others.length)) {
    const canvas = element('canvas', {});
    const track = element('div', { className: 'track' }, element('span', { textContent: found.name, title: found.name + ', peak ' + found.peak }), canvas);
    canvas.draw = () => draw(canvas, file, found);
    drawing.observe(canvas);
    time.append(track);
  }
  if (others.length) {
    const names = others.map(found => found.name).join(', ');
    time.append(element('div', { className: 'dim others', title: names, textContent: 'and ' + others.length + ' other labels' }));
  }
  const end = at => file.start_time ? '\u2002' + timeOfDay(file, at) : '';
  time.append(element('div', { className: 'axis' }, element('span', { textContent: '0:00' + end(0) }),
    element('span', { textContent: length(file.seconds) + end(file.seconds) })));
  time.onclick = event => {
    const box = (time.querySelector('img') || time.querySelector('.axis')).getBoundingClientRect();
    if (file.source) start(article, file, Math.max(0, (event.clientX - box.left) / box.width * file.seconds));
  };
  time.onmousemove = event => {
    const box = (time.querySelector('img') || time.querySelector('.axis')).getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width * file.seconds;
    const window = file.windows.find((_, place) => file.spans[place][0] <= at && at < file.spans[place][1]);
    const texts = [];
    for (let place = 3; window && place < window.length; place += 2) texts.push(labelName(window[2], window[place]) + ' ' + window[place + 1]);
    for (const { event, span } of file.labels.flatMap(found => found.events)) {
      if (span[0] <= at && at <= span[1]) texts.unshift('Event: ' + labelName(event[2], event[3]) + ', ' + times(event));
    }
    const clockTimes = file.start_time && window ? '\n' + clockTime(file, window[0]) + ' – ' + timeOfDay(file, window[1]) : '';
    time.title = window ? clock(window[0]) + ' – ' + clock(window[1]) + clockTimes + '\n' + texts.join('\n') : '';
  };
  return time;
}

function times(event) {
  return 'windows that end at ' + event[0].toFixed(2) + ' s – ' + event[1].toFixed(2) + ' s, at most ' + event[4];
}

// Scores above 1 or below 0 are logits; then the scale is the range of the file's scores.
function draw(canvas, file, found) {
  const scale = devicePixelRatio || 1;
  canvas.width = Math.max(1, canvas.clientWidth * scale);
  canvas.height = Math.max(1, canvas.clientHeight * scale);
  const context = canvas.getContext('2d');
  const all = file.windows.flatMap(window => window.filter((_, at) => at > 3 && at % 2 === 0));
  let low = 0, high = 1;
  for (const score of all) { low = Math.min(low, score); high = Math.max(high, score); }
  file.windows.forEach((window, place) => {
    for (let at = 3; at < window.length; at += 2) {
      if (window[2] + ':' + window[at] !== found.key) continue;
      const share = (window[at + 1] - low) / (high - low);
      const left = file.spans[place][0] / file.seconds * canvas.width;
      const right = Math.min(file.spans[place][1], file.seconds) / file.seconds * canvas.width;
      context.fillStyle = color(found.name, hasEvents ? .3 : .25 + .75 * share);
      context.fillRect(left, canvas.height * (1 - share), Math.max(1, right - left), canvas.height * share);
    }
  });
  // An event is a box with a bar along the bottom.
  for (const { span } of found.events) {
    const left = span[0] / file.seconds * canvas.width, right = Math.min(span[1], file.seconds) / file.seconds * canvas.width;
    const thick = 4 * scale, mark = 2 * scale;
    context.fillStyle = color(found.name, .35);
    context.fillRect(left, 0, right - left, canvas.height);
    context.fillStyle = color(found.name, 1);
    context.fillRect(left, canvas.height - thick, Math.max(mark, right - left), thick);
    context.fillRect(left, 0, mark, canvas.height);
    context.fillRect(Math.max(left, right - mark), 0, mark, canvas.height);
  }
}

function start(article, file, seconds) {
  document.querySelectorAll('audio, .head, .unreachable').forEach(old => old.remove());
  const audio = element('audio', { controls: true, src: file.source });
  const head = element('div', { className: 'head' });
  article.querySelector('.time').append(head);
  article.append(audio);
  audio.onerror = () => {
    head.remove();
    audio.replaceWith(element('p', { className: 'error unreachable', textContent: 'This page cannot reach or play ' + file.file + '.' }));
  };
  audio.onloadedmetadata = () => { audio.currentTime = seconds; };
  audio.ontimeupdate = () => {
    const area = article.querySelector('.time'), box = (area.querySelector('img') || area.querySelector('.axis'));
    head.style.left = box.offsetLeft + audio.currentTime / file.seconds * box.offsetWidth + 'px';
  };
  audio.play().catch(() => {});
}

function render() {
  document.documentElement.dataset.theme = state.theme;
  const found = selected();
  byId('list').replaceChildren(...found.slice(0, shown).map(card));
  byId('more').hidden = found.length <= shown;
  byId('count').textContent = found.length === files.length ? files.length + ' files' : found.length + ' of ' + files.length + ' files';
  for (const button of document.querySelectorAll('[data-sort]')) {
    if (button.dataset.sort === state.sort) button.setAttribute('aria-sort', state.down ? 'descending' : 'ascending');
    else button.removeAttribute('aria-sort');
  }
  for (const button of byId('labels').children) button.setAttribute('aria-pressed', String(state.q === button.dataset.name));
  writeAddress();
}

function totals() {
  const failed = files.filter(file => file.error).length;
  const seconds = files.reduce((sum, file) => sum + file.seconds, 0);
  const events = files.reduce((sum, file) => sum + (file.events || []).length, 0);
  byId('totals').textContent = many(files.length, 'file') + ', ' + length(seconds) + ' of sound, '
    + (hasEvents ? many(events, 'event') + ', ' : '')
    + (failed ? failed + ' with errors' : 'no errors');
  const skipped = JSON.parse(byId('skipped').textContent);
  if (skipped) byId('totals').after(element('p', { className: 'dim', textContent: skipped }));
  const sums = new Map();
  for (const found of files.flatMap(file => file.labels).filter(isAbout)) {
    const sum = sums.get(found.name) || { seconds: 0, events: 0 };
    sum.seconds += hasEvents ? found.events.reduce((sum, { event }) => sum + event[1] - event[0], 0) : found.first;
    sum.events += found.events.length;
    sums.set(found.name, sum);
  }
  const longest = [...sums].sort((a, b) => b[1].seconds - a[1].seconds || b[1].events - a[1].events).slice(0, 24);
  byId('labels').setAttribute('aria-label', hasEvents ? 'Labels, number and total length of their events' : 'Labels and how long each had the best score');
  byId('labels').replaceChildren(...longest.map(([name, sum]) => {
    const dot = element('span', { className: 'dot' });
    dot.style.background = 'hsl(' + hue(name) + ' 60% 50%)';
    const button = element('button', { type: 'button', title: 'Show only files with ' + name }, dot, name,
      element('span', { className: 'dim', textContent: (hasEvents ? sum.events + ' · ' : '') + length(sum.seconds) }));
    button.dataset.name = name;
    button.onclick = () => change({ q: state.q === name ? '' : name });
    return button;
  }));
}

function change(what) {
  Object.assign(state, what);
  shown = page;
  if (byId('search').value !== state.q) byId('search').value = state.q;
  render();
}
byId('search').oninput = event => change({ q: event.target.value });
byId('theme').onclick = () => change({ theme: state.theme === 'dark' ? 'light' : 'dark' });
byId('more').onclick = () => { shown += page; render(); };
for (const button of document.querySelectorAll('[data-sort]')) {
  button.onclick = () => change({ sort: button.dataset.sort,
    down: state.sort === button.dataset.sort ? !state.down : ['seconds', 'score'].includes(button.dataset.sort) });
}
addEventListener('hashchange', () => { readAddress(); change({}); });
addEventListener('resize', () => document.querySelectorAll('canvas').forEach(canvas => drawing.observe(canvas)));
readAddress();
totals();
change({});
