"""Writes the example clips of both models: held-out test clips that astd names rightly.

    examples.py --lab DIR --models models

For each name below: the first clip of the frozen test set whose highest score is one of its labels, among those that
have a score above 0.9 for the label where there is one. For the adapter: one clip of each of a few kinds, at 10 dB.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import soundfile

from alarm_test import NAMES, RATIOS_DB, test_clips
from astd_scores import window_scores, write_clips
from evaluate import test_set
from features import SAMPLE_RATE_HZ
from labels import SHIPPED

# file name, label, part of the source, part of the package
WANTED = [
    ("speech-en", "Speech", "speaker:allison-smith", "sounds-en"),
    ("music", "Music", "composer:m", "moh"),
    ("piano", "Piano", "soundfont:", ""),
    ("percussion", "Percussion", "sonic-pi:", ""),
    ("siren", "Siren", "synth:", ""),
    ("alarm", "Alarm", "synth:", ""),
    ("noise", "Noise", "synth:", ""),
    ("tone", "Sine wave", "synth:", ""),
    ("silence", "Silence", "synth:", ""),
]
ALARMS = ["Smoke alarm", "Carbon monoxide alarm", "Siren, yelp", "Reversing beeper", "Telephone"]
RATIO_DB = 10


def three_best(score, names):
    return ", ".join(f"{names[k]} {score[k]:.2f}" for k in score.argsort()[::-1][:3])


def origin(row):
    if row["kind"] == "recording":
        return f"{row['package']} {row['version']}, `{row['path']}` at {row['offset_seconds']} s"
    if "package" in row:
        return f"rendered with {row['package']} {row['version']}, seed {row['seed']}"
    return f"our own synthesis, seed {row['seed']}"


def fresh(directory: Path):
    directory.mkdir(exist_ok=True)
    for old in directory.glob("*.flac"):
        old.unlink()
    return directory


def base_examples(lab: Path, directory: Path):
    clips, _, sources, rows = test_set(lab)
    p = window_scores(write_clips(clips, lab / "test-clean"), directory, None, SHIPPED)
    out, notes = fresh(directory / "examples"), []
    for name, label, source, package in WANTED:
        heard = label if label in SHIPPED else "Music" if label == "Piano" else None
        if heard is None:
            continue
        fits = [i for i, r in enumerate(rows) if label == r["labels"][-1] and source in sources[i]
                and package in r.get("package", "") and SHIPPED[p[i].argmax()] in (heard, *r["labels"])]
        long = [i for i in fits if len(clips[i]) >= 4 * SAMPLE_RATE_HZ]
        sure = [i for i in long if p[i, SHIPPED.index(heard)] > 0.9] or long
        if not sure:
            print("no clip for", name)
            continue
        i = sure[0]
        soundfile.write(out / f"{name}.flac", clips[i], SAMPLE_RATE_HZ, subtype="PCM_16")
        notes.append(dict(file=f"{name}.flac", source=origin(rows[i]), licence=rows[i]["licence"],
                          scores=three_best(p[i], SHIPPED), peak=float(np.abs(clips[i]).max())))
    (out / "examples.json").write_text(json.dumps(notes, indent=1) + "\n")


def adapter_examples(lab: Path, base: Path, adapter: Path, each):
    sets, kinds, under = test_clips(lab, each)
    clips = sets[RATIOS_DB.index(RATIO_DB)]
    p = window_scores(write_clips(clips, lab / f"alarm-test-{each}-{RATIO_DB}"), base, adapter, NAMES)
    out, notes = fresh(adapter / "examples"), []
    for label in ALARMS:
        k = NAMES.index(label)
        for i in np.flatnonzero(kinds == k):
            if p[i].argmax() == k and p[i, k] > 0.5:
                name = label.lower().replace(",", "").replace(" ", "-")
                soundfile.write(out / f"{name}.flac", clips[i], SAMPLE_RATE_HZ, subtype="PCM_16")
                notes.append(dict(file=f"{name}.flac", background=under[i]["background"], licence=under[i]["licence"],
                                  scores=three_best(p[i], NAMES), peak=float(np.abs(clips[i]).max())))
                break
        else:
            print("no clip for", label)
    (out / "examples.json").write_text(json.dumps(notes, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--each", type=int, default=40)
    options = parser.parse_args()
    base_examples(options.lab, options.models / "default")
    adapter_examples(options.lab, options.models / "default", options.models / "alarms", options.each)


if __name__ == "__main__":
    main()
