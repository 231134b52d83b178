#!/usr/bin/env python3
"""Error of int8 logits against fp32 for each level of instructions that this processor has.

Runs `astd classify --activation none` on every golden case, in fp32 and in int8 at each level of ASTD_KERNELS, and
prints the largest and the mean absolute difference of a logit, relative to the root mean square of the case's fp32
logits. The golden models are far narrower than real ones, so the relative errors are larger than those of AST-base.
"""

import argparse
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "Tests" / "Golden"
LEVELS = ["avx2", "avxvnni", "avx512", "avx512vnni", "fastest"]


def logits(astd, case, precision, level):
    command = [astd, "classify", "--model", GOLDEN / case["model"], "--activation", "none", "--top-k", "all",
               "--precision", precision, "--format", "jsonl", "--no-cache", GOLDEN / case["clip"]]
    if case["adapter"]:
        command += ["--adapter", GOLDEN / case["adapter"]]
    environment = os.environ | {"ASTD_KERNELS": level}
    lines = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.splitlines()
    labels = sorted(json.loads(lines[0])["labels"], key=lambda label: label["index"])
    return [label["score"] for label in labels]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--astd", default=ROOT / ".build/release/astd")
    parser.add_argument("--clip", help="only cases with this clip, such as clips/speech.wav")
    parser.add_argument("--each", action="store_true", help="print a line for each case, too")
    parser.add_argument("--levels", nargs="+", default=LEVELS)
    options = parser.parse_args()
    cases = json.loads((GOLDEN / "cases.json").read_text())["cases"]
    cases = [case for case in cases if options.clip in (None, case["clip"])]
    expected = {case["id"]: logits(options.astd, case, "fp32", "fastest") for case in cases}
    print(f"{'level':12} {'largest':>8} {'mean':>8}  case of the largest   (relative to the rms of the logits)")
    for level in options.levels:
        found = []
        for case in cases:
            right = expected[case["id"]]
            size = (sum(value * value for value in right) / len(right)) ** 0.5
            errors = [abs(a - b) / size for a, b in zip(logits(options.astd, case, "int8", level), right)]
            found.append((max(errors), sum(errors) / len(errors), case["id"]))
            if options.each:
                print(f"  {level:12} {found[-1][0]:8.4f} {found[-1][1]:8.4f}  {case['id']}")
        largest = max(found)
        mean = sum(error for _, error, _ in found) / len(found)
        print(f"{level:12} {largest[0]:8.4f} {mean:8.4f}  {largest[2]}", flush=True)


if __name__ == "__main__":
    main()
