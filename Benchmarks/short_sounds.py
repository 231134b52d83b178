#!/usr/bin/env python3
"""Counts which short sounds make an event, with and without detection.minimum_duration.

    python Benchmarks/short_sounds.py --astd .build/release/astd

Makes clips of one click (a burst of noise, a knock or an impulse of 50 ms), one pip (a tone of 50 ms) or one beep (a
tone of 0.5 s), each at other places, levels and backgrounds, and classifies them with the default model. An event is one
of any label but Noise and Silence, which the background has.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from made_clips import RATE, clip_of, events_of

KINDS = {"click": 0.05, "pip": 0.05, "beep": 0.5}
RUNS = {1: ["0", "0.4", "0.5"], 0.5: ["0", "0.3", "0.5"], 0.25: ["0", "0.25", "0.5"]}


def sound_of(kind, number, rng):
    t = np.arange(int(KINDS[kind] * RATE)) / RATE
    if kind != "click":
        tone = np.sin(2 * np.pi * rng.uniform(600, 3500) * t)
        return tone if number % 2 else np.sign(tone)
    if number % 3 == 0:
        return rng.standard_normal(len(t))
    if number % 3 == 1:
        knock = np.exp(-t / 0.012) * np.sin(2 * np.pi * rng.uniform(150, 900) * t)
        return knock + 0.3 * np.exp(-t / 0.004) * rng.standard_normal(len(t))
    return (np.arange(len(t)) < 16).astype(float)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--astd", default=".build/release/astd")
    parser.add_argument("--clips", type=int, default=60, help="of each kind")
    parser.add_argument("--hops", type=float, nargs="+", default=list(RUNS))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for kind, seconds in KINDS.items():
            for number in range(arguments.clips):
                rng = np.random.default_rng([3, list(KINDS).index(kind), number])
                at = rng.uniform(6, 7)
                clip = clip_of(sound_of(kind, number, rng), at, at + seconds + 6.5, rng.uniform(-30, -12),
                               rng.uniform(15, 40), rng)
                soundfile.write(Path(folder) / f"{kind}-{number}.wav", clip, RATE, subtype="FLOAT")
        print(f"Clips with an event, of {arguments.clips} of each kind\n")
        print("| hop | minimum_duration | " + " | ".join(f"{s} s {k}" for k, s in KINDS.items()) + " |")
        print("|---|---|" + "---|" * len(KINDS))
        for hop in arguments.hops:
            for duration in RUNS[hop]:
                settings = [f"detection.minimum_duration={duration}", "detection.deny=Noise:Silence"]
                events = events_of(arguments.astd, folder, settings, hop)
                counts = [sum(name.startswith(kind) for name in events) for kind in KINDS]
                print(f"| {hop:g} s | {duration} | " + " | ".join(map(str, counts)) + " |", flush=True)


if __name__ == "__main__":
    main()
