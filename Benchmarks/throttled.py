#!/usr/bin/env python3
"""Throttles a recording daemon in the middle of a run, and reports how its hop follows.

    python3 Benchmarks/throttled.py --astd .build/release/astd
    python3 Benchmarks/throttled.py --astd .build/release/astd --set hop=1 --set cpu_limit=0.5

Starts a PulseAudio server with a null sink in a temporary directory, plays a clip into it now and then, and runs `astd
run` with `hop: auto`. From the first third of the time to the second, the process runs for a part of each tenth of a
second only (SIGSTOP, SIGCONT). Prints every change of the hop, and for each third: windows, hop, skipped windows, gaps,
latency, processor time. At the end every sample must be in a window or in exactly one gap.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

RATE = 16000


def until(what, done, seconds=120):
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise SystemExit(f"throttled.py: {what} did not appear within {seconds} s")
        time.sleep(0.05)


def answers(environment):
    reply = subprocess.run(["pactl", "info"], env=environment, capture_output=True, check=False)
    return reply.returncode == 0


def processor_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def follow(path, begin, records):
    with socket.socket(socket.AF_UNIX) as events:
        events.connect(str(path))
        for line in events.makefile(encoding="utf-8"):
            records.append((time.monotonic() - begin, json.loads(line)))


def throttle(pid, share, end):
    """Lets the process run for a share of each tenth of a second."""
    while time.monotonic() < end:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.1 * (1 - share))
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.1 * share)


def uncovered(records):
    """The samples between the first and the last window that are in neither a window nor a gap, or in two gaps."""
    windows = sorted((r["start_sample"], r["end_sample"]) for _, r in records if r["type"] == "prediction")
    gaps = sorted((r["start_sample"], r["end_sample"]) for _, r in records if r["type"] == "gap")
    missing, twice, end = 0, 0, windows[0][0]
    for start, stop in sorted(windows + [gap for gap in gaps if windows[0][0] <= gap[0] < windows[-1][1]]):
        missing += max(0, start - end)
        end = max(end, stop)
    for earlier, later in zip(gaps, gaps[1:]):
        twice += max(0, earlier[1] - later[0])
    return missing, twice


def report(name, records, begin, end, processor):
    part = [record for at, record in records if begin <= at < end]
    windows = [record for record in part if record["type"] == "prediction"]
    gaps = [record for record in part if record["type"] == "gap"]
    ends = [record["end_sample"] for record in windows]
    hops = sorted((later - earlier) / RATE for earlier, later in zip(ends, ends[1:]))
    latency = sorted(record["latency_ms"] for record in windows)
    lost = sum(record["end_sample"] - record["start_sample"] for record in gaps) / RATE
    gated = sum(1 for record in windows if record.get("gated"))
    if not hops:
        return print(f"{name:10} {len(windows)} windows")
    print(f"{name:10} {len(windows):5} windows ({gated} gated), hop median {hops[len(hops) // 2]:.2f} s, largest "
          f"{hops[-1]:.2f} s; latency median {latency[len(latency) // 2]:.0f} ms, largest {latency[-1]:.0f} ms; "
          f"{len(gaps)} gaps, {lost:.2f} s; {processor / (end - begin):.2f} processors")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--astd", default=".build/release/astd")
    parser.add_argument("--model", default="models/default")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--share", type=float, default=0.25, help="of the time, when throttled")
    parser.add_argument("--clip", default="models/default/examples/siren.flac")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE, in place of hop=auto")
    arguments = parser.parse_args()
    settings = arguments.set or ["hop=auto"]

    home = Path(tempfile.mkdtemp(prefix="throttled-"))
    environment = {**os.environ, "HOME": str(home), "XDG_RUNTIME_DIR": str(home),
                   "PULSE_RUNTIME_PATH": str(home / "pulse"), "PULSE_SERVER": f"unix:{home}/pulse/native"}
    children = []

    def start(*command, log=None):
        output = open(home / log, "w", encoding="utf-8") if log else subprocess.DEVNULL
        child = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        children.append(child)
        return child

    try:
        start("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--realtime=no",
              "--high-priority=no", "-L", "module-native-protocol-unix",
              "-L", "module-null-sink sink_name=room rate=48000 channels=2", log="pulseaudio.log")
        until("PulseAudio", lambda: answers(environment))
        options = [word for setting in settings for word in ("--set", setting)]
        daemon = start(arguments.astd, "run", "--config", "/dev/null", "--source", "pulse:room.monitor", "--model",
                       arguments.model, "--runtime-dir", str(home / "astd"), *options, log="astd.log")
        until("events.sock", (home / "astd/events.sock").exists)
        begin, records = time.monotonic(), []
        threading.Thread(target=follow, args=(home / "astd/events.sock", begin, records), daemon=True).start()
        third = arguments.seconds / 3
        processor = [processor_seconds(daemon.pid)]
        throttling = None
        for part in range(3):
            end = begin + (part + 1) * third
            if part == 1:
                throttling = threading.Thread(target=throttle, args=(daemon.pid, arguments.share, end), daemon=True)
                throttling.start()
            while time.monotonic() < end:
                player = start("paplay", "--device=room", arguments.clip)
                player.wait()
                children.remove(player)
                time.sleep(min(10, max(0, end - time.monotonic())))
            processor.append(processor_seconds(daemon.pid))
        throttling.join()
        os.kill(daemon.pid, signal.SIGCONT)
        print(" ".join(settings))
        for at, record in list(records):
            if record["type"] == "hop":
                print(f"  {at:6.1f} s  hop {record['previous']} s -> {record['hop']} s, passes "
                      f"{record.get('pass_ms', 0):.0f} ms")
        for part, name in enumerate(["before", "throttled", "after"]):
            report(name, records, part * third, (part + 1) * third, processor[part + 1] - processor[part])
        events = [record["label"] for _, record in records if record["type"] == "event" and record["state"] == "begin"]
        print("events     " + ", ".join(f"{events.count(label)} {label}" for label in sorted(set(events))))
        missing, twice = uncovered(list(records))
        print(f"samples    {missing} in no window and no gap, {twice} in two gaps")
        raise SystemExit(1 if missing or twice else 0)
    finally:
        for child in reversed(children):
            if child.poll() is None:
                child.send_signal(signal.SIGCONT)
                child.terminate()
                child.wait()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
