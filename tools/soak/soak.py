#!/usr/bin/env python3
"""Runs astd for a long time under changing conditions and checks that it neither grows nor loses samples.

    tools/soak/soak.py                        an hour in real time
    tools/soak/soak.py --minutes 10
    tools/soak/soak.py --unpaced-hours 24     a day of audio, as fast as possible
    tools/soak/soak.py --sources 4            four sources: files and programs, the last of which has two channels
    tools/soak/soak.py --chart memory.svg     also draws its memory over time

Several sources keep the clips of their events, and each channel of the last is a source of its own.

Meanwhile adapters are switched, settings and adapters reloaded (SIGHUP and socket), capture paused and resumed, files
classified, and clients connect, send invalid requests and disconnect in the middle of a line. With several sources,
reloads also add and remove one, and programs that deliver sound are killed.
"""
import argparse
import glob
import json
import os
import random
import signal
import socket
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass

import chart
import process
import sound
from client import Client, Refused
from daemon import ROOT, Daemon
from listener import Listener

MEGABYTE = 1_000_000


@dataclass
class Settings:
    """What the settings file of a daemon says."""

    sources: dict  # those with names; empty for a single one
    clips: str | None = None  # the directory of clips

    def text(self, on: float = 0.5, more: dict = {}) -> str:
        settings = {"hop": 1, "detection": {"on": on}}
        if self.sources:
            settings["sources"] = {**self.sources, **more}
        if self.clips:
            settings["clips"] = {"directory": self.clips, "original": True, "maximum_megabytes": 50}
        return json.dumps(settings)


class Troublemaker:
    """Disturbs the daemon in every way, one at a time."""

    def __init__(self, daemon: Daemon, clip: str, settings: Settings):
        self.daemon = daemon
        self.clip = clip
        self.settings = settings
        self.added = 0
        self.chance = random.Random(7)
        self.counts: dict[str, int] = {}
        self.deeds = [
            self.swap, self.load, self.hang_up, self.reload, self.pause, self.classify, self.leave_classify,
            self.ask, self.vanish, self.speak_nonsense,
        ]
        if settings.sources:
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
        """Writes other settings."""
        self.daemon.configure(self.settings.text(self.chance.choice([0.4, 0.5, 0.6]), more))

    def reload(self, client: Client):
        reload(client)

    def pause(self, client: Client):
        client.ask("pause")
        time.sleep(self.chance.uniform(0, 0.5))
        client.ask("resume")

    def pause_one(self, client: Client):
        name = self.chance.choice(list(self.settings.sources))
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


def reload(client: Client):
    """Has the daemon read its settings again."""
    problems = client.ask("reload")["problems"]
    if problems:
        raise SystemExit(f"reload: {problems}")


def several(count: int, path: str, stereo: str) -> dict:
    """The settings of several sources: files in real time, and programs, the last with a source for each channel."""
    ears = {f"ear{number}": {"source": f"file:{path}" if number % 2 else f"command:cat {path}"}
            for number in range(count - 1)}
    return {**ears, "yard": {"source": f"command:cat {stereo}", "channel": "each"}}


def fill_history(daemon: Daemon, client: Client, clip: str, settings: Settings):
    """Publishes as many records as the daemon keeps: 8192 events, 1024 others. Until its history is full, each adds up to
    a kilobyte."""
    for _ in range(512):
        client.ask("adapter.use", {"names": ["alarms"]})
        client.ask("adapter.use", {"names": ["base"]})
    if not settings.sources:
        return  # Other sources cannot be added to one without a name.
    # Each label's event begins with a source's first window, whatever it holds, and ends with the source.
    brief = {"source": f"file:{clip}", "fast": True, "hop": 600, "detection": {"on": 1e-6, "off": 1e-6, "minimum_hits": 1}}
    listener, number, deadline = Listener(daemon.events), 0, time.monotonic() + 300
    while listener.kinds.get("event", 0) < 8192:
        if time.monotonic() > deadline:
            raise SystemExit(f"the history of events is not full after 300 s: {listener.kinds}")
        daemon.configure(settings.text(more={f"brief{number + next}": brief for next in range(4)}))
        number += 4
        expected = listener.kinds.get("event", 0) + 4
        reload(client)
        while listener.kinds.get("event", 0) < expected and time.monotonic() < deadline:
            time.sleep(0.05)
    daemon.configure(settings.text())
    reload(client)
    listener.close()


def soak(daemon: Daemon, clip: str, settings: Settings, seconds: float | None) -> tuple[Listener, Troublemaker, list]:
    """Runs until the time is over or the file ends."""
    trouble = Troublemaker(daemon, clip, settings)
    with Client(daemon.control) as client:
        client.ask("adapter.load", {"path": str(ROOT / "models/alarms"), "name": "alarms"})
        fill_history(daemon, client, clip, settings)
    listener = Listener(daemon.events)
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


def growth(readings: list, figure) -> tuple[float, float, float]:
    """The median of a figure in the tenth of the time after the warm-up, in the last tenth, and the difference."""
    last = readings[-1][0]
    warm = min(max(120, last / 5), last / 2)
    span = max(last / 10, 10)

    def middle(start: float) -> float:
        return statistics.median(figure(reading) for second, reading in readings if start <= second <= start + span)

    first, end = middle(warm), middle(last - span)
    return first, end, end - first


def report(listener: Listener, trouble: Troublemaker, readings: list, code: int, is_paced: bool, chart_path: str | None) -> int:
    first, end, grown = growth(readings, lambda reading: reading.anonymous / MEGABYTE)
    # Dispatch's workers come and go, so a single reading says little.
    warm_threads, last_threads, more_threads = growth(readings, lambda reading: reading.threads)
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
        ("threads", f"{warm_threads:g} warm, {last_threads:g} at the end, {max(r.threads for _, r in readings)} most",
         more_threads <= 4),
        ("forward pass", f"median {statistics.median(listener.passes):.1f} ms", True),
    ]
    names = [name for name in trouble.settings.sources if name != "yard"] + ["yard/left", "yard/right"]
    if trouble.settings.sources:
        windows = {name: listener.windows.get(name, 0) for name in names}
        rows.append(("windows", ", ".join(f"{count} {name}" for name, count in windows.items()), all(windows.values())))
        clips = [os.path.getsize(clip) for clip in glob.glob(f"{trouble.settings.clips}/*.wav")]
        rows.append(("clips", f"{len(clips)}, {sum(clips) / MEGABYTE:.1f} MB of 50", 0 < sum(clips) <= 50 * MEGABYTE))
    if is_paced:
        # A window of one source may wait for a pass of each of the others.
        longest = statistics.quantiles(listener.passes, n=100)[-1]
        limit = 50 + longest * (len(names) - 1 if trouble.settings.sources else 0)
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
    is_several = options.sources > 1
    with (sound.File(hours, options.folder) as path, sound.File(1 / 60) as clip,
          sound.File(hours if is_several else 0, options.folder, channels=2) as stereo,
          tempfile.TemporaryDirectory(prefix="astd-soak-", dir=options.folder) as clips):
        arguments = ["--model", options.model]
        settings = Settings(several(options.sources, path, stereo), clips) if is_several else Settings({})
        if not is_several:
            arguments += ["--hop", options.hop, "--source", f"file:{path}", *([] if is_paced else ["--fast"])]
        with Daemon(options.program, arguments, settings=settings.text()) as daemon:
            outcome = soak(daemon, clip, settings, options.minutes * 60 if is_paced else None)
            code = daemon.stop()
        outcome[0].join(timeout=60)
        code = report(*outcome, code, is_paced, options.chart)
    sys.exit(code)


if __name__ == "__main__":
    main()
