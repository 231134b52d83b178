"""Writes the example clips of both models: held-out test clips the model names rightly.

    examples.py --lab DIR --models models

Takes, for each name below, the first clip of the frozen test set whose highest score is its own label;
for the adapter, the first such clip above 0.5 of the first two kinds that have one.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import soundfile
import torch
from peft import PeftModel
from transformers import ASTFeatureExtractor, ASTForAudioClassification

from evaluate import scores, test_set
from features import SAMPLE_RATE_HZ
from labels import LABELS
from train_adapter import NAMES, base_model, test_clips

# file name, label, part of the source
WANTED = [
    ("speech-en", "Speech", "speaker:allison-smith", "sounds-en"),
    ("music", "Music", "composer:m", "moh"),
    ("piano", "Piano", "soundfont:", ""),
    ("siren", "Siren", "synth:", ""),
    ("noise", "Noise", "synth:", ""),
    ("tone", "Sine wave", "synth:", ""),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    clips, _, sources, rows = test_set(options.lab)
    directory = options.models / "default"
    model = ASTForAudioClassification.from_pretrained(directory, dtype=torch.float32)
    extractor = ASTFeatureExtractor.from_pretrained(directory)
    out = directory / "examples"
    out.mkdir(exist_ok=True)
    notes = []
    for name, label, source, package in WANTED:
        fits = [i for i, r in enumerate(rows) if label == r["labels"][-1] and source in sources[i]
                and package in r.get("package", "") and len(clips[i]) >= 4 * SAMPLE_RATE_HZ]
        for i in fits:
            score = scores(model, extractor, [clips[i]])[0]
            peak = np.abs(clips[i]).max()
            if LABELS[score.argmax()] == label or (label == "Piano" and score[LABELS.index(label)] > 0.5):
                break
        else:
            print("no clip for", name)
            continue
        soundfile.write(out / f"{name}.flac", clips[i], SAMPLE_RATE_HZ, subtype="PCM_16")
        row = rows[i]
        where = (f"{row['package']} {row['version']}, `{row['path']}` at {row['offset_seconds']} s"
                 if row["kind"] == "recording" else
                 f"rendered with {row['package']} {row['version']}, seed {row['seed']}" if "package" in row else
                 f"our own synthesis, seed {row['seed']}")
        best = ", ".join(f"{LABELS[k]} {score[k]:.2f}" for k in score.argsort()[::-1][:3])
        notes.append(dict(file=f"{name}.flac", source=where, licence=row["licence"], scores=best, peak=float(peak)))
    (out / "examples.json").write_text(json.dumps(notes, indent=1) + "\n")

    adapter = options.models / "alarms"
    model = PeftModel.from_pretrained(base_model(directory), adapter).float()
    clips, y, names = test_clips(options.lab)
    out = adapter / "examples"
    out.mkdir(exist_ok=True)
    notes = []
    for k, label in enumerate(NAMES[:-1]):
        name = label.lower().replace(" ", "-")
        if len(notes) == 2:
            break
        for i in np.flatnonzero(y[:, k]):
            if names[i].startswith(("sonic", "synth:Silence")):
                continue
            score = scores(model, extractor, [clips[i]])[0]
            if score.argmax() == k and score[k] > 0.5:
                soundfile.write(out / f"{name}.flac", clips[i], SAMPLE_RATE_HZ, subtype="PCM_16")
                best = ", ".join(f"{NAMES[j]} {score[j]:.2f}" for j in score.argsort()[::-1][:3])
                background = names[i].rpartition("/")[0]
                licence = next(r["licence"] for r in rows if r["source"] == background)
                notes.append(dict(file=f"{name}.flac", background=background,
                                  licence=licence, scores=best))
                break
    (out / "examples.json").write_text(json.dumps(notes, indent=1) + "\n")


if __name__ == "__main__":
    main()
