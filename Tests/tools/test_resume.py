#!/usr/bin/env python3
"""astd classify --resume after kill -9 and Ctrl-C at twenty random moments each: make test-resume.

The release build, all formats and the report at once, with windows and with events. The outputs must be identical
byte for byte to those of an undisturbed run, with no file left over; the journal, which has the path of the report, must
have the same lines about the files. SEED=N repeats a run.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ASTD = os.environ.get("ASTD", str(REPOSITORY / ".build/release/astd"))
MOMENTS = 20
MODES = {
    "windows": ["--hop", "0.05"],
    "events": ["--hop", "0.05", "--events", "--set", "detection.on=0.05", "--set", "detection.minimum_hits=1",
               "--set", "detection.merge_gap=0"],
}


def recordings(folder):
    """Sixty recordings of different length, and two files that are not audio."""
    folder.mkdir()
    clips = ["long", "speech", "noise", "full", "short"]
    for number in range(60):
        shutil.copy(REPOSITORY / f"Tests/Golden/clips/{clips[number % len(clips)]}.wav", folder / f"{number:02}.wav")
    (folder / "15-text.wav").write_text("no sound")
    (folder / "25-empty.wav").write_bytes(b"")


def tree(folder):
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    if "labels.journal" in found:
        found["labels.journal"] = found["labels.journal"].split(b"\n", 1)[1]
    return found


def run(command):
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def disturbed(command, number, seconds, output):
    """Runs the command until it completes, interrupts it `MOMENTS` times before, and returns the number of interruptions."""
    hits = 0
    while hits < MOMENTS:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # A resumed run is shorter than a whole one, so the moments get shorter towards its end.
        try:
            process.wait(random.uniform(0, seconds))
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        code = process.wait()
        if code in (-number, 128 + number):
            hits += 1
            continue
        if code != 1:
            sys.exit(f"astd ended by itself with status {code}")
        # It finished before the signal: the next run starts over.
        check(output)
        shutil.rmtree(output)
    return hits


def check(output):
    found = tree(output)
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            sys.exit(f"{name} differs from that of an uninterrupted run; it is in {output}")


# A program that was started in the background of a shell ignores Ctrl-C, and so would astd.
signal.signal(signal.SIGINT, signal.default_int_handler)
seed = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
random.seed(seed)
print(f"SEED={seed}")
folder = Path(tempfile.mkdtemp(prefix="astd-resume-"))
recordings(folder / "in")
for mode, options in MODES.items():
    base = [ASTD, "classify", str(folder / "in"), "--model", str(REPOSITORY / "Tests/Golden/models/stride10"), "--jobs", "2",
            "--threads", "2", "--precision", "fp32", "--format", "jsonl,csv,text,audacity,raven-combined", "--no-progress"] + options
    whole = folder / f"{mode}-whole"
    began = time.monotonic()
    # The page refers to recordings relative to its directory; both directories are siblings, so the bytes are the same.
    ended = run(base + ["--output", str(whole), "--report", str(whole / "report.html")])
    seconds = time.monotonic() - began
    if ended.returncode != 1 or len(ended.stderr.splitlines()) != 2:
        sys.exit(f"the uninterrupted run ended with status {ended.returncode}: {ended.stderr}")
    wanted = tree(whole)
    for number in (signal.SIGKILL, signal.SIGINT):
        output = folder / f"{mode}-{number.name}"
        command = base + ["--output", str(output), "--report", str(output / "report.html"), "--resume"]
        hits = disturbed(command, number, seconds / 4, output)
        last = run(command)
        if last.returncode not in (0, 1):
            sys.exit(f"the last run ended with status {last.returncode}: {last.stderr}")
        check(output)
        print(f"{mode}: {hits} x {number.name}, then {len(wanted)} files like those of an uninterrupted run of {seconds:.1f} s")
shutil.rmtree(folder)
