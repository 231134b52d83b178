#!/usr/bin/env python3
"""Compares the output of astd with transformers, PEFT and torchaudio.

    python tools/check_exactness.py                       # the small models of Tests/Golden, then temporary full-size ones
    python tools/check_exactness.py --models DIR          # full-size models kept in DIR, with the oracle's results
    python tools/check_exactness.py --small               # only the small ones (seconds)
    python tools/check_exactness.py --make DIR            # only writes the full-size models
    python tools/check_exactness.py --oracle-only --models DIR   # only computes the oracle's results, without astd

Exit status: 1 if a difference exceeds its tolerance (docs/exactness.md), 2 if astd cannot be run.
"""

import argparse
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "Tests" / "Golden"
FULL_SIZE_LOGITS = 1e-3


class ProgramFailed(Exception):
    """astd could not be started, or rejected a valid input."""


class Program:
    """The astd under test."""

    def __init__(self, path):
        self.path = str(path)

    def run(self, *arguments):
        """Runs astd and returns the finished process, whatever its exit status."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ASTD_")}
        try:
            return subprocess.run(
                [self.path, *map(str, arguments)], capture_output=True, text=True, env=environment, timeout=600
            )
        except OSError as error:
            raise ProgramFailed(f"{self.path}: {error.strerror}") from error

    def _succeed(self, *arguments):
        process = self.run(*arguments)
        if process.returncode != 0:
            raise ProgramFailed(f"{' '.join(map(str, arguments))}: exit {process.returncode}: {process.stderr.strip()}")
        return process

    def logits(self, model, adapter, paths, precision="fp32"):
        """Logits of the first window of each file, by path: float64 [classes]."""
        arguments = ["classify", "--precision", precision, "--activation", "none", "--top-k", "all", "--format", "jsonl"]
        arguments += ["--no-progress", "--model", model, *(["--adapter", adapter] if adapter else [])]
        first = {}
        for line in self._succeed(*arguments, *paths).stdout.splitlines():
            record = json.loads(line)
            if "error" in record:
                raise ProgramFailed(f"{record['file']}: {record['error']}")
            if record["start"] == 0 and record["file"] not in first:
                found = {entry["index"]: entry["score"] for entry in record["labels"]}
                if sorted(found) != list(range(len(found))):
                    raise ProgramFailed(f"{record['file']}: --top-k all did not return every index exactly once")
                first[record["file"]] = np.array([found[index] for index in range(len(found))])
        return first

    def features(self, model, adapter, path):
        """[frames, mels] as written by `astd features`; an adapter may have its own front end."""
        with tempfile.TemporaryDirectory() as scratch:
            output = Path(scratch) / "features.npy"
            more = ["--adapter", adapter] if adapter else []
            self._succeed("features", path, "--output", output, "--model", model, *more)
            return np.load(output)


@dataclass
class Expected:
    """The oracle's results for one clip."""

    path: Path
    features: np.ndarray
    logits: np.ndarray
    tolerance: dict


class Table:
    """Prints one line per comparison and counts failures."""

    def __init__(self):
        self.failed = 0
        print(f"{'model':<44} {'clip':<10} {'features':>9} {'allowed':>8} {'logits':>9} {'allowed':>8}")

    def add(self, name, clip, features, logits, tolerance):
        good = features <= tolerance["features"] and logits <= tolerance["endToEnd"]
        self.failed += not good
        print(
            f"{name:<44} {clip:<10} {features:>9.1e} {tolerance['features']:>8.0e} {logits:>9.1e}"
            f" {tolerance['endToEnd']:>8.0e}{'' if good else '  ABOVE'}",
            flush=True,
        )

    def note(self, text):
        self.failed += 1
        print(text, flush=True)


def distance(found, wanted):
    """The largest absolute difference; infinite when the shapes differ or a number is not finite."""
    if found.shape != wanted.shape or not np.isfinite(found).all():
        return float("inf")
    return float(np.abs(found.astype(np.float64) - wanted).max()) if found.size else 0.0


def compare(program, table, name, model, adapter, expected):
    """Compares all clips of one model, with one run of astd for the logits."""
    try:
        logits = program.logits(model, adapter, [item.path for item in expected])
        for item in expected:
            features = distance(program.features(model, adapter, item.path), item.features)
            found = logits.get(str(item.path), np.zeros(0))
            table.add(name, item.path.stem, features, distance(found, item.logits), item.tolerance)
    except ProgramFailed as error:
        table.note(f"{name}: {error}")


def refused_badly(program, entry):
    """How astd's rejection of an entry of the index is wrong, or None. A crash is wrong, and so is a message that names
    neither the file nor the problem."""
    more = ["--adapter", GOLDEN / entry["adapter"]] if "adapter" in entry else []
    process = program.run("classify", "--model", GOLDEN / entry["model"], *more, GOLDEN / "clips" / "short.wav")
    if process.returncode <= 0 or not process.stderr.startswith("astd: "):
        return "is accepted" if process.returncode == 0 else f"astd exits with status {process.returncode}"
    missing = [text for text in entry["mentions"] if text not in process.stderr]
    return f"the error message lacks {', '.join(missing)}: {process.stderr.strip()}" if missing else None


def check_small(program, table):
    """Every case of Tests/Golden through the program, and every input that must be rejected."""
    index = json.loads((GOLDEN / "cases.json").read_text())
    groups = {}
    for case in index["cases"]:
        groups.setdefault((case["model"], case["adapter"]), []).append(case)
    for (model, adapter), cases in groups.items():
        expected = [
            Expected(
                GOLDEN / case["clip"],
                load_file(GOLDEN / case["features"])["features"],
                load_file(GOLDEN / case["reference"])["logits"],
                case["tolerance"],
            )
            for case in cases
        ]
        name = cases[0]["id"].split("/")[0]
        compare(program, table, name, GOLDEN / model, GOLDEN / adapter if adapter else None, expected)
    for entry in index["refused"] + index["brokenModels"]:
        if wrong := refused_badly(program, entry):
            table.note(f"{entry.get('adapter', entry['model'])} ({entry['reason']}) {wrong}")


def _digest(*paths):
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()


class Answers:
    """The oracle's logits of the full-size models, cached beside them because each takes seconds."""

    def __init__(self, root):
        self.path = root / "oracle-answers.json"
        self.root = root
        self.stored = json.loads(self.path.read_text()) if self.path.exists() else {}

    def expected(self, model, adapter, clips):
        """The expected numbers of each clip."""
        # imported here: a check of the small models alone needs no torch
        from golden import audio, full_size
        from golden.oracle import Oracle
        from golden.references import tolerance

        if adapter == full_size.LEGACY_ADAPTER:
            adapter = full_size.ADAPTER
        weights = [self.root / model / "model.safetensors"]
        if adapter:
            weights += sorted(path for path in (self.root / adapter).iterdir() if path.suffix in (".json", ".safetensors"))
        identity = _digest(*weights)
        oracle = None
        answers = []
        for path in clips.values():
            key = f"{identity}:{_digest(path)}"
            samples = audio.read(path)
            if key not in self.stored:
                oracle = oracle or Oracle(self.root / model, self.root / adapter if adapter else None)
                features = oracle.features(samples)
                logits = oracle.stages(features)["logits"]
                limits = tolerance(oracle, samples, features, logits, strict=FULL_SIZE_LOGITS)
                self.stored[key] = {"logits": [float(value) for value in logits], "tolerance": limits}
                self.path.write_text(json.dumps(self.stored))
            answer = self.stored[key]
            features = self._features(model, samples)
            answers.append(Expected(path, features, np.array(answer["logits"]), answer["tolerance"]))
        return answers

    def _features(self, model, samples):
        from transformers import ASTFeatureExtractor

        extractor = ASTFeatureExtractor.from_pretrained(self.root / model)
        return extractor(samples, sampling_rate=16000, return_tensors="np")["input_values"][0]


def check_full_size(program, table, root):
    """The full-size models; without a program, only the oracle."""
    from golden import full_size

    full_size.make(root)
    answers = Answers(root)
    clips = full_size.write_clips(root / "exactness-clips")
    for model, adapter, some in full_size.PAIRS:
        expected = answers.expected(model, adapter, {name: clips[name] for name in some or clips})
        name = f"{model}+{adapter.removeprefix(model + '-')}" if adapter else model
        if program is None:
            for item in expected:
                size = np.abs(item.logits)
                print(f"{name:<44} {item.path.stem:<10} |logits| mean {size.mean():.2f} max {size.max():.2f} {item.tolerance}")
        else:
            compare(program, table, name, root / model, root / adapter if adapter else None, expected)


def arguments():
    parser = argparse.ArgumentParser(description="Compares astd with transformers, PEFT and torchaudio.")
    parser.add_argument("--astd", type=Path, default=ROOT / ".build" / "release" / "astd", help="the program to check")
    parser.add_argument("--models", type=Path, help="directory of the full-size models (default: temporary)")
    parser.add_argument("--make", type=Path, metavar="DIR", help="write the full-size models to DIR and stop")
    parser.add_argument("--oracle-only", action="store_true", help="compute the oracle's results without astd")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--small", action="store_true", help="only the small models")
    only.add_argument("--full", action="store_true", help="only the full-size models")
    return parser.parse_args()


def main():
    options = arguments()
    if options.make:
        from golden import full_size

        full_size.make(options.make)
        return 0
    program = None if options.oracle_only else Program(options.astd)
    table = None
    try:
        if program:
            program.run("--version")
            table = Table()
        if program and not options.full:
            check_small(program, table)
        if not options.small:
            with contextlib.ExitStack() as stack:
                root = options.models or Path(stack.enter_context(tempfile.TemporaryDirectory()))
                check_full_size(program, table, root)
    except ProgramFailed as error:
        print(f"check_exactness: {error}", file=sys.stderr)
        return 2
    if table and table.failed:
        print(f"{table.failed} above tolerance or wrong")
    return 1 if table and table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
