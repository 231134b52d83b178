#!/usr/bin/env python3
"""Cuts long recordings into clips, by level: one file for each sound that rises above the background.

    cut.py monday.wav tuesday.flac --output clips/Chime
    parecord --rate=16000 --channels=1 monday.wav                 # until Ctrl-C; ring the bell now and then

A clip is named after its recording and its time in it (monday--0003-12.50.flac: 3 min 12.5 s), so that train.py never
divides the clips of one recording between training and test. Listen to the clips and delete those of other sounds.
"""

import argparse
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import numpy as np
import soundfile

from clips import files

BLOCK_SECONDS = 0.02
FLOOR_SECONDS = 10


def levels(path):
    """Level of each 20 ms in dB, without holding the recording in memory."""
    found = []
    with soundfile.SoundFile(path) as file:
        size = int(file.samplerate * BLOCK_SECONDS)
        for block in file.blocks(blocksize=size * 500, dtype="float32", always_2d=True):
            mono = np.nan_to_num(block.mean(1).astype(np.float64))
            whole = len(mono) // size * size
            if whole:
                found.append((mono[:whole].reshape(-1, size) ** 2).mean(1))
    power = np.concatenate(found) if found else np.zeros(0)
    return 10 * np.log10(np.maximum(power, 1e-10))


def floor(level):
    """The background's level around each block: the lower quartile of ten seconds."""
    size = int(FLOOR_SECONDS / BLOCK_SECONDS)
    parts = [np.percentile(level[max(0, start - size // 2) : start + size + size // 2], 25) for start in range(0, len(level), size)]
    return np.repeat(parts, size)[: len(level)]


def spans(level, above, join_seconds, margin_seconds, shortest, longest):
    """First and last block of each sound."""
    rise = level - floor(level)
    # It begins where it rises clearly, and lasts while it stays half as far above the background.
    active = rise > above / 2
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(int), [0]])))
    found = [(a, b) for a, b in zip(edges[::2], edges[1::2]) if rise[a:b].max() > above]
    joined = []
    for a, b in found:
        if joined and (a - joined[-1][1]) * BLOCK_SECONDS <= join_seconds:
            joined[-1] = (joined[-1][0], b)
        else:
            joined.append((a, b))
    margin = int(margin_seconds / BLOCK_SECONDS)
    for a, b in joined:
        if not shortest <= (b - a) * BLOCK_SECONDS <= longest:
            continue
        yield max(0, a - margin), min(len(level), b + margin)


def name(path, seconds):
    return f"{path.stem}--{int(seconds // 60):04}-{seconds % 60:05.2f}.flac"


def cut(path, options):
    """Writes the clips of one recording; returns how many there are, and how many of these are new."""
    with soundfile.SoundFile(path) as file:
        rate = file.samplerate
    count = new = 0
    size = int(rate * BLOCK_SECONDS)
    for first, last in spans(levels(path), options.above, options.join, options.margin, options.shortest, options.longest):
        count += 1
        target = options.output / name(path, first * BLOCK_SECONDS)
        if target.exists():
            continue
        samples, _ = soundfile.read(path, start=first * size, stop=last * size, dtype="float32")
        options.output.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        soundfile.write(part, samples, rate, format="FLAC")
        os.replace(part, target)
        new += 1
    return count, new


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, nargs="+", help="recordings, or folders of them")
    parser.add_argument("--output", type=Path, required=True, help="folder for the clips")
    parser.add_argument("--above", type=float, default=12, help="level over the background in dB at which a sound counts (default: 12)")
    parser.add_argument("--join", type=float, default=0.6, help="sounds less than this many seconds apart are one clip (default: 0.6)")
    parser.add_argument("--margin", type=float, default=0.2, help="seconds before and after a sound (default: 0.2)")
    parser.add_argument("--shortest", type=float, default=0.06, help="shorter sounds are left out (default: 0.06 s)")
    parser.add_argument("--longest", type=float, default=10, help="longer sounds are left out (default: 10 s)")
    options = parser.parse_args()
    failed = False
    for path in options.recordings:
        for file in files(path)[0] if path.is_dir() else [path]:
            if options.output in file.parents:
                continue
            try:
                count, new = cut(file, options)
            except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
                print(f"cut.py: {file}: {error}", file=sys.stderr)
                failed = True
                continue
            print(f"{file}: {count} clips, {new} new")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
