"""What every fault needs: a private home directory, processes that end with it, and waiting."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


class Trouble(Exception):
    """astd did not handle a fault correctly, or the fault could not be injected."""


class Missing(Exception):
    """This machine lacks something that a fault needs."""


def until(what, condition, seconds=120):
    """Waits for a condition and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Trouble(f"waited {seconds} s for {what}")
        time.sleep(0.01)


class Home:
    """Home and runtime directory of servers and daemon, so that the user's own are not touched."""

    def __init__(self):
        self.path = Path(tempfile.mkdtemp(prefix="astd-faults."))
        self.path.chmod(0o700)
        foreign = ("PULSE_", "ASTD_", "XDG_", "DBUS_", "NOTIFY_", "LISTEN_", "PIPEWIRE_", "OPENBLAS_")
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        self.environment.pop("DISPLAY", None)
        self.environment.update(HOME=str(self.path), XDG_RUNTIME_DIR=str(self.path), LC_ALL="C",
                                ASTD_CONFIG="/dev/null", DBUS_SESSION_BUS_ADDRESS="disabled:")
        self.children = []

    def start(self, command, name, **variables):
        """Starts a program that logs to NAME.log."""
        with open(self.path / f"{name}.log", "ab") as log:
            child = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     env={**self.environment, **variables})
        self.children.append(child)
        return child

    def call(self, command, check=True):
        """Runs a program to its end and returns its output."""
        done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=self.environment, timeout=60)
        if check and done.returncode != 0:
            raise Trouble(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.returncode}")
        return done.stdout

    def said(self, name, lines=8):
        """The end of a program's log."""
        path = self.path / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def end(self, child):
        """Kills a program, even a stopped one."""
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
            child.wait()
        if child in self.children:
            self.children.remove(child)

    def close(self):
        for child in reversed(list(self.children)):
            self.end(child)
        shutil.rmtree(self.path, ignore_errors=True)


def program(name):
    """The release build if present, else the debug build; ASTD_BUILD selects another directory."""
    builds = [os.environ["ASTD_BUILD"]] if os.environ.get("ASTD_BUILD") else [".build/release", ".build/debug"]
    for build in builds:
        path = REPOSITORY / build / name
        if os.access(path, os.X_OK):
            return path
    sys.exit(f"faults: no {name} in {' or '.join(builds)}: make release")
