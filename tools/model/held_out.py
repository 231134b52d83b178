"""The second frozen test set: sounds of no label, single words of unseen speakers, and whole chains held out.

    held_out.py manifest --lab DIR      write held-out-manifest.jsonl (refuses to overwrite it)

Its recordings come from packages of which no file is trained on (HELD_OUT_PACKAGES in labels.py), and for the words
from the speakers of the first test set too. Every clip is tested in three ways: as the file is, in a quiet room (at a
random place in a window, over a noise floor 40 dB under it), and through a chain of which every part is held out.
"""

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

import chains
import synth
from data import MANIFEST as FIRST_MANIFEST, Recordings
from features import CLIP_SAMPLES, SAMPLE_RATE_HZ
from labels import HELD_OUT_PACKAGES

MANIFEST = Path(__file__).parent / "held-out-manifest.jsonl"
WAYS = ["file", "quiet room", "held-out chain"]
NEGATIVES = {"Effect", "Animal", "Water", "Tools", "Vehicle"}
WORD_SECONDS = (0.3, 1.6)
CHAINS = 6


def write_manifest(lab: Path):
    if MANIFEST.exists():
        sys.exit(f"{MANIFEST} exists: the test set is frozen")
    rng, rows, versions = np.random.default_rng(21), [], {}
    first = {(r.get("package"), r.get("path")) for r in map(json.loads, FIRST_MANIFEST.read_text().splitlines())}
    negatives, words = defaultdict(list), defaultdict(list)
    for e in json.loads((lab / "index.json").read_text()):
        if e["split"] != "test" or (e["package"], e["path"]) in first:
            continue
        seconds = e["length"] / SAMPLE_RATE_HZ
        if e["package"] in HELD_OUT_PACKAGES and e["labels"][-1] in NEGATIVES and seconds > 0.2:
            negatives[e["source"]].append(e)
        if e["labels"] == ["Speech"] and (WORD_SECONDS[0] < seconds < WORD_SECONDS[1] or e["package"] in HELD_OUT_PACKAGES):
            words[e["source"]].append(e)
    for kind, sources, most in (("negative", negatives, 4), ("word", words, 12)):
        for source, files in sorted(sources.items()):
            for i in rng.permutation(len(files))[:most]:
                e = files[i]
                length = min(e["length"], CLIP_SAMPLES)
                if kind == "word":  # of a sentence: a piece of at most 1.2 s
                    length = min(length, int((WORD_SECONDS[1] if e["length"] < WORD_SECONDS[1] * SAMPLE_RATE_HZ else 1.2) * SAMPLE_RATE_HZ))
                offset = int(rng.integers(0, e["length"] - length + 1))
                if e["package"] not in versions:
                    shown = subprocess.run(["apt-cache", "show", e["package"]], capture_output=True, text=True).stdout
                    versions[e["package"]] = shown.split("Version: ")[1].split("\n")[0]
                rows.append(dict(kind=kind, package=e["package"], version=versions[e["package"]], path=e["path"], licence=e["licence"],
                                 offset_seconds=round((e["trimmed"] + offset) / SAMPLE_RATE_HZ, 4), samples=length, source=source,
                                 labels=e["labels"], unknown=e["unknown"]))
    for k in range(CHAINS):
        rows.append(dict(kind="chain", rate=[44_100, 48_000][k % 2], resampler=chains.HELD_OUT_RESAMPLER, codec=chains.HELD_OUT_CODEC,
                         kilobits=[48, 64, 96][k % 3], room_seed=synth.TEST_SEED + k, limit_hz=[None, None, 6800, None, 4500, None][k]))
    MANIFEST.write_text("".join(json.dumps(r, sort_keys=True) + "\n" for r in rows))
    print({k: sum(r["kind"] == k for r in rows) for k in ("negative", "word", "chain")}, "rows;",
          len(negatives), "sources of negatives,", len(words), "speakers")


def held_out_chain(row, clips):
    """16 kHz clips through a held-out chain."""
    out = []
    for i, x in enumerate(clips):
        rng = np.random.default_rng(row["room_seed"] * 1000 + i)
        x = chains.resample(x, SAMPLE_RATE_HZ, row["rate"], "soxr-hq", None)
        x = chains.shoebox(np.random.default_rng(row["room_seed"]), x, row["rate"])
        x = x / (np.abs(x).max() + 1e-9) * 10 ** (-rng.uniform(3, 25) / 20)
        x = x + chains.floor(rng, len(x)) * 10 ** (-rng.uniform(60, 80) / 20)
        if row["limit_hz"]:
            x = chains.sosfilt(chains.butter(6, row["limit_hz"], "low", fs=row["rate"], output="sos"), x)
        out.append(np.clip(x, -1, 1).astype(np.float32))
    out = chains.through_codec(out, row["codec"], row["kilobits"], row["rate"])
    return [chains.resample(x, row["rate"], SAMPLE_RATE_HZ, row["resampler"], None) for x in out]


def in_quiet_room(x, seed):
    """At a random place of a window, 40 dB over noise that was made at 48 kHz."""
    rng = np.random.default_rng(synth.TEST_SEED + seed)
    noise = chains.resample(chains.floor(rng, 6 * 48_000), 48_000, SAMPLE_RATE_HZ, "soxr-hq", None)[:CLIP_SAMPLES]
    at = rng.integers(CLIP_SAMPLES - len(x) + 1)
    out = noise * chains.level(x) * 0.01
    out[at: at + len(x)] += x
    return out


def clips(lab: Path, kind):
    """The rows of a kind (negative or word) and their clips in each way: {way: [clip]}."""
    rows = [json.loads(line) for line in MANIFEST.read_text().splitlines()]
    held, rows = [r for r in rows if r["kind"] == "chain"], [r for r in rows if r["kind"] == kind]
    recordings = Recordings(lab)
    plain = [np.clip(recordings.test_clip(r), -1, 1) for r in rows]
    room = [in_quiet_room(x, i) for i, x in enumerate(plain)]
    through = [None] * len(rows)
    for k, chain in enumerate(held):
        mine = list(range(k, len(rows), len(held)))
        for i, x in zip(mine, held_out_chain(chain, [room[i] for i in mine])):
            through[i] = x[:CLIP_SAMPLES]
    return rows, dict(zip(WAYS, (plain, room, through)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["manifest"])
    parser.add_argument("--lab", type=Path, required=True)
    write_manifest(parser.parse_args().lab)
