#!/usr/bin/env python3
"""1,000 clients of the page's live records and 200 that never read: the daemon's latency, the gateway's memory.

    make release && python3 Benchmarks/page_clients.py [SECONDS] [READERS] [SLOW]      default: 120 1000 200

astd with the small model of the tests and a hop of 0.25 s, a file in real time, `spectrum` on; one gateway. Three spans of
SECONDS: no client, all clients, no client. Latency: from a window's last captured sample to the record, as the daemon measures
it, and to its arrival at another client of events.sock; both without the forward pass. Half of the readers and all that do not
read ask for the spectrum, ten records a second more. The gateway serves at most 1,024 live clients: those that it refuses are
counted.
"""
import json
import os
import resource
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("ASTD_BUILD", REPOSITORY / ".build/release"))
MODEL = REPOSITORY / "Tests/Golden/models/stride10"
SOUND = REPOSITORY / "models/default/examples/siren.flac"
HOP = 0.25
TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid):
    """Resident and highest resident size in MB."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return [int(lines[name].split()[0]) / 1000 for name in ("VmRSS", "VmHWM")]


def be_clients(port, readers, slow):
    """A process of its own: counts the records of each reader until SIGTERM, then prints them."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    selector, counts, lost, ended, refused, idle = selectors.DefaultSelector(), {}, 0, 0, 0, []
    for number in range(readers + slow):
        client = socket.socket()
        if number >= readers:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", port))
        path = "/api/live" + ("?spectrum=1" if number % 2 or number >= readers else "")
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        if number >= readers:
            idle.append(client)
            continue
        client.setblocking(False)
        counts[client] = 0
        selector.register(client, selectors.EVENT_READ)
    waiting = set(counts)
    # What was on its way at SIGTERM is still read.
    end = None
    while end is None or time.monotonic() < end:
        if stop and end is None:
            end = time.monotonic() + 5
        for key, _ in selector.select(0.5):
            try:
                data = key.fileobj.recv(1 << 18)
            except OSError:
                data = b""
            if not data:
                ended += 1
                waiting.discard(key.fileobj)
                selector.unregister(key.fileobj)
                continue
            if key.fileobj in waiting:
                waiting.discard(key.fileobj)
                # From here on, each of them gets every record.
                if not waiting:
                    counts = dict.fromkeys(counts, 0)
                    print("connected", flush=True)
                    continue
            counts[key.fileobj] += data.count(b"event: prediction")
            lost += data.count(b"event: lost")
    for client in idle:
        client.setblocking(False)
        try:
            refused += b" 503 " in client.recv(64)
        except OSError:
            pass  # reset, or never answered
    print(json.dumps({"least": min(counts.values()), "most": max(counts.values()), "lost": lost, "ended": ended, "refused": refused}), flush=True)


class Listener(threading.Thread):
    """A client of the daemon's own socket."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.records = path, []
        self.start()

    def run(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.path))
            for line in connection.makefile("r"):
                now = time.time()
                record = json.loads(line)
                if record["type"] == "prediction":
                    end = time.mktime(time.strptime(record["time"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
                    end += float("0" + record["time"][19:-1])
                    self.records.append((record["latency_ms"] - record["pass_ms"], 1000 * (now - end) - record["pass_ms"]))


def describe(values):
    values = sorted(values)
    return f"median {statistics.median(values):.1f} ms, 99 % below {values[int(.99 * (len(values) - 1))]:.1f}, highest {values[-1]:.1f}"


def main():
    if sys.argv[1:2] == ["--clients"]:
        return be_clients(*map(int, sys.argv[2:]))
    seconds, readers, slow = [int(value) for value in sys.argv[1:] + ["120", "1000", "200"][len(sys.argv) - 1:]]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ASTD_")}
    children = []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        subprocess.run(["ffmpeg", "-v", "error", "-stream_loop", "-1", "-i", SOUND, "-t", str(4 * seconds + 120),
                        "-ar", "16000", "-ac", "1", folder / "sound.wav"], check=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (folder / "gateway.yaml").write_text(
            f"node: load\ndaemons: {{room: {folder}}}\nhistory: {{path: {folder}/history.sqlite}}\nhttp: {{listen: '127.0.0.1:{port}'}}\n")

        def start(*command):
            child = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=(folder / "log").open("ab"),
                                     stderr=subprocess.STDOUT, env=environment)
            children.append(child)
            return child

        try:
            astd = start(BUILD / "astd", "run", "--model", MODEL, "--runtime-dir", folder, "--state-dir", folder, "--hop", HOP,
                         "--source", f"file:{folder}/sound.wav", "--set", "spectrum=true", "--activation", "none", "--set", "detection.on=100")
            while not (folder / "events.sock").exists():
                if astd.poll() is not None:
                    raise SystemExit((folder / "log").read_text()[-2000:])
                time.sleep(0.1)
            gateway = start(BUILD / "astd-gateway", "run", "--config", folder / "gateway.yaml")
            listener = Listener(folder / "events.sock")
            time.sleep(15)

            def span(name):
                first, before, begin = len(listener.records), processor_seconds(gateway.pid), time.monotonic()
                daemon = processor_seconds(astd.pid)
                time.sleep(seconds)
                took = time.monotonic() - begin
                measured = listener.records[first:]
                own, arrival = zip(*measured)
                resident, highest = memory(gateway.pid)
                print(f"{name}: {len(own)} windows; sent after {describe(own)}; arrived after {describe(arrival)}; daemon "
                      f"{100 * (processor_seconds(astd.pid) - daemon) / took:.1f} % of a core; gateway "
                      f"{100 * (processor_seconds(gateway.pid) - before) / took:.1f} %, {resident:.1f} MB resident, highest {highest:.1f}",
                      flush=True)
                return len(own)

            span("no client")
            clients = subprocess.Popen([sys.executable, __file__, "--clients", str(port), str(readers), str(slow)],
                                       stdout=subprocess.PIPE, text=True)
            children.append(clients)
            if clients.stdout.readline().strip() != "connected":
                raise SystemExit("the clients could not connect")
            windows = span(f"{readers} readers and {slow} that do not read")
            clients.terminate()
            counts = json.loads(clients.stdout.read())
            print(f"readers: {counts['least']} to {counts['most']} predictions each, {counts['lost']} messages of lost ones, "
                  f"{counts['ended']} connections ended; at least {windows} were due")
            time.sleep(5)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                counted = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line.startswith("astd_gateway_live"))
            print(f"those that do not read: {counts['refused']} refused, {counted['astd_gateway_live_dropped_total']} records dropped, "
                  f"{counted['astd_gateway_live_closed_total']} connections reset")
            span("no client again")
            for child, name in [(astd, "astd"), (gateway, "astd-gateway")]:
                if child.poll() is not None:
                    raise SystemExit(f"{name} ended with {child.returncode}: {(folder / 'log').read_text()[-2000:]}")
        finally:
            for child in reversed(children):
                child.kill()
                child.wait()


main()
