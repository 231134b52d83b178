"""Builds the training pool: sounds as log-mels with their labels, made once and kept in memory.

Each clip draws a label, a source of it, a file of it, a place in it, at times a repetition or another speed, and a
sound chain (`chains.py`) that it goes through. Synthesis is made at the chain's own rate. A clip is up to 7.7 s long,
so that training can take any 5.12 s of it. Levels, mixtures and further noise floors are added later on the log-mels
(`mixer.py`), where they are cheap: powers add, a gain is an offset. A third of the alarms begin or end in their clip,
and each clip records in which frames its alarm sounds, so that the mixer knows what a window holds of the pattern.

    pool.py --lab DIR --count 5500 --seed 1 --what synthesis     one shard; run several with other seeds side by side
    pool.py --lab DIR --count 4000 --seed 2 --what recordings
    pool.py --lab DIR --count 10000 --seed 5 --what alarms
    pool.py --lab DIR --count 3000 --seed 9 --what negatives
    pool.py --lab DIR --count 1200 --seed 99 --side validation

One training source in five of each label (`held_out`) is kept for validation and takes no part in training.
"""

import argparse
import hashlib
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

import alarms
import beepers
import chains
import instruments
import noises
import synth
from data import Recordings
from features import FLOOR, HOP, MELS, SAMPLE_RATE_HZ as RATE, WINDOW, log_mel
from labels import AUXILIARY, INDEX, SYNTHETIC, TARGETS, VALIDATION_SOURCES

POOL_FRAMES = 768
POOL_SAMPLES = WINDOW + (POOL_FRAMES - 1) * HOP

# How often each label is drawn as the main one; "Other" is beeps, chirps and dialling that are no label.
WEIGHTS = {"Speech": 2.2, "Music": 2.2, "Piano": 0.7, "Percussion": 1.3, "Animal": 1.0, "Screaming": 1.0,
           "Vehicle": 0.7, "Tools": 0.8, "Water": 0.8, "Siren": 0.4, "Alarm": 0.8, "Kinds": 3.6, "Other": 0.7,
           "Sine wave": 0.7, "Noise": 1.2, "Silence": 0.35, "Effect": 2.0, "Beeps": 1.4}
SYNTHESISED = SYNTHETIC + ["Kinds", "Other", "Beeps"]
# A shard of alarms alone: the rhythms need many more draws than the labels do.
ALARM_WEIGHTS = {"Kinds": 8, "Other": 1.5, "Beeps": 3, "Alarm": 1, "Siren": 0.5}
NEGATIVE_WEIGHTS = {"Effect": 5, "Water": 1.5, "Animal": 1.5, "Vehicle": 1, "Tools": 1.5, "Speech": 2}


def targets(positives, unknown=()):
    """Labels, then auxiliary kinds of alarm, as 1 (heard), 0 (not heard), -1 (unknown)."""
    y = np.zeros(len(TARGETS), np.int8)
    y[[INDEX[u] for u in unknown]] = -1
    y[[INDEX[p] for p in positives]] = 1
    return y


def kind_targets(kind):
    """A kind of alarm is Siren or Alarm too. Whether a window holds enough of it is for the mixer to say."""
    return targets(["Siren" if kind in alarms.SIRENS else "Alarm", "kind: " + kind])


def held_out(sources):
    """One source in five of a label, by the hash of its name; none where there are fewer than five."""
    drawn = sorted(sources, key=lambda s: hashlib.sha256(("validation" + s).encode()).digest())
    return set(drawn[: len(drawn) // 5])


def sides(entries):
    """The training entries on each side: {"train" | "validation": label: source: [entry]}."""
    files = defaultdict(lambda: defaultdict(list))
    for e in entries:
        if e["split"] == "train":
            files[e["labels"][-1]][e["source"]].append(e)
    held = set(VALIDATION_SOURCES)
    for label, sources in sorted(files.items()):
        if label != "Speech":
            held |= held_out(sources)
    return {side: {label: {s: f for s, f in sources.items() if (s in held) == (side == "validation")}
                   for label, sources in files.items()} for side in ("train", "validation")}


class Clips:
    """Draws clips of one side: samples and targets."""

    def __init__(self, lab: Path, side, what):
        self.lab, self.side, self.rendered = lab, side, {}
        self.weights = {"alarms": ALARM_WEIGHTS, "negatives": NEGATIVE_WEIGHTS, "percussion": {"Percussion": 1}, "noise": {"Noise": 1}}.get(what) or {
            n: w for n, w in WEIGHTS.items() if what == "all" or (n in SYNTHESISED) == (what == "synthesis")}
        if what in ("all", "recordings", "percussion", "negatives"):
            self.recordings = Recordings(lab)
            self.files = sides(self.recordings.entries)[side]

    def rendering(self, rng, what):
        """One of a few hundred rendered pieces, made on first use; other seeds for validation."""
        seed = int(rng.integers(160)) + (5000 if self.side == "validation" else 0)
        if (what, seed) not in self.rendered:
            self.rendered[what, seed] = ((instruments.speak(seed), ["Speech"]) if what == "espeak"
                                         else instruments.percussion(self.lab, seed) if what == "percussion"
                                         else instruments.render(self.lab, "train", what, seed))
        return self.rendered[what, seed]

    def synthetic(self, rng, label, n):
        """A clean sound at the rate in force, its targets, and the kinds that its label does not rule out."""
        if label == "Kinds":
            kind = alarms.KINDS[rng.integers(len(alarms.KINDS))]
            maker = beepers.reversing_beeper if kind == "Reversing beeper" and rng.random() < 0.6 else alarms.MAKERS[kind]
            x = maker(rng, n, False)
            if rng.random() < 0.35:  # it begins or ends here
                at = int(rng.uniform(0.1, 0.9) * n)
                x = np.where((np.arange(n) < at) == (rng.random() < 0.5), x, 0)
            return x, kind_targets(kind)
        if label == "Beeps":
            x, name = beepers.other(rng, n, False)
            unknown = {"appliance": ["Alarm", "Sine wave"], "chime": ["Alarm", "Music", "Piano", "Percussion"],
                       "game": ["Alarm", "Siren", "Music"], "bird": ["Animal"]}[name]
            return x, targets([], unknown)
        if label == "Other":
            return alarms.other(rng, n, False), targets([], ["Alarm", "Siren", "Sine wave"])
        x = noises.noise(rng, n) if label == "Noise" and rng.random() < 0.5 else synth.MAKERS[label](rng, n, False)
        # synth.py does not return the kinds of its alarms and sirens: unknown for the auxiliary targets.
        return x, targets([label], AUXILIARY if label in ("Alarm", "Siren") else [])

    def recorded(self, rng, label):
        """A recording or a rendering at 16 kHz, and its targets; None where this side has no source of the label."""
        instrument = {"Piano": ("piano", 0.85), "Percussion": ("percussion", 0.6),
                      "Music": ("ensemble", 0.25), "Speech": ("espeak", 0.25)}.get(label)
        sources = self.files.get(label)
        if instrument and self.side == "train" and rng.random() < instrument[1]:
            x, positives = self.rendering(rng, instrument[0])
            y = targets(positives)
        elif not sources:
            return None
        else:
            files = sources[sorted(sources)[rng.integers(len(sources))]]
            e = files[rng.integers(len(files))]
            x, y = self.recordings.samples(e), targets(e["labels"], e["unknown"])
            if rng.random() < (0.5 if label == "Speech" or len(x) < 2 * RATE else 0):
                parts = [x]
                while sum(map(len, parts)) < POOL_SAMPLES * 1.1:
                    parts.append(np.zeros(int(rng.uniform(0.05, 0.8) * RATE), np.float32))
                    parts.append(self.recordings.samples(files[rng.integers(len(files))]))
                x = np.concatenate(parts) if rng.random() < 0.8 else x
        if label == "Speech" and rng.random() < 0.2:  # one word, or less of a sentence
            length = int(rng.uniform(0.35, 1.4) * RATE)
            start = rng.integers(max(1, len(x) - length))
            x = x[start: start + length]
        if rng.random() < 0.3:  # speed, and with it pitch
            speed = rng.uniform(0.85, 1.18)
            x = np.interp(np.arange(0, len(x) - 1, speed), np.arange(len(x)), x)
        if len(x) > POOL_SAMPLES:
            start = rng.integers(len(x) - POOL_SAMPLES + 1)
            x = x[start: start + POOL_SAMPLES]
        if len(x) < POOL_SAMPLES and rng.random() < 0.5:  # quiet around it, as a microphone that is always on has it
            before = rng.integers(POOL_SAMPLES - len(x) + 1)
            x = np.pad(x, (before, POOL_SAMPLES - len(x) - before))
        return x, y

    def draw(self, rng):
        """A label, a chain, the sound at the chain's rate before it goes through, targets, and where an alarm sounds."""
        names, weights = list(self.weights), np.array(list(self.weights.values()))
        label = names[rng.choice(len(names), p=weights / weights.sum())]
        chain, on = chains.draw(rng), np.ones(POOL_FRAMES, bool)
        if label in SYNTHESISED:
            rate = max(chain.rate, RATE)  # the generators reach up to 7.8 kHz
            with chains.at_rate(rate):
                x, y = self.synthetic(rng, label, POOL_SAMPLES * rate // RATE)
            if label in ("Kinds", "Beeps"):
                on = alarms.sounding(x, POOL_FRAMES, HOP * rate // RATE, WINDOW * rate // RATE)
            x = chains.resample(x, rate, chain.rate, "soxr-hq", None)
            if label == "Noise" and chain.agc:
                chain.agc = False
            if label == "Sine wave":
                chain.clip = None
        else:
            drawn = self.recorded(rng, label)
            if drawn is None:
                return self.draw(rng)
            x, y = chains.raised(chain, drawn[0]), drawn[1]
        if chain.floor_db is not None and chain.floor_db > -20 and y[INDEX["Noise"]] == 0:
            y[INDEX["Noise"]] = -1
        return label, chain, x, y, on


def build(lab: Path, count, seed, side, what, at_once=256):
    """Features f16 [count, 768, 128], valid frames [count], targets i8 [count, targets], the label drawn [count], and
    the frames where an alarm or beep sounds [count, 96], packed."""
    clips, rng = Clips(lab, side, what), np.random.default_rng(seed)
    x = np.full((count, POOL_FRAMES, MELS), FLOOR, np.float16)
    frames, y, drawn, on = np.zeros(count, np.int16), np.zeros((count, len(TARGETS)), np.int8), [], np.zeros((count, POOL_FRAMES // 8), np.uint8)
    started = time.time()
    for first in range(0, count, at_once):
        rows = range(first, min(count, first + at_once))
        several, sounds = [], []
        for i in rows:
            label, chain, samples, y[i], sounding = clips.draw(rng)
            drawn.append(label)
            on[i] = np.packbits(sounding)
            several.append(chain)
            sounds.append(chains.captured(chain, samples, quiet=label == "Silence"))
        for i, chain, samples in zip(rows, several, chains.coded(several, sounds)):
            samples = chains.lowered(chain, samples)
            if not np.isfinite(samples).all():  # one clip in 17,000, perhaps of a decoder: one such example ends a training
                print(f"clip {i} ({drawn[i]}, {chain}) is not finite: left out", flush=True)
                samples, y[i] = np.zeros_like(samples), -1
            if drawn[i] != "Silence":
                samples = synth.to_level(samples)
            if len(samples) < WINDOW + HOP:
                samples = np.pad(samples, (0, WINDOW + HOP))
            mel = log_mel(samples[:POOL_SAMPLES])
            frames[i] = len(mel)
            x[i, : len(mel)] = mel
        if first // at_once % 2 == 1:
            print(f"{rows[-1] + 1} clips, {(rows[-1] + 1) / (time.time() - started):.1f}/s", flush=True)
    return x, frames, y, np.array(drawn), on


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--count", type=int, default=7000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--side", choices=["train", "validation"], default="train")
    parser.add_argument("--what", choices=["all", "synthesis", "recordings", "alarms", "percussion", "noise", "negatives"], default="all")
    options = parser.parse_args()
    x, frames, y, drawn, on = build(options.lab, options.count, options.seed, options.side, options.what)
    name = f"pool-{options.seed}" if options.side == "train" else "validation"
    np.save(options.lab / f"{name}-x.npy", x)
    part = options.lab / f"part-{name}.npz"  # complete only when renamed
    np.savez(part, frames=frames, y=y, drawn=drawn, on=on)
    part.rename(options.lab / f"{name}.npz")


if __name__ == "__main__":
    main()
