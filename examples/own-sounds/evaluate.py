#!/usr/bin/env python3
"""Measures an adapter with astd itself, on clips and on recordings of everything else.

    evaluate.py my-sounds test/ --base /usr/share/astd/models/default --background evening/
    evaluate.py my-sounds test/ --base MODEL --background evening/ --decibels 10      each clip over a background

TEST has a folder for each class, like the clips of train.py; folders without a label of the adapter count as other
sounds. Thresholds are those of detection.yaml of the adapter. With --decibels, a clip counts for a label if it has an
event of it, by the rules of the daemon; else, clips are files as they are, often shorter than a window, and count if one
of their windows reaches the threshold. False alarms are events in the background.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

import numpy as np
import soundfile

import report
from clips import RATE_HZ, files, read, read_backgrounds, read_folder
from mixing import Mixer


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adapter", type=Path, help="adapter directory that train.py wrote")
    parser.add_argument("test", type=Path, help="folder with a folder for each class")
    parser.add_argument("--base", type=Path, required=True, help="model directory")
    parser.add_argument("--background", type=Path, nargs="+", default=[], help="recordings without any of these sounds")
    parser.add_argument("--decibels", type=float, help="mix each clip with a background, this much louder than it")
    parser.add_argument("--astd", default="astd", help="the program (default: astd)")
    parser.add_argument("--threads", type=int, help="its threads")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def classify(options, *more):
    """The records of `astd classify`."""
    command = [options.astd, "classify", "--model", options.base, "--adapter", options.adapter, "--format", "jsonl", "--no-progress"]
    if options.threads:
        command += ["--threads", str(options.threads)]
    try:
        done = subprocess.run([*command, *more], stdout=subprocess.PIPE, text=True)
    except OSError as error:
        sys.exit(f"evaluate.py: {options.astd}: {error.strerror}; name the program with --astd")
    if done.returncode not in (0, 1):
        sys.exit(f"evaluate.py: astd ended with status {done.returncode} (reason above)")
    return [json.loads(line) for line in done.stdout.splitlines()]


def write_mixed(options, clips, folder, window):
    """The clips as a microphone captures them, with a window of background before and after; their labels by file."""
    backgrounds, problems = read_backgrounds(options.background)
    for text in problems:
        print(text, file=sys.stderr)
    if not backgrounds:
        sys.exit("evaluate.py: --decibels needs --background")
    labels = {}
    for index, clip in enumerate(clips):
        path = f"{folder}/{index:05}.flac"
        mixer = Mixer(len(clip.samples) + 2 * window, backgrounds)
        rng = np.random.default_rng([3, index])
        soundfile.write(path, mixer.window(rng, clip.samples, options.decibels, augments=False, margin=window), RATE_HZ)
        labels[path] = clip.labels
    return labels


def scores_of_windows(options, listed):
    """The highest score of each label in each file."""
    found = {}
    for record in classify(options, "--aggregate", "max", "--top-k", "all", "--files-from", listed):
        if "error" in record:
            print(record["error"]["message"], file=sys.stderr)
        else:
            found[record["file"]] = {entry["label"]: entry["score"] for entry in record["labels"]}
    return found


def scores_of_events(options, listed, names):
    """The highest peak score of the events of each label in each file."""
    found = {name: {} for name in names}
    for event in classify(options, "--events", "--config", options.adapter / "detection.yaml", "--files-from", listed):
        if "label" in event:
            mine = found[event["file"]]
            mine[event["label"]] = max(mine.get(event["label"], 0), event["peak_score"])
    return found


def main():
    options = arguments()
    known = json.loads((options.adapter / "evaluation.json").read_text())
    labels, on = known["labels"], known["thresholds"]
    test = read_folder(options.test)
    for text in test.problems:
        print(text, file=sys.stderr)
    if not test.clips:
        sys.exit(f"evaluate.py: {options.test} has no clips that can be read")
    frames = json.loads((options.base / "preprocessor_config.json").read_text())["max_length"]
    scratch = tempfile.mkdtemp()
    try:
        if options.decibels is None:
            names = {clip.path: clip.labels for clip in test.clips}
        else:
            names = write_mixed(options, test.clips, scratch, (frames - 1) * 160 + 400)
        listed = Path(scratch) / "list"
        listed.write_text("".join(f"{path}\n" for path in names))
        found = scores_of_windows(options, listed) if options.decibels is None else scores_of_events(options, listed, names)
        scores = np.array([[found[path].get(label, 0) for label in labels] for path in found]).reshape(-1, len(labels))
        truth = np.array([[label in names[path] for label in labels] for path in found], bool).reshape(-1, len(labels))
        rows = report.measures(labels, scores, truth, on)
        result = {"clips": len(scores), "decibels": options.decibels, "labels": rows, "macro_f1": report.macro_f1(rows),
                  "confusion": report.confusion(labels, scores, truth, on)}
        if options.background:
            result["background"] = false_alarms(options)
    finally:
        shutil.rmtree(scratch)
    print(json.dumps(result, indent=1, ensure_ascii=False) if options.json else text_of(labels, result))


def false_alarms(options):
    """Events in the backgrounds, and the hours that they last."""
    events = classify(options, "--events", "--config", options.adapter / "detection.yaml", *options.background)
    by_label = {}
    for event in events:
        if "label" in event:
            by_label[event["label"]] = by_label.get(event["label"], 0) + 1
    seconds = 0.0
    for path in options.background:
        for file in files(path)[0] if path.is_dir() else [path]:
            try:
                seconds += soundfile.info(file).duration
            except soundfile.LibsndfileError:
                seconds += len(read(file)) / RATE_HZ
    return {"hours": seconds / 3600, "false_alarms": sum(by_label.values()), "by_label": by_label}


def text_of(labels, result):
    width = max(map(len, labels + ["background"])) + 2
    lines = [f"{result['clips']} clips" + ("" if result["decibels"] is None else f", {result['decibels']:g} dB over backgrounds")
             + f": macro F1 {result['macro_f1']:.2f}", "",
             f"{'':{width}}clips  precision              recall                 F1"]
    for label in labels:
        row = result["labels"][label]
        number = "-" if row["f1"] is None else f"{row['f1']:.2f}"
        lines.append(f"{label:{width}}{row['clips']:5}  {report.share(row['precision'], row['precision_interval']):22} "
                     f"{report.share(row['recall'], row['recall_interval']):22} {number}")
    lines += ["", "confusion (rows: what was played): " + ", ".join(labels + ["none"])]
    for title, row in zip(labels + ["other"], result["confusion"]):
        lines.append(f"{title:{width}}" + " ".join(f"{count:5}" for count in row))
    if "background" in result:
        found = result["background"]
        lines += ["", f"{found['false_alarms']} false alarms in {found['hours']:.2f} h of background: "
                  + report.rate_text(found["false_alarms"], found["hours"])]
        lines += [f"  {label}: {count}" for label, count in sorted(found["by_label"].items())]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
