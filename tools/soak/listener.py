"""A client of events.sock that checks, while the daemon runs, that every sample of every source is in a window or in a gap."""
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
        self.missing: list[tuple[int, int]] = []  # samples in neither a window nor a gap
        self.ends: dict[str | None, int] = {}  # by source: one past the last sample that is accounted for
        self.windows: dict[str | None, int] = {}  # by source
        self.sequence: int | None = None
        self.jumps = 0
        self.delays: list[float] = []  # milliseconds from a window's last sample to its record, less its pass
        self.passes: list[float] = []
        self.window_end: tuple[str | None, int] = (None, -1)
        self.window_passes = 0.0
        self.start()

    def run(self):
        with self.socket.makefile("rb") as lines:
            for line in lines:
                self.process(json.loads(line))

    def process(self, record: dict):
        kind = record["type"]
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if kind == "prediction":
            self.cover(record)
            source = record.get("source")
            self.windows[source] = self.windows.get(source, 0) + 1
            if self.sequence is not None and record["seq"] != self.sequence + 1:
                self.jumps += 1
            self.sequence = record["seq"]
            if (source, record["end_sample"]) != self.window_end:
                self.window_end, self.window_passes = (source, record["end_sample"]), 0.0
            # Each adapter waits for the passes of the adapters before it.
            self.window_passes += record.get("pass_ms", 0.0)
            self.passes.append(record.get("pass_ms", 0.0))
            self.delays.append(record["latency_ms"] - self.window_passes)
        elif kind == "gap":
            self.cover(record)
            self.gaps[record["reason"]] = self.gaps.get(record["reason"], 0) + 1
        elif kind == "lost":
            self.lost += record["count"]

    def cover(self, record: dict):
        source, start, end = record.get("source"), record["start_sample"], record["end_sample"]
        # The first window may begin before the listener connected.
        reached = self.ends.get(source)
        if reached is not None and start > reached:
            self.missing.append((reached, start))
        self.ends[source] = max(reached or 0, end)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.join(timeout=60)

    @property
    def hours(self) -> float:
        """Sound of all sources that is accounted for."""
        return sum(self.ends.values()) / 16_000 / 3600
