#!/usr/bin/env python3
"""Runs astd for a long time under changing conditions and checks that it neither grows nor loses samples.

    tools/soak/soak.py                        an hour in real time
    tools/soak/soak.py --minutes 10
    tools/soak/soak.py --unpaced-hours 24     a day of audio, as fast as possible
    tools/soak/soak.py --sources 4            four sources: half of them files, half of them programs
    tools/soak/soak.py --chart memory.svg     also draws its memory over time

Meanwhile adapters are switched, settings and adapters reloaded (SIGHUP and socket), capture paused and resumed, files
classified, and clients connect, send invalid requests and disconnect in the middle of a line. With several sources,
reloads also add and remove one, and programs that deliver sound are killed.
"""
import argparse
import json
import os
import random
import signal
import socket
import statistics
import sys
import time

import chart
import process
import sound
from client import Client, Refused
from daemon import ROOT, Daemon
from listener import Listener

MEGABYTE = 1_000_000


class Troublemaker:
    """Disturbs the daemon in every way, one at a time."""

    def __init__(self, daemon: Daemon, clip: str, sources: dict):
        self.daemon = daemon
        self.clip = clip
        self.sources = sources  # the settings of named sources; empty for a single one
        self.added = 0
        self.chance = random.Random(7)
        self.counts: dict[str, int] = {}
        self.deeds = [
            self.swap, self.load, self.hang_up, self.reload, self.pause, self.classify, self.leave_classify,
            self.ask, self.vanish, self.speak_nonsense,
        ]
        if sources:
            self.deeds += [self.pause_one, self.add_source, self.kill_program]

    def act(self):
        deed = self.chance.choice(self.deeds)
        with Client(self.daemon.control) as client:
            deed(client)
            # Memory is compared in this state: the base model classifies and nothing else happens.
            client.ask("adapter.use", {"names": ["base"]})
        self.counts[deed.__name__] = self.counts.get(deed.__name__, 0) + 1

    def swap(self, client: Client):
        client.ask("adapter.use", {"names": self.chance.choice([["alarms"], ["base", "alarms"], ["base"]])})
        time.sleep(0.2)

    def load(self, client: Client):
        client.ask("adapter.load", {"path": str(ROOT / "models/alarms"), "name": "again"})
        client.ask("adapter.use", {"names": ["again"]})
        client.ask("adapter.use", {"names": ["base"]})
        client.ask("adapter.unload", {"name": "again"})

    def hang_up(self, _: Client):
        self.configure()
        os.kill(self.daemon.pid, signal.SIGHUP)

    def configure(self, **more: dict):
        """Writes other settings; renamed into place, because a reload may read the file at any time."""
        settings = configuration({**self.sources, **more}, on=self.chance.choice([0.4, 0.5, 0.6]))
        with open(self.daemon.config + ".new", "w") as config:
            config.write(settings)
        os.rename(self.daemon.config + ".new", self.daemon.config)

    def reload(self, client: Client):
        problems = client.ask("reload")["problems"]
        if problems:
            raise SystemExit(f"reload: {problems}")

    def pause(self, client: Client):
        client.ask("pause")
        time.sleep(self.chance.uniform(0, 0.5))
        client.ask("resume")

    def pause_one(self, client: Client):
        name = self.chance.choice(list(self.sources))
        client.ask("pause", {"source": name})
        time.sleep(self.chance.uniform(0, 0.5))
        client.ask("resume", {"source": name})

    def add_source(self, client: Client):
        """A source that is there for a few windows. Each has its own name, because each counts its samples from 0."""
        self.added += 1
        self.configure(**{f"added{self.added}": {"source": f"file:{self.clip}"}})
        self.reload(client)
        time.sleep(self.chance.uniform(0, 3))
        self.configure()
        self.reload(client)

    def kill_program(self, _: Client):
        """Kills a program that delivers sound. The daemon starts it again."""
        programs = process.children(self.daemon.pid)
        if programs:
            os.kill(self.chance.choice(programs), signal.SIGKILL)

    def classify(self, client: Client):
        with open(self.clip, "rb") as file:
            client.ask("classify", {"hop": 5}, [file.fileno()])

    def leave_classify(self, client: Client):
        with open(self.clip, "rb") as file:
            request = b'{"jsonrpc":"2.0","id":1,"method":"classify","params":{"hop":0.01}}\n'
            with Client(self.daemon.control) as other:
                socket.send_fds(other.socket, [request], [file.fileno()])
                other.next()
        client.ask("status")

    def ask(self, client: Client):
        for method in ["status", "labels", "metrics", "adapter.list", "sources"] * 20:
            client.ask(method)

    def vanish(self, _: Client):
        others = [Client(self.daemon.control) for _ in range(20)]
        for other in others:
            other.socket.sendall(b'{"jsonrpc":"2.0","id":1,"method":"subscribe"}\n{"jsonrpc":')
        for other in others:
            other.close()

    def speak_nonsense(self, client: Client):
        for method, params in [("fly", {}), ("adapter.load", {"path": "/"}), ("explain", {"label": "?"})]:
            try:
                client.ask(method, params)
            except Refused:
                continue
            raise SystemExit(f"{method} was not rejected")


def configuration(sources: dict, on: float = 0.5) -> str:
    """The settings file of a daemon."""
    return json.dumps({"hop": 1, "detection": {"on": on}, **({"sources": sources} if sources else {})})


def several(count: int, path: str) -> dict:
    """The settings of several sources that deliver the same sound: files in real time, and programs."""
    return {f"ear{number}": {"source": f"file:{path}" if number % 2 else f"command:cat {path}"}
            for number in range(count)}


def fill_history(client: Client):
    """Publishes as many records as the daemon keeps, except predictions and events (1024). Until its history is full,
    each adds about a kilobyte."""
    for _ in range(512):
        client.ask("adapter.use", {"names": ["alarms"]})
        client.ask("adapter.use", {"names": ["base"]})


def soak(daemon: Daemon, clip: str, sources: dict, seconds: float | None) -> tuple[Listener, Troublemaker, list]:
    """Runs until the time is over or the file ends."""
    listener = Listener(daemon.events)
    trouble = Troublemaker(daemon, clip, sources)
    with Client(daemon.control) as client:
        client.ask("adapter.load", {"path": str(ROOT / "models/alarms"), "name": "alarms"})
        fill_history(client)
    readings, began = [], time.monotonic()
    while seconds is None or time.monotonic() < began + seconds:
        try:
            trouble.act()
            time.sleep(trouble.chance.uniform(0.2, 1.5))
            readings.append((time.monotonic() - began, process.read(daemon.pid)))
        except (ConnectionError, FileNotFoundError, KeyError, ProcessLookupError):
            if daemon.process.wait(timeout=60) == 0 and seconds is None:
                break  # The file has ended.
            raise
        if len(readings) % 100 == 0:
            minutes, reading = readings[-1][0] / 60, readings[-1][1]
            print(f"{minutes:7.1f} min {reading.anonymous / MEGABYTE:7.2f} MB, {listener.hours:.2f} h processed", flush=True)
    return listener, trouble, readings


def growth(readings: list) -> tuple[float, float, float]:
    """Megabytes in the tenth of the time after the warm-up, in the last tenth, and the difference."""
    last = readings[-1][0]
    warm = min(max(120, last / 5), last / 2)
    span = max(last / 10, 10)

    def middle(start: float) -> float:
        return statistics.median(r.anonymous for t, r in readings if start <= t <= start + span) / MEGABYTE

    first, end = middle(warm), middle(last - span)
    return first, end, end - first


def report(listener: Listener, trouble: Troublemaker, readings: list, code: int, is_paced: bool, chart_path: str | None) -> int:
    first, end, grown = growth(readings)
    delays = sorted(listener.delays)
    p99 = delays[int(0.99 * (len(delays) - 1))]
    seconds = readings[-1][0]
    cpu = readings[-1][1].cpu_seconds - readings[0][1].cpu_seconds
    rows = [
        ("ran", f"{seconds / 60:.1f} min, {listener.hours:.2f} h of sound, {100 * cpu / seconds:.1f} % CPU", True),
        ("happened", ", ".join(f"{count} {name}" for name, count in sorted(trouble.counts.items())), True),
        ("records", ", ".join(f"{count} {kind}" for kind, count in sorted(listener.kinds.items())), listener.lost == 0),
        ("sequence numbers missing", f"{listener.jumps}", listener.jumps == 0),
        ("gaps", f"{listener.gaps}", True),
        ("unaccounted samples", f"{sum(end - start for start, end in listener.missing)} {listener.missing[:3]}",
         not listener.missing),
        ("anonymous memory", f"{first:.2f} MB warm, {end:.2f} MB at the end: {grown:+.2f} MB", grown < 1),
        ("descriptors", f"{readings[0][1].descriptors} first, {readings[-1][1].descriptors} last, {max(r.descriptors for _, r in readings)} most",
         readings[-1][1].descriptors <= readings[0][1].descriptors + 2),
        ("threads", f"{readings[0][1].threads} first, {readings[-1][1].threads} last", readings[-1][1].threads <= readings[0][1].threads + 4),
        ("forward pass", f"median {statistics.median(listener.passes):.1f} ms", True),
    ]
    if trouble.sources:
        windows = {name: listener.windows.get(name, 0) for name in trouble.sources}
        rows.append(("windows", ", ".join(f"{count} {name}" for name, count in windows.items()), all(windows.values())))
    if is_paced:
        # A window of one source may wait for a pass of each of the others.
        longest = statistics.quantiles(listener.passes, n=100)[-1]
        limit = 50 + longest * max(0, len(trouble.sources) - 1)
        rows.append(("delay without the pass",
                     f"median {statistics.median(delays):.1f} ms, p99 {p99:.1f} ms of {limit:.0f}", p99 < limit))
    rows.append(("exit", f"{code}", code == 0))
    print()
    for name, value, holds in rows:
        print(f"{'ok    ' if holds else 'FAILED'}  {name:26}{value}")
    if chart_path:
        points = [(second / 60, reading.anonymous / MEGABYTE) for second, reading in readings]
        chart.write(chart_path, "anonymous memory of astd", "MB", points)
    return 0 if all(holds for _, _, holds in rows) else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=str(ROOT / ".build/release/astd"))
    parser.add_argument("--minutes", type=float, default=60, help="of real time")
    parser.add_argument("--unpaced-hours", type=float, help="instead: hours of audio, as fast as possible")
    parser.add_argument("--hop", default="1", help="seconds; of a single source")
    parser.add_argument("--sources", type=int, default=1, help="number of sources, in real time only")
    parser.add_argument("--model", default="models/default")
    parser.add_argument("--folder", help="for the audio: 115 MB per hour")
    parser.add_argument("--chart", help="write memory over time as SVG")
    options = parser.parse_args()
    is_paced = options.unpaced_hours is None
    if options.sources > 1 and not is_paced:
        parser.error("--sources is for real time")
    hours = options.minutes / 60 + 0.1 if is_paced else options.unpaced_hours
    with sound.File(hours, options.folder) as path, sound.File(1 / 60) as clip:
        arguments = ["--model", options.model]
        sources = several(options.sources, path) if options.sources > 1 else {}
        if not sources:
            arguments += ["--hop", options.hop, "--source", f"file:{path}", *([] if is_paced else ["--fast"])]
        with Daemon(options.program, arguments, settings=configuration(sources)) as daemon:
            outcome = soak(daemon, clip, sources, options.minutes * 60 if is_paced else None)
            code = daemon.stop()
        outcome[0].join(timeout=60)
    sys.exit(report(*outcome, code, is_paced, options.chart))


if __name__ == "__main__":
    main()
