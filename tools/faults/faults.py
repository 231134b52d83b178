"""The faults. Each is injected into a world and returns the seconds from the end of the outage to the first sample, or None
where there was nothing to recover. The records contain the gaps."""
import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import ledger
from machine import REPOSITORY, Missing, Trouble, until

OUTAGE = 0.7  # seconds without a server or source
HANG = 4.5  # longer than the three seconds after which astd reconnects


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
    """Kills only the part of PipeWire that implements PulseAudio's protocol."""
    return gone(world, world.server.kill, world.server.begin_pulse)


def pipewire_killed(world):
    return gone(world, world.server.kill_all, world.server.start)


def server_killed(world):
    return gone(world, world.server.kill, world.server.start)


def server_exits(world):
    return gone(world, world.server.leave, world.server.start)


def server_long_gone(world):
    """Longer than a window: the windows restart."""
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
    """Shorter than the time after which astd reconnects."""
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
    """No loss: the captured audio is silence, and after a while it is reported."""
    mark = world.mark()
    world.server.pactl("set-source-mute", "demo.monitor", "1")
    world.daemon.wait("a warning of digital silence",
                      lambda record: record["type"] == "source" and "muted" in record.get("message", ""), mark)
    mark = world.mark()
    world.server.pactl("set-source-mute", "demo.monitor", "0")
    world.daemon.wait("the end of the silence",
                      lambda record: record["type"] == "source" and "message" not in record, mark)


def default_changed(world):
    for sink in ("other", "demo"):
        mark = world.mark()
        world.server.pactl("set-default-source", f"{sink}.monitor")
        world.daemon.wait(f"the new default, {sink}",
                          lambda record: record["type"] == "source" and record["name"] == f"pulse:{sink}.monitor", mark)


def default_unplugged(world):
    """Another source becomes the default, and the daemon follows it."""
    mark = world.mark()
    world.server.unload("demo")
    world.daemon.wait("the other source",
                      lambda record: record["type"] == "source" and record["name"] == "pulse:other.monitor"
                      and record["state"] == "healthy", mark)


def daemon_stands_still(world, seconds=5):
    world.daemon.process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    world.daemon.process.send_signal(signal.SIGCONT)
    caught_up(world)


def caught_up(world):
    """Waits until the daemon has processed the buffered audio, so that its windows are current."""
    time.sleep(1)
    world.daemon.wait("a current prediction",
                      lambda record: record["type"] == "prediction" and record["latency_ms"] < 1000, world.mark())


def machine_sleeps(world):
    """Simulates a suspend, as far as a test may go: server and daemon are stopped together."""
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
        raise Trouble("paused, but the server shows a recorder")
    time.sleep(1)
    world.daemon.ask("resume")
    world.server.back()
    return world.back(mark)


def sockets_removed(world):
    """Connected clients are not affected."""
    for name in ("astd.sock", "events.sock"):
        (world.daemon.directory / name).unlink()
    world.daemon.until_served()


def with_false_clock(home):
    """A daemon whose wall clock is shifted by the number in a file. The machine's clock does not change."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise Missing("a C compiler")
    library = home.path / "clock.so"
    home.call([compiler, "-shared", "-fPIC", "-O1", "-o", library, REPOSITORY / "tools/faults/clock.c", "-ldl"])
    set_clock(home, 0)
    return {"variables": {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(home.path / "clock")}}


def set_clock(home, seconds):
    # Written in place, because the daemon has mapped the file.
    path = home.path / "clock"
    with open(path, "r+b" if path.exists() else "wb") as file:
        file.write(seconds.to_bytes(8, sys.byteorder, signed=True))


def clock_set(world):
    """Sets the wall clock an hour ahead, then two back: no gap, no source record, no absurd latency."""
    for shift in (3600, -3600, 0):
        mark = world.mark()
        set_clock(world.home, shift)
        seen = [world.daemon.wait("a prediction", lambda record: record["type"] == "prediction", mark + index)[0]
                for index in range(3)]
        away = abs(ledger.seconds(seen[-1]) - time.time() - shift)
        if away > 60:
            raise Trouble(f"the clock was set by {shift} s, but the timestamps differ from it by {away:.0f} s")
        for record in world.daemon.records[mark:]:
            if record["type"] == "gap" or record["type"] == "source":
                raise Trouble(f"the clock was set by {shift} s, which caused {record}")
        if not all(0 <= record["latency_ms"] < 60_000 for record in seen):
            raise Trouble(f"the clock was set by {shift} s: latencies of {[r['latency_ms'] for r in seen]} ms")


def little_disk(directory, kilobytes):
    """The beginning of a command that sees a small disk at the directory."""
    directory.mkdir()
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    prefix = [*alone, "sh", "-c", f'mount -t tmpfs -o size={kilobytes}k none "$0" && exec "$@"', str(directory)]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
        raise Missing("permission to mount a small disk")
    return prefix


def with_little_disk(home):
    """A daemon that keeps its clips on a disk of 32 kB."""
    clips = home.path / "clips"
    return {"prefix": little_disk(clips, 32),
            "options": ["--set", f"clips.directory={clips}", "--set", "clips.maximum_seconds=2"]}


def disk_full(world):
    """Clips without room are omitted and counted; everything else continues."""
    def omitted():
        text = world.daemon.ask("metrics")["text"]
        return any(line.startswith("astd_clips_omitted_total ") and not line.endswith(" 0") for line in text.splitlines())
    until("an omitted clip", omitted, 120)
    if "No space left on device" not in world.home.said("astd", 1000):
        raise Trouble("the log does not name the reason of an omitted clip")


def with_metrics_on_little_disk(home):
    """A daemon that writes its metrics every second to a disk of 128 kB."""
    directory = home.path / "metrics"
    return {"prefix": little_disk(directory, 128),
            "options": ["--set", f"metrics.file={directory}/astd.prom", "--set", "metrics.interval=1"]}


def metrics_disk_full(world):
    """The last complete file stays, the log has one line at the begin and one at the end, and everything else continues."""
    directory = world.home.path / "metrics"
    # The disk as the daemon sees it.
    inside = pathlib.Path(f"/proc/{world.daemon.process.pid}/root{directory}")

    def windows():
        lines = (inside / "astd.prom").read_text(encoding="utf-8").splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("astd_windows_total "))

    def lines():
        return [line for line in world.home.said("astd", 1000).splitlines() if "astd.prom" in line]
    until("a metrics file", (inside / "astd.prom").exists)
    before = lines()
    with open(inside / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            pass
    until("a line about the full disk", lambda: len(lines()) == len(before) + 1)
    if "No space left on device" not in lines()[-1]:
        raise Trouble(f"the log does not name the reason: {lines()[-1]}")
    complete = windows()
    mark = world.mark()
    for _ in range(6):
        world.daemon.wait("a prediction", lambda record: record["type"] == "prediction", mark)
        mark = world.mark()
    if windows() != complete:
        raise Trouble("the metrics file changed on a full disk")
    (inside / "filler").unlink()
    until("a newer metrics file", lambda: windows() > complete)
    if len(lines()) != len(before) + 2:
        raise Trouble(f"one line at the begin and one at the end were expected, not {lines()[len(before):]}")


class HangingDisk:
    """Opening or reading a file in a directory blocks until `close` (fanotify, which needs root)."""

    ADD, CONTENT, OPEN_PERM, ACCESS_PERM, ON_CHILD, HERE = 1, 4, 0x10000, 0x20000, 0x08000000, -100

    def __init__(self, directory):
        libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = libc.fanotify_init(self.CONTENT, os.O_RDONLY)
        events = ctypes.c_uint64(self.OPEN_PERM | self.ACCESS_PERM | self.ON_CHILD)
        if self.descriptor < 0 or libc.fanotify_mark(self.descriptor, self.ADD, events, self.HERE,
                                                     os.fsencode(directory)) < 0:
            raise Missing("permission to watch a directory with fanotify")

    def close(self):
        os.close(self.descriptor)


def with_slow_disk(home):
    """A daemon that keeps clips and metrics in a directory that can hang."""
    directory = home.path / "disk"
    directory.mkdir()
    HangingDisk(directory).close()
    return {"options": ["--set", f"clips.directory={directory}", "--set", "clips.maximum_seconds=2",
                        "--set", f"metrics.file={directory}/astd.prom", "--set", "metrics.interval=1"]}


def disk_hangs(world):
    """Neither windows nor the requests of other clients wait for a disk."""
    disk = HangingDisk(world.home.path / "disk")
    try:
        waiting = [world.daemon.connect("astd.sock") for _ in range(4)]
        request = {"jsonrpc": "2.0", "id": 1, "method": "classify", "params": {"path": f"{world.home.path}/disk/astd.prom"}}
        for client in waiting:
            client.sendall(json.dumps(request).encode() + b"\n")
        for _ in range(10):
            for method in ("status", "metrics", "labels", "adapter.list", "pause", "resume"):
                began = time.monotonic()
                world.daemon.ask(method)
                if time.monotonic() - began > 1:
                    raise Trouble(f"`{method}` waits for the disk")
        mark = world.mark()
        for _ in range(5):
            world.daemon.wait("a prediction", lambda record: record["type"] == "prediction", mark)
            mark = world.mark()
    finally:
        disk.close()
    for client in waiting:
        client.close()


def paused_often(world):
    """Positions do not drift from the clock."""
    before = ledger.drift_ms(world.daemon.records)
    for _ in range(200):
        world.daemon.ask("pause")
        world.daemon.ask("resume")
        time.sleep(0.05)
    mark = world.mark()
    world.daemon.wait_for_sound(mark)
    # The server knows the age of samples exactly after a second.
    for _ in range(4):
        world.daemon.wait("a prediction", lambda record: record["type"] == "prediction", world.mark())
    drift = ledger.drift_ms(world.daemon.records) - before
    if abs(drift) > 100:
        raise Trouble(f"200 pauses have moved the positions by {drift:.0f} ms from the clock")
