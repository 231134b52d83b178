"""The faults. Each happens to a world, and gives back how many seconds after the end of the trouble astd heard again; None
where nothing was to be found again. What was lost is in the records."""
import os
import shutil
import signal
import subprocess
import sys
import time

import ledger
from machine import REPOSITORY, Missing, Trouble, until

OUTAGE = 0.7  # seconds that a server or a source is away
HANG = 4.5  # longer than the three seconds of astd's watchdog


def lost(world, mark):
    world.daemon.source("lost", mark)
    time.sleep(OUTAGE)


def gone(world, leave, come_back):
    mark = world.mark()
    leave()
    lost(world, mark)
    come_back()
    return world.back(mark)


def pulse_part_killed(world):
    """Of PipeWire, only what speaks PulseAudio's protocol."""
    return gone(world, world.server.kill, world.server.begin_pulse)


def pipewire_killed(world):
    return gone(world, world.server.kill_all, world.server.start)


def server_killed(world):
    return gone(world, world.server.kill, world.server.start)


def server_exits(world):
    return gone(world, world.server.leave, world.server.start)


def server_long_gone(world):
    """Longer than a window: the windows begin anew."""
    mark = world.mark()
    world.server.kill()
    world.daemon.source("lost", mark)
    time.sleep(8)
    world.server.start()
    return world.back(mark)


def server_hangs(world):
    mark = world.mark()
    world.server.stand_still()
    time.sleep(HANG)
    world.daemon.source("lost", mark)
    world.server.go_on()
    return world.back(mark)


def server_stutters(world):
    """Shorter than the watchdog's patience."""
    world.server.stand_still()
    time.sleep(1.5)
    world.server.go_on()


def source_unplugged(world):
    mark = world.mark()
    world.server.unload()
    lost(world, mark)
    world.server.load()
    return world.back(mark)


def source_suspended(world):
    mark = world.mark()
    world.server.pactl("suspend-sink", "demo", "1")
    lost(world, mark)
    world.server.pactl("suspend-sink", "demo", "0")
    world.server.back()
    return world.back(mark)


def source_muted(world):
    """No loss: what is heard is silence, and after a while it is told."""
    mark = world.mark()
    world.server.pactl("set-source-mute", "demo.monitor", "1")
    world.daemon.wait("a warning of digital silence",
                      lambda record: record["type"] == "source" and "muted" in record.get("message", ""), mark)
    mark = world.mark()
    world.server.pactl("set-source-mute", "demo.monitor", "0")
    world.daemon.wait("the end of the silence",
                      lambda record: record["type"] == "source" and "sound again" in record.get("message", ""), mark)


def default_changed(world):
    for sink in ("other", "demo"):
        mark = world.mark()
        world.server.pactl("set-default-source", f"{sink}.monitor")
        world.daemon.wait(f"the new default, {sink}",
                          lambda record: record["type"] == "source" and record["name"] == f"{sink}.monitor", mark)


def default_unplugged(world):
    """Another source is the default then, and the daemon follows it."""
    mark = world.mark()
    world.server.unload("demo")
    world.daemon.wait("the other source",
                      lambda record: record["type"] == "source" and record["name"] == "other.monitor"
                      and record["state"] == "healthy", mark)


def daemon_stands_still(world, seconds=5):
    world.daemon.process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    world.daemon.process.send_signal(signal.SIGCONT)
    caught_up(world)


def caught_up(world):
    """What was waiting for the daemon is heard: its windows are those of the present again."""
    time.sleep(1)
    world.daemon.wait("a prediction of the present",
                      lambda record: record["type"] == "prediction" and record["latency_ms"] < 1000, world.mark())


def machine_sleeps(world):
    """As far as a test may go: server and daemon stand still together."""
    mark = world.mark()
    world.daemon.process.send_signal(signal.SIGSTOP)
    world.server.stand_still()
    time.sleep(HANG)
    world.server.go_on()
    world.daemon.process.send_signal(signal.SIGCONT)
    caught_up(world)
    if not any(record["type"] == "source" and record["state"] == "lost" for record in world.daemon.records[mark:]):
        return None
    return world.back(mark)


def paused(world):
    mark = world.mark()
    world.daemon.ask("pause")
    if world.server.recorders():
        raise Trouble("paused, and something records")
    time.sleep(1)
    world.daemon.ask("resume")
    world.server.back()
    return world.back(mark)


def sockets_removed(world):
    """Who is connected notices nothing."""
    for name in ("astd.sock", "events.sock"):
        (world.daemon.directory / name).unlink()
    world.daemon.until_served()


def with_false_clock(home):
    """A daemon whose wall clock is off by what a file says. The machine's own is left alone."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise Missing("a C compiler")
    library = home.path / "clock.so"
    home.call([compiler, "-shared", "-fPIC", "-O1", "-o", library, REPOSITORY / "tools/faults/clock.c", "-ldl"])
    set_clock(home, 0)
    return {"variables": {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(home.path / "clock")}}


def set_clock(home, seconds):
    # In place: the daemon has the file mapped.
    path = home.path / "clock"
    with open(path, "r+b" if path.exists() else "wb") as file:
        file.write(seconds.to_bytes(8, sys.byteorder, signed=True))


def clock_set(world):
    """The wall clock jumps an hour ahead and two back: no gap, no silence, no absurd latency."""
    for shift in (3600, -3600, 0):
        mark = world.mark()
        set_clock(world.home, shift)
        seen = [world.daemon.wait("a prediction", lambda record: record["type"] == "prediction", mark + index)[0]
                for index in range(3)]
        away = abs(ledger.seconds(seen[-1]) - time.time() - shift)
        if away > 60:
            raise Trouble(f"the clock was set by {shift} s, and the times told are {away:.0f} s away from it")
        for record in world.daemon.records[mark:]:
            if record["type"] == "gap" or record["type"] == "source":
                raise Trouble(f"the clock was set by {shift} s, and that is told as {record}")
        if not all(0 <= record["latency_ms"] < 60_000 for record in seen):
            raise Trouble(f"the clock was set by {shift} s: latencies of {[r['latency_ms'] for r in seen]} ms")


def with_little_disk(home):
    """A daemon that keeps its clips on a disk of 32 kB."""
    clips = home.path / "clips"
    clips.mkdir()
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    prefix = [*alone, "sh", "-c", 'mount -t tmpfs -o size=32k none "$0" && exec "$@"', str(clips)]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
        raise Missing("the right to mount a small disk")
    return {"prefix": prefix, "options": ["--set", f"clips.directory={clips}", "--set", "clips.maximum_seconds=2"]}


def disk_full(world):
    """Clips that find no room are left out and counted; the rest goes on."""
    def omitted():
        text = world.daemon.ask("metrics")["text"]
        return any(line.startswith("astd_clips_omitted_total ") and not line.endswith(" 0") for line in text.splitlines())
    until("a clip that is left out", omitted, 120)
