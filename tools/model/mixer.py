"""Turns pool clips into training examples: crops, mixtures, levels, noise floors, colour, padding, masks.

Everything happens on log-mels, a whole batch at a time: powers add (`logaddexp`), a gain is an offset.
"""

from pathlib import Path

import numpy as np
import torch

import synth
from features import CLIP_SAMPLES, FLOOR, FRAMES, MELS, log_mel
from labels import INDEX

PER_DB = np.log(10) / 10
MEAN, STD = -8.1, 5.16  # rounded from training mixtures; the extractor divides by twice the std
NOISE, SILENCE = INDEX["Noise"], INDEX["Silence"]
ALARMING = [INDEX["Alarm"], INDEX["Siren"]]


def load_pool(lab: Path, name="pool-*"):
    """The pool's shards: [features, mapped], frames, targets, label drawn."""
    found = sorted(f for f in lab.glob(name + ".npz"))
    parts = [np.load(f) for f in found]
    return ([np.load(f.with_name(f.stem + "-x.npy"), mmap_mode="c") for f in found],
            *(np.concatenate([p[key] for p in parts]) for key in ("frames", "y", "drawn")))


def normalised(x):
    return (x - MEAN) / (2 * STD)


def column(decibels):
    """Decibels `[size]` as natural logarithms of power `[size, 1, 1]`."""
    return torch.from_numpy((np.asarray(decibels) * PER_DB).astype(np.float32))[:, None, None]


def add_powers(a, b):
    """The logarithm of the sum of two powers given as logarithms; faster than logaddexp here."""
    return (a.exp() + b.exp()).clamp_min_(1e-12).log_()


class Mixer:
    """Draws batches of unnormalised log-mels `[size, 512, 128]` and targets `[size, targets]`."""

    def __init__(self, pool, seed):
        shards, self.frames, self.y, self.drawn = pool
        self.shards = [torch.from_numpy(s) for s in shards]
        self.at = [(s, i) for s, shard in enumerate(self.shards) for i in range(len(shard))]
        self.rng = np.random.default_rng(seed)
        floors = np.random.default_rng(5)
        self.floors = np.stack([log_mel(synth.to_level(synth.noise(floors, CLIP_SAMPLES, False))) for _ in range(64)])
        self.floors = torch.from_numpy(self.floors)

    def crop(self, i):
        """Any 512 frames of clip i, and how many of them it fills (from the first)."""
        shard, row = self.at[i]
        count, source = int(self.frames[i]), self.shards[shard][row]
        if count >= FRAMES:
            start = self.rng.integers(count - FRAMES + 1)
            return source[start: start + FRAMES], FRAMES
        out = torch.full((FRAMES, MELS), FLOOR, dtype=torch.float16)
        if self.rng.random() < 0.5:  # somewhere in an otherwise quiet window
            start = self.rng.integers(FRAMES - count + 1)
            out[start: start + count] = source[:count]
            return out, FRAMES
        out[:count] = source[:count]
        return out, count

    def merge(self, y, other, gain):
        """Targets of a mixture whose second part is `gain` dB louder than the first."""
        if gain < -12:  # the weaker one may not be heard
            both = np.where((other == 1) & (y != 1), -1, y)
        else:
            both = np.where((y == 1) | (other == 1), 1, np.minimum(y, other))
        if y[NOISE] != other[NOISE]:
            both[NOISE] = 0 if gain < -15 and y[NOISE] == 0 else -1
        both[SILENCE] = 0
        return both

    def batch(self, size):
        rng = self.rng
        x, other = torch.empty((size, FRAMES, MELS)), torch.full((size, FRAMES, MELS), -40.0)
        hiss = torch.full((size, FRAMES, MELS), -40.0)
        add, level, under = np.zeros(size), np.zeros(size), np.zeros(size)
        colour, y, frames = np.zeros((size, 1, MELS), np.float32), [], np.zeros(size, int)
        for b, i in enumerate(rng.integers(len(self.at), size=size)):
            x[b], frames[b] = self.crop(i)
            target = self.y[i].copy()
            if target[SILENCE] != 1:
                alarming = (target[ALARMING] == 1).any()
                if rng.random() < (0.6 if alarming else 0.3):
                    j = rng.integers(len(self.at))
                    if self.y[j][SILENCE] != 1:
                        other[b], count = self.crop(j)
                        add[b] = rng.uniform(-30, 4) if alarming else rng.uniform(-24, 6)
                        frames[b] = max(frames[b], count)
                        target = self.merge(target, self.y[j], add[b])
                level[b] = rng.uniform(-38, 8) if rng.random() < 0.6 else rng.uniform(-12, 0)
                if rng.random() < 0.5:
                    colour[b, 0] = np.interp(np.arange(MELS), np.linspace(0, MELS - 1, 6), rng.normal(0, 4 * PER_DB, 6))
                if target[NOISE] != 1 and rng.random() < 0.6:
                    hiss[b] = self.floors[rng.integers(len(self.floors))].roll(int(rng.integers(FRAMES)), 0)
                    under[b] = level[b] - rng.uniform(10, 45)
            if frames[b] >= FRAMES and rng.random() < 0.1:  # a clip shorter than the window
                frames[b] = rng.integers(120, FRAMES)
            y.append(target)
        out = add_powers(x, other.add_(column(add)))
        out = out + column(level) + torch.from_numpy(colour)
        out = add_powers(out, hiss.add_(column(under))).clamp_min_(FLOOR)
        for b in np.flatnonzero(frames < FRAMES):
            out[b, frames[b]:] = 0  # as the extractor pads
        return out, torch.from_numpy(np.stack(y))


def spec_augment(x, rng):
    """Blanks a band and a stretch of time at times (to the mean, in place); x is normalised."""
    for row in x:
        if rng.random() < 0.4:
            width, at = rng.integers(4, 24), rng.integers(0, MELS - 24)
            row[:, at: at + width] = 0
        if rng.random() < 0.3:
            width, at = rng.integers(10, 60), rng.integers(0, FRAMES - 60)
            row[at: at + width] = 0
    return x


def centre(x, frames):
    """Validation clips as the model hears them: the first 512 frames, padded with zeros."""
    out = np.zeros((FRAMES, MELS), np.float32)
    count = min(int(frames), FRAMES)
    out[:count] = x[:count]
    return out
