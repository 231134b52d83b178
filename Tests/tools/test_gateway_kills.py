#!/usr/bin/env python3
"""astd-gateway while broker, gateway and daemon are killed at random: MINUTES=20 KILLS=100 Tests/tools/test_gateway_kills.py

A daemon makes one to two events a second. Three accounts of its events are compared at the end:

    ledger    a second client of astd.sock, which continues with `since_seq` after each restart
    history   the database of the gateway
    MQTT      a subscriber with a persistent session, QoS 1

A daemon that dies takes along what it has not sent. Therefore the history of each run of the daemon must be a beginning of
the ledger's (or longer, if the daemon died between sending to both), with the same times, and if it is shorter, a gap must
follow. MQTT must have the begin and the end of each event of the history, the first copies in order. QoS 1 permits copies:
they are counted. SEED=N repeats the order of kills.
"""
import array
import json
import math
import os
import random
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ASTD_BUILD", REPOSITORY / ".build/debug"))
MOSQUITTO = "/usr/sbin/mosquitto"
MINUTES = float(os.environ.get("MINUTES", 20))
KILLS = int(os.environ.get("KILLS", 100))
SEED = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
LABELS = {"Speech": -0.12, "Silence": -0.47}  # medians of the scores: the score crosses them once a second


def sound(path, seconds):
    """Bursts of noise and of tones of random loudness, 16 kHz mono."""
    dice = random.Random(1)
    block = array.array("h")
    for _ in range(240):  # a minute, repeated
        level, pitch = 10 ** dice.uniform(1, 4.3), dice.choice([0, 200, 500, 1500, 4000])
        for position in range(4000):
            wave = dice.uniform(-1, 1) if pitch == 0 else math.sin(2 * math.pi * pitch * position / 16000)
            block.append(int(level * wave))
    data = block.tobytes() * math.ceil(seconds / 60)
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", len(data) + 36, b"WAVE", b"fmt ", 16, 1, 1, 16000, 32000, 2, 16,
                         b"data", len(data))
    path.write_bytes(header + data)


class Program:
    """A process that is killed and started again; its output is appended to one file."""

    def __init__(self, name, command, folder):
        self.name, self.command = name, [str(part) for part in command]
        self.log = folder / f"{name}.log"
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            environment = {name: value for name, value in os.environ.items() if not name.startswith("ASTD_")}
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    def end(self, how):
        code = self.process.poll()
        if code is not None:
            raise SystemExit(f"{self.name} ended by itself with {code}: {self.log.read_text()[-2000:]}")
        self.process.send_signal(how)
        code = self.process.wait(60)
        expected = [-signal.SIGKILL] if how == signal.SIGKILL else [0, -signal.SIGTERM]  # SIGTERM before its handler is set
        if code not in expected:
            raise SystemExit(f"{self.name} ended with {code} after signal {how}: {self.log.read_text()[-2000:]}")


class Ledger(threading.Thread):
    """Every event record of every run of the daemon, in order; continues after an interruption."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = str(path)
        self.runs = {}  # run: {(state, id): record}, in order
        self.last = {}
        self.isStopped = False

    def run(self):
        while not self.isStopped:
            try:
                self.follow()
            except (OSError, ValueError):
                time.sleep(0.02)

    def follow(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.path)
            lines = connection.makefile("r")
            run = json.loads(lines.readline())["run"]
            parameters = {"types": ["event"], "run": run, "since_seq": self.last.get(run, 0)}
            request = {"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": parameters}
            connection.sendall(json.dumps(request).encode() + b"\n")
            records = self.runs.setdefault(run, {})
            for line in lines:
                message = json.loads(line)
                if message.get("method") == "lost":
                    # The daemon keeps 64 predictions, but all events of this test.
                    continue
                if message.get("result", {}).get("missed_events"):
                    raise SystemExit("the ledger missed events")
                if message.get("method") == "event":
                    event = message["params"]
                    if event["id"].split("-")[0] == run:
                        records.setdefault((event["state"], event["id"]), event)
                        self.last[run] = event["seq"]


class Subscriber(threading.Thread):
    """Receives one topic in a persistent session, MQTT 3.1.1 and QoS 1, whatever becomes of the broker."""

    def __init__(self, port, topic):
        super().__init__(daemon=True)
        self.port, self.topic = port, topic.encode()
        self.payloads = []
        self.connections = 0
        self.isSubscribed = threading.Event()
        self.isStopped = False

    def run(self):
        while not self.isStopped:
            try:
                self.follow()
            except OSError:
                time.sleep(0.02)

    def follow(self):
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            stream = connection.makefile("rb")
            name, topic = b"kills-subscriber", self.topic
            greeting = struct.pack(">H4sBBH", 4, b"MQTT", 4, 0, 0) + struct.pack(">H", len(name)) + name
            connection.sendall(bytes([0x10, len(greeting)]) + greeting)
            wish = struct.pack(">HH", 1, len(topic)) + topic + b"\x01"
            connection.sendall(bytes([0x82, len(wish)]) + wish)
            while head := stream.read(1):
                length = shift = 0
                while True:
                    byte = stream.read(1)
                    if not byte:
                        return
                    length |= (byte[0] & 127) << shift
                    shift += 7
                    if byte[0] < 128:
                        break
                body = stream.read(length)
                if len(body) < length:
                    return
                if head[0] >> 4 == 9:  # SUBACK
                    self.connections += 1
                    self.isSubscribed.set()
                if head[0] >> 4 == 3:  # PUBLISH, quality 1
                    end = 2 + struct.unpack(">H", body[:2])[0]
                    self.payloads.append(json.loads(body[end + 2:]))
                    connection.sendall(b"\x40\x02" + body[end:end + 2])


def until(what, condition, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"not within {seconds} s: {what}")
        time.sleep(0.1)


def rows(database, query):
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30) as connection:
        return connection.execute(query).fetchall()


def milliseconds(text):
    """Of an RFC 3339 time in UTC."""
    from datetime import datetime, timezone
    time = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return round(time.timestamp() * 1000)


def compare(database, ledger, payloads):
    """Returns what is wrong, and figures."""
    wrong = []
    events = rows(database, "SELECT event, run, label, begin_ms, end_ms, interrupted FROM events ORDER BY id")
    gaps = rows(database, "SELECT reason, run, begin_ms, end_ms FROM gaps")
    begins = {run: begin for run, begin in rows(database, "SELECT run, begin_ms FROM runs")}
    if rows(database, "PRAGMA integrity_check") != [("ok",)]:
        wrong.append("the database is damaged")
    kept = {event: row for event, *row in events}
    if len(kept) != len(events):
        wrong.append("an event is in the history more than once")
    wrong += [f"{event} is open" for event, row in kept.items() if row[3] is None]
    cut = longer = 0
    for run, records in ledger.items():
        has = [
            event["id"] in kept and (state == "begin" or not kept[event["id"]][4]) for (state, _), event in records.items()]
        length = has.index(False) if False in has else len(has)
        if any(has[length:]):
            missing = [key for key, found in zip(records, has) if not found]
            wrong.append(f"run {run}: missing in the middle: {missing[:5]}")
        if length < len(has):
            cut += len(has) - length
            last = max((milliseconds(event["time"]) for event in list(records.values())[:length]), default=0)
            newest = max(milliseconds(event["time"]) for event in list(records.values())[length:])
            # The record of an end has the time of an earlier window.
            if not any(reason in ("stopped", "missed") and begin <= newest + 1000 and end >= last
                       for reason, _, begin, end in gaps):
                wrong.append(f"run {run}: {len(has) - length} records are missing without a gap")
        for (state, identity), event in list(records.items())[:length]:
            time = kept[identity][2 if state == "begin" else 3]
            if time != milliseconds(event["time"]) or kept[identity][1] != event["label"]:
                wrong.append(f"{state} of {identity}: {event['label']} {event['time']}, in the history {kept[identity]}")
    for event, (run, _, _, _, interrupted) in kept.items():
        known = ledger.get(run, {})
        longer += (("begin", event) not in known) + (not interrupted and ("end", event) not in known)
    if set(begins) - set(ledger):
        # A run that ended before the ledger had connected.
        print("runs without a ledger:", len(set(begins) - set(ledger)))
    first = {}
    copies = 0
    for position, payload in enumerate(payloads):
        key = (payload["state"], payload["id"])
        copies += key in first
        first.setdefault(key, position)
    expected = [(state, event) for event in kept for state in ("begin", "end")]
    lost = [key for key in expected if key not in first]
    more = [key for key in first if key not in set(expected)]
    if lost:
        wrong.append(f"MQTT misses {len(lost)}: {lost[:5]}")
    if more:
        wrong.append(f"MQTT has {len(more)} that the history does not have: {more[:5]}")
    wrong += [f"MQTT: {event} ends before it begins" for event in kept
              if first.get(("end", event), 0) < first.get(("begin", event), 0)]
    for run, records in ledger.items():
        places = [first[key] for key in records
                  if key in first and key[1] in kept and (key[0] == "begin" or not kept[key[1]][4])]
        if places != sorted(places):
            wrong.append(f"MQTT: events of run {run} are not in order")
    figures = {
        "events": len(kept), "interrupted": sum(row[4] for row in kept.values()), "runs": len(begins), "gaps": len(gaps),
        "records that died with a daemon": cut, "records that only the gateway received": longer,
        "messages": len(payloads), "copies (QoS 1)": copies,
    }
    return wrong, figures


def main():
    folder = Path(tempfile.mkdtemp(prefix="gateway-kills."))
    print(f"SEED={SEED} MINUTES={MINUTES:g} KILLS={KILLS} in {folder}", flush=True)
    dice = random.Random(SEED)
    sound(folder / "sound.wav", MINUTES * 60 + 300)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {folder}/\nuser root\n"
        # Written at each change: what the broker acknowledged survives a kill.
        "autosave_interval 1\nautosave_on_changes true\nmax_queued_messages 100000\n")
    (folder / "astd.yaml").write_text(
        f"activation: none\ndetection: {{minimum_hits: 1, merge_gap: 0, allow: [{', '.join(LABELS)}], labels: {{"
        + ", ".join(f"{label}: {{on: {on}, off: {on}}}" for label, on in LABELS.items()) + "}}\n")
    (folder / "gateway.yaml").write_text(
        f"node: test\ndaemons: {{kitchen: {folder}}}\nhistory: {{path: {folder}/history.sqlite}}\n"
        f"mqtt: {{url: 'mqtt://127.0.0.1:{port}', labels: [{', '.join(LABELS)}], discovery: true}}\n")
    broker = Program("mosquitto", [MOSQUITTO, "-c", folder / "mosquitto.conf"], folder)
    daemon = Program(
        "astd", [BUILD / "astd", "run", "--model", REPOSITORY / "Tests/Golden/models/stride10", "--runtime-dir", folder,
                 "--source", f"file:{folder}/sound.wav", "--hop", "0.25", "--config", folder / "astd.yaml"], folder)
    gateway = Program("gateway", [BUILD / "astd-gateway", "run", "--config", folder / "gateway.yaml"], folder)
    programs = [broker, daemon, gateway]
    ledger = Ledger(folder / "astd.sock")
    subscriber = Subscriber(port, "astd/test/event")
    database = folder / "history.sqlite"
    try:
        broker.start()
        subscriber.start()
        if not subscriber.isSubscribed.wait(30):
            raise SystemExit("no subscription")
        daemon.start()
        gateway.start()
        ledger.start()
        begin = time.monotonic()
        until("events at the subscriber", lambda: subscriber.payloads)
        counts = {}
        back = []  # (time, program) of those that are down
        moments = sorted(dice.uniform(0, MINUTES * 60) for _ in range(KILLS))
        for number, moment in enumerate(moments, 1):
            while True:
                now = time.monotonic() - begin
                for due, program in [entry for entry in back if entry[0] <= now]:
                    program.start()
                    back.remove((due, program))
                up = [program for program in programs if program not in [entry[1] for entry in back]]
                if now >= moment and up:
                    break
                time.sleep(0.02)
            program = dice.choice(up)
            how = dice.choice([signal.SIGKILL, signal.SIGTERM])
            program.end(how)
            counts[f"{program.name} {how.name}"] = counts.get(f"{program.name} {how.name}", 0) + 1
            back.append((time.monotonic() - begin + dice.choice([0, 0.1, dice.uniform(0, 4)]), program))
            if number % 10 == 0:
                records = sum(len(run) for run in ledger.runs.values())
                print(f"{time.monotonic() - begin:6.0f} s  {number} kills  {records} records in the ledger  "
                      f"{len(subscriber.payloads)} messages", flush=True)
        while time.monotonic() - begin < MINUTES * 60 and not back:
            time.sleep(0.1)
        time.sleep(4)
        for _, program in back:
            program.start()
        waiting = lambda: rows(database, "SELECT count(*) FROM outbox")[0][0]
        openEvents = lambda: rows(database, "SELECT count(*) FROM events WHERE end_ms IS NULL")[0][0]
        # The broker's absence made the gateway wait up to 30 s between its attempts.
        until("an empty outbox", lambda: waiting() == 0)
        time.sleep(2)
        daemon.end(signal.SIGTERM)
        until("the end of every event", lambda: openEvents() == 0 and waiting() == 0)
        time.sleep(2)
        gateway.end(signal.SIGTERM)
        seconds = time.monotonic() - begin
        ledger.isStopped = subscriber.isStopped = True
        broker.end(signal.SIGTERM)
        wrong, figures = compare(database, ledger.runs, subscriber.payloads)
    finally:
        for program in programs:
            if program.process and program.process.poll() is None:
                program.process.kill()
    print("kills:", ", ".join(f"{count} {name}" for name, count in sorted(counts.items())))
    print(f"{seconds:.0f} s, {sum(len(run) for run in ledger.runs.values())} records in the ledger;",
          ", ".join(f"{value} {name}" for name, value in figures.items()))
    for line in wrong[:20]:
        print("WRONG", line)
    if wrong:
        print(f"SEED={SEED} repeats it; {folder} is kept")
        sys.exit(1)
    subprocess.run(["rm", "-r", folder])
    print("Every event is in the history and at the broker, in order.")


main()
