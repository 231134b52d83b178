"""Sounds that are none of the classes: cut out of the backgrounds, and made of formulas.

In training they are put over a background as the clips are. Without them, everything that is put over a background is of
some class, and that is what a network learns first.
"""

import numpy as np

import clips
import cut
from clips import RATE_HZ

MADE = 160


def cut_out(backgrounds, most=600):
    """Sounds that rise above their background, evenly chosen over all recordings."""
    found = []
    for _, samples in backgrounds:
        size = int(RATE_HZ * cut.BLOCK_SECONDS)
        for first, last in cut.spans(clips.levels(samples), 10, 0.3, 0.04, 0.04, 5):
            found.append(samples[first * size : last * size])
    return found[:: max(1, -(-len(found) // most))]


def time(seconds):
    return np.arange(max(16, int(seconds * RATE_HZ))) / RATE_HZ


def stroke(rng):
    """Wood, metal, glass, a step or a click: decaying resonances and a burst."""
    t = time(rng.uniform(0.03, 0.3))
    pitch, fade = np.exp(rng.uniform(np.log(80), np.log(4000))), np.exp(rng.uniform(np.log(15), np.log(400)))
    tones = sum(rng.uniform(0.2, 1) * np.exp(-fade * (1 + k) * t) * np.sin(2 * np.pi * pitch * ratio * t)
                for k, ratio in enumerate(np.cumprod(rng.uniform(1.2, 2.6, 4)) / 1.2))
    return rng.uniform(0, 1) * tones + rng.uniform(0, 1) * rng.standard_normal(len(t)) * np.exp(-np.exp(rng.uniform(3, 7)) * t)


def strokes(rng):
    """One to nine: regular, irregular, or faster and faster as of something that falls."""
    count, gap, drift = rng.integers(1, 10), np.exp(rng.uniform(np.log(0.06), np.log(0.8))), rng.choice([1, 1, 0.8])
    jitter, at, parts = rng.choice([0.02, 0.5]), 0.0, []
    one, varies = stroke(rng), rng.random() < 0.4
    for _ in range(count):
        parts.append((int(at * RATE_HZ), (stroke(rng) if varies else one) * rng.uniform(0.5, 1)))
        at += gap * rng.uniform(1 - jitter, 1 + jitter)
        gap *= drift
    return joined(parts)


def joined(parts):
    sound = np.zeros(max(start + len(part) for start, part in parts))
    for start, part in parts:
        sound[start : start + len(part)] += part
    return sound


def faded(sound, rng):
    rise = int(rng.uniform(0.003, 0.1) * RATE_HZ)
    place = np.arange(len(sound))
    return sound * np.minimum(1, np.minimum(place, place[::-1]) / rise)


def beeps(rng):
    tone = rng.choice([1, 1.5, 2]) * np.exp(rng.uniform(np.log(200), np.log(4000)))
    on, gap = rng.uniform(0.04, 0.6), rng.uniform(0.05, 0.6)
    wave = faded(np.sin(2 * np.pi * tone * time(on)), rng)
    return joined([(int(number * (on + gap) * RATE_HZ), wave) for number in range(rng.integers(1, 6))])


def sweep(rng):
    t = time(rng.uniform(0.1, 1.5))
    low, high = np.exp(rng.uniform(np.log(150), np.log(5000), 2))
    return faded(np.sin(2 * np.pi * np.cumsum(low * (high / low) ** (t / t[-1])) / RATE_HZ), rng)


def bell(rng):
    t = time(rng.uniform(0.3, 2))
    pitch, fade = np.exp(rng.uniform(np.log(250), np.log(3000))), rng.uniform(1.5, 12)
    return sum(rng.uniform(0, 1) * np.exp(-fade * (1 + 0.5 * k) * t) * np.sin(2 * np.pi * pitch * ratio * t)
               for k, ratio in enumerate([1, *rng.uniform(1.5, 6, 4)]))


def tune(rng):
    """Notes of one instrument, on a scale or at once."""
    base, gap = np.exp(rng.uniform(np.log(150), np.log(1200))), rng.choice([0, rng.uniform(0.1, 0.8)])
    t, fade, partials = time(rng.uniform(0.2, 1.2)), rng.uniform(1, 15), rng.uniform(0, 1, 6) ** 2
    parts = []
    for number in range(rng.integers(2, 7)):
        pitch = base * 2 ** (rng.integers(-12, 13) / 12)
        note = sum(level * np.exp(-fade * t) * np.sin(2 * np.pi * pitch * (k + 1) * t) for k, level in enumerate(partials))
        parts.append((int(number * gap * RATE_HZ), note * rng.uniform(0.5, 1)))
    return joined(parts)


def hiss(rng):
    count = len(time(rng.uniform(0.1, 2)))
    spectrum = np.fft.rfft(rng.standard_normal(count))
    octaves = np.log2(np.maximum(np.fft.rfftfreq(count, 1 / RATE_HZ), 30) / np.exp(rng.uniform(np.log(150), np.log(6000))))
    return faded(np.fft.irfft(spectrum * np.exp(-((octaves / rng.uniform(0.2, 2)) ** 2)), count), rng)


def buzz(rng):
    t = time(rng.uniform(0.15, 1.5))
    pitch = rng.uniform(60, 500) * (1 + rng.uniform(0, 0.15) * np.sin(2 * np.pi * rng.uniform(0.5, 8) * t))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    peaks = rng.uniform(200, 4000, 3)
    return faded(sum(np.sin(k * phase) * sum(np.exp(-(((k * 200 - peak) / 250) ** 2)) for peak in peaks) for k in range(1, 24)), rng)


def made(rng):
    kinds = [strokes, strokes, strokes, beeps, sweep, bell, tune, tune, hiss, buzz]
    sound = kinds[rng.integers(len(kinds))](rng)
    return (0.3 * sound / (np.abs(sound).max() + 1e-9)).astype(np.float32)[: 4 * RATE_HZ]


def nearest(vectors, to, groups=None):
    """The highest cosine with a vector of `to`; with `groups`, of another group (a recording is like itself)."""
    cosines = vectors @ to.T
    if groups is not None:
        cosines[groups[:, None] == groups[None]] = -1
    return cosines.max(1)


def unlike(made_vectors, clip_vectors, classes, recordings):
    """Which made sounds are less like each class than clips of the class are like each other: the others could be one."""
    everything = np.concatenate([made_vectors, clip_vectors])
    mean = everything.mean(0)
    everything = (everything - mean) / (np.linalg.norm(everything - mean, axis=1, keepdims=True) + 1e-9)
    made_vectors, clip_vectors = everything[: len(made_vectors)], everything[len(made_vectors) :]
    keep = np.ones(len(made_vectors), bool)
    for name in dict.fromkeys(classes):
        own = np.array([each == name for each in classes])
        if len(set(recordings[own])) > 1:
            usual = np.median(nearest(clip_vectors[own], clip_vectors[own], recordings[own]))
            keep &= nearest(made_vectors, clip_vectors[own]) < usual
    return keep
