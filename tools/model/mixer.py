"""Turns pool clips into training examples: crops, mixtures, levels, noise floors, colour, padding, masks.

Everything happens on log-mels, a whole batch at a time: powers add (`logaddexp`), a gain is an offset.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import synth
from features import CLIP_SAMPLES, FLOOR, FRAMES, MELS, log_mel
from labels import AUXILIARY, INDEX

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


# How often each label is drawn as the main one in examples that are not of the alarm kinds.
WEIGHTS = {"Speech": 2, "Music": 2, "Piano": 0.6, "Percussion": 1.6, "Animal": 0.8, "Screaming": 0.8, "Vehicle": 0.6,
           "Tools": 0.7, "Water": 0.8, "Siren": 0.5, "Alarm": 1.2, "Other": 0.5, "Sine wave": 0.7, "Noise": 1.4, "Silence": 0.35}
NONE = len(AUXILIARY)  # the class of sounds without a kind of alarm
PATCH = 16


@dataclass
class Batch:
    """Examples, and which of the two mixed sounds each patch belongs to."""
    x: torch.Tensor  # unnormalised log-mels [size, 512, 128]
    y: torch.Tensor  # targets of the mixture [size, targets]: 1, 0, -1 where unknown
    kind: torch.Tensor  # kind of alarm in the mixture [size], NONE, or -1 where unknown
    alarming: np.ndarray  # whether the example is one of the alarm part [size]
    owner: torch.Tensor  # [size, 256]: 0 the first sound is by far the strongest in this patch, 1 the second, -1 neither
    parts: torch.Tensor  # targets of the two sounds alone [size, 2, targets]
    first_kind: torch.Tensor  # kind of the first sound [size]
    loudest_row: torch.Tensor  # the row of patches where the first sound is strongest [size]


def patch_powers(power):
    """Mean power of each 16 x 16 patch `[size, 8, 32]` (rows of frequency, columns of time)."""
    size = len(power)
    return power.view(size, FRAMES // PATCH, PATCH, MELS // PATCH, PATCH).mean((2, 4)).transpose(1, 2)


class Mixer:
    """Draws batches; the share `alarms` of the examples is kinds of alarm and other beeps over backgrounds."""

    def __init__(self, pool, seed, alarms=0.5):
        shards, self.frames, self.y, self.drawn = pool
        self.alarms = alarms
        self.shards = [torch.from_numpy(s) for s in shards]
        self.at = [(s, i) for s, shard in enumerate(self.shards) for i in range(len(shard))]
        self.rng = np.random.default_rng(seed)
        floors = np.random.default_rng(5)
        self.floors = np.stack([log_mel(synth.to_level(synth.noise(floors, CLIP_SAMPLES, False))) for _ in range(64)])
        self.floors = torch.from_numpy(self.floors)
        kinds = self.y[:, [INDEX[a] for a in AUXILIARY]]
        self.kinds = np.where((kinds == 1).any(1), kinds.argmax(1), np.where((kinds < 0).any(1), -1, NONE))
        self.of_label = {n: np.flatnonzero(self.drawn == n) for n in WEIGHTS if (self.drawn == n).any()}
        weights = np.array([WEIGHTS[n] for n in self.of_label])
        self.names, self.weights = list(self.of_label), weights / weights.sum()
        self.of_kind = [np.flatnonzero((self.drawn == "Kinds") & (self.kinds == k)) for k in range(NONE)]
        tones = {"Kinds", "Alarm", "Siren", "Other", "Sine wave", "Silence"}
        self.others = [self.of_label[n] for n in ("Other", "Sine wave") if n in self.of_label]
        self.plain = [self.of_label[n] for n in self.names if n not in tones]

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

    def pair(self, alarming):
        """The two clips to mix, and how much louder the second is; None where there is one clip."""
        rng = self.rng
        if alarming:
            i = (rng.choice(self.of_kind[rng.integers(NONE)]) if rng.random() < 0.8 else
                 rng.choice(self.others[0 if rng.random() < 0.8 else -1]))
            # The sounds of every label are backgrounds equally often: few sources must not be all that is heard.
            j = rng.choice(self.plain[rng.integers(len(self.plain))]) if rng.random() < 0.92 else None
            return i, j, -rng.uniform(-6, 32)
        i, j = (rng.choice(self.of_label[self.names[rng.choice(len(self.names), p=self.weights)]]) for _ in range(2))
        alarm = (self.y[i][ALARMING] == 1).any()
        mixed = rng.random() < (0.6 if alarm else 0.35) and self.y[i][SILENCE] != 1 and self.y[j][SILENCE] != 1
        return i, j if mixed else None, rng.uniform(-30, 4) if alarm else rng.uniform(-24, 6)

    def batch(self, size):
        rng = self.rng
        first, second = torch.empty((size, FRAMES, MELS)), torch.full((size, FRAMES, MELS), -40.0)
        hiss = torch.full((size, FRAMES, MELS), -40.0)
        add, level, under = np.zeros(size), np.zeros(size), np.zeros(size)
        colour, y, frames = np.zeros((size, 1, MELS), np.float32), [], np.zeros(size, int)
        parts = np.zeros((size, 2, self.y.shape[1]), np.int8)
        kind, first_kind = np.zeros(size, int), np.zeros(size, int)
        alarming = rng.random(size) < self.alarms
        for b in range(size):
            i, j, gain = self.pair(alarming[b])
            first[b], frames[b] = self.crop(i)
            target = self.y[i].copy()
            parts[b] = target
            kind[b] = first_kind[b] = self.kinds[i]
            if j is not None:
                second[b], count = self.crop(j)
                add[b], frames[b] = gain, max(frames[b], count)
                target, parts[b, 1] = self.merge(target, self.y[j], gain), self.y[j]
                both = {self.kinds[i], self.kinds[j]} - {NONE}
                kind[b] = NONE if not both else both.pop() if len(both) == 1 else -1
            if target[SILENCE] != 1:
                level[b] = rng.uniform(-38, 8) if rng.random() < 0.6 else rng.uniform(-12, 0)
                if rng.random() < 0.5:
                    colour[b, 0] = np.interp(np.arange(MELS), np.linspace(0, MELS - 1, 6), rng.normal(0, 4 * PER_DB, 6))
                if target[NOISE] != 1 and rng.random() < 0.6:
                    hiss[b] = self.floors[rng.integers(len(self.floors))].roll(int(rng.integers(FRAMES)), 0)
                    under[b] = level[b] - rng.uniform(10, 45)
            if frames[b] >= FRAMES and not alarming[b] and rng.random() < 0.1:  # a clip shorter than the window
                frames[b] = rng.integers(120, FRAMES)
            y.append(target)
        shape = torch.from_numpy(colour) + column(level)
        first, second, hiss = (p.exp_() for p in (first.add_(shape), second.add_(column(add) + shape), hiss.add_(column(under))))
        powers = torch.stack([patch_powers(p) for p in (first, second, hiss)], 1)
        out = first.add_(second).add_(hiss).clamp_min_(1e-12).log_().clamp_min_(FLOOR)
        for b in np.flatnonzero(frames < FRAMES):
            out[b, frames[b]:] = 0  # as the extractor pads
        # A patch is a sound's own when it has nine tenths of the power there and is within 45 dB of its loudest patch.
        share = powers[:, :2] / (powers.sum(1, keepdim=True) + 1e-12)
        own = (share > 0.9) & (powers[:, :2] > 3e-5 * powers[:, :2].amax((2, 3), keepdim=True))
        owner = torch.where(own[:, 0], 0, torch.where(own[:, 1], 1, -1))
        for b in np.flatnonzero(frames < FRAMES):
            owner[b, :, frames[b] // PATCH:] = -1
        return Batch(out, torch.from_numpy(np.stack(y)), torch.from_numpy(kind), alarming, owner.flatten(1),
                     torch.from_numpy(parts), torch.from_numpy(first_kind), powers[:, 0].mean(2).argmax(1))


def spec_augment(x, rng, rows):
    """Blanks a band and a stretch of time at times (to the mean, in place); x is normalised; not where rows is False,
    because a blank in time would change the rhythm."""
    for row in (x[b] for b in np.flatnonzero(rows)):
        if rng.random() < 0.4:
            width, at = rng.integers(4, 24), rng.integers(0, MELS - 24)
            row[:, at: at + width] = 0
        if rng.random() < 0.3:
            width, at = rng.integers(10, 60), rng.integers(0, FRAMES - 60)
            row[at: at + width] = 0


def centre(x, frames):
    """Validation clips as input of the model: the first 512 frames, padded with zeros."""
    out = np.zeros((FRAMES, MELS), np.float32)
    count = min(int(frames), FRAMES)
    out[:count] = x[:count]
    return out
