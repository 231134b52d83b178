"""Faults of one of several sources: the others may lose nothing, and change no state."""
import json
import signal
import time

import faults
import ledger
from daemon import Daemon
from machine import Home, Trouble, until
from servers import Player, PulseAudio
from stations import Writer
from world import CLIP, World

MICROPHONES = ("demo", "other")


class Several(World):
    """Two microphones of one server, and a pipe with a writer, on one daemon."""
    clocked = MICROPHONES  # the writer loses some milliseconds whenever its clip ends

    def __init__(self):
        self.home = Home()
        self.player = self.daemon = None
        try:
            self.server = PulseAudio(self.home)
            self.server.start()
            self.server.load("other")
            self.writer = Writer(self.home, "fifo", CLIP)
            self.names = [*MICROPHONES, "fifo"]
            self.configure()
            self.daemon = Daemon(self.home, several=True, options=["--config", self.home.path / "sources.yaml"])
            self.player = Player(self.server, CLIP, MICROPHONES)
            self.until_sound(0)
        except BaseException:
            self.close()
            raise

    def configure(self, **more):
        sources = {name: {"source": f"pulse:{name}.monitor"} for name in MICROPHONES}
        sources["fifo"] = {"source": self.writer.source}
        settings = {"hop": 0.5, "sources": {**sources, **more}}
        (self.home.path / "sources.yaml").write_text(json.dumps(settings))

    def until_sound(self, since):
        for name in self.names:
            self.daemon.wait_for_sound(since, name)


def alone(*names):
    """Injects a fault that concerns only the named sources, and checks that the others do not notice it."""
    def decorate(fault):
        def run(world):
            mark = world.mark()
            recovery = fault(world)
            world.until_sound(world.mark())
            for record in world.daemon.records[mark:]:
                if record.get("source") not in names and record["type"] in ("gap", "source"):
                    raise Trouble(f"the fault of {' and '.join(names)} caused {record}")
            return recovery
        return run
    return decorate


@alone("demo")
def one_unplugged(world):
    mark = world.mark()
    world.server.unload("demo")
    world.daemon.source("lost", mark, "demo")
    time.sleep(faults.OUTAGE)
    world.server.load("demo")
    return recovered(world, mark, "demo")


@alone("demo")
def one_suspended(world):
    mark = world.mark()
    world.server.pactl("suspend-sink", "demo", "1")
    world.daemon.source("lost", mark, "demo")
    time.sleep(faults.OUTAGE)
    world.server.pactl("suspend-sink", "demo", "0")
    world.server.back()
    return recovered(world, mark, "demo")


@alone(*MICROPHONES)
def server_killed(world):
    mark = world.mark()
    world.server.kill()
    for name in MICROPHONES:
        world.daemon.source("lost", mark, name)
    time.sleep(faults.OUTAGE)
    world.server.start()
    world.server.load("other")
    return max(recovered(world, mark, name) for name in MICROPHONES)


@alone(*MICROPHONES)
def server_hangs(world):
    mark = world.mark()
    world.server.stand_still()
    time.sleep(faults.HANG)
    for name in MICROPHONES:
        world.daemon.source("lost", mark, name)
    world.server.go_on()
    return max(recovered(world, mark, name) for name in MICROPHONES)


def writer(stop):
    """The fault of a pipe whose writer is stopped in one way or another."""
    @alone("fifo")
    def fault(world):
        mark = world.mark()
        stop(world.writer)
        world.daemon.source("lost", mark, "fifo")
        time.sleep(faults.OUTAGE)
        world.writer.restore()
        world.server.back()
        return recovered(world, mark, "fifo")
    return fault


@alone("demo")
def one_paused(world):
    mark = world.mark()
    world.daemon.ask("pause", source="demo")
    if len(world.server.recorders()) != 1:
        raise Trouble(f"one of two microphones is paused, and the server shows {world.server.recorders()}")
    time.sleep(1)
    world.daemon.ask("resume", source="demo")
    world.server.back()
    return recovered(world, mark, "demo")


@alone("demo", "added")
def one_added(world):
    """A reload adds a source, and a second one removes it."""
    mark = world.mark()
    world.configure(added={"source": "pulse:demo.monitor", "hop": 1})
    world.daemon.process.send_signal(signal.SIGHUP)
    world.daemon.wait_for_sound(mark, "added")
    world.configure()
    world.daemon.process.send_signal(signal.SIGHUP)
    until("the end of the added source", lambda: len(world.daemon.ask("status")["sources"]) == len(world.names))
    if ledger.sums([record for record in world.daemon.records[mark:] if record.get("source") == "demo"])[1]:
        raise Trouble("a second source on the same microphone caused a gap of the first")


def daemon_stands_still(world):
    """All sources have the same fault, and each accounts for its own samples."""
    faults.daemon_stands_still(world, 4)


def recovered(world, mark, name):
    return world.daemon.source("healthy", mark, name)[1] - world.server.returned


FAULTS = [
    ("several: one unplugged", one_unplugged),
    ("several: one suspended", one_suspended),
    ("several: one paused", one_paused),
    ("several: one added, removed", one_added),
    ("several: server killed", server_killed),
    ("several: server hangs", server_hangs),
    ("several: writer killed", writer(Writer.kill)),
    ("several: writer hangs", writer(Writer.stall)),
    ("several: daemon stands still", daemon_stands_still),
]
