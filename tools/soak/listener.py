"""A client of events.sock that checks that every sample is told of, for as long as the daemon runs."""
import json
import socket
import threading


class Listener(threading.Thread):
    def __init__(self, path: str):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.kinds: dict[str, int] = {}
        self.gaps: dict[str, int] = {}
        self.lost = 0
        self.untold: list[tuple[int, int]] = []  # samples in neither a window nor a gap
        self.reached: int | None = None
        self.sequence: int | None = None
        self.jumps = 0
        self.delays: list[float] = []  # milliseconds from a window's last sample to its record, less its pass
        self.passes: list[float] = []
        self.window_end = -1
        self.window_passes = 0.0
        self.start()

    def run(self):
        with self.socket.makefile("rb") as lines:
            for line in lines:
                self.take(json.loads(line))

    def take(self, record: dict):
        kind = record["type"]
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if kind == "prediction":
            self.cover(record["start_sample"], record["end_sample"])
            if self.sequence is not None and record["seq"] != self.sequence + 1:
                self.jumps += 1
            self.sequence = record["seq"]
            if record["end_sample"] != self.window_end:
                self.window_end, self.window_passes = record["end_sample"], 0.0
            # With several adapters each waits for the passes of those before it.
            self.window_passes += record.get("pass_ms", 0.0)
            self.passes.append(record.get("pass_ms", 0.0))
            self.delays.append(record["latency_ms"] - self.window_passes)
        elif kind == "gap":
            self.cover(record["start_sample"], record["end_sample"])
            self.gaps[record["reason"]] = self.gaps.get(record["reason"], 0) + 1
        elif kind == "lost":
            self.lost += record["count"]

    def cover(self, start: int, end: int):
        # The first window may have begun before there was a listener.
        if self.reached is not None and start > self.reached:
            self.untold.append((self.reached, start))
        self.reached = max(self.reached or 0, end)
