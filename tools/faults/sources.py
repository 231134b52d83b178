"""Eight sources on one daemon: four microphones of PulseAudio, two RTSP cameras, an Icecast station and a FIFO, each
killed, stalled and brought back at random. Checks that every sample of every source is in a window or in one gap, that
memory does not grow, and that all sources have equal shares of the engine.

    python3 tools/faults/sources.py --minutes 30
    python3 tools/faults/sources.py --minutes 2 --hop 0.5     overload on most machines: equal shares
    python3 tools/faults/sources.py --each 2                  each channel of two microphones is a source, and paused
                                                              alone at random
    python3 tools/faults/sources.py --microphones 1 --cameras 1 --each 1 --clips
                                                              four sources, which keep the sound of their events as it
                                                              was captured

With --clips, every clip must have the rate and the channels of its source, and every event a clip.
"""
import argparse
import json
import os
import random
import sys
import time
import wave

import ledger
from daemon import Daemon
from machine import REPOSITORY, Home, Missing, Trouble, until
from servers import Player, PulseAudio
from stations import Camera, Radio, Writer

CLIPS = sorted((REPOSITORY / "models/default/examples").glob("*.flac"))
MAXIMUM_SECONDS = 20  # of a clip
FAIR = 1.1  # largest share of windows to the smallest, at equal hops and under overload
SECONDS = 60  # without faults, for the shares and the processor time
TICKS = os.sysconf("SC_CLK_TCK")


class Microphone:
    """The monitor of a null sink: unplugged, suspended, and back."""

    def __init__(self, server, name, is_each=False):
        self.server, self.name = server, name
        self.is_each, self.is_suspended = is_each, False

    @property
    def source(self):
        return f"pulse:{self.name}.monitor"

    @property
    def format(self):
        """Rate and channels of its clips: a channel by itself keeps its own."""
        return 48000, 1 if self.is_each else 2

    def kill(self):
        self.server.unload(self.name)

    def stall(self):
        self.is_suspended = True
        self.server.pactl("suspend-sink", self.name, "1")

    def restore(self):
        if self.is_suspended:
            self.server.pactl("suspend-sink", self.name, "0")
        else:
            self.server.load(self.name)
        self.is_suspended = False

    def close(self):
        pass


def is_each(source):
    return getattr(source, "is_each", False)


def names(sources):
    """The names of all streams: each channel may be one."""
    return [name for source in sources
            for name in ([f"{source.name}/left", f"{source.name}/right"] if is_each(source) else [source.name])]


def settings(home, sources, hop, has_clips):
    """A configuration file; returns the options."""
    path = home.path / "sources.yaml"
    more = {}
    if has_clips:
        # Events of every source, some of them longer than a clip may be.
        more = {"detection": {"on": 0.3, "off": 0.2, "minimum_hits": 1},
                "clips": {"directory": str(clips(home)), "original": True, "post_seconds": 1,
                          "maximum_seconds": MAXIMUM_SECONDS, "maximum_megabytes": 1000}}
    own = {source.name: {"source": source.source, **({"channel": "each"} if is_each(source) else {})}
           for source in sources}
    path.write_text(json.dumps({"hop": hop, "sources": own, **more}))
    return ["--config", path]


def clips(home):
    return home.path / "clips"


class Listener:
    """A daemon, its records by source, and its figures."""

    def __init__(self, home, sources, options):
        self.sources = sources
        self.daemon = Daemon(home, options=settings(home, sources, options.hop, options.clips), several=True,
                             model=options.model)

    def records(self, name):
        return [record for record in list(self.daemon.records) if record.get("source") == name]

    def is_healthy(self, name):
        states = [record["state"] for record in self.records(name) if record["type"] == "source"]
        return bool(states) and states[-1] == "healthy"

    def until_healthy(self):
        for name in names(self.sources):
            until(f"sound of {name}", lambda: self.is_healthy(name))

    def anonymous(self):
        return self.daemon.figures()[2] / 1024

    def processor(self):
        with open(f"/proc/{self.daemon.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def quiet(self, seconds):
        """Windows of each source in this time, and the share of a processor that the daemon used."""
        counts = {name: self.windows(name) for name in names(self.sources)}
        began, used = time.monotonic(), self.processor()
        time.sleep(seconds)
        used = (self.processor() - used) / (time.monotonic() - began)
        return {name: self.windows(name) - count for name, count in counts.items()}, used

    def skipped(self):
        return {part["source"]: part["skipped_windows"] for part in self.daemon.ask("status")["sources"]}

    def windows(self, name):
        return sum(record["type"] == "prediction" for record in self.records(name))

    def check(self):
        """Every sample of every source is in a window or in a gap, and the counters agree."""
        for _ in range(20):
            differences = ledger.agrees(list(self.daemon.records), self.daemon.ask("status"))
            if not differences:
                break
            time.sleep(0.3)
        if differences:
            raise Trouble("; ".join(differences))
        ledger.check_all(self.daemon.records)

    def check_clips(self, folder):
        """Every event that has ended has a clip, with the rate and the channels of its source."""
        formats = {name: source.format for source in self.sources for name in names([source])}
        ended = {record["id"]: record["source"] for record in list(self.daemon.records)
                 if record["type"] == "event" and record["state"] == "end"}
        found = {}
        for path in sorted(folder.glob("*.wav")):
            event = next((event for event in ended if f"-{event}-" in path.name), None)
            if event is None:
                raise Trouble(f"{path.name} belongs to no event that has ended")
            with wave.open(str(path)) as file:
                form, seconds = (file.getframerate(), file.getnchannels()), file.getnframes() / file.getframerate()
            if form != formats[ended[event]] or not 0 < seconds <= MAXIMUM_SECONDS + 0.01:
                raise Trouble(f"{path.name} of {ended[event]} has {form[0]} Hz, {form[1]} channels and {seconds} s, "
                              f"expected {formats[ended[event]]}")
            found.setdefault(ended.pop(event), []).append(seconds)
        if ended:
            raise Trouble(f"events without a clip: {ended}")
        missing = [name for name in names(self.sources) if name not in found]
        if missing:
            raise Trouble(f"no event, and so no clip, of {', '.join(missing)}")
        for name, lengths in found.items():
            print(f"{name:<12} {len(lengths):>4} clips of {min(lengths):.2f} to {max(lengths):.2f} s, "
                  f"{formats[name][0]} Hz, {formats[name][1]} channels")


def torment(listener, seconds, chance):
    """Kills, stalls and restores sources at random; at the end all are back."""
    end = time.monotonic() + seconds
    faults, away, paused = 0, {}, {}
    channels = names([source for source in listener.sources if is_each(source)])
    while time.monotonic() < end:
        for source, due in list(away.items()):
            if time.monotonic() >= due:
                source.restore()
                del away[source]
        healthy = [source for source in listener.sources if source not in away]
        if healthy and chance.random() < 0.15:
            source = chance.choice(healthy)
            (source.kill if chance.random() < 0.5 else source.stall)()
            away[source] = time.monotonic() + chance.uniform(0.5, 15)
            faults += 1
        for channel, due in list(paused.items()):
            if time.monotonic() >= due:
                listener.daemon.ask("resume", source=channel)
                del paused[channel]
        if channels and chance.random() < 0.05 and (channel := chance.choice(channels)) not in paused:
            listener.daemon.ask("pause", source=channel)
            paused[channel] = time.monotonic() + chance.uniform(0.5, 10)
            faults += 1
        listener.daemon.alive()
        time.sleep(0.5)
    for source in away:
        source.restore()
    for channel in paused:
        listener.daemon.ask("resume", source=channel)
    return faults


def row(name, records):
    by_reason, gaps = ledger.sums(records)
    windows = sum(record["type"] == "prediction" for record in records)
    lost = ", ".join(f"{reason} {samples / 16000:.1f} s" for reason, samples in sorted(by_reason.items()))
    print(f"{name:<12} {windows:>7} {gaps:>5}  {lost or 'nothing'}")


def run(options):
    chance = random.Random(options.seed)
    home = Home()
    sources, player = [], None
    try:
        server = PulseAudio(home)
        server.start()
        microphones = [f"mic{number}" for number in range(options.microphones)]
        for name in microphones:
            server.load(name)
        player = Player(server, CLIPS[0], microphones)
        sources = [Microphone(server, name, is_each=number >= len(microphones) - options.each)
                   for number, name in enumerate(microphones)]
        sources += [Camera(home, f"camera{number}") for number in range(options.cameras)]
        sources += [Radio(home, "radio", CLIPS[1]), Writer(home, "fifo", CLIPS[-1])]
        if options.clips:
            clips(home).mkdir()
        one = Listener(home, sources[:1], options)
        one.until_healthy()
        time.sleep(12)
        _, used = one.quiet(options.quiet)
        print(f"one source: {one.anonymous():.1f} MiB anonymous, {used:.2f} processors")
        one.daemon.end()
        for path in clips(home).glob("*.wav"):
            path.unlink()
        eight = Listener(home, sources, options)
        eight.until_healthy()
        time.sleep(12)
        memory = eight.anonymous()
        faults = torment(eight, options.minutes * 60, chance)
        eight.until_healthy()
        time.sleep(5)
        before = eight.skipped()
        windows, used = eight.quiet(options.quiet)
        skipped = {name: count - before[name] for name, count in eight.skipped().items()}
        grown = eight.anonymous() - memory
        print(f"{len(names(sources))} sources: {memory:.1f} MiB anonymous, {used:.2f} processors; {grown:+.1f} MiB after {faults} faults")
        print(f"{'source':<12} {'windows':>7} {'gaps':>5}  lost")
        for name in names(sources):
            row(name, eight.records(name))
        eight.daemon.ask("pause")
        time.sleep(1)
        eight.check()
        share = max(windows.values()) / max(1, min(windows.values()))
        print(f"windows in {options.quiet} s without faults: {windows}, skipped: {skipped}; "
              f"largest to smallest share {share:.3f}")
        # Without overload, a station that catches up after a fault has more windows than a microphone.
        # A time begins and ends within a round, so that counts differ by a window at either end.
        difference = max(windows.values()) - min(windows.values())
        if min(skipped.values()) > 0 and share > FAIR and difference > 2:
            raise Trouble(f"the shares differ by a factor of {share:.2f}, at most {FAIR}")
        if grown > options.growth:
            raise Trouble(f"memory has grown by {grown:.1f} MiB")
        eight.daemon.end()
        if options.clips:
            eight.check_clips(clips(home))
    except BaseException:
        print(home.said("astd", 20), file=sys.stderr)
        raise
    finally:
        if player:
            player.close()
        for source in sources:
            source.close()
        home.close()


def main():
    parser = argparse.ArgumentParser(prog="sources", description="Eight sources that come and go on one daemon.")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--hop", type=float, default=2)
    parser.add_argument("--microphones", type=int, default=4)
    parser.add_argument("--cameras", type=int, default=2)
    parser.add_argument("--clips", action="store_true", help="keep and check the original sound of events")
    parser.add_argument("--each", type=int, default=0, help="microphones of which each channel is a source")
    parser.add_argument("--quiet", type=int, default=SECONDS, help="seconds without faults, for the shares")
    parser.add_argument("--growth", type=float, default=8, help="MiB by which memory may grow")
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--model", default=REPOSITORY / "models/default")
    options = parser.parse_args()
    began = time.monotonic()
    try:
        run(options)
    except (Trouble, Missing, OSError) as trouble:
        sys.exit(f"sources: {trouble}")
    print(f"every sample is in a window or in one gap; {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
