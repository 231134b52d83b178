"""Turns pool clips into training examples: crops, mixtures, levels, noise floors, colour, padding, masks.

Everything happens on log-mels, a whole batch at a time: powers add (`logaddexp`), a gain is an offset.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import alarms
import chains
import synth
from features import CLIP_SAMPLES, FLOOR, FRAMES, MELS, SAMPLE_RATE_HZ, log_mel
from labels import AUXILIARY, INDEX

PER_DB = np.log(10) / 10
MEAN, STD = -8.1, 5.16  # rounded from training mixtures; the extractor divides by twice the std
NOISE, SILENCE = INDEX["Noise"], INDEX["Silence"]
ALARMING = [INDEX["Alarm"], INDEX["Siren"]]


def load_pool(lab: Path, name="pool-*"):
    """The pool's shards: [features, mapped], frames, targets, label drawn, frames where an alarm or beep sounds."""
    found = sorted(f for f in lab.glob(name + ".npz"))
    parts = [np.load(f) for f in found]
    return ([np.load(f.with_name(f.stem + "-x.npy"), mmap_mode="c") for f in found],
            *(np.concatenate([p[key] for p in parts]) for key in ("frames", "y", "drawn", "on")))


def normalised(x):
    return (x - MEAN) / (2 * STD)


def column(decibels):
    """Decibels `[size]` as natural logarithms of power `[size, 1, 1]`."""
    return torch.from_numpy((np.asarray(decibels) * PER_DB).astype(np.float32))[:, None, None]


# How often each label is drawn as the main one in examples that are not of the alarm kinds.
WEIGHTS = {"Speech": 2, "Music": 2, "Piano": 0.6, "Percussion": 1.6, "Animal": 0.8, "Screaming": 0.8, "Vehicle": 0.6,
           "Tools": 0.7, "Water": 0.8, "Siren": 0.5, "Alarm": 1.2, "Other": 0.5, "Sine wave": 0.7, "Noise": 1.4, "Silence": 0.35, "Effect": 1.8,
           "Beeps": 0.5}
NONE = len(AUXILIARY)  # the class of sounds without a kind of alarm
REVERSING = alarms.KINDS.index("Reversing beeper")
PATCH = 16
# A window with less of a sound than this may be of its label or not; of an alarm's or siren's label: TELLABLE_BEEP.
TELLABLE, TELLABLE_BEEP = 25, 30  # frames


@dataclass
class Batch:
    """Examples, and which of the two mixed sounds each patch belongs to."""
    x: torch.Tensor  # unnormalised log-mels [size, 512, 128]
    y: torch.Tensor  # targets of the mixture [size, targets]: 1, 0, -1 where unknown
    allowed: torch.Tensor  # which kinds of alarm the mixture may be, the last is NONE [size, NONE + 1]; all where unknown
    kind: torch.Tensor  # the kind where only one is allowed [size], else -1
    alarming: np.ndarray  # whether the example is one of the alarm part [size]
    owner: torch.Tensor  # [size, 256]: 0 the first sound is by far the strongest in this patch, 1 the second, -1 neither
    parts: torch.Tensor  # targets of the two sounds alone [size, 2, targets]
    first_kind: torch.Tensor  # kind of the first sound [size]
    loudest_row: torch.Tensor  # the row of patches where the first sound is strongest [size]


def single(allowed):
    """The only kind that is allowed `[..., NONE + 1]`, or -1."""
    return np.where(allowed.sum(-1) == 1, allowed.argmax(-1), -1)


def noise_floor(rng):
    """A window of noise that was made at a sound card's rate and resampled."""
    chain = chains.draw(rng)
    rate = max(chain.rate, SAMPLE_RATE_HZ)
    with chains.at_rate(rate):
        x = synth.noise(rng, 2 * CLIP_SAMPLES * rate // SAMPLE_RATE_HZ, False)
    x = chains.resample(x, rate, chain.rate, "soxr-hq", None)
    return synth.to_level(chains.lowered(chain, x)[CLIP_SAMPLES // 2:][:CLIP_SAMPLES])


def patch_powers(power):
    """Mean power of each 16 x 16 patch `[size, 8, 32]` (rows of frequency, columns of time)."""
    size = len(power)
    return power.view(size, FRAMES // PATCH, PATCH, MELS // PATCH, PATCH).mean((2, 4)).transpose(1, 2)


class Mixer:
    """Draws batches; the share `alarms` of the examples is kinds of alarm and other beeps over backgrounds."""

    def __init__(self, pool, seed, alarms=0.5):
        shards, self.frames, self.y, self.drawn, self.on = pool
        self.alarms = alarms
        self.shards = [torch.from_numpy(s) for s in shards]
        self.at = [(s, i) for s, shard in enumerate(self.shards) for i in range(len(shard))]
        self.rng = np.random.default_rng(seed)
        self.floors = torch.from_numpy(np.stack([log_mel(noise_floor(np.random.default_rng(seed))) for seed in range(96)]))
        kinds = self.y[:, [INDEX[a] for a in AUXILIARY]]
        self.kinds = np.where((kinds == 1).any(1), kinds.argmax(1), np.where((kinds < 0).any(1), -1, NONE))
        self.of_label = {n: np.flatnonzero(self.drawn == n) for n in WEIGHTS if (self.drawn == n).any()}
        weights = np.array([WEIGHTS[n] for n in self.of_label])
        self.names, self.weights = list(self.of_label), weights / weights.sum()
        self.of_kind = [np.flatnonzero((self.drawn == "Kinds") & (self.kinds == k)) for k in range(NONE)]
        tones = {"Kinds", "Alarm", "Siren", "Other", "Beeps", "Sine wave", "Silence"}
        self.others = [(self.of_label[n], share) for n, share in (("Beeps", 0.6), ("Other", 0.3), ("Sine wave", 0.1)) if n in self.of_label]
        self.shares = np.array([share for _, share in self.others]) / sum(share for _, share in self.others)
        self.plain = [self.of_label[n] for n in self.names if n not in tones]

    def crop(self, i):
        """Any 512 frames of clip i, how many of them it fills (from the first), and in which its alarm sounds."""
        shard, row = self.at[i]
        count, source = int(self.frames[i]), self.shards[shard][row]
        on = np.unpackbits(self.on[i]).astype(bool)
        if count >= FRAMES:
            start = self.rng.integers(count - FRAMES + 1)
            return source[start: start + FRAMES], FRAMES, on[start: start + FRAMES]
        out, sounds = torch.full((FRAMES, MELS), FLOOR, dtype=torch.float16), np.zeros(FRAMES, bool)
        start = self.rng.integers(FRAMES - count + 1) if self.rng.random() < 0.5 else 0  # somewhere in a quiet window
        out[start: start + count], sounds[start: start + count] = source[:count], on[:count]
        return out, FRAMES if start else count, sounds

    def seen(self, i, on):
        """Targets of a window of clip i whose alarm sounds where `on` is true, and the kinds that it may be of."""
        y, kind, allowed = self.y[i].copy(), self.kinds[i], np.zeros(NONE + 1, bool)
        if on.sum() < (TELLABLE_BEEP if kind != NONE else TELLABLE):
            y[(y == 1) & (np.arange(len(y)) != SILENCE)] = -1
        if kind < 0:
            allowed[:] = True
        elif self.drawn[i] == "Kinds":
            enough = alarms.evidence(alarms.KINDS[kind], on)
            allowed[kind], allowed[NONE] = enough != 0, enough != 1
            y[INDEX[AUXILIARY[kind]]] = enough
        else:
            allowed[NONE] = True
            allowed[REVERSING] = self.drawn[i] == "Beeps" and alarms.like_reversing(on)
        return y, allowed

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
                 rng.choice(self.others[rng.choice(len(self.others), p=self.shares)][0]))
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
        allowed, first_kind = np.zeros((size, NONE + 1), bool), np.zeros(size, int)
        alarming = rng.random(size) < self.alarms
        for b in range(size):
            i, j, gain = self.pair(alarming[b])
            first[b], frames[b], on = self.crop(i)
            other = self.crop(j) if j is not None else None
            if other:
                frames[b] = max(frames[b], other[1])
            if frames[b] >= FRAMES and rng.random() < 0.15:  # the rest of a file: shorter than the window
                frames[b] = rng.integers(8, FRAMES)
            on[frames[b]:] = False
            target, allowed[b] = self.seen(i, on)
            parts[b], first_kind[b] = target, single(allowed[b])
            if other:
                second[b], add[b] = other[0], gain
                other[2][frames[b]:] = False
                parts[b, 1], also = self.seen(j, other[2])
                target = self.merge(target, parts[b, 1], gain)
                neither = allowed[b, NONE] and also[NONE]
                allowed[b] |= also
                allowed[b, NONE] = neither
            if target[SILENCE] != 1:
                level[b] = rng.uniform(-38, 8) if rng.random() < 0.6 else rng.uniform(-12, 0)
                if rng.random() < 0.5:
                    colour[b, 0] = np.interp(np.arange(MELS), np.linspace(0, MELS - 1, 6), rng.normal(0, 4 * PER_DB, 6))
                if target[NOISE] != 1 and rng.random() < 0.6:
                    hiss[b] = self.floors[rng.integers(len(self.floors))].roll(int(rng.integers(FRAMES)), 0)
                    under[b] = level[b] - rng.uniform(10, 45)
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
        return Batch(out, torch.from_numpy(np.stack(y)), torch.from_numpy(allowed), torch.from_numpy(single(allowed)), alarming, owner.flatten(1),
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
