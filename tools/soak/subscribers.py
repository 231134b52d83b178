#!/usr/bin/env python3
"""Connects many clients to one astd, well-behaved and not. Counts the records of each and the cost to the daemon.

    tools/soak/subscribers.py [--program .build/release/astd] [--subscribers 1000] [--slow 100] [--connections 10000]

A file is played repeatedly at the shortest hop. A client that reads may not miss a record; a client that stalls must receive
the exact number of records that it missed. Then connections follow one after another and all at once, with and without
garbage as input.
"""
import argparse
import json
import resource
import selectors
import socket
import sys
import time

import process
import sound
from client import Client
from daemon import ROOT, Daemon

failures = []


def expect(holds: bool, what: str):
    print(("ok      " if holds else "FAILED  ") + what, flush=True)
    if not holds:
        failures.append(what)


def show(name: str, reading: process.Reading, seconds: float = 0, before: process.Reading | None = None):
    line = f"{name:34}{reading.anonymous / 1e6:8.1f} MB anonymous {reading.descriptors:6} fds {reading.threads:4} threads"
    if before:
        line += f" {100 * (reading.cpu_seconds - before.cpu_seconds) / seconds:6.1f} % CPU"
    print(line, flush=True)


class Subscriber:
    """One connection to events.sock and its records."""

    def __init__(self, path: str, stream: int | None = None):
        self.socket = socket.socket(socket.AF_UNIX)
        if stream:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, stream)
        self.socket.connect(path)  # Blocking: it waits while the daemon's queue of connections is full.
        self.socket.setblocking(False)
        self.rest = b""
        self.sequence: int | None = None
        self.first: int | None = None
        self.records = 0
        self.lost = 0
        self.jumps = 0
        self.pending = 0  # reported by `lost` and not yet matched by a jump of `seq`
        self.closed = False

    def read(self):
        while not self.closed:
            try:
                data = self.socket.recv(1 << 16)
            except BlockingIOError:
                return
            if not data:
                self.closed = True
                return
            lines = (self.rest + data).split(b"\n")
            self.rest = lines.pop()
            for line in lines:
                self.take(json.loads(line))

    def take(self, record: dict):
        if record["type"] == "hello":
            return
        if record["type"] == "lost":
            self.lost += record["count"]
            self.pending += record["count"]
            return
        self.records += 1
        if record["type"] != "prediction":
            return
        number = record["seq"]
        if self.sequence is None:
            self.first = number
        else:
            missing = number - self.sequence - 1
            # Lost records may lack a number, but no more numbers may be missing than `lost` reported.
            if missing > self.pending:
                self.jumps += missing - self.pending
        self.pending = 0
        self.sequence = number


def pump(readers: list[Subscriber], seconds: float):
    with selectors.DefaultSelector() as selector:
        for reader in readers:
            selector.register(reader.socket, selectors.EVENT_READ, reader)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                key.data.read()
                if key.data.closed:
                    selector.unregister(key.fileobj)


def subscribers(daemon: Daemon, many: int, slow: int, seconds: float):
    print(f"\n{many} subscribers, {slow} of which do not read for {seconds:g} s")
    settle(daemon)
    time.sleep(3)  # Until all of the daemon's threads have started.
    before = process.read(daemon.pid)
    show("before", before)
    sleepers = [Subscriber(daemon.events, 4096) for _ in range(slow)]
    readers = [Subscriber(daemon.events) for _ in range(many - slow)]
    pump(readers, 1)
    start, began = process.read(daemon.pid), time.monotonic()
    pump(readers, seconds)
    during = process.read(daemon.pid)
    show("during", during, time.monotonic() - began, start)
    # Now the stalled clients read too, until they have the records of this moment.
    newest = max(reader.sequence for reader in readers)
    for _ in range(120):
        pump(readers + sleepers, 1)
        if all(sleeper.sequence and sleeper.sequence > newest for sleeper in sleepers):
            break
    counts = {reader.sequence - reader.first + 1 for reader in readers}
    records = [reader.records for reader in readers]
    expect(not any(reader.closed for reader in readers + sleepers), "no client was disconnected")
    expect(
        all(reader.jumps == 0 and reader.lost == 0 for reader in readers),
        f"{len(readers)} clients that read received every record ({min(records)} to {max(records)} each, {max(counts)} windows)",
    )
    expect(
        all(sleeper.lost > 0 and sleeper.jumps == 0 for sleeper in sleepers),
        f"{len(sleepers)} stalled clients received the number that they missed, {sum(s.lost for s in sleepers)} in all, and the rest",
    )
    with Client(daemon.control) as client:
        counted = client.ask("status")["lost_records"]
    lost = sum(subscriber.lost for subscriber in readers + sleepers)
    expect(counted == lost, f"the daemon counts as many lost records as its clients: {counted}, {lost}")
    for subscriber in readers + sleepers:
        subscriber.socket.close()
    settle(daemon)
    after = process.read(daemon.pid)
    show("after", after)
    expect(after.descriptors == before.descriptors, "all descriptors are closed")


def settle(daemon: Daemon):
    """Waits until the daemon has closed all connections."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with Client(daemon.control) as client:
                if client.ask("status")["clients"] == 1:
                    break
        except ConnectionError:
            pass  # There are still too many clients.
        time.sleep(0.1)
    time.sleep(0.3)


GARBAGE = [
    b"", b"\n" * 4000, b"half a line", b"\x00\xff" * 2000 + b"\n", b'{"jsonrpc":"2.0","id":1,"method":',
    b"[" * 60_000 + b"\n", b"9" * 70_000 + b"\n", b'{"jsonrpc":"2.0","id":1e999,"method":"status"}\n' * 50,
    b'{"jsonrpc":"2.0","id":1,"method":"subscribe"}\n', b'{"jsonrpc":"2.0","id":1,"method":"labels"}\n' * 400,
]


def one_after_another(daemon: Daemon, many: int):
    print(f"\n{many} connections, one after another, with garbage")
    before, began = process.read(daemon.pid), time.monotonic()
    for number in range(many):
        path = daemon.control if number % 2 else daemon.events
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            garbage = GARBAGE[number // 2 % len(GARBAGE)]
            connection.setblocking(False)
            try:
                if number % 3 == 0:
                    socket.send_fds(connection, [garbage or b" "], [0, 1, 2][: number % 4])
                else:
                    connection.send(garbage)
            except (BlockingIOError, BrokenPipeError):
                pass  # The daemon does not read from a client that does not read its replies.
    settle(daemon)
    after = process.read(daemon.pid)
    show("after", after, time.monotonic() - began, before)
    expect(after.descriptors <= before.descriptors, "all descriptors are closed")


def at_once(daemon: Daemon, many: int):
    print(f"\n{many} connections at once")
    before, began = process.read(daemon.pid), time.monotonic()
    connections, served, refused, other = [], 0, 0, 0
    for _ in range(many):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(daemon.control)
        connection.settimeout(60)
        connections.append(connection)
    during = process.read(daemon.pid)
    for connection in connections:
        line = connection.makefile("rb").readline()
        message = json.loads(line) if line else {}
        if message.get("type") == "hello":
            served += 1
        elif message.get("error", {}).get("code") == -32000:
            refused += 1
        else:
            other += 1
    show("during", during, time.monotonic() - began, before)
    expect(other == 0 and served > 0, f"{served} were served, {refused} refused as too many")
    for connection in connections:
        connection.close()
    settle(daemon)
    after = process.read(daemon.pid)
    show("after", after)
    expect(after.descriptors <= before.descriptors, "all descriptors are closed")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=str(ROOT / ".build/release/astd"))
    parser.add_argument("--subscribers", type=int, default=1000)
    parser.add_argument("--slow", type=int, default=100)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=90)
    options = parser.parse_args()
    needed = max(options.subscribers, options.connections) + 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(needed, hard)), hard))
    options.connections = min(options.connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
    # With this hop a queue of 256 KiB and its socket buffer are full in about a minute.
    with sound.File(hours=1) as path:
        arguments = ["--model", "models/selftest", "--hop", "0.05", "--source", f"file:{path}"]
        arguments += ["--set", f"max_clients={options.subscribers + 24}"]
        run(options, arguments)
    sys.exit(1 if failures else 0)


def run(options: argparse.Namespace, arguments: list[str]):
    with Daemon(options.program, arguments) as daemon:
        subscribers(daemon, options.subscribers, options.slow, options.seconds)
        one_after_another(daemon, options.connections)
        at_once(daemon, options.connections)
        with Client(daemon.control) as client:
            status = client.ask("status")
        expect(status["overrun_samples"] == 0, f"no sample was lost, {status['skipped_windows']} windows were skipped")
        expect(daemon.stop() == 0, "it exited with status 0")


if __name__ == "__main__":
    main()
