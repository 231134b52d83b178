// Elements are made from properties and text, never from markup: names of labels are untrusted.

export const byId = id => document.getElementById(id);

/** Makes an element. `properties` are properties of the element, or attributes where it has no such property. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  set(made, properties);
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

export function set(made, properties) {
  for (const [key, value] of Object.entries(properties)) {
    if (key === 'class') made.className = value;
    else if (key === 'data') Object.assign(made.dataset, value);
    else if (key in made && !key.startsWith('aria')) made[key] = value;
    else if (value === null || value === undefined) made.removeAttribute(key);
    else made.setAttribute(key, value);
  }
}

/** Changes text only where it differs, so that a screen reader and the layout have nothing to do otherwise. */
export function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

const SHAPES = {
  play: 'M7 4.5v15l13-7.5z',
  pause: 'M6 4.5h4v15H6zM14 4.5h4v15h-4z',
  right: 'M9.2 18.2 3.4 12.4l1.9-1.9 3.9 3.9 9.5-9.5 1.9 1.9z',
  wrong: 'M6.2 4.3 12 10.1l5.8-5.8 1.9 1.9-5.8 5.8 5.8 5.8-1.9 1.9-5.8-5.8-5.8 5.8-1.9-1.9 5.8-5.8-5.8-5.8z',
  other: 'M3 5.5h9.6l8 6.5-8 6.5H3z',
  undo: 'M8.5 4 3 9.2l5.5 5.2v-3.6h5.2a3.6 3.6 0 0 1 0 7.2H8v2.4h5.7a6 6 0 0 0 0-12H8.5z',
  before: 'M15.6 4.4 8 12l7.6 7.6 1.7-1.7-5.9-5.9 5.9-5.9z',
  after: 'M8.4 4.4 16 12l-7.6 7.6-1.7-1.7 5.9-5.9-5.9-5.9z',
  above: 'M4.4 15.6 12 8l7.6 7.6-1.7 1.7-5.9-5.9-5.9 5.9z',
  below: 'M4.4 8.4 12 16l7.6-7.6-1.7-1.7-5.9 5.9-5.9-5.9z',
  close: 'M6.2 4.3 12 10.1l5.8-5.8 1.9 1.9-5.8 5.8 5.8 5.8-1.9 1.9-5.8-5.8-5.8 5.8-1.9-1.9 5.8-5.8-5.8-5.8z',
  muted: 'M3 9v6h4l5 4.5v-15L7 9zM14.2 9.4l1.4-1.4 2.4 2.4L20.4 8l1.4 1.4-2.4 2.6 2.4 2.6-1.4 1.4-2.4-2.4-2.4 2.4-1.4-1.4 2.4-2.6z',
  clip: 'M3 10v4h2v-4zM7 6v12h2V6zM11 9v6h2V9zM15 4v16h2V4zM19 10v4h2v-4z',
};

/** A picture of the page's own, hidden from screen readers: the text beside it says the same. */
export function icon(name) {
  const space = 'http://www.w3.org/2000/svg';
  const picture = document.createElementNS(space, 'svg');
  const path = document.createElementNS(space, 'path');
  picture.setAttribute('viewBox', '0 0 24 24');
  picture.setAttribute('class', 'icon');
  picture.setAttribute('aria-hidden', 'true');
  path.setAttribute('d', SHAPES[name]);
  picture.append(path);
  return picture;
}

/** Reads a sentence to those who listen to the page. */
export function announce(text) {
  const place = byId('announcements');
  // The same text again is a change only if it differs.
  place.textContent = place.textContent === text ? text + '\u00a0' : text;
}

export const darkScheme = matchMedia('(prefers-color-scheme: dark)');

/** Makes a canvas as sharp as the screen; returns its context, whose unit is a CSS pixel, and its size. */
export function prepareCanvas(canvas) {
  const scale = window.devicePixelRatio || 1;
  const width = Math.max(1, canvas.clientWidth), height = Math.max(1, canvas.clientHeight);
  const columns = Math.round(width * scale), rows = Math.round(height * scale);
  if (canvas.width !== columns || canvas.height !== rows) {
    canvas.width = columns;
    canvas.height = rows;
  }
  const context = canvas.getContext('2d');
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}
