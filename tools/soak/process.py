"""Reads a process's figures from /proc."""
import os
from dataclasses import dataclass

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Reading:
    anonymous: int  # bytes: RssAnon
    descriptors: int
    threads: int
    cpu_seconds: float


def read(pid: int) -> Reading:
    fields = {}
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            name, _, value = line.partition(":")
            fields[name] = value.split()
    with open(f"/proc/{pid}/stat") as stat:
        # Fields are counted from the end of the name, which may contain any character.
        numbers = stat.read().rpartition(")")[2].split()
    return Reading(
        anonymous=int(fields["RssAnon"][0]) * 1024,
        descriptors=len(os.listdir(f"/proc/{pid}/fd")),
        threads=int(fields["Threads"][0]),
        cpu_seconds=(int(numbers[11]) + int(numbers[12])) / TICKS,
    )


def children(pid: int) -> list[int]:
    """The processes that this one has started and that still run."""
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/children") as names:
                found += [int(name) for name in names.read().split()]
        except FileNotFoundError:
            continue  # The thread has ended.
    return found
