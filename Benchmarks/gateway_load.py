#!/usr/bin/env python3
"""astd-gateway under load: 50 labels, a window every 0.1 s, four daemons. Processor time, memory, rates at the broker.

    make release && python3 Benchmarks/gateway_load.py [SECONDS]      needs mosquitto, mosquitto-clients
"""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("ASTD_BUILD", REPOSITORY / ".build/release"))
MODEL = REPOSITORY / "Tests/Golden/models/stride10"
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 60
DAEMONS, LABELS, HOP = 4, 50, 0.1
TICKS = os.sysconf("SC_CLK_TCK")


def model_with_labels(folder):
    """The small model of the tests with a classifier of 50 labels."""
    folder.mkdir()
    for file in MODEL.iterdir():
        if file.suffix == ".json":
            (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((MODEL / "config.json").read_text())
    names = [f"Label {number:02}" for number in range(LABELS)]
    config["id2label"] = {str(number): name for number, name in enumerate(names)}
    config["label2id"] = {name: number for number, name in enumerate(names)}
    config.pop("num_labels", None)
    (folder / "config.json").write_text(json.dumps(config))
    data = (MODEL / "model.safetensors").read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8:8 + length]), data[8 + length:]
    result, new = b"", {}
    for name, entry in header.items():
        if name == "__metadata__":
            new[name] = entry
            continue
        begin, end = entry["data_offsets"]
        part = body[begin:end]
        if name.startswith("classifier.dense"):
            rows = entry["shape"][0]
            part = (part * (LABELS // rows + 1))[:len(part) // rows * LABELS]
            entry["shape"][0] = LABELS
        new[name] = entry | {"data_offsets": [len(result), len(result) + len(part)]}
        result += part
    text = json.dumps(new).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + result)
    return names


def processor_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid):
    """Resident and highest resident size in MB."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return [int(lines[name].split()[0]) / 1000 for name in ("VmRSS", "VmHWM")]


def silence(path, seconds):
    samples = int(seconds * 16000)
    with path.open("wb") as file:
        file.write(struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 2 * samples + 36, b"WAVE", b"fmt ", 16, 1, 1, 16000, 32000, 2, 16,
                               b"data", 2 * samples))
        file.truncate(44 + 2 * samples)


def main():
    folder = Path(tempfile.mkdtemp(prefix="gateway-load."))
    names = model_with_labels(folder / "model")
    silence(folder / "silence.wav", SECONDS + 120)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n")
    places = [folder / f"d{number}" for number in range(DAEMONS)]
    (folder / "gateway.yaml").write_text(
        f"node: load\ndaemons: {{{', '.join(f'{place.name}: {place}' for place in places)}}}\n"
        f"history: {{path: {folder}/history.sqlite}}\n"
        f"mqtt: {{url: 'mqtt://127.0.0.1:{port}', labels: [{', '.join(names)}], discovery: true, commands: true}}\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ASTD_")}
    children = []

    def start(command, output=subprocess.DEVNULL):
        child = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output, stderr=(folder / "log").open("ab"),
            env=environment)
        children.append(child)
        return child

    try:
        broker = start(["/usr/sbin/mosquitto", "-c", folder / "mosquitto.conf"])
        daemons = []
        for place in places:
            place.mkdir()
            daemons.append(start(
                [BUILD / "astd", "run", "--model", folder / "model", "--runtime-dir", place, "--state-dir", place, "--hop", HOP,
                 "--threads", 1, "--source", f"file:{folder}/silence.wav", "--activation", "none", "--set", "detection.on=100"]))
        time.sleep(2)
        gateway = start([BUILD / "astd-gateway", "run", "--config", folder / "gateway.yaml"])
        time.sleep(5)
        with (folder / "messages").open("wb") as output:
            subscriber = start(["mosquitto_sub", "-p", port, "-t", "astd/#", "-F", "%U %r %t"], output)
            before = processor_seconds(gateway.pid), [processor_seconds(daemon.pid) for daemon in daemons]
            begin = time.monotonic()
            time.sleep(SECONDS)
            seconds = time.monotonic() - begin
            load = (processor_seconds(gateway.pid) - before[0]) / seconds
            others = [(processor_seconds(daemon.pid) - old) / seconds for daemon, old in zip(daemons, before[1])]
            resident, highest = memory(gateway.pid)
            subscriber.terminate()
            subscriber.wait()
        for name, child in [("broker", broker), ("gateway", gateway)] + [("astd", daemon) for daemon in daemons]:
            if child.poll() is not None:
                raise SystemExit(f"{name} ended with {child.returncode}: {(folder / 'log').read_text()[-2000:]}")
        times = {}
        for line in (folder / "messages").read_text().splitlines():
            moment, retained, topic = line.split(" ", 2)
            if retained == "0":
                times.setdefault(topic, []).append(float(moment))
        fleeting = {topic: all for topic, all in times.items() if topic.endswith(("/score", "/level", "/loudest"))}
        scores = [len(all) / seconds for topic, all in fleeting.items() if topic.endswith("/score")]
        windows = 0
        for place in places:
            status = subprocess.run(
                [BUILD / "astctl", "status", "--json", "--socket", place / "astd.sock"], capture_output=True, env=environment)
            status = json.loads(status.stdout)
            windows += status["windows"] / status["uptime_seconds"]
        print(f"{seconds:.0f} s, {DAEMONS} daemons, {LABELS} labels, {windows:.1f} windows per second")
        print(f"gateway: {100 * load:.1f} % of a core, {resident:.1f} MB resident, highest {highest:.1f} MB")
        print(f"daemons: {100 * sum(others) / len(others):.1f} % of a core each")
        print(f"messages: {sum(map(len, times.values())) / seconds:.1f} per second; topics with scores: {len(scores)}, "
              f"{min(scores):.2f} to {max(scores):.2f} per second")
        # At most one message a second of each topic; the limit is between windows, so a window less.
        if len(scores) != DAEMONS * LABELS or max(len(all) for all in fleeting.values()) > seconds / 0.95 + 1:
            raise SystemExit("the rate limit does not hold")
    finally:
        for child in children:
            child.kill()
        subprocess.run(["rm", "-r", folder])


main()
