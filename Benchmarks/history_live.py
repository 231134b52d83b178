#!/usr/bin/env python3
"""astd-gateway with a real daemon: how soon an event is in a history of a million, and what a full disk does.

    make release && sudo python3 Benchmarks/history_live.py [EVENTS]      needs mosquitto, mosquitto-clients; root for a tmpfs

The million is made by history_size.py, which also measures queries and retention. The daemon has the small model of the
tests; the scores of its two labels cross their thresholds several times a second.
"""
import array
import json
import math
import os
import random
import shutil
import socket
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from history_size import INSERT, connect, rows, wait_for

REPOSITORY = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("ASTD_BUILD", REPOSITORY / ".build/release"))
MODEL = REPOSITORY / "Tests/Golden/models/stride10"
EVENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
DAYS = 3650
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("ASTD_")}
THRESHOLDS = {"Speech": -0.12, "Silence": -0.47}  # medians of the scores
children = []


def start(command, log):
    child = subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log.open("ab"), stderr=subprocess.STDOUT, env=ENVIRONMENT)
    children.append(child)
    return child


def end(child):
    child.terminate()
    code = child.wait(60)
    if code:
        raise SystemExit(f"{child.args[0]} ended with {code}")


class Gateway:
    def __init__(self, folder, name, path, days, port=None):
        self.log, self.config = folder / f"{name}.log", folder / f"{name}.yaml"
        self.config.write_text(
            f"node: test\ndaemons: {{kitchen: {folder}}}\nhistory: {{path: {path}, days: {days}, megabytes: 100000}}\n"
            + (f"mqtt: {{url: 'mqtt://127.0.0.1:{port}'}}\n" if port else ""))
        self.process = start([BUILD / "astd-gateway", "run", "--config", self.config], self.log)

    def text(self):
        return self.log.read_text()


class Ledger(threading.Thread):
    """Receives the daemon's events as the gateway does, with the time of arrival."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.path, self.arrivals = str(folder / "events.sock"), []
        self.start()

    def run(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.path)
            for line in connection.makefile("r"):
                record = json.loads(line)
                if record["type"] == "event":
                    self.arrivals.append((time.monotonic(), record["state"], record["id"]))


def sound(path, seconds):
    """Bursts of noise and of tones of random loudness, 16 kHz mono."""
    dice = random.Random(1)
    block = array.array("h")
    for _ in range(240):
        level, pitch = 10 ** dice.uniform(1, 4.3), dice.choice([0, 200, 500, 1500, 4000])
        for position in range(4000):
            wave = dice.uniform(-1, 1) if pitch == 0 else math.sin(2 * math.pi * pitch * position / 16000)
            block.append(int(level * wave))
    data = block.tobytes() * math.ceil(seconds / 60)
    path.write_bytes(struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", len(data) + 36, b"WAVE", b"fmt ", 16, 1, 1, 16000, 32000, 2, 16,
                                 b"data", len(data)) + data)


def delays(path, ledger, until):
    """Milliseconds from an event's arrival at a second client to its row, until a condition holds."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    result, position, last = [], len(ledger.arrivals), None
    while position < len(ledger.arrivals) or not until():
        if position == len(ledger.arrivals):
            time.sleep(0.0005)
            continue
        arrival, state, name = ledger.arrivals[position]
        row = database.execute(
            "SELECT end_ms FROM events WHERE daemon = 'kitchen' AND event = ?", [name]).fetchone()
        if row and (state == "begin" or row[0] is not None):
            result.append(1000 * (time.monotonic() - arrival))
            position, last = position + 1, None
        elif last is not None and time.monotonic() - last > 60:
            raise SystemExit(f"event {name} is not in the history")
        else:
            last = last or time.monotonic()
            time.sleep(0.0002)
    database.close()
    return sorted(result)


def describe(what, times):
    if not times:
        raise SystemExit(f"{what}: no event")
    print(f"{what}: {len(times)} records, median {statistics.median(times):.1f} ms, 95 % below "
          f"{times[int(0.95 * (len(times) - 1))]:.1f}, highest {times[-1]:.1f}", flush=True)


def full_disk(folder, ledger):
    place = folder / "small"
    place.mkdir()
    if os.geteuid() != 0:
        return print("full disk: not measured, needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", place], check=True)
    try:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n")
        start(["/usr/sbin/mosquitto", "-c", folder / "mosquitto.conf"], folder / "mosquitto.log")
        time.sleep(1)
        start(["mosquitto_sub", "-p", port, "-t", "astd/test/event", "-q", 1], folder / "messages")
        time.sleep(0.5)
        path, seconds = place / "history.sqlite", 20
        gateway = Gateway(folder, "full", path, DAYS, port)
        wait_for("the first event", lambda: path.exists() and count(path) > 4)
        with (place / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                pass
        wait_for("the error", lambda: "cannot be written" in gateway.text())
        stored, messages = count(path), lines(folder / "messages")
        time.sleep(seconds)
        print(f"full disk: in {seconds} s, {count(path) - stored} events stored, {lines(folder / 'messages') - messages} messages "
              f"at the broker, {gateway.text().count('error')} errors in the log", flush=True)
        (place / "filler").unlink()
        wait_for("writing", lambda: "can be written again" in gateway.text())
        time.sleep(2)
        last = len(ledger.arrivals)
        wait_for("two more records", lambda: len(ledger.arrivals) > last + 1)
        end(gateway.process)
        database = sqlite3.connect(path)
        rows = {name for name, in database.execute("SELECT event FROM events")}
        gaps = database.execute("SELECT reason, count(*) FROM gaps GROUP BY reason").fetchall()
        database.close()
        records = [json.loads(line) for line in (folder / "messages").read_text().splitlines()]
        keys = [(record["state"], record["id"]) for record in records]
        names = {name for _, name in keys}
        repeated = len(keys) - len(set(keys))
        print(f"full disk: with room again {len(rows)} events in the history, {len(names)} at the broker, {len(rows ^ names)} in "
              f"one of them only, {repeated} messages repeated, gaps: {gaps}")
        if rows != names or repeated:
            raise SystemExit(f"in one only: {sorted(rows ^ names)[:5]}")
    finally:
        for child in children:
            child.kill()
            child.wait()
        subprocess.run(["umount", place], check=True)


def count(path):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return database.execute("SELECT count(*) FROM events").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        database.close()


def lines(path):
    return path.read_bytes().count(b"\n")


def tables(path):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return {name for name, in database.execute("SELECT name FROM sqlite_schema")}
    except sqlite3.OperationalError:
        return set()
    finally:
        database.close()


def main():
    folder = Path(tempfile.mkdtemp(prefix="history-live."))
    path, now = folder / "history.sqlite", int(time.time() * 1000)
    try:
        gateway = Gateway(folder, "first", path, DAYS)
        wait_for("the tables", lambda: path.exists() and "outbox" in tables(path))
        end(gateway.process)
        database = connect(path)
        database.execute("BEGIN")
        database.executemany(INSERT, rows(EVENTS, now, random.Random(18)))
        database.execute("COMMIT")
        database.close()
        sound(folder / "sound.wav", 600)
        (folder / "astd.yaml").write_text(
            "activation: none\ndetection: {minimum_hits: 1, merge_gap: 0, allow: [" + ", ".join(THRESHOLDS) + "], labels: {"
            + ", ".join(f"{label}: {{on: {on}, off: {on}}}" for label, on in THRESHOLDS.items()) + "}}\n")
        start([BUILD / "astd", "run", "--model", MODEL, "--runtime-dir", folder, "--state-dir", folder / "state",
               "--source", f"file:{folder}/sound.wav", "--hop", "0.1", "--config", folder / "astd.yaml"], folder / "astd.log")
        wait_for("astd", lambda: (folder / "events.sock").exists())
        ledger = Ledger(folder)
        gateway = Gateway(folder, "insert", path, DAYS)
        wait_for("the gateway", lambda: "connected" in gateway.text())
        time.sleep(2)
        limit = time.monotonic() + 20
        describe("from record to row", delays(path, ledger, lambda: time.monotonic() > limit))
        end(gateway.process)
        gateway = Gateway(folder, "retention", path, 180)
        begin, done = time.monotonic(), []
        wait_for("the gateway", lambda: "connected" in gateway.text())

        def is_done():
            if not done and "deleted old events" in gateway.text():
                done.append(time.monotonic() - begin)
            return bool(done)

        describe("from record to row during retention", delays(path, ledger, is_done))
        print(f"retention: half of the events deleted in {done[0]:.1f} s", flush=True)
        end(gateway.process)
        full_disk(folder, ledger)
    finally:
        for child in children:
            child.kill()
            child.wait()
        shutil.rmtree(folder)


main()
