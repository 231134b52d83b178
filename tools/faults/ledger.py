"""Checks that records account for every sample: it is in a window or in exactly one gap."""
import datetime

from machine import Trouble

RATE = 16000
# A window's last frame may reach this far into a gap, where it is filled with silence.
FRAME_SHIFT = 160


def check(records):
    """Raises Trouble at the first contradiction. `records` starts with the daemon's first record."""
    settled, gaps, covered = 0, [], []
    for record in records:
        if record["type"] == "lost":
            raise Trouble(f"the client missed {record['count']} records")
        if record["type"] == "gap":
            start, end = record["start_sample"], record["end_sample"]
            if start >= end:
                raise Trouble(f"an empty gap: {record}")
            if start < settled - FRAME_SHIFT:
                raise Trouble(f"{record} contains samples before {settled}, which a window has covered")
            gaps.append((start, end, record["reason"]))
        if record["type"] == "prediction":
            start, end = record["start_sample"], record["end_sample"]
            settled = max(settled, end)
            covered.append((start, end))
    if not covered:
        return
    gap_end = 0
    for start, end, reason in sorted(gaps):
        if start < gap_end:
            raise Trouble(f"the gap {start}-{end} ({reason}) overlaps the previous one, which ends at {gap_end}")
        gap_end = end
    # Samples after the last window wait for the next one, although a gap after them may be published already.
    reached, last = 0, max(end for _, end in covered)
    for start, end in sorted(covered + [gap[:2] for gap in gaps]):
        if start > reached and reached < last:
            raise Trouble(f"the samples {reached}-{start} are in no window and no gap")
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


def by_source(records):
    """The records of each source; those of a single source, which has no name, under None."""
    names = {record.get("source") for record in records if record["type"] in ("prediction", "gap", "source")}
    return {name: [record for record in records if record.get("source") == name or record["type"] == "lost"]
            for name in sorted(names, key=str)}


def check_all(records):
    """`check` for each source."""
    for name, own in by_source(records).items():
        try:
            check(own)
        except Trouble as trouble:
            raise Trouble(f"{name}: {trouble}" if name else str(trouble)) from None


def agrees(records, status):
    """The counters of `status` that differ from the sums of the records, those of each source by itself."""
    if "sources" not in status:
        return differences(records, status)
    return [f"{part['source']}: {text}" for part in status["sources"]
            for text in differences([record for record in records if record.get("source") == part["source"]],
                                    {**part, "lost_records": status["lost_records"]})]


def differences(records, status):
    by_reason, _ = sums(records)
    windows = sum(record["type"] == "prediction" for record in records)
    pairs = [("lost_samples", by_reason.get("source_lost", 0)), ("overrun_samples", by_reason.get("overrun", 0)),
             ("paused_samples", by_reason.get("paused", 0)), ("windows", windows), ("lost_records", 0)]
    return [f"{key} is {status[key]}, the records add up to {wanted}" for key, wanted in pairs if status[key] != wanted]


def seconds(record):
    """A record's time, since 1970."""
    return datetime.datetime.fromisoformat(record["time"].replace("Z", "+00:00")).timestamp()


def drift_ms(records, names=(None,)):
    """The difference between positions and clock, from the first prediction of a source to the last; the largest of the
    named sources."""
    drifts = [drift_of(own) for name, own in by_source(records).items()
              if name in names and any(record["type"] == "prediction" for record in own)]
    return max(drifts, key=abs)


def drift_of(records):
    seen = [(record["end_sample"], seconds(record)) for record in records if record["type"] == "prediction"]
    (first, began), (last, ended) = seen[0], seen[-1]
    return ((last - first) / RATE - (ended - began)) * 1000
