#!/usr/bin/env python3
"""Measures the error of the onset that events report, beside that of their time.

    python Benchmarks/onset_error.py --astd .build/release/astd

Makes clips of one sound at a known place: pieces of 0.4 to 4 s of the default model's examples and of synthesised
sounds, at levels of -36 to -14 dBFS, 10 to 30 dB over a background. Of each clip counts the first event of the sound's
label by the default settings. The constants of the estimate were chosen on other clips.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from made_clips import LABELS, RATE, clip_of, events_of, sound_of


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--astd", default=".build/release/astd")
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--hops", type=float, nargs="+", default=[1, 0.5, 0.25])
    arguments = parser.parse_args()
    truth = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.clips):
            rng = np.random.default_rng([arguments.seed, number])
            label = LABELS[number % len(LABELS)]
            seconds, at = float(np.exp(rng.uniform(np.log(0.4), np.log(4)))), rng.uniform(6, 7)
            clip = clip_of(sound_of(label, seconds, rng), at, at + seconds + 6.5, rng.uniform(-36, -14),
                           rng.uniform(10, 30), rng)
            soundfile.write(Path(folder) / f"{number}.wav", clip, RATE, subtype="FLOAT")
            truth[f"{number}.wav"] = (label, int(at * RATE) / RATE, seconds)
        print(f"{arguments.clips} clips, error of the onset in seconds: median (90 %)\n")
        print("| hop | clips with the event | `time` | `onset` | within `onset_uncertainty` |")
        print("|---|---|---|---|---|")
        for hop in arguments.hops:
            events = events_of(arguments.astd, folder, [], hop)
            times, onsets, covered = [], [], 0
            for name, (label, at, _) in truth.items():
                event = next((e for e in events.get(name, []) if e["label"] == label), None)
                if event is None:
                    continue
                times.append(abs(event["start"] - at))
                onsets.append(abs(event["onset"] - at))
                covered += onsets[-1] <= event["onset_uncertainty"]
            def text(errors):
                return f"{np.median(errors):.2f} ({np.quantile(errors, 0.9):.2f})"
            print(f"| {hop:g} s | {len(onsets)} | {text(times)} | {text(onsets)} | {covered / len(onsets):.0%} |", flush=True)


if __name__ == "__main__":
    main()
