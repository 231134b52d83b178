"""Injects faults into sound servers and microphones and checks how astd responds: real servers without hardware, a real
daemon, real audio.

    python3 tools/faults                      every fault, then 500 cycles
    python3 tools/faults --short              the common faults, in less than a minute; times are not checked
    python3 tools/faults --only 'server*'     the faults that match
"""
import argparse
import fnmatch
import shutil
import subprocess
import sys
import time

import cycles
import faults
import ledger
import several
from machine import Missing, Trouble
from servers import PipeWire
from world import World

RECOVERY_LIMIT = 2.0  # seconds from a server's return to the first sample
DRIFT_LIMIT = 200.0  # milliseconds between positions and clock: a server may buffer more or less

TROUBLES = (Trouble, OSError, subprocess.SubprocessError)


class Report:
    def __init__(self, options):
        self.options = options
        self.failures = []
        print(f"{'fault':<30} {'lost':<52} {'gaps':>4} {'recovery':>9} {'drift':>7}  accounts")

    def wants(self, name):
        return fnmatch.fnmatch(name, self.options.only)

    def row(self, world, name, action):
        """Injects one fault and prints its cost."""
        if not self.wants(name):
            return
        mark = world.mark()
        try:
            recovery = action(world)
            world.daemon.wait_for_sound(world.mark())
            world.settle()
            ledger.check_all(world.daemon.records)
            drift = ledger.drift_ms(world.daemon.records, world.clocked)
            verdict = self.verdict(recovery, drift)
        except TROUBLES as trouble:
            recovery = drift = None
            verdict = str(trouble)
        by_reason, gaps = ledger.sums(world.daemon.records[mark:])
        lost = ", ".join(f"{reason} {samples / 16:.0f} ms ({samples})" for reason, samples in by_reason.items())
        print(f"{name:<30} {lost or 'nothing':<52} {gaps:>4} "
              f"{'' if recovery is None else f'{recovery * 1000:.0f} ms':>9} "
              f"{'' if drift is None else f'{drift:+.0f} ms':>7}  {verdict or 'add up'}")
        sys.stdout.flush()
        if verdict:
            self.failures.append(f"{name}: {verdict}\n{world.home.said('astd')}")

    def verdict(self, recovery, drift):
        if self.options.short:
            return ""
        if recovery is not None and recovery > RECOVERY_LIMIT:
            return f"recovered only after {recovery:.1f} s"
        if abs(drift) > DRIFT_LIMIT:
            return f"positions differ from the clock by {drift:.0f} ms"
        return ""

    def skip(self, name, why):
        print(f"{name:<30} skipped: {why}")

    def group(self, names_and_actions, kind=World, **world):
        """Injects faults into one world, one after the other."""
        wanted = [(name, action) for name, action in names_and_actions if self.wants(name)]
        if not wanted:
            return
        try:
            with kind(**world) as scene:
                for name, action in wanted:
                    self.row(scene, name, action)
                scene.player.close()
                scene.daemon.end()
        except Missing as missing:
            self.skip(wanted[0][0], missing)
        except TROUBLES as trouble:
            print(f"{wanted[0][0]:<30} {trouble}")
            self.failures.append(f"{wanted[0][0]} and the faults after it: {trouble}")


def main():
    parser = argparse.ArgumentParser(prog="faults", description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="less than a minute")
    parser.add_argument("--cycles", type=int, help="number of repeated outages (500; 10 with --short)")
    parser.add_argument("--only", default="*", help="glob over the names of faults")
    parser.add_argument("--require-pipewire", action="store_true", help="fail where PipeWire is not installed")
    options = parser.parse_args()
    count = options.cycles if options.cycles is not None else 10 if options.short else 500
    for name, package in (("pulseaudio", "pulseaudio"), ("pactl", "pulseaudio-utils"), ("paplay", "pulseaudio-utils")):
        if not shutil.which(name):
            sys.exit(f"faults: no {name}: apt-get install {package}")
    began = time.monotonic()
    report = Report(options)
    usual = [
        ("no server at the start", late_start),
        ("server killed", faults.server_killed),
        ("server exits, and comes back", faults.server_exits),
        ("source unplugged", faults.source_unplugged),
        ("source suspended", faults.source_suspended),
        ("source muted", faults.source_muted),
    ]
    patient = [
        ("paused", faults.paused),
        ("paused 200 times", faults.paused_often),
        ("socket files removed", faults.sockets_removed),
        ("server hangs", faults.server_hangs),
        ("server stutters", faults.server_stutters),
        ("server away for longer", faults.server_long_gone),
        ("daemon stands still", faults.daemon_stands_still),
        ("daemon stands still for 15 s", lambda world: faults.daemon_stands_still(world, 15)),
        ("machine sleeps", faults.machine_sleeps),
    ]
    muted = ["--set", "muted_after=1"]
    report.group(usual + ([] if options.short else patient), is_late=True, options=muted)
    if not options.short:
        others(report)
    if count and report.wants("cycles"):
        try:
            with World() as world:
                cycles.run(world, count)
                world.player.close()
                world.daemon.end()
        except TROUBLES as trouble:
            report.failures.append(f"cycles: {trouble}")
    print(f"\n{time.monotonic() - began:.0f} s")
    for failure in report.failures:
        print(f"faults: {failure}", file=sys.stderr)
    return 1 if report.failures else 0


def late_start(world):
    """Faults of a world that starts without a server."""
    _, moment = world.daemon.source("healthy")
    return moment - world.server.returned


def others(report):
    """Faults that need a world of their own."""
    options = report.options
    report.group([("default source changed", faults.default_changed), ("default unplugged", faults.default_unplugged)],
                 sinks=["other"], source="pulse")
    if shutil.which("ffmpeg"):
        report.group(several.FAULTS, several.Several)
    else:
        report.skip("several", "apt-get install ffmpeg")
    report.group([("clock set by hours", faults.clock_set)], prepare=faults.with_false_clock)
    report.group([("disk full of clips", faults.disk_full)], prepare=faults.with_little_disk)
    report.group([("disk full of metrics", faults.metrics_disk_full)], prepare=faults.with_metrics_on_little_disk)
    report.group([("disk hangs", faults.disk_hangs)], prepare=faults.with_slow_disk)
    if not all(shutil.which(name) for name in ("pipewire", "pipewire-pulse", "wireplumber", "dbus-daemon")):
        missing = "apt-get install pipewire pipewire-pulse wireplumber dbus-daemon"
        report.skip("PipeWire", missing)
        if options.require_pipewire:
            report.failures.append(f"no PipeWire: {missing}")
        return
    report.group([
        ("pipewire-pulse killed", faults.pulse_part_killed), ("PipeWire killed entirely", faults.pipewire_killed),
        ("PipeWire: source unplugged", faults.source_unplugged), ("PipeWire: source muted", faults.source_muted),
        ("PipeWire: server hangs", faults.server_hangs)],
        server=PipeWire, options=["--set", "muted_after=1"])


if __name__ == "__main__":
    sys.exit(main())
