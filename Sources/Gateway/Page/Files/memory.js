// What this browser keeps for its user: hidden labels, and whether single letters are keys.

function read(name, fallback) {
  try {
    return JSON.parse(localStorage.getItem('astd.' + name)) ?? fallback;
  } catch {
    return fallback;  // No storage, or not ours.
  }
}

function write(name, value) {
  try {
    localStorage.setItem('astd.' + name, JSON.stringify(value));
  } catch {
    // The choice then holds until the page is closed.
  }
}

const found = read('hidden', []);
const hidden = new Set(Array.isArray(found) ? found.filter(label => typeof label === 'string') : []);

export const hiddenLabels = () => [...hidden].sort();
export const isHidden = label => hidden.has(label);

/** Hides a label in all lists of this page, or shows it again; returns whether it is hidden now. */
export function toggleHidden(label) {
  if (!hidden.delete(label)) hidden.add(label);
  write('hidden', [...hidden]);
  document.dispatchEvent(new CustomEvent('labels-hidden'));
  return hidden.has(label);
}

let keys = read('keys', true) !== false;
export const keysAreOn = () => keys;
export function setKeys(on) {
  keys = on;
  write('keys', on);
}
