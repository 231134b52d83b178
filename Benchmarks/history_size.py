#!/usr/bin/env python3
"""A million events in the history of astd-gateway: times of queries, an insert, retention; size; kill -9 meanwhile.

    Benchmarks/history_size.py [--events 1000000] [--labels 50] [--program .build/release/astd-gateway]

The program creates the database; the events are written to its tables directly, seeded, over the last 365 days. Retention runs
in the program itself, killed with SIGKILL at random moments, while this script measures how long another writer has to wait.
"""

import argparse
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LABELS = ["Siren", "Dog", "Speech", "Music", "Glass", "Alarm", "Engine", "Bird"]  # then made-up ones
DAY = 86_400_000  # milliseconds
INSERT = """INSERT INTO events
    (daemon, event, run, source, label, adapter, begin_ms, end_ms, start_sample, end_sample, peak)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


class Gateway:
    """astd-gateway with a history and a daemon that does not run."""

    def __init__(self, program, folder, days):
        self.program, self.history = program, folder / "history.sqlite"
        self.settings = folder / "gateway.yaml"
        self.settings.write_text(f"daemons: {{astd: {folder}/none}}\n"
                                 f"history: {{path: {self.history}, days: {days}, megabytes: 100000}}\n")

    def start(self):
        return subprocess.Popen([self.program, "run", "--config", self.settings], stderr=subprocess.DEVNULL)

    def milliseconds(self, *arguments, rounds=7):
        """Wall time of a command, from its start to its end: the median; and the lines that it prints."""
        times = []
        for _ in range(rounds):
            began = time.monotonic()
            output = subprocess.run([self.program, *arguments, "--config", self.settings], capture_output=True, check=True)
            times.append(1000 * (time.monotonic() - began))
        return statistics.median(times), output.stdout.count(b"\n")


def rows(count, now, chance, labels=LABELS):
    for number in range(count):
        begin = now - 365 * DAY + 365 * DAY * number // count
        duration = chance.randrange(1_000, 20_000)
        yield ("astd", f"a1b2c3d4-{number + 1}", "a1b2c3d4", None, chance.choice(labels), None, begin, begin + duration,
               16 * begin, 16 * (begin + duration), round(chance.uniform(0.5, 1), 3))


def connect(path, timeout=60):
    database = sqlite3.connect(path, isolation_level=None, timeout=timeout)
    database.execute("PRAGMA synchronous = NORMAL")
    return database


def end(process):
    process.send_signal(signal.SIGTERM)
    process.wait(60)


def wait_for(what, condition):
    deadline = time.monotonic() + 120
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"history_size: {what}: not within 120 s")
        time.sleep(0.05)


def inserts(database, now, count=300):
    """Milliseconds of transactions as the gateway makes them: an event and the cursor of its daemon."""
    times = []
    for number in range(count):
        began = time.monotonic()
        database.execute("BEGIN IMMEDIATE")
        database.execute(INSERT, ("astd", f"ffffffff-{number}", "ffffffff", None, "Siren", None, now, now + 1, 0, 16, 0.9))
        database.execute("INSERT INTO cursors VALUES ('astd', 'ffffffff', ?, ?) ON CONFLICT DO UPDATE "
                         "SET run = excluded.run, seq = excluded.seq, time_ms = excluded.time_ms", (number, now))
        database.execute("COMMIT")
        times.append(1000 * (time.monotonic() - began))
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--labels", type=int, default=50)
    parser.add_argument("--program", default=ROOT / ".build/release/astd-gateway")
    parser.add_argument("--kills", type=int, default=10)
    options = parser.parse_args()
    chance = random.Random(18)
    labels = (LABELS + [f"Label number {number}" for number in range(len(LABELS), options.labels)])[:options.labels]
    failures = []

    def row(name, value, holds=True):
        print(f"{'ok    ' if holds else 'FAILED'}  {name:36}{value}", flush=True)
        if not holds:
            failures.append(name)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gateway = Gateway(options.program, folder, days=3650)
        process = gateway.start()
        wait_for("the database", lambda: gateway.history.exists() and
                 connect(gateway.history).execute("PRAGMA user_version").fetchone()[0] > 0)
        end(process)
        now = int(time.time() * 1000)
        database = connect(gateway.history)
        empty = gateway.history.stat().st_size
        database.execute("BEGIN")
        database.executemany(INSERT, rows(options.events, now, chance, labels))
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = gateway.history.stat().st_size
        row("size", f"{size / 1e6:.0f} MB, {(size - empty) / options.events:.0f} bytes an event")
        for what, arguments, limit in [
                ("start of the program alone", ["--version"], None),
                ("events of a day", ["events", "--since", "24h"], 50),
                ("events of a day, JSON lines", ["events", "--since", "24h", "--format", "jsonl"], 50),
                ("a label, a week", ["events", "--label", "Siren", "--since", "7d"], 50),
                ("a label, the newest 100", ["events", "--label", "Siren", "--limit", "100"], 50),
                ("summary of a day by hours", ["summary", "--since", "24h", "--by", "hour"], 50),
                ("summary of a week by days", ["summary", "--since", "7d"], 50),
                ("summary of everything by days", ["summary"], None)]:
            if arguments == ["--version"]:
                began = time.monotonic()
                subprocess.run([options.program, "--version"], capture_output=True, check=True)
                took, lines = 1000 * (time.monotonic() - began), 1
            else:
                took, lines = gateway.milliseconds(*arguments)
            row(what, f"{took:.1f} ms, {lines} lines", limit is None or took < limit)
        times = sorted(inserts(database, now))
        row("insert of an event", f"median {statistics.median(times):.2f} ms, 99 % {times[-3]:.2f} ms, most {times[-1]:.2f} ms",
            times[-3] < 5)
        # Eleven of twelve months become too old.
        Gateway(options.program, folder, days=30)
        oldest = now - 29 * DAY
        kept = database.execute("SELECT count(*) FROM events WHERE begin_ms >= ?", (oldest,)).fetchone()[0]
        waits, kills, broken = [], 0, []
        impatient = connect(gateway.history, timeout=0)

        def step():
            began = time.monotonic()
            while True:
                # SQLite itself would sleep up to 0.1 s between two attempts.
                try:
                    impatient.execute("BEGIN IMMEDIATE")
                    break
                except sqlite3.OperationalError:
                    time.sleep(0.0005)
            impatient.execute("UPDATE cursors SET seq = seq + 1 WHERE daemon = 'astd'")
            impatient.execute("COMMIT")
            waits.append(1000 * (time.monotonic() - began))
            time.sleep(0.001)

        def old():
            return database.execute("SELECT count(*) FROM events WHERE begin_ms < ?", (now - 31 * DAY,)).fetchone()[0]
        began = time.monotonic()
        process = gateway.start()
        deadline = began + 1800
        until_kill = time.monotonic() + chance.uniform(0.3, 3)
        looked = time.monotonic()
        while time.monotonic() < deadline:
            step()
            if kills < options.kills and time.monotonic() > until_kill:
                process.kill()
                process.wait()
                kills += 1
                if database.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                    broken.append(kills)
                process = gateway.start()
                until_kill = time.monotonic() + chance.uniform(0.3, 3)
            if time.monotonic() > looked + 5:
                if old() == 0 and kills == options.kills and \
                        database.execute("PRAGMA freelist_count").fetchone()[0] == 0:
                    break
                looked = time.monotonic()
        end(process)
        waits.sort()
        left = database.execute("SELECT count(*) FROM events WHERE begin_ms >= ?", (oldest,)).fetchone()[0]
        row("retention", f"{time.monotonic() - began:.0f} s, {options.events - left} events deleted, {kills} times SIGKILL",
            old() == 0 and kills == options.kills)
        row("events within the days", f"{left} of {kept} are left", left == kept)
        row("another writer waits", f"median {statistics.median(waits):.2f} ms, 99 % {waits[int(0.99 * len(waits))]:.1f} ms, "
            f"most {waits[-1]:.1f} ms", waits[-1] < 100)
        check = database.execute("PRAGMA integrity_check").fetchone()[0]
        row("integrity", f"{check}; after each SIGKILL: {'ok' if not broken else broken}", check == "ok" and not broken)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        row("size afterwards", f"{gateway.history.stat().st_size / 1e6:.0f} MB")
        impatient.close()
        database.close()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
