#!/usr/bin/env python3
"""Measures the time and memory of switching adapters under a running daemon.

    python3 Benchmarks/adapter_swap.py --models DIR      # DIR of tools/check_exactness.py --make DIR
    python3 Benchmarks/adapter_swap.py --model M --adapter A [--adapter B]

Needs no Python packages. The daemon reads a file of noise that repeats once per hop, so that all windows are equal: the
scores before an adapter was loaded and after it was unloaded must be equal to the last bit.
"""

import argparse
import atexit
import json
import os
import random
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RATE = 16000


def write_noise(path, period_seconds, seconds):
    """Noise that repeats every `period_seconds`."""
    generator = random.Random(7)
    samples = [generator.randint(-8000, 8000) for _ in range(round(period_seconds * RATE))]
    period = struct.pack(f"<{len(samples)}h", *samples)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for _ in range(round(seconds / period_seconds)):
            file.writeframes(period)


class Daemon:
    """A private `astd run` and a client."""

    def __init__(self, options, folder, sound):
        environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_CORETYPE"}
        command = [options.astd, "run", "--model", options.model, "--source", f"file:{sound}", "--runtime-dir", folder]
        command += ["--hop", str(options.hop), "--threads", str(options.threads), "--activation", "none"]
        folder.mkdir()
        self.log = open(folder / "log", "w")
        self.process = subprocess.Popen(list(map(str, command)), stderr=self.log, env=environment)
        atexit.register(self.stop)
        self.path = folder / "astd.sock"
        self.lines = self._connect(folder / "log")
        self.identifier = 0

    def _connect(self, log):
        self.connection = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.connection.connect(str(self.path))
                break
            except OSError:
                if self.process.poll() is not None:
                    sys.exit(f"adapter_swap: astd ended: {log.read_text()}")
                time.sleep(0.01)
        lines = self.connection.makefile("r", encoding="utf-8")
        lines.readline()
        return lines

    def ask(self, method, **params):
        """The result of one request."""
        self.identifier += 1
        request = {"jsonrpc": "2.0", "id": self.identifier, "method": method, "params": params}
        self.connection.sendall(json.dumps(request).encode() + b"\n")
        reply = {}
        while reply.get("id") != self.identifier:  # Records may come first.
            reply = json.loads(self.lines.readline())
        if "error" in reply:
            sys.exit(f"adapter_swap: {method}: {reply['error']['message']}")
        return reply["result"]

    def scores(self):
        """The next prediction's scores by index, of a new subscription."""
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(self.path))
        lines = client.makefile("r", encoding="utf-8")
        lines.readline()
        params = {"types": ["prediction"], "top_k": 1_000_000}
        client.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": params}).encode() + b"\n")
        for line in lines:
            message = json.loads(line)
            if message.get("method") == "prediction":
                client.close()
                return {entry["index"]: entry["score"] for entry in message["params"]["labels"]}
        sys.exit("adapter_swap: the daemon closed the connection")

    def memory(self):
        """Kilobytes by name, as the kernel counts them."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()[1:]
        return {line.split(":")[0]: int(line.split()[1]) for line in lines}

    def stop(self):
        self.process.terminate()
        self.process.wait()


def swap(daemon, names):
    """Milliseconds from request to switch without the current window, and the part spent merging."""
    began = time.perf_counter()
    report = daemon.ask("adapter.use", names=names)
    seen = 1000 * (time.perf_counter() - began)
    return seen - report["wait_ms"], report["merge_ms"]


def spread(values):
    return f"{min(values):6.1f} best {statistics.median(values):6.1f} median {max(values):6.1f} worst"


def arguments():
    parser = argparse.ArgumentParser(description="Measure adapter switches under a running daemon.")
    parser.add_argument("--astd", type=Path, default=ROOT / ".build" / "release" / "astd")
    parser.add_argument("--models", type=Path, help="the full-size models of check_exactness.py --make")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--adapter", type=Path, action="append", default=[])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--hop", type=float, default=3.0, help="longer than a forward pass takes")
    options = parser.parse_args()
    if options.models:
        options.model = options.models / "ast-base"
        options.adapter = [options.models / "ast-base-lora-qv12", options.models / "ast-base-lora-qv12-legacy"]
    if not options.model or not options.adapter:
        parser.error("give --models, or --model and --adapter")
    return options


def main():
    options = arguments()
    name = options.adapter[0].name
    with tempfile.TemporaryDirectory(prefix="astd-swap-") as scratch:
        scratch = Path(scratch)
        sound = scratch / "noise.wav"
        write_noise(sound, options.hop, 600)
        daemon = Daemon(options, scratch / "one", sound)
        before = daemon.scores()
        began = time.perf_counter()
        daemon.ask("adapter.load", path=str(options.adapter[0].resolve()))
        loaded = 1000 * (time.perf_counter() - began)
        there, back, merging = [], [], []
        for round_number in range(options.rounds):
            milliseconds, merge = swap(daemon, [name])
            there.append(milliseconds)
            merging.append(merge)
            if round_number == 0 and daemon.scores() == before:
                sys.exit("adapter_swap: the adapter has no effect")
            back.append(swap(daemon, [])[0])
        daemon.ask("adapter.unload", name=name)
        same = daemon.scores() == before
        # Right after a window, so that no other record comes in between.
        anonymous = [daemon.memory()["Anonymous"]]
        daemon.ask("adapter.load", path=str(options.adapter[0].resolve()))
        anonymous.append(daemon.memory()["Anonymous"])
        daemon.ask("adapter.use", names=[name])
        anonymous.append(daemon.memory()["Anonymous"])
        daemon.ask("adapter.use", names=[])
        daemon.ask("adapter.unload", name=name)
        anonymous.append(daemon.memory()["Anonymous"])
        print(f"{options.model.name} + {name}, {options.rounds} swaps, {options.threads} threads, ms without the current window")
        print(f"  load           {loaded:6.1f}   read, check, merge once")
        print(f"  to the adapter {spread(there)}   of which merging {statistics.median(merging):.1f}")
        print(f"  to the base    {spread(back)}")
        print("Anonymous memory, MB")
        for what, kilobytes in zip(["base", "loaded", "in use", "unloaded"], anonymous):
            print(f"  {what:<14} {kilobytes / 1000:7.2f}")
        print(f"Scores before it was loaded and after it was unloaded: {'equal to the last bit' if same else 'DIFFERENT'}")
        daemon.ask("adapter.load", path=str(options.adapter[0].resolve()))
        daemon.ask("adapter.use", names=[name])
        second = Daemon(options, scratch / "two", sound)
        other = options.adapter[-1]
        second.ask("adapter.load", path=str(other.resolve()))
        second.ask("adapter.use", names=[other.name])
        second.scores()
        print("Two daemons, one base, an adapter each, MB")
        print(f"  {'':<14}{'Rss':>8}{'Pss':>8}{'Shared':>8}{'Anonymous':>11}")
        for what, one in (("first", daemon), ("second", second)):
            memory = one.memory()
            shared = memory["Shared_Clean"] + memory["Shared_Dirty"]
            figures = [memory["Rss"], memory["Pss"], shared]
            print(f"  {what:<14}" + "".join(f"{value / 1000:8.1f}" for value in figures) + f"{memory['Anonymous'] / 1000:11.1f}")
        daemon.stop()
        second.stop()
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
