#!/usr/bin/env python3
"""A day of recordings, as a recorder's SD card leaves it: make test-sdcard.

A recording of a minute every quarter of an hour, with what macOS and Windows leave on a card, links and circles of links,
names that are not UTF-8 or near the system's limit, and broken files. Every name on the card must be counted exactly once:
as a recording, as a failed one, or as skipped. `--resume` after kill -9 at random moments must end with the same outputs,
byte for byte. SEED=N repeats a run.
"""
import array
import json
import math
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ASTD = os.environ.get("ASTD", str(REPOSITORY / ".build/release/astd"))
MODEL = REPOSITORY / "Tests/Golden/models/stride10"
RATE = 16000
MOMENTS = 12


def wav(seconds, hertz=440, stated=None):
    """A WAV file in bytes: a tone that is on for every other second."""
    second = array.array("h", (int(9000 * math.sin(2 * math.pi * hertz * at / RATE)) for at in range(RATE)))
    samples = b"".join((second if number % 2 else array.array("h", bytes(2 * RATE))).tobytes() for number in range(seconds))
    head = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16) + b"data"
    return b"RIFF" + struct.pack("<I", 36 + len(samples)) + head + struct.pack("<I", len(samples) if stated is None else stated) + samples


class Card:
    """A folder with what was put on it."""

    def __init__(self, folder):
        self.root = os.fsencode(folder / "card")
        self.seconds, self.failed, self.skipped = {}, {}, {}

    def write(self, name, contents):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(os.fsdecode(path)).write_bytes(contents)
        return path

    def recording(self, name, seconds, **options):
        self.seconds[self.write(name, wav(seconds, hertz=300 + 7 * len(self.seconds), **options))] = seconds

    def broken(self, name, contents, code, seconds=0):
        path = self.write(name, contents)
        self.failed[path], self.seconds[path] = code, seconds

    def other(self, name, kind, contents=b"x"):
        self.write(name, contents)
        self.skipped[kind] = self.skipped.get(kind, 0) + 1

    def link(self, name, target, kind=None):
        os.symlink(target, os.path.join(self.root, name))
        if kind:
            self.skipped[kind] = self.skipped.get(kind, 0) + 1


def make(folder):
    card = Card(folder)
    for quarter in range(96):
        name = b"20240501/20240501_%02d%02d00.WAV" % divmod(15 * quarter, 60)[:2]
        card.recording(name, 60)
    # A Mac's and Windows' own files.
    apple_double = b"\0\5\26\7\0\2\0\0Mac OS X" + bytes(4072)
    for name in (b"20240501/._20240501_000000.WAV", b"20240501/._20240501_001500.WAV", b"._.Trashes", b".DS_Store"):
        card.other(name, "hidden", apple_double)
    card.write(b".Trashes/501/deleted.wav", wav(1))
    card.write(b".Spotlight-V100/Store-V2/store.db", b"x")
    card.write(b"$RECYCLE.BIN/S-1-5-21/deleted.wav", wav(1))
    card.write(b"System Volume Information/WPSettings.dat", b"x")
    # Each directory counts once.
    card.skipped["hidden"] += 4
    card.other(b"CONFIG.TXT", ".txt")
    card.other(b"20240501/notes.txt", ".txt")
    card.other(b"photo.JPG", ".jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(100))
    card.other(b"20240501/old.wav.bak", ".bak", wav(1))
    card.other(b"README", "without extension", b"a text\n")
    # Names.
    for name in (b"caf\xe9.wav", b"d\xefr/in.wav", b"with 'quotes' \"and\" , commas.wav", b"line\nbreak.wav", b"-dash.wav", b"a\\x41.wav",
                 "Gebüsch ぼ.wav".encode(), b"m" * 240 + b".wav", b"without-extension"):
        card.recording(name, 3)
    card.recording(b"power-lost.WAV", 5, stated=0)
    # Links: to a folder that is reached anyway, to one that contains the link, and to another card, twice.
    other = folder / "other-card"
    other.mkdir()
    for name in ("x.wav", "y.wav"):
        (other / name).write_bytes(wav(4))
        card.seconds[os.path.join(card.root, b"links-a", name.encode())] = 4
    card.link(b"links-a", b"../other-card")
    card.link(b"links-b", b"../other-card", "repeated_link")
    card.link(b"latest", b"20240501", "repeated_link")
    card.link(b"circle", b".", "repeated_link")
    card.link(b"20240501/up", b"../..", "repeated_link")
    card.link(b"favourite.wav", b"20240501/20240501_053000.WAV")
    card.seconds[os.path.join(card.root, b"favourite.wav")] = 60
    card.link(b"lost.wav", b"gone/lost.wav")
    card.failed[os.path.join(card.root, b"lost.wav")] = "not_found"
    # Three broken files.
    card.broken(b"20240501/20240501_235900.WAV", b"", "empty")
    card.broken(b"20240501/20240501_235901.WAV", wav(10)[: 44 + 2 * RATE * 4], "truncated", 4)
    card.broken(b"20240501/20240501_235902.WAV", b"no sound\n", "not_audio")
    return card


def expect(found, wanted, what):
    if found != wanted:
        sys.exit(f"test-sdcard: {what}: {found!r}, not {wanted!r}")


def check_counts(card, output):
    """The summary and the records against what was put on the card."""
    summary = json.loads((output / "summary.json").read_text())
    paths = {path for path in card.seconds} | set(card.failed)
    expect(summary["files"], len(paths), "files")
    expect(summary["failed"], len(card.failed), "failed")
    expect(summary["skipped_kinds"], card.skipped, "skipped_kinds")
    expect(summary["skipped"], sum(card.skipped.values()), "skipped")
    expect(round(summary["audio_seconds"], 3), sum(card.seconds.values()), "audio_seconds")
    windows, errors, ends = 0, {}, {}
    for line in (output / "labels.jsonl").read_text().splitlines():
        record = json.loads(line)
        path = name_bytes(record["file"])
        if "error" in record:
            errors[path] = record["error"]["code"]
        else:
            windows += 1
            ends[path] = max(ends.get(path, 0), record["end"])
    expect(errors, card.failed, "errors")
    expect(summary["windows"], windows, "windows")
    expect({path: round(end) for path, end in ends.items()}, {path: end for path, end in card.seconds.items() if end}, "recordings")
    begun = [json.loads(line) for line in (output / "labels.jsonl").read_text().splitlines() if "20240501_053000.WAV" in line]
    expect(begun[0]["start_time"], "2024-05-01T05:30:00.000Z", "start_time")


def name_bytes(text):
    """The bytes of a path, as docs/batch.md restores them."""
    import re
    return re.sub(rb"\\x([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), text.encode())


def tree(folder):
    return {os.path.relpath(path, os.fsencode(folder)): Path(os.fsdecode(path)).read_bytes()
            for base, _, names in os.walk(os.fsencode(folder)) for path in (os.path.join(base, name) for name in names)}


def main():
    seed = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
    random.seed(seed)
    print(f"SEED={seed}")
    folder = Path(tempfile.mkdtemp(prefix="astd-sdcard-"))
    card = make(folder)
    output = folder / "out"
    command = [ASTD, "classify", card.root, "--model", str(MODEL), "--time-zone", "UTC", "--precision", "fp32", "--threads", "2", "--jobs", "2",
               "--format", "jsonl,csv,audacity,raven-combined", "--output", str(output), "--report", str(output / "report.html"), "--no-progress"]
    began = time.monotonic()
    whole = subprocess.run(command, capture_output=True, text=True)
    seconds = time.monotonic() - began
    expect(whole.returncode, 1, f"exit status ({whole.stderr})")
    # A line for each failed file, and one for what was skipped.
    expect(len(whole.stderr.splitlines()), len(card.failed) + 1, f"lines on standard error ({whole.stderr})")
    check_counts(card, output)
    wanted = tree(output)
    shutil.rmtree(output)
    hits = 0
    while hits < MOMENTS:
        process = subprocess.Popen(command + ["--resume"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            process.wait(random.uniform(0, seconds / 4))
            message = process.stderr.read()
            expect(process.returncode, 1, f"exit status ({message})")
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            hits += 1
    last = subprocess.run(command + ["--resume"], capture_output=True, text=True)
    expect(last.returncode, 1, f"exit status ({last.stderr})")
    found = tree(output)
    expect(sorted(found), sorted(wanted), "outputs")
    for name, contents in wanted.items():
        if found[name] != contents:
            sys.exit(f"test-sdcard: {name!r} differs from that of an uninterrupted run; it is in {output}")
    again = subprocess.run(command + ["--resume"], capture_output=True, text=True)
    expect("is already complete" in again.stderr, True, f"a complete run ({again.stderr})")
    print(f"{len(card.seconds)} recordings, {len(card.failed)} failed, {sum(card.skipped.values())} skipped; {hits} x SIGKILL, then the outputs "
          f"of an uninterrupted run of {seconds:.1f} s")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
