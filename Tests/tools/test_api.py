#!/usr/bin/env python3
"""The API of astd-gateway against its description, with requests that schemathesis generates: make test-api.

    PYTHON_WITH_SCHEMATHESIS test_api.py [SECONDS]

Real programs: astd with the included model and a pipe without a writer, astd-gateway with a history of some hundred events.
Then once more for a few seconds after the daemon has ended, when its requests are answered with 503.
"""
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ASTD_BUILD", REPOSITORY / ".build/release"))
RUN = "5f0c9a3be2174c11"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def fill(path):
    """Events with and without reviews, gaps of every reason, minutes."""
    database = sqlite3.connect(path, timeout=30)
    now = int(time.time() * 1000)
    reviews = [None, None, "right", "wrong", "other"]
    reasons = ["overrun", "source_lost", "skipped", "paused", "missed", "stopped"]
    with database:
        database.executemany(
            "INSERT INTO events (daemon, event, run, label, begin_ms, end_ms, start_sample, peak, review, review_label) "
            "VALUES ('astd', ?, ?, 'Siren', ?, ?, 0, 0.9, ?, ?)",
            [(f"{RUN}-{n}", RUN, now - 60_000 * n, now - 60_000 * n + 500, reviews[n % 5], "Dog" if n % 5 == 4 else None)
             for n in range(1, 500)])
        database.executemany(
            "INSERT INTO gaps (daemon, run, reason, begin_ms, end_ms, records) VALUES ('astd', ?, ?, ?, ?, ?)",
            [(RUN, reasons[n % 6], now - 60_000 * n, now - 60_000 * n + n, 3 if n % 6 == 4 else None) for n in range(300)])
        database.execute("INSERT INTO series (id, daemon, label) VALUES (1000, 'astd', 'Siren')")
        database.executemany(
            "INSERT INTO minutes VALUES (?, 1000, 60, 30, 0.9)", [(now // 60_000 * 60_000 - 60_000 * n,) for n in range(1440)])
    database.close()


def until(what, condition):
    end = time.monotonic() + 120
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"FAIL waited two minutes for {what}")
        time.sleep(0.1)


def schemathesis(port, seconds, seed, *more):
    command = [
        Path(sys.executable).parent / "schemathesis", "--config-file", REPOSITORY / "Tests/tools/schemathesis.toml", "run",
        f"http://127.0.0.1:{port}/api/openapi.json", "--url", f"http://127.0.0.1:{port}", "--checks", "all", "--max-time",
        str(seconds), "--seed", str(seed), "--suppress-health-check", "all", "--no-color", *more]
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([str(part) for part in command], cwd=folder).returncode


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    seed = random.randrange(1 << 30)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "gateway.yaml").write_text(
            f"daemons: {{astd: {folder}/astd}}\nhistory: {{path: {folder}/history.sqlite}}\n"
            f'http: {{listen: "127.0.0.1:{port}", control: true}}\n')
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ASTD_")}
        programs = []

        def start(*command):
            with (folder / f"{Path(command[0]).name}.log").open("wb") as log:
                programs.append(subprocess.Popen(
                    [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    env=environment | {"HOME": name, "XDG_RUNTIME_DIR": name}))
            return programs[-1]

        def answer(path):
            try:
                with urllib.request.urlopen(url + path, timeout=30) as found:
                    return found.status
            except urllib.error.HTTPError as error:
                return error.code
            except OSError:
                return 0

        try:
            gateway = start(BUILD / "astd-gateway", "run", "--config", folder / "gateway.yaml")
            until("the gateway", lambda: answer("/healthz") == 503)
            fill(folder / "history.sqlite")
            os.mkfifo(folder / "sound")
            daemon = start(
                BUILD / "astd", "run", "--model", REPOSITORY / "models/default", "--source", f"pipe:{folder}/sound",
                "--runtime-dir", folder / "astd")
            until("the daemon", lambda: answer("/healthz") == 200)
            print(f"With a daemon, seed {seed}:", flush=True)
            code = schemathesis(port, seconds, seed)
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(60)
            until("the daemon's end", lambda: answer("/healthz") == 503)
            if answer("/api/labels") != 503:
                raise SystemExit("FAIL /api/labels of a daemon that has ended is not answered with 503")
            print("Without one:", flush=True)
            # 503 is right then; the description does not have 500.
            code = schemathesis(port, max(10, seconds // 6), seed, "--exclude-checks", "not_a_server_error") or code
            if gateway.poll() is not None:
                raise SystemExit(f"FAIL the gateway ended with {gateway.returncode}")
        finally:
            for program in programs:
                if program.poll() is None:
                    program.terminate()
                    program.wait(60)
        if code:
            raise SystemExit(f"FAIL see above; the log of the gateway:\n{(folder / 'astd-gateway.log').read_text()[-2000:]}")
        print("The API answers as openapi.json describes.")


if __name__ == "__main__":
    main()
