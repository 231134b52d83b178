#!/usr/bin/env python3
"""Makes three sounds to try the training with: a doorbell chime, a kettle's whistle, three knocks.

    demo_sounds.py FOLDER

FOLDER/clips has 20 clips of each, FOLDER/test 20 others with other pitches and rooms, FOLDER/room 20 minutes of other
sounds: noise, hum, beeps, clicks, drops and voice-like sounds; FOLDER/evening 10 other minutes of them. Everything is
made of formulas.
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True

import numpy as np
import soundfile

RATE_HZ = 16_000


def time(seconds):
    return np.arange(int(seconds * RATE_HZ)) / RATE_HZ


def bell(rng, pitch, seconds):
    t = time(seconds)
    parts = zip((1, 2.0, 2.76, 5.4), (1, 0.5, 0.35, 0.15), (1, 1.6, 2.2, 4))
    return sum(level * np.exp(-fade * 3 * t) * np.sin(2 * np.pi * pitch * ratio * t + rng.uniform(0, 6)) for ratio, level, fade in parts)


def doorbell(rng, pitch):
    high, low = bell(rng, pitch, 1.2), bell(rng, pitch * 0.794, 1.6)
    sound = np.zeros(int(2.4 * RATE_HZ))
    start = int(rng.uniform(0.45, 0.7) * RATE_HZ)
    sound[: len(high)] += high
    sound[start : start + len(low)] += low[: len(sound) - start]
    return sound


def kettle(rng, pitch):
    t = time(rng.uniform(2, 3.5))
    rise = 1 - 0.35 * np.exp(-3 * t)
    phase = 2 * np.pi * np.cumsum(pitch * rise * (1 + 0.004 * np.sin(2 * np.pi * rng.uniform(4, 9) * t))) / RATE_HZ
    breath = rng.standard_normal(len(t))
    breath = np.convolve(breath, np.sin(2 * np.pi * pitch * time(0.004)), "same")
    sound = np.sin(phase) + 0.4 * np.sin(2 * phase) + 0.25 * breath / np.abs(breath).max()
    return sound * np.minimum(1, t / 0.4) * np.minimum(1, (t[-1] - t) / 0.15)


def knock(rng, pitch):
    t = time(0.12)
    wood = sum(np.exp(-fade * t) * np.sin(2 * np.pi * pitch * ratio * t) for ratio, fade in ((1, 60), (2.3, 90), (3.9, 140)))
    return wood + 0.5 * rng.standard_normal(len(t)) * np.exp(-300 * t)


def knocks(rng, pitch):
    gap = rng.uniform(0.18, 0.3)
    sound = np.zeros(int((3 * gap + 0.3) * RATE_HZ))
    for number in range(3):
        one = knock(rng, pitch) * rng.uniform(0.8, 1)
        start = int((number * gap + rng.uniform(0, 0.02)) * RATE_HZ)
        sound[start : start + len(one)] += one
    return sound


SOUNDS = {"Chime": (doorbell, 520, 780), "Kettle": (kettle, 2100, 3300), "Knocks": (knocks, 140, 320)}


def voice(rng):
    t = time(rng.uniform(0.3, 1.5))
    pitch = rng.uniform(90, 250) * (1 + 0.1 * np.sin(2 * np.pi * rng.uniform(0.5, 3) * t))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    peaks = rng.uniform(300, 2500, 3)
    tones = sum(np.sin(k * phase) * sum(np.exp(-((k * 150 - peak) / 200) ** 2) for peak in peaks) for k in range(1, 20))
    return tones * np.abs(np.sin(2 * np.pi * rng.uniform(1, 3) * t))


def other(rng):
    """A sound that is none of the three."""
    kind = rng.integers(5)
    if kind == 0:
        return np.sin(2 * np.pi * rng.uniform(300, 4000) * time(rng.uniform(0.05, 1)))  # a beep
    if kind == 1:
        return np.sum([np.pad(rng.standard_normal(80), (int(rng.integers(8000)), 8000))[:8080] for _ in range(rng.integers(1, 6))], 0)
    if kind == 2:
        return rng.standard_normal(int(rng.uniform(0.2, 2) * RATE_HZ)) * 0.4  # a rustle
    if kind == 3:
        t = time(0.3)
        return np.sin(2 * np.pi * (400 + 2500 * t) * t) * np.exp(-15 * t)  # a drop
    return voice(rng)


def scaled(rng, sound, low, high):
    peak = np.abs(sound).max() or 1
    return sound / peak * 10 ** (rng.uniform(low, high) / 20)


def background(rng, seconds):
    count = int(seconds * RATE_HZ)
    spectrum = np.fft.rfft(rng.standard_normal(count)) * np.maximum(np.arange(count // 2 + 1), 1.0) ** -rng.uniform(0.2, 0.8)
    noise = np.fft.irfft(spectrum, count)
    noise *= 10 ** (rng.uniform(-60, -45) / 20) / np.sqrt((noise**2).mean())
    noise += 0.001 * np.sin(2 * np.pi * 50 * np.arange(count) / RATE_HZ)
    for _ in range(int(seconds / 3)):
        sound = scaled(rng, other(rng), -45, -12)
        start = rng.integers(count - len(sound))
        noise[start : start + len(sound)] += sound
    return noise


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = Path(sys.argv[1])
    rng = np.random.default_rng(5)

    def write(path, sound):
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.clip(sound, -1, 1), RATE_HZ, subtype="PCM_16")

    for part in ("clips", "test"):
        for name, (make, low, high) in SOUNDS.items():
            for number in range(20):
                sound = make(rng, rng.uniform(low, high))
                if part == "test" or rng.random() < 0.5:
                    tail = rng.standard_normal(4000) * np.exp(-np.arange(4000) / rng.uniform(300, 1200)) * 0.05
                    tail[0] = 1
                    sound = np.convolve(sound, tail)
                write(root / part / name / f"{name.lower()}-{number:02}.wav", scaled(rng, sound, -20, -3))
    for number in range(10):
        write(root / "room" / f"room-{number:02}.flac", background(rng, 120))
    for number in range(5):
        write(root / "evening" / f"evening-{number}.flac", background(rng, 120))
    print(f"{root}: clips/, test/, room/ and evening/")


if __name__ == "__main__":
    main()
