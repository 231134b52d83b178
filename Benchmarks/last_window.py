#!/usr/bin/env python3
"""Measures what the last window of a file should be: padded, moved to the file's end, or left out when it adds little.

    apt-get download asterisk-core-sounds-en-wav asterisk-moh-opsound-wav sonic-pi-samples
    for deb in *.deb; do dpkg -x "$deb" packages; done
    python Benchmarks/last_window.py --astd .build/release/astd --packages packages

Cuts clips of known content from sources that the default model was not trained on: 5.2 to 25 s, of speech, music,
percussion and the synthesised sounds of tools/model. Counts, for every rule, wrong first labels and false labels above
0.5. Then joins two sounds, the second one only at the end, and counts how often it is found.
"""

import argparse
import collections
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools" / "model"))
import synth  # noqa: E402

RATE = 16_000
LENGTHS = [5.2, 5.22, 5.3, 5.4, 5.5, 5.75, 6, 6.5, 7, 7.5, 8, 9, 10, 10.3, 10.5, 11, 12.5, 14, 15.4, 16, 17.5, 20, 22, 25]
ENDINGS = [0.1, 0.25, 0.5, 1, 1.5, 2, 3, 4]
RULES = {
    "padded": ["--last-window", "padded"],
    "padded, at least 0.5 s": ["--last-window", "padded", "--min-window", "0.5"],
    "padded, at least 1 s": ["--last-window", "padded", "--min-window", "1"],
    "padded, at least 2 s": ["--last-window", "padded", "--min-window", "2"],
    "end": ["--last-window", "end"],
    "end, at least 0.5 s": ["--last-window", "end", "--min-window", "0.5"],
    "end, at least 1 s": ["--last-window", "end", "--min-window", "1"],
}
# A label that is right as well, or that is right for a part of the clip.
ALSO_RIGHT = {"Music": {"Percussion"}, "Percussion": {"Music"}}


def resampled(path):
    samples, rate = soundfile.read(path)
    samples = samples if samples.ndim == 1 else samples.mean(axis=1)
    if rate != RATE:
        from scipy.signal import resample_poly

        samples = resample_poly(samples, RATE, rate)
    return samples


def sources(packages, random):
    """Known sounds of 26 s or more: (label, samples)."""
    seconds = 26 * RATE
    for label in ["Siren", "Alarm", "Sine wave", "Noise", "Silence"]:
        for seed in range(8):
            rng = np.random.default_rng(synth.TEST_SEED + 500 + seed)
            samples = synth.MAKERS[label](rng, seconds, True)
            if label != "Silence":
                samples = synth.to_level(samples, rng.uniform(-40, -15))
            yield label, samples
    if packages is None:
        for name, label in [("speech-en", "Speech"), ("music", "Music"), ("piano", "Music"), ("percussion", "Percussion")]:
            yield label, np.tile(resampled(ROOT / f"models/default/examples/{name}.flac"), 6)
        return
    prompts = sorted(packages.rglob("en_US_f_Allison/*.wav"))
    random.shuffle(prompts)
    for part in range(8):
        spoken = []
        while sum(map(len, spoken)) < seconds:
            spoken.append(resampled(prompts.pop()))
        yield "Speech", np.concatenate(spoken)
    for path in sorted(packages.rglob("moh/*.wav")):
        music = resampled(path)
        for start in random.choice(len(music) - seconds, 2):
            yield "Music", music[start : start + seconds]
    for path in sorted(packages.rglob("loop_tabla.flac")):
        tabla = resampled(path)
        tabla = np.tile(tabla, 1 + 2 * seconds // len(tabla))
        for start in random.choice(seconds, 4):
            yield "Percussion", tabla[start : start + seconds]


def classified(astd, model, folder, options):
    command = [astd, "classify", str(folder), "--model", str(model), "--precision", "fp32", "--top-k", "all"]
    output = subprocess.run(command + ["--format", "jsonl", *options], check=True, capture_output=True, text=True).stdout
    records = collections.defaultdict(list)
    for line in output.splitlines():
        record = json.loads(line)
        records[Path(record["file"]).stem].append(record)
    return records


def judged(record, label):
    """Whether the first label is right, and the number of false labels above 0.5."""
    right = {label} | ALSO_RIGHT.get(label, set())
    false = sum(entry["score"] > 0.5 and entry["label"] not in right for entry in record["labels"])
    return record["labels"][0]["label"] in right, false


def row(name, values):
    right, false = zip(*values)
    return f"{name}: {len(values)} judged, {100 * (1 - np.mean(right)):.1f} % wrong, {np.mean(false):.3f} false labels"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--astd", default=".build/release/astd")
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "default")
    parser.add_argument("--packages", type=Path, help="the extracted packages; without it only synthesis and examples")
    options = parser.parse_args()
    random = np.random.default_rng(1)
    sounds = list(sources(options.packages, random))
    print(collections.Counter(label for label, _ in sounds))
    with tempfile.TemporaryDirectory() as scratch:
        same, joined = Path(scratch) / "same", Path(scratch) / "joined"
        same.mkdir(), joined.mkdir()
        labels, seconds = {}, 0
        for number, (label, samples) in enumerate(sounds):
            for length in LENGTHS:
                start = int(random.integers(len(samples) - int(length * RATE) + 1))
                name = f"{number}-{length}"
                soundfile.write(same / f"{name}.wav", samples[start:][: round(length * RATE)], RATE, subtype="PCM_16")
                labels[name] = label
                seconds += length
        endings = {}
        for number in range(240):
            first, second = random.choice(len(sounds), 2, replace=False)
            (before, old), (after, new) = sounds[first], sounds[second]
            if before == after or after == "Silence" or {before, after} == {"Music", "Percussion"}:
                continue
            ending = ENDINGS[number % len(ENDINGS)]
            windows = 1 + number % 2
            # The second sound begins where the first or second window ends, so the last window decides.
            name = f"{number}-{ending}"
            samples = np.concatenate([old[: round(5.12 * windows * RATE)], new[RATE:][: round(ending * RATE)]])
            soundfile.write(joined / f"{name}.wav", samples, RATE, subtype="PCM_16")
            endings[name] = (before, after, ending)
        for rule, flags in RULES.items():
            print(f"\n{rule}")
            windows = classified(options.astd, options.model, same, flags)
            last = [judged(records[-1], labels[name]) for name, records in windows.items() if len(records) > 1]
            print("  " + row("last windows", last))
            print("  " + row("all windows", [judged(r, labels[name]) for name, rs in windows.items() for r in rs]))
            for aggregate in ["mean", "max"]:
                files = classified(options.astd, options.model, same, [*flags, "--aggregate", aggregate])
                print("  " + row(aggregate, [judged(records[0], labels[name]) for name, records in files.items()]))
            covered = sum(records[-1]["end"] for records in windows.values())
            print(f"  left out: {100 * (1 - covered / seconds):.1f} % of {seconds / 3600:.1f} h")
            found = collections.defaultdict(list)
            invented = []
            for name, records in classified(options.astd, options.model, joined, flags).items():
                before, after, ending = endings[name]
                scores = {entry["label"]: entry["score"] for entry in records[-1]["labels"]}
                found[ending].append(any(e["label"] == after and e["score"] > 0.5 for r in records for e in r["labels"]))
                known = {before, after} | ALSO_RIGHT.get(before, set()) | ALSO_RIGHT.get(after, set())
                invented.append(sum(score > 0.5 and label not in known for label, score in scores.items()))
            shares = ", ".join(f"{ending} s {100 * np.mean(found[ending]):.0f} %" for ending in ENDINGS)
            print(f"  a new sound at the end is found: {shares}; {np.mean(invented):.3f} false labels in the last window")


if __name__ == "__main__":
    main()
