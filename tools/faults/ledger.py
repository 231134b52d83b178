"""Whether what astd told adds up: every sample is in the windows or in a gap, and in one gap only."""
import datetime

from machine import Trouble

RATE = 16000
# A window's last frame may reach so far into a hole, of which it hears silence.
FRAME_SHIFT = 160


def check(records):
    """Raises Trouble at the first thing that does not add up; `records` from the daemon's first on."""
    settled, gaps, covered = 0, [], []
    for record in records:
        if record["type"] == "lost":
            raise Trouble(f"the client missed {record['count']} records")
        if record["type"] == "gap":
            start, end = record["start_sample"], record["end_sample"]
            if start >= end:
                raise Trouble(f"an empty gap: {record}")
            if start < settled - FRAME_SHIFT:
                raise Trouble(f"{record} tells samples before {settled}, which a window has answered for")
            gaps.append((start, end, record["reason"]))
        if record["type"] == "prediction":
            start, end = record["start_sample"], record["end_sample"]
            settled = max(settled, end)
            covered.append((start, end))
    told = 0
    for start, end, reason in sorted(gaps):
        if start < told:
            raise Trouble(f"the gap {start}-{end} ({reason}) overlaps the one before, which ends at {told}")
        told = end
    # What was heard after the last window waits for the next, though a gap behind it may be told already.
    reached, last = 0, max(end for _, end in covered)
    for start, end in sorted(covered + [gap[:2] for gap in gaps]):
        if start > reached and reached < last:
            raise Trouble(f"nothing was told of the samples {reached}-{start}")
        reached = max(reached, end)


def sums(records):
    """Samples by reason, and the number of gaps."""
    by_reason, count = {}, 0
    for record in records:
        if record["type"] == "gap":
            count += 1
            by_reason[record["reason"]] = (
                by_reason.get(record["reason"], 0) + record["end_sample"] - record["start_sample"])
    return by_reason, count


def agrees(records, status):
    """What of `status` is not the sum of the records; empty when all of it is."""
    by_reason, _ = sums(records)
    windows = sum(record["type"] == "prediction" for record in records)
    pairs = [("lost_samples", by_reason.get("source_lost", 0)), ("overrun_samples", by_reason.get("overrun", 0)),
             ("paused_samples", by_reason.get("paused", 0)), ("windows", windows), ("lost_records", 0)]
    return [f"{key} is {status[key]}, the records say {wanted}" for key, wanted in pairs if status[key] != wanted]


def seconds(record):
    """A record's time, since 1970."""
    return datetime.datetime.fromisoformat(record["time"].replace("Z", "+00:00")).timestamp()


def drift_ms(records):
    """By how much the positions have left the clock since the first prediction, at the last."""
    heard = [(record["end_sample"], seconds(record)) for record in records if record["type"] == "prediction"]
    (first, began), (last, ended) = heard[0], heard[-1]
    return ((last - first) / RATE - (ended - began)) * 1000
