#!/usr/bin/env python3
"""Sends broken HTTP to a running astd-gateway: part of make fuzz.

    fuzz_http.py [--seconds 600] [--seed N] [--build .build/debug]

Connections of several threads send requests that were changed at random (request lines, headers, chunked bodies, pipelined
and half requests, headers of megabytes) and read all, some or nothing of the answers. All the while, and at the end, another
client must be answered; the process must not have ended, no answer may have status 500, its memory must stay below that of
the unit (MemoryMax), and all connections must be closed. What was sent last is kept in .build-fuzz/http/found-*.
"""
import argparse
import errno
import http.client
import random
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
FOUND = REPOSITORY / ".build-fuzz/http"
THREADS = 8
MEGABYTES = 512  # MemoryMax of astd-gateway.service.
EVENTS = 5000
RUN = "5f0c9a3be2174c11"

GETS = [
    "/", "/page.css", "/none", "/api/status", "/api/events", "/api/events?limit=5000", "/api/summary?by=hour",
    "/api/minutes?since=24h&step=5", "/api/gaps?since=7d", f"/api/clips/{RUN}-1", "/api/labels?daemon=a",
    "/api/explain?label=Siren&daemon=a", "/api/live", "/api/live?spectrum=1&daemon=a", "/healthz", "/metrics",
    "/api/openapi.json", "/api/events?since=2026-01-31T00:00:00Z&label=%53iren&before=1769817600000-17",
    "/api/minutes?since=1700-01-01T00:00:00Z&until=2200-12-31T00:00:00Z",
]
POSTS = [
    (f"/api/events/{RUN}-2/review", '{"review":"other","label":"Dog"}'), (f"/api/events/{RUN}-3/review", '{"review":null}'),
    ("/api/control/pause", '{"daemon":"a"}'), ("/api/control/adapter", '{"daemon":"a","adapter":"base"}'),
]
HEADERS = [
    "Range: bytes=0-99", "Range: bytes=-5", "Range: bytes=99999999999999999999-", "If-Range: \"x\"", "Expect: 100-continue",
    f"Last-Event-ID: {RUN}-1", "Accept-Encoding: gzip", "Connection: close", "Connection: keep-alive, Upgrade",
    "Upgrade: websocket", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Content-Length: 5",
    "Content-Length: -1", "Content-Length: 18446744073709551616", "Content-Length: 5, 6", "Host: other", "Origin: null",
    "Authorization: Basic ====", "If-None-Match: *", "Content-Type: application/json", "X: \0", "\x80: \xff", " folded", ":",
]


def request(dice):
    """A request, nearly always valid."""
    host = dice.choice(["localhost", "127.0.0.1", "[::1]:1", "localhost.", "evil.example", ""])
    more = [dice.choice(HEADERS) for _ in range(dice.choice([0, 0, 0, 1, 1, 3]))]
    if dice.random() < 0.7:
        method, target, body = dice.choice(["GET", "GET", "GET", "HEAD", "PUT", "OPTIONS", "PRI"]), dice.choice(GETS), b""
    else:
        target, text = dice.choice(POSTS)
        method, body = "POST", text.encode()
        more.append("Content-Type: application/json")
        if dice.random() < 0.4:
            more.append("Transfer-Encoding: chunked")
            cut = dice.randrange(len(body))
            sizes = dice.choice(["%x", "%X;a=b", "%08x", "%x ", "-%x", "%xg", "ffffffffffffffff%x"])
            parts = [body[:cut], body[cut:]] if cut else [body]
            body = b"".join((sizes % len(part)).encode() + b"\r\n" + part + b"\r\n" for part in parts)
            body += dice.choice([b"0\r\n\r\n", b"0\r\nTrailer: x\r\n\r\n", b"", b"0\r\n"])
        else:
            more.append(f"Content-Length: {len(body) + dice.choice([0, 0, 0, 0, 1, -1, 70000])}")
    dice.shuffle(more)
    version = dice.choice(["HTTP/1.1"] * 6 + ["HTTP/1.0", "HTTP/2.0", "HTTP/1.1 ", "RTSP/1.0"])
    lines = [f"{method} {target} {version}", f"Host: {host}", *more]
    return dice.choice(["\r\n"] * 9 + ["\n"]).join([*lines, "", ""]).encode("latin-1") + body


def change(data, dice):
    """Some bytes changed, removed, repeated."""
    data = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 4, 16])):
        at = dice.randrange(len(data) + 1)
        end = min(len(data), at + dice.choice([1, 2, 8, 64]))
        how = dice.randrange(5)
        if how == 0 and at < len(data):
            data[at] ^= 1 << dice.randrange(8)
        elif how == 1:
            del data[at:end]
        elif how == 2:
            data[at:at] = data[at:end] * dice.choice([1, 2, 100])
        elif how == 3:
            data[at:at] = dice.choice([b"\r\n", b"\r", b"\n", b"\0", b":", b" ", b"%", b"\xff\xfe", b"0", b"-1", b"\r\n\r\n"])
        else:
            data[at:at] = bytes(dice.randrange(256) for _ in range(dice.choice([1, 4, 32])))
    return bytes(data)


def message(dice):
    """What a connection sends."""
    data = b"".join(request(dice) for _ in range(dice.choice([1, 1, 1, 2, 5, 50])))
    if dice.random() < 0.6:
        data = change(data, dice)
    kind = dice.random()
    if kind < 0.03:
        data = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * dice.choice([16_000, 20_000, 2_000_000])
    elif kind < 0.06:
        data = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X%d: 1\r\n" % n for n in range(dice.choice([60, 70, 5000])))
    elif kind < 0.08:
        data = b"GET /" + b"a" * dice.choice([8000, 9000, 100_000]) + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    elif kind < 0.10:
        data = bytes(dice.randrange(256) for _ in range(dice.choice([1, 100, 5000])))
    elif kind < 0.2:
        data = data[:dice.randrange(len(data) + 1)]
    return data


class Fuzzer:
    def __init__(self, port, seed, seconds):
        self.port, self.seed, self.end = port, seed, time.monotonic() + seconds
        self.lock = threading.Lock()
        self.statuses, self.connections, self.problems = {}, 0, []
        self.last = [b""] * THREADS

    def work(self, number):
        dice = random.Random(f"{self.seed}-{number}")
        kept = []  # Half requests and clients that do not read.
        while time.monotonic() < self.end and not self.problems:
            self.last[number] = data = message(dice)
            try:
                client = socket.create_connection(("127.0.0.1", self.port), 30)
                self.converse(client, data, dice, kept)
            except (ConnectionError, socket.timeout):
                pass  # The server may close or reset a connection at any time.
            except OSError as error:
                if error.errno != errno.ENOTCONN:  # As above, seen by shutdown().
                    self.problems.append(f"thread {number}: {error!r}")
            while len(kept) > 20:
                kept.pop(dice.randrange(len(kept))).close()
        for client in kept:
            client.close()

    def converse(self, client, data, dice, kept):
        with self.lock:
            self.connections += 1
        client.settimeout(0.2)
        if dice.random() < 0.3:
            for at in range(0, min(len(data), 600), max(1, len(data) // 7)):
                client.sendall(data[at:at + max(1, len(data) // 7)])
        else:
            client.sendall(data)
        how = dice.random()
        if how < 0.2:
            return kept.append(client)
        if how < 0.4:
            client.shutdown(socket.SHUT_WR)
        with client:
            if how > 0.95:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return None
            answer = client.recv(dice.choice([1, 65_536]))
            if len(answer) > 12:
                status = answer[9:12].decode("latin-1")
                with self.lock:
                    self.statuses[status] = self.statuses.get(status, 0) + 1
                if not answer.startswith(b"HTTP/1.1 ") or status == "500":
                    self.problems.append(f"answered {answer[:200]!r} to {data[:2000]!r}")
        return None

    def watch(self, process):
        """Another client is answered all the time."""
        while time.monotonic() < self.end and not self.problems:
            try:
                if ask(self.port, "/metrics")[0] != 200:
                    self.problems.append("/metrics is not answered with 200")
            except (OSError, http.client.HTTPException) as error:
                self.problems.append(f"no answer to another client: {error!r}")
            if process.poll() is not None:
                self.problems.append(f"astd-gateway ended with {process.returncode}")
            time.sleep(0.5)


def ask(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def fill(history, clips):
    """Events for long lists, minutes for a heat map, and a clip."""
    database = sqlite3.connect(history, timeout=30)
    now = int(time.time() * 1000)
    with database:
        database.executemany(
            "INSERT INTO events (daemon, event, run, label, begin_ms, end_ms, start_sample, peak) VALUES ('a', ?, ?, ?, ?, ?, 0, 0.9)",
            [(f"{RUN}-{n}", RUN, "Siren", now - 1000 * n, now - 1000 * n + 500) for n in range(1, EVENTS + 1)])
        database.execute("INSERT INTO series (id, daemon, label) VALUES (1, 'a', 'Siren')")
        database.executemany("INSERT INTO minutes VALUES (?, 1, 60, 30, 0.9)", [(now // 60_000 * 60_000 - 60_000 * n,) for n in range(1440)])
        database.execute("INSERT OR REPLACE INTO cursors VALUES ('a', ?, 1, ?)", (RUN, now))
    database.close()
    (clips / f"astd-20260131T000001.000Z-{RUN}-1-Siren.wav").write_bytes(bytes(2_000_000))


def start(build, folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clips = folder / "clips"
    clips.mkdir()
    history = folder / "history.sqlite"
    (folder / "gateway.yaml").write_text(
        f"daemons: {{a: {folder}/a}}\nhistory: {{path: {history}, clips: [{clips}]}}\nhttp: {{listen: '127.0.0.1:{port}', control: true}}\n")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(build / "astd-gateway"), "run", "--config", str(folder / "gateway.yaml")], stdin=subprocess.DEVNULL, stdout=log,
            stderr=log)
    until("the page", lambda: process.poll() is not None or "serving the page" in (folder / "log").read_text(errors="replace"))
    if process.poll() is not None:
        sys.exit((folder / "log").read_text(errors="replace"))
    fill(history, clips)
    return process, port


def until(what, condition):
    end = time.monotonic() + 120
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited two minutes for {what}")
        time.sleep(0.1)


def peak_megabytes(process):
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--build", type=Path, default=REPOSITORY / ".build/debug")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process, port = start(options.build, folder)
        try:
            fuzzer = Fuzzer(port, options.seed, options.seconds)
            threads = [threading.Thread(target=fuzzer.work, args=(n,)) for n in range(THREADS)]
            threads.append(threading.Thread(target=fuzzer.watch, args=(process,)))
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            problems = fuzzer.problems
            if process.poll() is None and not problems:
                try:
                    until("the end of all connections", lambda: b"\nastd_gateway_http_connections 1\n" in ask(port, "/metrics")[1])
                    if ask(port, f"/api/clips/{RUN}-1")[0] != 200 or ask(port, "/api/events")[0] != 200:
                        problems.append("the events or the clip are not answered at the end")
                except (OSError, TimeoutError, http.client.HTTPException) as error:
                    problems.append(f"at the end: {error!r}")
            peak = peak_megabytes(process) if process.poll() is None else 0
            if peak > MEGABYTES:
                problems.append(f"{peak} MB of memory, more than {MEGABYTES}")
            if process.poll() is not None:
                problems.append((folder / "log").read_text(errors="replace")[-4000:])
        finally:
            process.terminate()
            process.wait(60)
    if problems:
        FOUND.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(fuzzer.last):
            (FOUND / f"found-{options.seed}-{number}").write_bytes(data)
        print(f">> HTTP: failed (seed {options.seed})", *problems, sep="\n", file=sys.stderr)
        return 1
    counts = ", ".join(f"{count} of {status}" for status, count in sorted(fuzzer.statuses.items()))
    print(f">> HTTP: {fuzzer.connections} connections, none failed; answers: {counts}; at most {peak} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
