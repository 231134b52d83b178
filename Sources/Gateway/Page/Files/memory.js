// What this browser keeps for its user: muted labels, and whether single letters are keys.

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

const found = read('muted', []);
const muted = new Set(Array.isArray(found) ? found.filter(label => typeof label === 'string') : []);

export const mutedLabels = () => [...muted].sort();
export const isMuted = label => muted.has(label);

/** Hides a label everywhere on this page, or shows it again. */
export function setMuted(label, on) {
  if (on) muted.add(label);
  else muted.delete(label);
  write('muted', [...muted]);
  document.dispatchEvent(new CustomEvent('labels-muted'));
}

let keys = read('keys', true) !== false;
export const keysAreOn = () => keys;
export function setKeys(on) {
  keys = on;
  write('keys', on);
}
