"""Builds the training pool: clips as log-mels with their labels, made once and kept in memory.

Each clip draws a label, a source of it, a file of it, a place in it, and then at times a room, a band
limit, a repetition. Levels, mixtures and noise floors are added later on the log-mels (`Mixer`), where
they are cheap: powers add, a gain is an offset.

    pool.py --lab DIR --count 16000
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

import instruments
import synth
from data import Recordings
from features import CLIP_SAMPLES, FLOOR, FRAMES, HOP, MELS, SAMPLE_RATE_HZ as RATE, WINDOW, log_mel
from labels import INDEX, LABELS, SYNTHETIC

# How often each label is drawn as the main one.
WEIGHTS = {"Speech": 2.2, "Music": 2.2, "Animal": 1.3, "Screaming": 1.1, "Silence": 0.5, "Sine wave": 0.6}


def targets(positives, unknown=()):
    """Labels as 1 (heard), 0 (not heard), -1 (unknown)."""
    y = np.zeros(len(LABELS), np.int8)
    y[[INDEX[u] for u in unknown]] = -1
    y[[INDEX[p] for p in positives]] = 1
    return y


class Clips:
    """Draws training clips: samples, how many of them count, and targets."""

    def __init__(self, lab: Path):
        self.lab = lab
        self.recordings = Recordings(lab)
        self.files = defaultdict(lambda: defaultdict(list))
        for e in self.recordings.entries:
            if e["split"] == "train":
                self.files[e["labels"][-1]][e["source"]].append(e)
        self.rendered = {}

    def rendering(self, rng, what):
        """One of a few hundred rendered pieces, made on first use."""
        seed = int(rng.integers(160 if what == "espeak" else 130))
        if (what, seed) not in self.rendered:
            if what == "espeak":
                self.rendered[what, seed] = instruments.speak(seed), ["Speech"]
            else:
                self.rendered[what, seed] = instruments.render(self.lab, "train", what, seed)
        return self.rendered[what, seed]

    def draw(self, rng):
        weights = np.array([WEIGHTS.get(name, 1.0) for name in LABELS])
        label = LABELS[rng.choice(len(LABELS), p=weights / weights.sum())]
        if label in SYNTHETIC:
            x = synth.MAKERS[label](rng, CLIP_SAMPLES, False)
            if label in ("Silence", "Noise"):
                return (x if label == "Silence" else synth.to_level(x)), targets([label])
            return self.finish(rng, x), targets([label])
        instrument = {"Piano": ("piano", 0.85), "Percussion": ("percussion", 0.6),
                      "Music": ("ensemble", 0.25), "Speech": ("espeak", 0.3)}.get(label)
        if instrument and rng.random() < instrument[1]:
            x, positives = self.rendering(rng, instrument[0])
            y = targets(positives)
        else:
            sources = self.files[label]
            if not sources:
                return self.draw(rng)
            files = sources[sorted(sources)[rng.integers(len(sources))]]
            e = files[rng.integers(len(files))]
            x, y = self.recordings.samples(e), targets(e["labels"], e["unknown"])
            if label == "Speech" or (len(x) < 2 * RATE and rng.random() < 0.6):
                parts = [x]
                while sum(map(len, parts)) < CLIP_SAMPLES * 1.3:
                    parts.append(np.zeros(int(rng.uniform(0.05, 0.8) * RATE), np.float32))
                    parts.append(self.recordings.samples(files[rng.integers(len(files))]))
                x = np.concatenate(parts)
        if len(x) > CLIP_SAMPLES:
            start = rng.integers(len(x) - CLIP_SAMPLES + 1)
            x = x[start: start + CLIP_SAMPLES]
        elif rng.random() < 0.6:  # somewhere in an otherwise quiet clip
            out = np.zeros(CLIP_SAMPLES, np.float32)
            start = rng.integers(CLIP_SAMPLES - len(x) + 1)
            out[start: start + len(x)] = x
            x = out
        if rng.random() < 0.25:  # speed, and with it pitch
            speed = rng.uniform(0.88, 1.13)
            x = np.interp(np.arange(0, len(x) - 1, speed), np.arange(len(x)), x)
        return self.finish(rng, x), y

    def finish(self, rng, x):
        if rng.random() < 0.35:
            x = synth.room(rng, x)
        if rng.random() < 0.3:
            x = synth.band_limit(rng, x)
        return synth.to_level(x)


def build(lab: Path, count, seed):
    """The pool: features f16 [count, 512, 128], valid frames [count], targets i8 [count, labels]."""
    clips, rng = Clips(lab), np.random.default_rng(seed)
    x = np.full((count, FRAMES, MELS), FLOOR, np.float16)
    frames, y = np.zeros(count, np.int16), np.zeros((count, len(LABELS)), np.int8)
    started = time.time()
    for i in range(count):
        samples, y[i] = clips.draw(rng)
        if len(samples) < WINDOW + HOP:
            samples = np.pad(samples, (0, WINDOW + HOP))
        mel = log_mel(samples[:CLIP_SAMPLES])
        frames[i] = len(mel)
        x[i, : len(mel)] = mel
        if i % 1000 == 999:
            print(f"{i + 1} clips, {(i + 1) / (time.time() - started):.0f}/s", flush=True)
    return x, frames, y


class Mixer:
    """Turns pool clips into training examples: mixtures, levels, noise floors, padding, masks."""

    def __init__(self, x, frames, y, seed):
        self.x, self.frames, self.y = x, frames, y
        self.rng = np.random.default_rng(seed)
        floors = np.random.default_rng(5)
        self.floors = np.stack([
            log_mel(synth.to_level(synth.noise(floors, CLIP_SAMPLES, False))) for _ in range(48)
        ]).astype(np.float16)

    def example(self, i):
        rng, noise, silence = self.rng, INDEX["Noise"], INDEX["Silence"]
        x, y, frames = self.x[i].astype(np.float32), self.y[i].copy(), int(self.frames[i])
        per_db = np.log(10) / 10
        quiet = y[silence] == 1
        if not quiet and rng.random() < 0.25:
            j = rng.integers(len(self.x))
            other, gain = self.y[j], rng.uniform(-24, 6)
            if other[silence] != 1:
                x = np.logaddexp(x, self.x[j].astype(np.float32) + gain * per_db)
                frames = max(frames, int(self.frames[j]))
                both = np.where((y == 1) | (other == 1), 1, np.minimum(y, other)).astype(np.int8)
                if gain < -12:  # the weaker one may not be heard
                    both = np.where((other == 1) & (y != 1), -1, y).astype(np.int8)
                if y[noise] != other[noise]:
                    both[noise] = 0 if gain < -15 and y[noise] == 0 else -1
                y = both
        gain = rng.uniform(-38, 8) if rng.random() < 0.6 else rng.uniform(-12, 0)
        if not quiet:
            x = np.maximum(x + gain * per_db, FLOOR)
            if y[noise] != 1 and rng.random() < 0.6:
                under = rng.uniform(12, 45)
                hiss = self.floors[rng.integers(len(self.floors))].astype(np.float32)
                x = np.logaddexp(x, np.maximum(np.roll(hiss, rng.integers(FRAMES), 0)
                                               + (gain - under) * per_db, FLOOR - 4))
                x = np.maximum(x, FLOOR)
        if frames >= FRAMES and rng.random() < 0.12:  # a clip shorter than the window
            frames = int(rng.integers(100, FRAMES))
        x[frames:] = 0
        return x, y

    def batch(self, size):
        pairs = [self.example(i) for i in self.rng.integers(len(self.x), size=size)]
        return np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--count", type=int, default=16_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    x, frames, y = build(options.lab, options.count, options.seed)
    np.save(options.lab / f"pool-{options.seed}-x.npy", x)
    np.savez(options.lab / f"pool-{options.seed}.npz", frames=frames, y=y)


if __name__ == "__main__":
    main()
