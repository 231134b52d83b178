"""Makes windows as a microphone would capture them: a clip at some moment, level and distance, over a background."""

import numpy as np
from scipy.signal import fftconvolve

from clips import RATE_HZ, levels


def active_level(samples):
    """Mean level in dB of the parts within 25 dB of the loudest."""
    found = levels(samples)
    loud = found[found > found.max() - 25]
    return 10 * np.log10(np.mean(10 ** (loud / 10)))


def core(samples):
    """First and last sample of nine tenths of the energy: what a window must hold to be an example of the sound."""
    energy = np.cumsum(samples.astype(np.float64) ** 2)
    first, last = np.searchsorted(energy, [0.05 * energy[-1], 0.95 * energy[-1]])
    return int(first), int(last) + 1


def gain(decibels):
    return np.float32(10 ** (decibels / 20))


def room(rng, samples):
    """The clip in a made room: a direct sound, and a tail of noise that decays."""
    seconds = rng.uniform(0.1, 0.6)
    count = int(seconds * RATE_HZ)
    tail = rng.standard_normal(count) * np.exp(-6.9 * np.arange(count) / count)
    tail *= gain(rng.uniform(-12, 0)) / np.sqrt((tail**2).sum())
    # High frequencies fade first.
    tail = np.convolve(tail, [0.25, 0.5, 0.25], "same")
    tail[0] += 1
    return fftconvolve(samples, tail).astype(np.float32)


def tilt(rng, samples):
    """Another microphone or a wall: up to 4 dB more or less of the low or the high frequencies."""
    spectrum = np.fft.rfft(samples)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(samples), 1 / RATE_HZ), 60) / 1000)
    slope = rng.uniform(-1.3, 1.3)
    return np.fft.irfft(spectrum * 10 ** (slope * octaves / 20), len(samples)).astype(np.float32)


def made_noise(rng, count):
    """Noise between white and brown, with hum now and then: a background for those who have recorded none."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum *= np.maximum(np.arange(len(spectrum)), 1.0) ** -rng.uniform(0, 1)
    noise = np.fft.irfft(spectrum, count)
    noise /= np.sqrt((noise**2).mean())
    if rng.random() < 0.3:
        time = np.arange(count) / RATE_HZ
        base = rng.choice([50, 60, 100, 120])
        noise += sum(rng.uniform(0, 1) / k * np.sin(2 * np.pi * base * k * time) for k in range(1, 6))
    return noise.astype(np.float32)


class Mixer:
    """Windows of a number of samples, from clips and backgrounds."""

    def __init__(self, samples, backgrounds):
        self.samples = samples
        self.backgrounds = backgrounds

    def background(self, rng):
        """A window of a background at the level at which it was recorded, or of made noise."""
        if not self.backgrounds or rng.random() < 0.1:
            return made_noise(rng, self.samples) * gain(rng.uniform(-75, -30))
        weights = np.array([len(samples) for _, samples in self.backgrounds], float)
        samples = self.backgrounds[rng.choice(len(weights), p=weights / weights.sum())][1]
        if len(samples) <= self.samples:
            return np.resize(samples, self.samples)
        start = rng.integers(len(samples) - self.samples)
        return samples[start : start + self.samples].copy()

    def places(self, first, last):
        """Lowest and highest start of a sound with this core.

        The core is whole in the window. One that would be whole in fewer than two windows a second fills all of the
        window but two seconds: the daemon wants two hits.
        """
        slack = min(2 * RATE_HZ, self.samples // 2)
        if last - first <= self.samples - slack:
            return -first, self.samples - last
        return self.samples - slack - last, slack - first

    def window(self, rng, sound, decibels=None, augments=True, margin=0):
        """A sound over a background, `decibels` above it or at a random ratio, at a random place.

        - margin: Samples at both ends of the window in which the sound's core may not be.
        """
        if augments and rng.random() < 0.5:
            sound = room(rng, sound)
        if augments and rng.random() < 0.5:
            sound = tilt(rng, sound)
        background = self.background(rng)
        if augments and rng.random() < 0.08:
            # A clip alone, shorter than the window: what `astd classify` sees of a file.
            return sound[: self.samples] * gain(rng.uniform(-40, -12) - active_level(sound))
        ratio = rng.uniform(3, 30) if decibels is None else decibels
        floor = max(active_level(background), -75)
        level = min(floor + ratio, -6)
        sound = sound * gain(level - active_level(sound))
        background = background * gain(min(0, level - ratio - floor))
        low, high = self.places(*core(sound))
        start = int(rng.integers(low + margin, high - margin + 1))
        first, last = max(0, start), min(self.samples, start + len(sound))
        background[first:last] += sound[first - start : last - start]
        if augments:
            background *= gain(rng.uniform(-12, 12))
        return np.clip(background, -1, 1)
