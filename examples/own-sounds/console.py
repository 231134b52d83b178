"""What the programs here print, and how they stop."""

import os
import signal
import sys
import time

stopping = []


class Stop(Exception):
    """A signal asked to stop."""


class Progress:
    """A line that is updated on a terminal, and printed now and then elsewhere."""

    def __init__(self):
        self.shown = 0.0

    def __call__(self, what, done, total):
        if stopping:
            raise Stop
        terminal = sys.stderr.isatty()
        if done < total and time.monotonic() - self.shown < (0.1 if terminal else 15):
            return
        self.shown = time.monotonic() if done < total else 0.0
        width = 24
        filled = width * done // max(1, total)
        line = f"{what:28} [{'#' * filled}{'.' * (width - filled)}] {done}/{total}"
        print(("\r\033[K" + line) if terminal else line, end="\n" if done >= total or not terminal else "", file=sys.stderr, flush=True)


def stop_on_signals():
    """The first Ctrl-C or SIGTERM asks to stop, a second one ends the program at once."""

    def stop(number, _):
        if stopping:
            os._exit(128 + number)
        stopping.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


progress = Progress()


def say(text=""):
    print(text, flush=True)


def fail(text):
    sys.exit(f"train.py: {text}")
