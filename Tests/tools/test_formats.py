#!/usr/bin/env python3
"""Reads the tables and label tracks of astd classify with other programs: make test-formats.

CSV in Python's csv, pandas and R, selection tables in crowsetta's reader of Raven's, label tracks by the grammar in
Audacity's manual. All with labels and names that contain commas, quotes, tabs and line breaks, for windows and events. Each
must read the same values as the JSON output. Needs R (Debian: r-base-core).
"""
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import crowsetta
import pandas

REPOSITORY = Path(__file__).resolve().parents[2]
ASTD = os.environ.get("ASTD", str(REPOSITORY / ".build/release/astd"))
LABELS = ["plain", "a, b", 'say "hi"', "two\nlines", "tab\there", " spaces ", '"', "NA", "\\ backslash", "Käuzchen 日本", "semi;colon", "#, '"]
EVENTS = ["--events", "--set", "detection.on=0.05", "--set", "detection.minimum_hits=1", "--set", "detection.merge_gap=0"]


def flat(text):
    """As formats without quotes have it: control characters are spaces."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text)


def expect(found, wanted, what):
    if found != wanted:
        different = next((pair for pair in zip(found, wanted) if pair[0] != pair[1]), (len(found), len(wanted)))
        sys.exit(f"{what}: {different[0]!r}, not {different[1]!r}")


def rows(path):
    """(file, start, end, label, score) of every label of a window, or of every event."""
    for line in path.read_text().splitlines():
        record = json.loads(line)
        if "error" in record:
            continue
        for label in record.get("labels", [record]):
            yield (record["file"], record["start"], record["end"], label["label"], label.get("score", label.get("peak_score")))


def check_csv(path, wanted, score):
    def same(found, what):
        expect([(file, float(start), float(end), label, float(value)) for file, start, end, label, value in found], wanted, what)
    with open(path, newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file, strict=True))
    names = ["file", "start", "end", "label", score]
    same([[row[name] for name in names] for row in table if not row["error"]], "Python's csv")
    expect([row["error"] for row in table if row["error"]], ["empty"], "Python's csv, errors")
    # A label may be NA.
    table = pandas.read_csv(path, keep_default_na=False, dtype=str)
    same(table[table.error == ""][names].itertuples(index=False), "pandas")
    script = f"""
        table <- read.csv("{path}", na.strings = character(0), colClasses = "character", encoding = "UTF-8")
        for (row in which(table$error == "")) for (name in c("file", "start", "end", "label", "{score}"))
            cat(paste(charToRaw(enc2utf8(table[row, name])), collapse = ""), "\\n", sep = "")"""
    out = subprocess.run(["Rscript", "--vanilla", "-e", script], check=True, capture_output=True, text=True,
                         env=os.environ | {"LC_ALL": "C.UTF-8"}).stdout.split("\n")[:-1]
    fields = [bytes.fromhex(line).decode() for line in out]
    same([fields[at:at + 5] for at in range(0, len(fields), 5)], "R")


def check_raven(path, wanted, score):
    # A selection needs a length; an event of a single window has none.
    wanted = [(file, min(start, round(end - 0.01, 6)), end, label, value) for file, start, end, label, value in wanted]
    table = pandas.read_csv(path, sep="\t", keep_default_na=False, quoting=csv.QUOTE_NONE)
    expect(list(table.columns[:7]), ["Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)",
                                     "High Freq (Hz)"], "the columns that Raven needs")
    expect(list(table["Selection"]), list(range(1, len(table) + 1)), "selections count from 1")
    expect([(row["Begin Path"], row["Begin Time (s)"], row["End Time (s)"], row["Label"]) for _, row in table.iterrows()],
           [(flat(file), start, end, flat(label)) for file, start, end, label, _ in wanted], "selection table")
    expect(all(abs(found - value) < 1e-6 for found, (*_, value) in zip(table[score], wanted)), True, "scores")
    # crowsetta interprets quotes and NA differently: it gets a table without them.
    odd = re.compile('"|\tNA\t')
    plain = path.with_name("plain.txt")
    lines = path.read_text().splitlines()
    plain.write_text("\n".join(line for line in lines if not odd.search(line)) + "\n")
    boxes = crowsetta.formats.bbox.Raven.from_file(plain, annot_col="Label").to_bbox()
    expect([(box.onset, box.offset, box.label, box.low_freq) for box in boxes],
           [(start, end, flat(label), 0.0) for _, start, end, label, _ in wanted if not odd.search(f"\t{label}\t")], "crowsetta")


def check_audacity(path, wanted):
    """The grammar of https://manual.audacityteam.org/man/importing_and_exporting_labels.html, without frequencies."""
    found = []
    for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
        match = re.fullmatch(r"(\d+\.\d{6})\t(\d+\.\d{6})\t([^\t\r\n]*) (\d\.\d{3})", line)
        if not match:
            sys.exit(f"not a line of a label track: {line!r}")
        found.append((float(match[1]), float(match[2]), match[3], match[4]))
    expect(found, [(start, end, flat(label), f"{score:.3f}") for _, start, end, label, score in wanted], "label track")


def main():
    if shutil.which("Rscript") is None:
        sys.exit("Rscript is missing: apt-get install r-base-core")
    folder = Path(tempfile.mkdtemp(prefix="astd-formats-"))
    model = folder / "model"
    shutil.copytree(REPOSITORY / "Tests/Golden/models/stride10", model)
    config = json.loads((model / "config.json").read_text())
    config["id2label"] = {str(index): label for index, label in enumerate(LABELS)}
    config["label2id"] = {label: index for index, label in enumerate(LABELS)}
    (model / "config.json").write_text(json.dumps(config))
    recordings = folder / "in, '1'"
    recordings.mkdir()
    shutil.copy(REPOSITORY / "Tests/Golden/clips/long.wav", recordings / "long, 'ü'.wav")
    (recordings / "empty.wav").write_bytes(b"")
    for mode, options, score in [("windows", [], "score"), ("events", EVENTS, "peak_score")]:
        out = folder / mode
        ended = subprocess.run(
            [ASTD, "classify", str(recordings), "--model", str(model), "--hop", "0.25", "--top-k", "all", "--format",
             "jsonl,csv,audacity,raven", "--output", str(out)] + options, stderr=subprocess.DEVNULL)
        expect(ended.returncode, 1, "exit status with one empty file")
        wanted = list(rows(out / "labels.jsonl"))
        expect(len(wanted) > 10 and len({label for *_, label, _ in wanted}) > 5, True, f"{mode}: enough to compare")
        check_csv(out / "labels.csv", wanted, score)
        table = next(out.rglob("*.raven.txt"))
        check_raven(table, wanted, "Peak Score" if options else "Score")
        check_audacity(next(out.rglob("*.audacity.txt")), wanted)
        print(f"{mode}: {len(wanted)} rows are the same in Python's csv, pandas, R, crowsetta, and of the label track")
    shutil.rmtree(folder)


main()
