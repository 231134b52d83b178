"""Indexes, decodes, de-duplicates and splits the recordings, and freezes the test set.

    data.py index --lab DIR      decode everything once, find duplicates, draw the split
    data.py manifest --lab DIR   write test-manifest.jsonl (refuses to overwrite it)

The index is DIR/index.json with one entry a file, the audio DIR/audio.npy (16 kHz mono int16).
"""

import argparse
import fnmatch
import hashlib
import json
import re
import struct
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from features import CLIP_SAMPLES, SAMPLE_RATE_HZ, log_mel
from labels import (
    ADDED_PACKAGES, HELD_OUT_PACKAGES, LABELS, RULES, SYNTHETIC, TEST_SOURCES, TRAIN_PREFIXES, TRAIN_SOURCES,
)
from synth import TEST_SEED

HERE = Path(__file__).parent
MANIFEST = HERE / "test-manifest.jsonl"
ALLOWED = ("CC0", "CC-BY-3", "CC-BY-4", "CC-BY-2", "CC-BY-SA", "public-domain", "MIT", "BSD")
LONGEST_SECONDS = {"Music": 75.0}


def package_licences():
    lines = [l.split() for l in (HERE / "packages.txt").read_text().splitlines() if l[0] != "#"]
    return {package: licence for package, licence in lines}


def file_licence(package_dir: Path, relative: str, package: str, default: str):
    """The licence of one file: the package's, or the last paragraph of its copyright file that names it."""
    if not default.startswith("per-file"):
        return default
    text = (package_dir / "usr/share/doc" / package / "copyright").read_text()
    found = default.partition(":")[2] or None
    for paragraph in re.split(r"\n\s*\n(?=Files:)", text):
        head = re.match(r"Files:(.*?)\n[A-Z]", paragraph, re.S)
        licence = re.search(r"^License: *(\S+)", paragraph, re.M)
        if head and licence:
            for pattern in head.group(1).split():
                if pattern != "*" and fnmatch.fnmatch(relative, "*" + pattern):
                    found = licence.group(1)
    return found


def opensfx_clips(cat: bytes):
    """OpenTTD's sound archive: (index, licence, WAV bytes)."""
    count = (struct.unpack("<I", cat[:4])[0] & 0x7FFFFFFF) // 8
    for i in range(count):
        offset, size = struct.unpack("<II", cat[8 * i: 8 * i + 8])
        offset &= 0x7FFFFFFF
        length = cat[offset]
        name = cat[offset + 1: offset + 1 + length].decode()
        licence = ("CC0-1.0" if "Zero" in name
                   else "CC-BY-SA-3.0" if "ShareAlike" in name else "CC-BY-3.0")
        yield str(i), licence, cat[offset + 1 + length: offset + 1 + length + size]


def opensfx_names(lab: Path):
    """What the sound archive says of each clip: title, authors, licence."""
    cat = next((lab / "pkg/openttd-opensfx").rglob("opensfx.cat")).read_bytes()
    names = {}
    for i in range((struct.unpack("<I", cat[:4])[0] & 0x7FFFFFFF) // 8):
        offset = struct.unpack("<I", cat[8 * i: 8 * i + 4])[0] & 0x7FFFFFFF
        names[str(i)] = cat[offset + 1: offset + cat[offset]].decode()
    return names


def decode(path_or_bytes, seconds):
    """Any audio file to 16 kHz mono int16, at most `seconds` of it."""
    source = ["-i", str(path_or_bytes)] if isinstance(path_or_bytes, Path) else ["-i", "-"]
    command = ["ffmpeg", "-v", "error", "-threads", "1", *source, "-t", str(seconds),
               "-ac", "1", "-ar", str(SAMPLE_RATE_HZ), "-f", "s16le", "-"]
    done = subprocess.run(command, capture_output=True,
                          input=path_or_bytes if isinstance(path_or_bytes, bytes) else None)
    return np.frombuffer(done.stdout, np.int16)


def decode_many(several):
    """The same for pairs of file and seconds, in one call of ffmpeg: starting it takes longer than decoding a prompt."""
    several = list(several)
    if len(several) > 1 and all(isinstance(f, Path) for f, _ in several):
        with tempfile.TemporaryDirectory() as work:
            outputs = [Path(work) / str(i) for i in range(len(several))]
            command = ["ffmpeg", "-v", "error", "-threads", "1", *(a for f, _ in several for a in ("-i", str(f)))]
            for i, (_, seconds) in enumerate(several):
                command += ["-map", f"{i}:a:0", "-t", str(seconds), "-ac", "1", "-ar", str(SAMPLE_RATE_HZ), "-f", "s16le", str(outputs[i])]
            if subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0:
                return [np.fromfile(o, np.int16) for o in outputs]
    return [decode(f, seconds) for f, seconds in several]


def candidates(lab: Path):
    """Every file a rule names: (package, path, licence, positives, unknown, source, audio)."""
    for package, default in package_licences().items():
        root = lab / "pkg" / package
        rules = [r for r in RULES if re.fullmatch(r[0], package)]
        if not rules:
            continue
        if package == "openttd-opensfx":
            cat = next(root.rglob("opensfx.cat"))
            files = [(i, licence, data) for i, licence, data in opensfx_clips(cat.read_bytes())]
        else:
            files = [(str(p.relative_to(root)), None, p) for p in sorted(root.rglob("*"))
                     if p.suffix in (".ogg", ".wav", ".flac", ".oga", ".gsm")]
        for relative, licence, data in files:
            for _, pattern, positives, unknown, source in rules:
                match = re.search(pattern, relative)
                if match:
                    licence = licence or file_licence(root, relative, package, default)
                    if licence and licence.startswith(ALLOWED):
                        yield (package, relative, licence, positives, unknown,
                               match.expand(source), data)
                    break


def fingerprint(samples: np.ndarray):
    """32 bits a frame from the signs of energy differences in time and band; None where it is quiet."""
    mel = log_mel(samples.astype(np.float32) / 32768) if len(samples) >= 400 else np.zeros((0, 128))
    if len(mel) < 12:
        return np.zeros(0, np.uint32), np.zeros(0, bool)
    bands = mel[:, :126].reshape(len(mel), 42, 3).mean(2)[:, 4:37]
    slope = np.diff(bands, axis=1)
    bits = (slope[3:] - slope[:-3]) > 0
    loud = bands[3:].mean(1) > bands.mean(1).max() - 7
    return (bits * (1 << np.arange(32, dtype=np.uint32))).sum(1).astype(np.uint32), loud


def duplicates(prints, least_votes=10, worst_errors=0.22):
    """Pairs of files that share a stretch of sound: equal hashes at one offset, then the bit error rate."""
    table = defaultdict(list)
    for i, (codes, loud) in enumerate(prints):
        for t in np.flatnonzero(loud)[::2]:
            table[int(codes[t])].append((i, int(t)))
    votes = defaultdict(int)
    for hits in table.values():
        if len(hits) > 40:
            continue
        for a in range(len(hits)):
            for b in range(a + 1, len(hits)):
                if hits[a][0] != hits[b][0]:
                    votes[hits[a][0], hits[b][0], hits[b][1] - hits[a][1]] += 1
    for (a, b, shift), count in votes.items():
        if count < 2:
            continue
        (x, _), (y, _) = prints[a], prints[b]
        start, stop = max(0, -shift), min(len(x), len(y) - shift)
        if stop - start < 12:
            continue
        wrong = np.bitwise_count(x[start:stop] ^ y[start + shift: stop + shift]) / 32
        # Cut and mixed copies agree over a stretch only: the best half second counts.
        width = min(50, len(wrong))
        best = np.convolve(wrong, np.ones(width) / width, "valid").min()
        if best < worst_errors:
            yield a, b


def index(lab: Path):
    entries, audio, prints, total = [], [], [], 0
    wanted = list(candidates(lab))
    with ThreadPoolExecutor(2) as pool:
        parts = [[(c[6], LONGEST_SECONDS.get(c[3][0], 30.0)) for c in wanted[i: i + 32]] for i in range(0, len(wanted), 32)]
        decoded = []
        for part in pool.map(decode_many, parts):
            decoded += part
            print(f"{len(decoded)} of {len(wanted)} files decoded", end="\r", flush=True)
    wanted = [(*c[:6], samples) for c, samples in zip(wanted, decoded)]
    print()
    for package, path, licence, positives, unknown, source, samples in wanted:
        loud = np.flatnonzero(np.abs(samples) > 60)
        if len(loud) < 1600:
            continue
        samples = samples[loud[0]: loud[-1] + 1]
        entries.append(dict(package=package, path=path, licence=licence, labels=positives,
                            unknown=unknown, source=source, start=total, length=len(samples),
                            trimmed=int(loud[0])))
        audio.append(samples)
        prints.append(([], []) if positives == ["Speech"] else fingerprint(samples))
        total += len(samples)
    parent = {e["source"]: e["source"] for e in entries}

    def root(s):
        while parent[s] != s:
            s = parent[s]
        return s

    joined, added = [], {e["source"] for e in entries if e["package"] in ADDED_PACKAGES}
    for a, b in duplicates(prints):
        x, y = root(entries[a]["source"]), root(entries[b]["source"])
        if x != y:
            joined.append((x, y))
            keep, drop = (x, y) if x in TEST_SOURCES or y not in TEST_SOURCES else (y, x)
            parent[drop] = keep
    for e in entries:
        e["source"] = root(e["source"])
    split(entries)
    np.save(lab / "audio.npy", np.concatenate(audio))
    (lab / "index.json").write_text(json.dumps(entries))
    print(f"{len(entries)} files, {total / SAMPLE_RATE_HZ / 3600:.1f} h; joined as the same recording:")
    for pair in joined:
        print("  ", *pair)
    report(entries)


def split(entries):
    """Named sources go where labels.py says; of the rest of each label a third is for the test.

    Sources that exist in added packages only take no part in the draw, so that it stays what it was. A source that is
    joined across packages is for the test when any file of it is.
    """
    side = {}
    by_label = defaultdict(set)
    older = {e["source"] for e in entries if e["package"] not in ADDED_PACKAGES}
    held = {e["source"] for e in entries if e["package"] in HELD_OUT_PACKAGES}
    for e in entries:
        s = e["source"]
        if s not in older:
            side[s] = "test" if s in held else "train"
            continue
        if s in TEST_SOURCES:
            side[s] = "test"
        elif s in TRAIN_SOURCES or s.startswith(TRAIN_PREFIXES):
            side[s] = "train"
        else:
            by_label[e["labels"][-1]].add(s)
    for label in sorted(by_label):
        drawn = sorted(by_label[label] - set(side), key=lambda s: hashlib.sha256(s.encode()).digest())
        for i, s in enumerate(drawn):
            side[s] = "test" if i % 3 == 0 else "train"
    for e in entries:
        e["split"] = "test" if e["source"] in held else side[e["source"]]


def report(entries):
    for label in LABELS:
        row = []
        for side in ("train", "test"):
            mine = [e for e in entries if label in e["labels"] and e["split"] == side]
            row.append(f"{side} {len({e['source'] for e in mine})} sources {len(mine)} files")
        print(f"{label:12}", "; ".join(row))


def manifest(lab: Path, per_label=48, per_source=16):
    """The frozen test set: clips of at most 5.135 s, spread evenly over the sources of a label."""
    if MANIFEST.exists():
        sys.exit(f"{MANIFEST} exists: the test set is frozen")
    rng = np.random.default_rng(20)
    versions = {}
    entries = [e for e in json.loads((lab / "index.json").read_text()) if e["split"] == "test"]
    rows = []
    for label in LABELS:
        by_source = defaultdict(list)
        for e in entries:
            if e["labels"][-1] == label and e["length"] >= 4000:
                by_source[e["source"]].append(e)
        if not by_source:
            continue
        share = min(per_source, -(-per_label // len(by_source)))
        for source, files in sorted(by_source.items()):
            files.sort(key=lambda e: -min(e["length"], CLIP_SAMPLES) + rng.random() * 20_000)
            for k in range(share):
                e = files[k % len(files)]
                room = e["length"] - CLIP_SAMPLES
                if k >= len(files) and room < CLIP_SAMPLES:
                    continue
                offset = int(rng.integers(0, room + 1)) if room > 0 else 0
                package = e["package"]
                if package not in versions:
                    versions[package] = subprocess.run(
                        ["apt-cache", "show", package], capture_output=True, text=True
                    ).stdout.split("Version: ")[1].split("\n")[0]
                rows.append(dict(
                    kind="recording", package=package, version=versions[package], path=e["path"],
                    offset_seconds=round((e["trimmed"] + offset) / SAMPLE_RATE_HZ, 4),
                    samples=min(CLIP_SAMPLES, e["length"] - offset), licence=e["licence"],
                    source=source, labels=e["labels"], unknown=e["unknown"]))
    for label in SYNTHETIC:
        for k in range(40):
            rows.append(dict(kind="synthesis", generator=label, seed=TEST_SEED + k,
                             samples=CLIP_SAMPLES, licence="own", source=f"synth:{label}:{k}",
                             labels=[label], unknown=[]))
    for k in range(24):
        rows.append(dict(kind="instrument", generator="piano", seed=TEST_SEED + k,
                         package="musescore-general-soundfont", version="0.2.1-1",
                         samples=CLIP_SAMPLES, licence="MIT", source="soundfont:musescore-grand",
                         labels=["Music", "Piano"], unknown=[]))
    MANIFEST.write_text("".join(json.dumps(r, sort_keys=True) + "\n" for r in rows))
    print(len(rows), "test clips")


class Recordings:
    """The decoded audio: clips by entry, as float32 in [-1, 1]."""

    def __init__(self, lab: Path):
        self.entries = json.loads((lab / "index.json").read_text())
        self.audio = np.load(lab / "audio.npy", mmap_mode="r")
        self.by_path = {(e["package"], e["path"]): e for e in self.entries}

    def samples(self, e, offset=0, count=None):
        end = e["length"] if count is None else min(e["length"], offset + count)
        return self.audio[e["start"] + offset: e["start"] + end].astype(np.float32) / 32768

    def test_clip(self, row):
        e = self.by_path[row["package"], row["path"]]
        offset = round(row["offset_seconds"] * SAMPLE_RATE_HZ) - e["trimmed"]
        return self.samples(e, max(0, offset), row["samples"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["index", "manifest"])
    parser.add_argument("--lab", type=Path, required=True)
    options = parser.parse_args()
    {"index": index, "manifest": manifest}[options.command](options.lab)
