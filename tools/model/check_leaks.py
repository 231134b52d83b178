"""Looks for the audio of every test clip inside the training recordings, by another method than data.py's fingerprints.

    check_leaks.py --lab DIR --out models/default/leaks.json
    check_leaks.py --lab DIR --out models/default/leaks.json --kits

A clip's loudest 1.5 s (all of a shorter clip) become a patch: 12 mel bands a 20 ms frame, each frame's mean and each
band's mean removed (all drums decay alike, so loudness alone says nothing), scaled to unit length. Its normalised
cross-correlation with every place of every training recording is taken by FFT, at five speeds from 0.87 to 1.15 (time
and pitch together). A value of 1 is the same spectrogram up to a gain
in each band; unrelated sounds stay well under it. To say what a copy looks like, and that the method finds one, the
same search is run for control patches that were cut from training recordings, sped up, filtered and mixed with noise.
With `--kits` the same is done for the drum kits and fonts that training rhythms are played on, stroke by stroke and as
played; the result is added to the file.
"""

import argparse
import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

import instruments
import synth
from data import Recordings
from evaluate import test_set
from features import SAMPLE_RATE_HZ as RATE, log_mel

BANDS, PATCH = 12, 75
SPEEDS = [0.87, 0.93, 1.0, 1.07, 1.15]
ALARM_AT = 0.75
SHORTEST_CONTROL = 2 * RATE
PLAYED = 160  # pieces of percussion that the pool plays (pool.py)


def bands(samples):
    """Log energies `[frames, 12]`, clamped 45 dB under the loudest, less each frame's mean: colour without loudness."""
    mel = log_mel(samples)[:, :120]
    mel = mel[: len(mel) // 2 * 2].reshape(-1, 2, BANDS, 10).mean((1, 3))
    mel = np.maximum(mel, mel.max() - 45 * np.log(10) / 10)
    return (mel - mel.mean(1, keepdims=True)).astype(np.float32)


def faster(samples, speed):
    return np.interp(np.arange(0, len(samples) - 1, speed), np.arange(len(samples)), samples).astype(np.float32)


def patch(samples):
    """The loudest 75 frames with each band's mean removed, unit length, `[frames, 12]`; None when too short or steady."""
    if len(samples) < 4000:
        return None
    b = bands(samples)
    width = min(PATCH, len(b))
    power = np.square(samples[: len(b) * 320]).reshape(len(b), -1).sum(1) if len(samples) >= len(b) * 320 else np.ones(len(b))
    loud = np.convolve(power, np.ones(width), "valid")
    at = int(loud.argmax())
    p = b[at: at + width] - b[at: at + width].mean(0)
    norm = np.linalg.norm(p)
    return p / norm if norm / np.sqrt(p.size) > 0.3 else None


class Haystack:
    """The training recordings' bands end to end, with the running energies that normalise the correlation."""

    def __init__(self, sounds, seconds_a_block=600):
        self.blocks, rows, names, total = [], [], [], 0
        for e, samples in sounds:
            b = bands(samples)
            rows += [b, np.zeros((PATCH, BANDS), np.float32)]  # no patch spans two recordings unnoticed
            names.append((total, e))
            total += len(b) + PATCH
        self.names, self.all = names, np.concatenate(rows)
        self.starts = np.array([n for n, _ in names])
        step = seconds_a_block * 50
        for at in range(0, total, step):
            self.blocks.append((at, torch.from_numpy(self.all[at: at + step + PATCH])))
        size = 1 << (step + 2 * PATCH - 1).bit_length()
        self.size = size
        self.spectra = [torch.fft.rfft(b - b.mean(0), n=size, dim=0) for _, b in self.blocks]

    @lru_cache(maxsize=4000)
    def scale(self, at, width):
        """One over the length of every `width` frames of the block at `at`, each band's mean removed."""
        b = dict(self.blocks)[at]
        centred = (b - b.mean(0)).double()
        sums = torch.cat([torch.zeros(1, BANDS), centred.cumsum(0)])
        squares = torch.cat([torch.zeros(1), centred.square().sum(1).cumsum(0)])
        mean = (sums[width:] - sums[:-width]) / width
        energy = (squares[width:] - squares[:-width]) - width * mean.square().sum(1)
        return energy.clamp_min(0.09 * width * BANDS).rsqrt().float()

    def best(self, patches):
        """The largest correlation of each patch and where it is: [(value, entry, frame)]."""
        widths = [len(p) for p in patches]
        kernels = torch.stack([torch.fft.rfft(torch.from_numpy(p), n=self.size, dim=0) for p in patches])
        found = [(-1.0, None, 0)] * len(patches)
        for (at, b), spectrum in zip(self.blocks, self.spectra):
            dot = torch.fft.irfft((spectrum[None] * kernels.conj()).sum(2), n=self.size, dim=1)
            for k, width in enumerate(widths):
                last = len(b) - width
                if last < 1:
                    continue
                value = dot[k, : last + 1] * self.scale(at, width)
                top = value.max(0)
                if top.values.item() > found[k][0]:
                    frame = at + int(top.indices)
                    entry = self.names[int(np.searchsorted(self.starts, frame, "right")) - 1]
                    found[k] = (top.values.item(), entry[1], frame - entry[0])
        return found


def search(hay, samples):
    """The best match over all speeds: value, speed, entry, seconds."""
    tries = [(s, patch(faster(samples, s) if s != 1 else samples)) for s in SPEEDS]
    tries = [(s, p) for s, p in tries if p is not None]
    if not tries:
        return None
    found = hay.best([p for _, p in tries])
    k = max(range(len(found)), key=lambda i: found[i][0])
    return found[k][0], tries[k][0], found[k][1], found[k][2] / 50


def controls(sounds, count):
    """Copies that must be found: cut from training, sped up, filtered, 20 dB over noise."""
    rng, out = np.random.default_rng(8), []
    while len(out) < count:
        e, x = sounds[rng.integers(len(sounds))]
        if len(x) < SHORTEST_CONTROL:
            continue
        start = rng.integers(len(x) - SHORTEST_CONTROL + 1)
        x = synth.band_limit(rng, faster(x[start: start + 5 * RATE], rng.uniform(0.86, 1.16)))
        x = x + rng.standard_normal(len(x)) * x.std() * 0.1
        if patch(x.astype(np.float32)) is not None:
            out.append((e, x.astype(np.float32)))
    return out


def played(lab: Path):
    """The strokes of the drum kits, and the rhythms on drum fonts as the pool plays them: [(entry, samples)]."""
    for name in instruments.DRUM_KITS:
        for file in instruments.stroke_files(lab / "pkg" / name):
            yield dict(package="hydrogen-drumkits", path=f"{file.parent.name}/{file.name}", source=f"kit:{file.parent.name}"), instruments.stroke(file)
    for seed in range(PLAYED):
        if instruments.on_font(seed):
            yield dict(package="soundfont", path=f"percussion {seed}", source="drum fonts"), instruments.percussion(lab, seed)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--controls", type=int, default=40)
    parser.add_argument("--kits", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    recordings = Recordings(options.lab)
    if options.kits:
        sounds = [(e, x) for e, x in played(options.lab) if len(x) >= 1600]
    else:
        sounds = [(e, recordings.samples(e)) for e in recordings.entries if e["split"] == "train" and e["length"] >= 1600]
    hay = Haystack(sounds)
    clips, _, _, rows = test_set(options.lab)
    values, hits, skipped = [], [], 0
    for clip, row in zip(clips, rows):
        if row["kind"] != "recording":
            continue
        best = search(hay, clip)
        if best is None:
            skipped += 1
            continue
        value, speed, entry, seconds = best
        values.append(value)
        if len(values) % 20 == 0:
            print(len(values), "clips", flush=True)
        if value >= ALARM_AT:
            hits.append(dict(correlation=round(value, 3), speed=speed, test=f"{row['package']}: {row['path']}", test_source=row["source"],
                             train=f"{entry['package']}: {entry['path']}", train_source=entry["source"], at_seconds=round(seconds, 2)))
    found, right = [], 0
    for entry, x in controls(sounds, options.controls):
        value, _, where, _ = search(hay, x)
        found.append(value)
        right += where["source"] == entry["source"]
    quantiles = lambda v: dict(zip(("5 %", "median", "95 %", "highest"), (round(float(q), 3) for q in np.percentile(v, [5, 50, 95, 100]))))
    result = dict(training_files=len(sounds), training_hours=round(len(hay.all) / 180_000, 2), speeds=SPEEDS, threshold=ALARM_AT,
                  test_recordings=len(values), too_short_or_steady=skipped, correlation_of_test_clips=quantiles(values),
                  controls=len(found), controls_found_in_their_source=right, correlation_of_controls=quantiles(found),
                  controls_over_threshold=int(sum(v >= ALARM_AT for v in found)), suspects=sorted(hits, key=lambda h: -h["correlation"]))
    if options.kits:
        result = {**json.loads(options.out.read_text()), "kits": result}
    print(json.dumps(result, indent=1))
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
