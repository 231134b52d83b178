"""Runs astd itself over clips: writes them as WAV files, reads `astd classify --precision fp32 --format jsonl --top-k all`."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import soundfile

from features import SAMPLE_RATE_HZ

ASTD = os.environ.get("ASTD", str(Path(__file__).parents[2] / ".build/release/astd"))


def write_clips(clips, directory: Path):
    """Float WAV files, so that clips under -90 dBFS stay what they are; made once."""
    directory.mkdir(parents=True, exist_ok=True)
    files = [directory / f"{i:05d}.wav" for i in range(len(clips))]
    for clip, file in zip(clips, files):
        if not file.exists():
            soundfile.write(file, np.asarray(clip, np.float32), SAMPLE_RATE_HZ, subtype="FLOAT")
    return files


def records(files, model: Path, adapter: Path | None = None):
    """astd's JSON records, window by window, in the order of the files."""
    command = [ASTD, "classify", "--model", str(model), "--precision", "fp32", "--format", "jsonl", "--top-k", "all",
               "--threads", "1", "--no-progress", "--files-from", "-"]
    if adapter:
        command += ["--adapter", str(adapter)]
    done = subprocess.run(command, input="\n".join(map(str, files)), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"astd failed: {done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def window_scores(files, model: Path, adapter: Path | None, names, first_only=True):
    """Scores `[windows, names]`; with `first_only` of each file's first window, else also the files' indices."""
    place = {str(f): i for i, f in enumerate(files)}
    rows, owners = [], []
    for record in records(files, model, adapter):
        if first_only and record["start"] > 0:
            continue
        score = {entry["label"]: entry["score"] for entry in record["labels"]}
        rows.append([score[n] for n in names])
        owners.append(place[record["file"]])
    rows, owners = np.array(rows), np.array(owners)
    if not first_only:
        return rows, owners
    if len(set(owners)) != len(files):
        raise SystemExit(f"astd answered for {len(set(owners))} of {len(files)} files")
    return rows[owners.argsort(kind="stable")]
