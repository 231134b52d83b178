#!/usr/bin/env python3
"""Writes Tests/Golden: clips, small checkpoints, adapters, and the numbers of transformers, PEFT and torchaudio.

    python tools/make_golden.py            # rewrites Tests/Golden
    python tools/make_golden.py --check    # writes to another directory and compares

Everything is seeded; tools/requirements.txt has the versions. docs/exactness.md describes the result.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from safetensors.numpy import load_file, save_file

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

from golden import adapters, audio, broken, broken_adapters, decoding, imported, models, peft_kinds  # noqa: E402
from golden import petl_modules, petl_prompts, references  # noqa: E402
from golden import broken_models as hostile_models  # noqa: E402
from golden.compare import differences  # noqa: E402

SELFTEST = Path(__file__).resolve().parent.parent / "models" / "selftest"
GOLDEN = Path(__file__).resolve().parent.parent / "Tests" / "Golden"
LIMIT_BYTES = 11_000_000
# Folders of Tests/Golden that are kept as they are: files that ffmpeg encoded once; another version writes other bytes.
KEPT = ("containers",)


def make(root):
    """Writes everything under `root`, which must be empty or absent."""
    audio.write_clips(root / "clips")
    models.write_models(root / "models")
    adapters.write_valid(root / "adapters", root / "models", peft_kinds.VALID)
    refused = broken_adapters.write_broken(root / "adapters", root / "models")
    decoding.write_decoding(root / "decoding")
    broken_files = broken.write_files(root / "broken")
    broken_models = hostile_models.write_models(root / "broken" / "models")
    writer = references.References(root)
    index = {
        "version": 1,
        "cases": writer.models()
        + writer.adapters()
        + imported.write_imported(root)
        + petl_modules.write_modules(root)
        + petl_prompts.write_methods(root),
        "refused": refused,
        "broken": broken_files,
        "brokenModels": broken_models,
        "fbank": writer.fbank(),
        "withoutFeatures": ["clips/too-short.wav", "clips/empty.wav"],
        "windows": "reference/windows.json",
        "vectors": "reference/vectors.json",
        "decoding": "decoding/decoding.json",
    }
    writer.windows()
    writer.vectors()
    (root / "cases.json").write_text(json.dumps(index, indent=1) + "\n")
    for path in root.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)  # safetensors writes 0600


def write_selftest(root, target):
    """The references of `astd selftest` in one directory: a small F16 model, a clip's samples, and every stage."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(root / "models" / "f16", target)
    case = next(case for case in json.loads((root / "cases.json").read_text())["cases"] if case["id"] == "f16/speech")
    arrays = load_file(root / case["reference"]) | load_file(root / case["features"])
    samples, _ = soundfile.read(root / case["clip"], dtype="float32")
    arrays = {name: arrays[name] for name in ["features", *case["stages"]]} | {"samples": samples}
    save_file({name: np.ascontiguousarray(value, np.float32) for name, value in arrays.items()}, target / "reference.safetensors")
    for path in target.iterdir():
        path.chmod(0o644)


def main():
    parser = argparse.ArgumentParser(description="Write the reference numbers of Tests/Golden.")
    parser.add_argument("--check", action="store_true", help="compare with the stored numbers and write nothing")
    parser.add_argument("--output", type=Path, default=GOLDEN, help="the folder (default: Tests/Golden)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / "Golden"
        make(fresh)
        if options.check:
            found = differences(options.output, fresh, kept=KEPT)
            print("\n".join(found) if found else "Tests/Golden matches the output of tools/make_golden.py")
            return 1 if found else 0
        for name in KEPT:
            if (options.output / name).exists():
                shutil.copytree(options.output / name, fresh / name)
        shutil.rmtree(options.output, ignore_errors=True)
        shutil.copytree(fresh, options.output)
        write_selftest(fresh, SELFTEST)
    size = sum(path.stat().st_size for path in options.output.rglob("*") if path.is_file())
    print(f"{options.output}: {size / 1e6:.2f} MB")
    return 0 if size <= LIMIT_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
