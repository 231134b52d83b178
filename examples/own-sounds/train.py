#!/usr/bin/env python3
"""Trains an adapter for your own sounds: a folder for each class, in it a file for each clip.

    train.py clips/ --base /usr/share/astd/models/default --background room/ --output my-sounds

First a linear probe: the base unchanged, with a new classifier. Then LoRA, which replaces the probe only if it is better
on validation. OUTPUT is an adapter for `astd` and PEFT, with README.md (how good it is), evaluation.json and
detection.yaml (thresholds). Ctrl-C, or kill -9, leaves a valid adapter or none; the same command continues.
"""

import argparse
import collections
import hashlib
import shutil
import signal
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import torch
from transformers import ASTFeatureExtractor

from clips import RATE_HZ
from console import Stop, fail, say, stop_on_signals, stopping
from data import Data, digest
from features import Features, largest_difference
import report
from training import Training, Work, better


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="folder with a folder for each class")
    parser.add_argument("--base", type=Path, required=True, help="model directory (Hugging Face format)")
    parser.add_argument("--output", type=Path, required=True, help="adapter directory to write")
    parser.add_argument("--background", type=Path, nargs="+", default=[], help="recordings without any of these sounds, or folders of them")
    parser.add_argument("--single", metavar="OTHER", help="exactly one class is heard at a time; OTHER is the label of everything else")
    parser.add_argument("--alarms-per-hour", type=float, default=1.0, help="false alarms that a label may have in an hour (default: 1)")
    parser.add_argument("--test-decibels", type=float, default=10.0, help="level of test clips over the background (default: 10)")
    parser.add_argument("--probe-only", action="store_true", help="do not try LoRA")
    parser.add_argument("--rank", type=int, default=8, help="rank of LoRA (default: 8)")
    parser.add_argument("--windows", type=int, help="training windows of the probe (default: 20 for each clip, 400 to 3000)")
    parser.add_argument("--steps", type=int, default=400, help="most training steps of LoRA (default: 400)")
    parser.add_argument("--minutes", type=float, default=20, help="longest time for LoRA (default: 20)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, help="processor threads (default: those of PyTorch)")
    parser.add_argument("--replace", action="store_true", help="replace an OUTPUT of an earlier training")
    return parser.parse_args()


def sha256_of(base):
    path = base / "model.safetensors"
    if not path.exists():
        return None  # in shards
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main():
    options = arguments()
    if options.threads:
        torch.set_num_threads(options.threads)
    for name in ("config.json", "preprocessor_config.json"):
        if not (options.base / name).exists():
            fail(f"{options.base} has no {name}: name a model's directory with --base")
    work_exists = (options.output.parent / f"{options.output.name}.work").exists()
    if options.output.exists() and not (options.replace or work_exists):
        fail(f"{options.output} exists: name another --output, or add --replace")
    stop_on_signals()
    try:
        train(options)
    except Stop:
        code = stopping[0] if stopping else signal.SIGINT
        state = "a valid adapter" if (options.output / "adapter_config.json").exists() else "nothing yet"
        say(f"\nstopped; {options.output} is {state}; the same command continues")
        sys.exit(128 + code)


def train(options):
    extractor = ASTFeatureExtractor.from_pretrained(options.base)
    if largest_difference(extractor) > 1e-3:
        fail("the features differ from those of ASTFeatureExtractor; please report this")
    data = Data(options, Features(extractor))
    base_sha256 = sha256_of(options.base)
    for label in data.sounds:
        say(f"{label}: {data.counts[label][3]} recordings; clips for training, validation, test: {data.counts[label][:3]}")
    say("background: " + ", ".join(f"{data.minutes(part):.1f}" for part in range(3)) + " min")
    for text in data.advice:
        say(f"TOO LITTLE DATA: {text}")
    for name, count in collections.Counter(clip.labels[0] for clip in data.clips if clip.rate_hz < RATE_HZ).items():
        say(f"  {name}: {count} clip{'s' if count > 1 else ''} below 16 kHz, without high frequencies; record at 16 kHz or more if you can")
    work = Work(options.output, digest(options, data, base_sha256))
    if work.continues:
        say(f"continuing with {work.folder}")
    training = Training(options, data, work, base_sha256)
    head = training.probe()
    say(f"probe: mean average precision {training.compared['probe']['map']:.3f}, loss {training.compared['probe']['loss']:.3f}")
    measured = training.measure("probe", head)
    info = training.write("probe", head, measured)
    say(f"probe: macro F1 {info['macro_f1']:.2f} at {options.test_decibels:g} dB; {options.output} is a valid adapter now")
    model = None if options.probe_only else training.lora()
    if model is not None:
        found = training.measure("lora", model)
        is_better = better(training.compared["lora"], training.compared["probe"])
        say(f"LoRA: macro F1 {found['macro_f1']:.2f}; {'better' if is_better else 'not better'} than the probe on validation")
        info = training.write("lora", model, found) if is_better else training.write("probe", head, measured)
    if not training.stopped:
        shutil.rmtree(work.folder)
    rate = report.rate_text(info["background"]["false_alarms"], info["background"]["hours"])
    say(f"\n{options.output}: {info['kind']}, macro F1 {info['macro_f1']:.2f} on held-out recordings, false alarms {rate}")
    for label, on in info["thresholds"].items():
        if on["recall"] is not None and on["recall"] < 0.5:
            say(f"{label}: at the threshold for {on['rate']:g} an hour, only {100 * on['recall']:.0f} % of the validation clips are found; "
                "README.md has others; more recordings of it, and of what is mistaken for it, help most")
    say(f"README.md there says how good it is. Next:\n  astd inspect {options.output} --model {options.base}\n"
        f"  astctl adapter load {options.output} --use      and paste {options.output}/detection.yaml into astd.yaml")


if __name__ == "__main__":
    main()
