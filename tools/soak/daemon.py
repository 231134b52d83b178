"""An astd with its sockets in a private directory."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Daemon:
    def __init__(self, program: str, arguments: list[str], folder: str | None = None, settings: str = "hop: 1\n"):
        self.folder = tempfile.mkdtemp(prefix="astd-soak-", dir=folder)
        self.control = f"{self.folder}/astd.sock"
        self.events = f"{self.folder}/events.sock"
        self.log = open(f"{self.folder}/log", "wb")
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("ASTD_") and name != "OPENBLAS_CORETYPE"
        }
        environment["ASTD_CONFIG"] = self.config = f"{self.folder}/astd.yaml"
        pathlib.Path(self.config).write_text(settings)
        self.arguments = [program, "run", "--runtime-dir", self.folder] + arguments
        self.process = subprocess.Popen(
            self.arguments, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stderr=self.log
        )
        deadline = time.monotonic() + 120
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"astd did not start:\n{self.said()}")
            time.sleep(0.05)

    def answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            return connection.connect_ex(self.events) == 0

    @property
    def pid(self) -> int:
        return self.process.pid

    def said(self) -> str:
        return pathlib.Path(f"{self.folder}/log").read_text(errors="replace")

    def configure(self, settings: str) -> None:
        """Writes its settings; renamed into place, because a reload may read the file at any time."""
        pathlib.Path(self.config + ".new").write_text(settings)
        os.rename(self.config + ".new", self.config)

    def stop(self) -> int:
        """Stops it with SIGTERM and returns the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(timeout=120)
        self.log.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
