// A label has the same colour everywhere and always: it follows from its name.
import { darkScheme } from './dom.js';

const hues = new Map();

// With this start, the labels of the included model differ well, and a siren is red.
const HASH_START = 225397;

/** An angle of the colour circle, in steps of 15 degrees. */
export function hue(label) {
  if (!hues.has(label)) {
    let hash = HASH_START;
    for (let at = 0; at < label.length; at++) hash = Math.imul(hash ^ label.charCodeAt(at), 0x01000193) >>> 0;
    hues.set(label, ((hash ^ (hash >>> 15)) >>> 0) % 24 * 15);
  }
  return hues.get(label);
}

/** Equally bright for all labels: bright enough on dark cards, dark enough on white ones (a contrast of 3 and more). */
export function color(label, alpha = 1, isOnDark = darkScheme.matches) {
  return 'oklch(' + (isOnDark ? '0.76 0.14 ' : '0.58 0.16 ') + hue(label) + ' / ' + alpha + ')';
}

// Black, violet, orange, pale yellow: brightness rises evenly, so that the picture is readable without colours, too.
const STOPS = [[0, 6, 7, 16], [.18, 32, 18, 78], [.38, 104, 30, 120], [.56, 186, 52, 92], [.74, 240, 112, 50],
  [.9, 252, 196, 92], [1, 252, 246, 208]];

/** 256 colours of a spectrogram, as red, green and blue in an array. */
export const spectrumColors = (() => {
  const colors = new Uint8ClampedArray(256 * 3);
  for (let at = 0; at < 256; at++) {
    const value = at / 255;
    const next = Math.max(1, STOPS.findIndex(stop => stop[0] >= value));
    const [from, to] = [STOPS[next - 1], STOPS[next]];
    const share = (value - from[0]) / (to[0] - from[0]);
    for (let channel = 0; channel < 3; channel++) {
      colors[3 * at + channel] = from[channel + 1] + share * (to[channel + 1] - from[channel + 1]);
    }
  }
  return colors;
})();
