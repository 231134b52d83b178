// Plays the sound of an event, beside its spectrogram, which is computed here from the decoded sound.
import { element, icon, set } from './dom.js';
import { duration } from './format.js';
import { spectrumColors } from './colors.js';

const RATE = 16000;      // Hz; the model receives this rate, so the picture shows what it can recognise
const FRAME = 512;       // samples of a spectrum, 32 ms
const BANDS = 128;       // rows of the picture, evenly spaced on the mel scale up to 8 kHz
const COLUMNS = 900;     // at most
const RANGE_DB = 70;

/** The sound at 16 kHz, all channels as one. Rejects what is not audio that the browser can decode. */
async function decode(bytes) {
  const buffer = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(bytes);
  const samples = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const data = buffer.getChannelData(channel);
    for (let at = 0; at < samples.length; at++) samples[at] += data[at] / buffer.numberOfChannels;
  }
  return samples;
}

/** In place: `real` and `imaginary` have FRAME elements each. */
function transform(real, imaginary) {
  for (let at = 1, reversed = 0; at < FRAME; at++) {
    let bit = FRAME >> 1;
    for (; reversed & bit; bit >>= 1) reversed ^= bit;
    reversed ^= bit;
    if (at < reversed) [real[at], real[reversed]] = [real[reversed], real[at]];
  }
  for (let size = 2; size <= FRAME; size *= 2) {
    const half = size / 2;
    for (let pair = 0; pair < half; pair++) {
      const cosine = Math.cos(2 * Math.PI * pair / size), sine = -Math.sin(2 * Math.PI * pair / size);
      for (let low = pair; low < FRAME; low += size) {
        const high = low + half;
        const x = real[high] * cosine - imaginary[high] * sine, y = real[high] * sine + imaginary[high] * cosine;
        real[high] = real[low] - x;
        imaginary[high] = imaginary[low] - y;
        real[low] += x;
        imaginary[low] += y;
      }
    }
  }
}

/** For each row of the picture, from 0 Hz up, the first and the last bin of the transform. */
const rows = (() => {
  const hertz = mel => 700 * (Math.exp(mel / 1127) - 1);
  const top = 1127 * Math.log(1 + RATE / 2 / 700);
  return Array.from({ length: BANDS }, (_, band) => {
    const first = Math.round(hertz(top * band / BANDS) / RATE * FRAME);
    const last = Math.round(hertz(top * (band + 1) / BANDS) / RATE * FRAME) - 1;
    return [first, Math.max(first, Math.min(last, FRAME / 2))];
  });
})();

/** The levels in dB, column by column, and how many columns there are. */
export function spectrogram(samples) {
  const hop = Math.max(FRAME / 4, Math.ceil(samples.length / COLUMNS));
  const columns = Math.max(1, Math.ceil(samples.length / hop));
  const window = Float32Array.from({ length: FRAME }, (_, at) => .5 - .5 * Math.cos(2 * Math.PI * at / FRAME));
  const levels = new Float32Array(columns * BANDS);
  const real = new Float32Array(FRAME), imaginary = new Float32Array(FRAME);
  for (let column = 0; column < columns; column++) {
    const start = column * hop + hop / 2 - FRAME / 2;
    imaginary.fill(0);
    for (let at = 0; at < FRAME; at++) real[at] = (samples[Math.floor(start) + at] || 0) * window[at];
    transform(real, imaginary);
    for (let band = 0; band < BANDS; band++) {
      let power = 0;
      for (let bin = rows[band][0]; bin <= rows[band][1]; bin++) {
        power = Math.max(power, real[bin] * real[bin] + imaginary[bin] * imaginary[bin]);
      }
      levels[column * BANDS + band] = 10 * Math.log10(power + 1e-10);
    }
  }
  return { levels, columns };
}

/** A picture with the deepest tone in the lowest row. */
function paint({ levels, columns }) {
  const picture = new ImageData(columns, BANDS);
  let loudest = -40;
  for (const level of levels) loudest = Math.max(loudest, level);
  for (let column = 0; column < columns; column++) {
    for (let band = 0; band < BANDS; band++) {
      const share = (levels[column * BANDS + band] - loudest + RANGE_DB) / RANGE_DB;
      const from = 3 * Math.round(255 * Math.min(1, Math.max(0, share)));
      const to = 4 * ((BANDS - 1 - band) * columns + column);
      picture.data[to] = spectrumColors[from];
      picture.data[to + 1] = spectrumColors[from + 1];
      picture.data[to + 2] = spectrumColors[from + 2];
      picture.data[to + 3] = 255;
    }
  }
  return picture;
}

/**
 * A player for one clip. `close()` stops it.
 * The sound is fetched once: to draw it, and to play it.
 */
export function clipPlayer(address, label) {
  const canvas = element('canvas', { class: 'spectrogram', role: 'img', 'aria-label': 'Spectrogram of the clip, 0 to 8 kHz' });
  const head = element('span', { class: 'head', hidden: true });
  const picture = element('div', { class: 'picture loading' }, canvas, head);
  const button = element('button', { type: 'button', class: 'primary play', disabled: true });
  const position = element('input', { type: 'range', min: 0, max: 1, step: .01, value: 0, disabled: true, 'aria-label': 'Position in the clip' });
  const time = element('span', { class: 'time', textContent: 'Loading…' });
  const audio = element('audio', { preload: 'auto' });
  const player = element('div', { class: 'player' }, picture, element('div', { class: 'transport' }, button, position, time));
  const aborted = new AbortController();
  let link = '', isWanted = false, frame = 0, seconds = 0;

  function showButton() {
    const isPlaying = !audio.paused && !audio.ended;
    button.replaceChildren(icon(isPlaying ? 'pause' : 'play'), isPlaying ? 'Pause' : 'Play');
    set(button, { 'aria-label': (isPlaying ? 'Pause' : 'Play') + ' the clip of ' + label });
  }
  function showTime() {
    const at = Math.min(audio.currentTime, seconds);
    time.textContent = at.toFixed(1) + ' / ' + duration(seconds);
    position.value = String(at);
    position.setAttribute('aria-valuetext', at.toFixed(1) + ' of ' + seconds.toFixed(1) + ' seconds');
    head.style.transform = 'translateX(' + at / seconds * picture.clientWidth + 'px)';
  }
  function follow() {
    showTime();
    frame = audio.paused ? 0 : requestAnimationFrame(follow);
  }
  function seek(to) {
    audio.currentTime = Math.max(0, Math.min(seconds - .01, to));
    showTime();
  }
  function toggle() {
    if (button.disabled) isWanted = true;
    else if (audio.paused) audio.play().catch(() => {});
    else audio.pause();
  }
  function fail(message) {
    picture.replaceChildren(element('p', { class: 'hint', textContent: message }));
    picture.classList.remove('loading');
    time.textContent = '';
    button.disabled = true;
  }
  async function load() {
    try {
      const answer = await fetch(address, { signal: aborted.signal });
      if (!answer.ok) {
        return fail(answer.status === 404 || answer.status === 410 ? 'The clip does not exist any more.'
          : 'The clip cannot be read (' + answer.status + ').');
      }
      const bytes = await answer.arrayBuffer();
      link = URL.createObjectURL(new Blob([bytes], { type: answer.headers.get('Content-Type') || 'audio/wav' }));
      audio.src = link;
      const samples = await decode(bytes);
      if (aborted.signal.aborted) return;
      seconds = samples.length / RATE;
      const drawn = paint(spectrogram(samples));
      canvas.width = drawn.width;
      canvas.height = drawn.height;
      canvas.getContext('2d').putImageData(drawn, 0, 0);
      picture.classList.remove('loading');
      head.hidden = false;
      position.max = String(seconds);
      position.disabled = button.disabled = false;
      showTime();
      if (isWanted) toggle();
    } catch (error) {
      if (!aborted.signal.aborted) fail('The clip cannot be played: ' + error.message);
    }
  }

  button.onclick = toggle;
  position.oninput = () => seek(Number(position.value));
  picture.onclick = event => {
    if (button.disabled) return;
    const box = picture.getBoundingClientRect();
    seek((event.clientX - box.left) / box.width * seconds);
    if (audio.paused) toggle();
  };
  audio.onplay = () => { showButton(); if (!frame) follow(); };
  audio.onpause = audio.onended = audio.onseeked = () => { showButton(); showTime(); };
  showButton();
  load();
  return {
    player, toggle,
    close() {
      aborted.abort();
      audio.pause();
      audio.removeAttribute('src');
      cancelAnimationFrame(frame);
      if (link) URL.revokeObjectURL(link);
    },
  };
}
