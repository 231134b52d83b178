#!/usr/bin/env python3
"""Finds the recordings that sound most like others, in vectors that `astd embed` wrote.

    astd embed archive/ --hop 2 --output archive.npy
    astd embed barking.wav --output query.npy
    nearest.py archive.npy query.npy --count 5

Prints a line per hit: similarity (cosine, at most 1), file, start and end in seconds. Without the common part of all
vectors, which says nothing about a single one, similarities differ more. Needs only Python; for more than some ten
thousand rows, use NumPy or an index of vectors.
"""

import argparse
import array
import ast
import csv
import math
import struct
import sys


def rows(path):
    """The vectors of a file and the window of each."""
    with open(path, "rb") as file:
        if file.read(8) != b"\x93NUMPY\x01\x00":
            sys.exit(f"nearest.py: {path} is not an array of `astd embed`")
        header = ast.literal_eval(file.read(struct.unpack("<H", file.read(2))[0]).decode())
        values = array.array("f", file.read())
    if sys.byteorder == "big":
        values.byteswap()
    count, width = header["shape"]
    with open(path.removesuffix(".npy") + ".index.csv", newline="", encoding="utf-8") as file:
        windows = list(csv.DictReader(file))
    return [(windows[row], values[row * width : (row + 1) * width]) for row in range(count)]


def direction(vector, mean):
    centred = [value - average for value, average in zip(vector, mean)]
    length = math.sqrt(sum(value * value for value in centred)) or 1
    return [value / length for value in centred]


def main():
    parser = argparse.ArgumentParser(description="Find the windows whose vectors are most similar.")
    parser.add_argument("archive", help="vectors to search, .npy")
    parser.add_argument("query", help="vectors to search for, .npy")
    parser.add_argument("--count", type=int, default=5, help="hits for each window of the query (default: 5)")
    options = parser.parse_args()
    archive, query = rows(options.archive), rows(options.query)
    if not archive:
        sys.exit(f"nearest.py: {options.archive} has no vectors")
    mean = [sum(column) / len(archive) for column in zip(*(vector for _, vector in archive))]
    known = [(window, direction(vector, mean)) for window, vector in archive]
    for asked, vector in query:
        wanted = direction(vector, mean)
        hits = sorted(((sum(a * b for a, b in zip(wanted, found)), n) for n, (_, found) in enumerate(known)), reverse=True)
        for similarity, number in hits[: options.count]:
            window = known[number][0]
            print(f"{asked['file']} {asked['start']}", f"{similarity:.3f}", window["file"], window["start"], window["end"], sep="\t")


if __name__ == "__main__":
    main()
