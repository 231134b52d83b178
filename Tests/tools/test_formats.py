#!/usr/bin/env python3
"""The tables and label tracks of astd classify in the programs that they are for: make test-formats.

CSV in Python's csv, pandas and R, selection tables in crowsetta's reader of Raven's, label tracks in Audacity itself (started
in Xvfb, scripted by its mod-script-pipe). All with labels and names that hold commas, quotes, tabs and line breaks. What each
reads has to be what the JSON says. Debian: r-base-core audacity xvfb xdotool.
"""
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
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
    table = pandas.read_csv(path, sep="\t", keep_default_na=False, quoting=csv.QUOTE_NONE)
    expect(list(table.columns[:7]), ["Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)",
                                     "High Freq (Hz)"], "the columns that Raven needs")
    expect(list(table["Selection"]), list(range(1, len(table) + 1)), "selections count from 1")
    expect([(row["Begin Path"], row["Begin Time (s)"], row["End Time (s)"], row["Label"]) for _, row in table.iterrows()],
           [(flat(file), start, end, flat(label)) for file, start, end, label, _ in wanted], "selection table")
    expect(all(abs(found - value) < 1e-6 for found, (*_, value) in zip(table[score], wanted)), True, "scores")
    # crowsetta reads quotes, and NA, as those of another kind of table: it gets what has none.
    odd = re.compile('"|\tNA\t')
    plain = path.with_name("plain.txt")
    lines = path.read_text().splitlines()
    plain.write_text("\n".join(line for line in lines if not odd.search(line)) + "\n")
    boxes = crowsetta.formats.bbox.Raven.from_file(plain, annot_col="Label").to_bbox()
    expect([(box.onset, box.offset, box.label, box.low_freq) for box in boxes],
           [(start, end, flat(label), 0.0) for _, start, end, label, _ in wanted if not odd.search(f"\t{label}\t")], "crowsetta")


class Audacity:
    """One that is started without a display, and spoken to by its pipes."""
    PIPES = [Path(f"/tmp/audacity_script_pipe.{way}.{os.getuid()}") for way in ("to", "from")]

    def __init__(self, home):
        module = next(path for path in ["/usr/lib/audacity/modules/mod-script-pipe.so",
                                        "/usr/lib/x86_64-linux-gnu/audacity/modules/mod-script-pipe.so"] if os.path.exists(path))
        settings = home / ".audacity-data/audacity.cfg"
        settings.parent.mkdir(parents=True)
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(os.stat(module).st_mtime))
        settings.write_text("PrefsVersion=1.1.1r1\n" + "".join(
            f"[{section}]\nmod-script-pipe={value}\n"
            for section, value in [("Module", 1), ("ModulePath", module), ("ModuleDateTime", when)])
            + f"[Directories]\nTempDir={home}/temporary\n[Update]\nDefaultUpdatesChecking=0\nUpdateNoticeShown=1\n")
        for pipe in self.PIPES:
            pipe.unlink(missing_ok=True)
        number, write = os.pipe()
        self.screen = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
                                       pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        display = b""
        while not display.endswith(b"\n"):
            display += os.read(number, 16)
        self.environment = os.environ | {"DISPLAY": ":" + display.decode().strip(), "HOME": str(home), "LC_ALL": "C.UTF-8"}
        self.environment.pop("XDG_CONFIG_HOME", None)
        self.program = subprocess.Popen(["audacity"], env=self.environment, cwd=home, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.until("Audacity's pipes", lambda: all(pipe.is_fifo() for pipe in self.PIPES))
        # A new user is welcomed, and nothing is answered before that is over.
        self.until("the welcome", lambda: self.windows("Welcome to Audacity"))
        self.until("the end of the welcome", self.dismiss)
        self.requests, self.answers = self.PIPES[0].open("w"), self.PIPES[1].open()

    def until(self, what, holds, seconds=180):
        end = time.monotonic() + seconds
        while not (value := holds()):
            if time.monotonic() > end or self.program.poll() is not None:
                sys.exit(f"not within {seconds} s: {what}")
            time.sleep(0.2)
        return value

    def windows(self, name):
        return self.xdotool("search", "--onlyvisible", "--name", name).split()

    def dismiss(self):
        for window in self.windows("Welcome to Audacity"):
            self.xdotool("windowfocus", window)
            self.xdotool("key", "--window", window, "Escape")
        return not self.windows("Welcome to Audacity")

    def ask(self, command):
        self.requests.write(command + "\n")
        self.requests.flush()
        return self.answer()

    def answer(self):
        lines = []
        while not lines or lines[-1] != "\n" or not any(line.startswith("BatchCommand finished") for line in lines):
            lines.append(self.answers.readline() or sys.exit("Audacity has ended"))
        return "".join(lines)

    def xdotool(self, *arguments):
        return subprocess.run(["xdotool", *arguments], env=self.environment, capture_output=True, text=True).stdout

    def labels(self, path):
        """What File > Import > Labels makes of a file: (start, end, text)."""
        self.ask("SelectAll:")
        self.ask("RemoveTracks:")
        self.requests.write("ImportLabels:\n")
        self.requests.flush()
        self.until("the dialog", lambda: self.windows("containing labels"))
        time.sleep(2)
        self.xdotool("type", "--delay", "30", str(path))
        time.sleep(2)
        self.xdotool("key", "Return")
        self.answer()
        text = self.ask("GetInfo: Type=Labels Format=JSON")
        tracks = json.loads(text[:text.rindex("BatchCommand")])
        return [tuple(label) for _, labels in tracks for label in labels]

    def close(self):
        self.program.kill()
        self.program.wait()
        self.screen.terminate()
        self.screen.wait()


def check_audacity(audacity, path, wanted):
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    expect(all(len(line) == 3 and re.fullmatch(r"\d+\.\d{6}", line[0]) and re.fullmatch(r"\d+\.\d{6}", line[1]) for line in lines),
           True, "start, end and text with tabs between")
    told = [(start, end, f"{flat(label)} {score:.3f}".strip()) for _, start, end, label, score in wanted]
    # It sorts by the start; labels that begin together may change places. It shows six digits.
    shown = sorted((float(f"{start:.6g}"), float(f"{end:.6g}"), text.strip()) for start, end, text in audacity.labels(path))
    expect([label[:2] for label in shown], sorted(label[:2] for label in told), "Audacity, times")
    expect(sorted(label[2].rsplit(" ", 1)[0] for label in shown), sorted(label[2].rsplit(" ", 1)[0] for label in told),
           "Audacity, texts")


def main():
    for program in ["Rscript", "audacity", "Xvfb", "xdotool"]:
        if shutil.which(program) is None:
            sys.exit(f"{program} is missing: apt-get install r-base-core audacity xvfb xdotool")
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
    audacity = Audacity(folder / "home")
    try:
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
            track = folder / f"{mode}.txt"
            shutil.copy(next(out.rglob("*.audacity.txt")), track)
            check_audacity(audacity, track, wanted)
            print(f"{mode}: {len(wanted)} rows are the same in Python's csv, pandas, R, crowsetta and Audacity")
    finally:
        audacity.close()
    shutil.rmtree(folder)


main()
