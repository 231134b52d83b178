#!/usr/bin/env python3
"""Compares astd with PETL_AST's own classes and with PEFT: every method, every combination of options.

    python tools/check_adapters.py                 # small models, four clips each
    python tools/check_adapters.py --base DIR      # one adapter of each family on that model (AST-base), also in int8
    python tools/check_adapters.py --only conformer --each

PETL_AST's checkpoints are converted by tools/import_petl.py, half of them with the base, half with train.yaml. Its part
needs $PETL_AST and $PETL_TRANSFORMERS (docs/importing.md), and is left out with --peft. "same features": the oracle
computed the logits of astd's own features, so that only the network differs; the columns of the clips are from sound to
logits. "rounding": how far the oracle's logits of a clip move when its features are computed in float64, the largest of
all clips.
int8: the relative error of the logits against fp32, on the four clips and on models/default/examples, and how many times
the base's own that is.
Exit status: 1 if a difference with the same features is above 1e-4 (--base: 1e-3), one from sound to logits exceeds this by
more than the rounding of that clip, or an adapter that the framework can use is rejected.
"""

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import import_petl  # noqa: E402
from check_exactness import Program, ProgramFailed, distance  # noqa: E402
from golden import audio, full_size, peft_grid, petl_grid  # noqa: E402
from golden.adapters import write_adapter  # noqa: E402
from golden.oracle import Oracle, exact_features  # noqa: E402
from golden.references import readable  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "Tests" / "Golden"
CLIPS = ("speech", "short", "dc-sweep", "silence")
TRAIN_YAML = """lr_adapter: 0.005
final_output: '{output}' # Options: ['ALL', 'CLS'].
final_output_prompt_tuning: '{output}'
max_len_AST_ESC: {length}
num_classes_ESC: 4
"""


class Table:
    """The largest differences of each family."""

    def __init__(self, limit, each):
        self.limit = limit
        self.each = each
        self.rows = {}
        self.int8 = {}
        self.failures = []
        self.left_out = []

    def add(self, family, name, same, ends, rounding):
        """Differences by clip: with the same features, from the sound, and the oracle's with features in float64."""
        parts = {"same": same, "ends": ends, "rounding": rounding}
        row = self.rows.setdefault(family, {"count": 0} | {part: dict.fromkeys(CLIPS, 0.0) for part in parts})
        row["count"] += 1
        for part, found in parts.items():
            for clip, value in found.items():
                row[part][clip] = max(row[part][clip], value)
        largest = max(same.values())
        excess = max(ends[clip] - rounding[clip] for clip in CLIPS)
        above = max(largest, excess) > self.limit
        if above:
            self.failures.append(f"{family}: {name}: {largest:.1e}, from sound {excess:.1e} more than its rounding")
        if self.each or above:
            print(f"  {family:<22} {name:<60} {largest:.1e} {excess:.1e} {'ABOVE' if above else ''}", flush=True)

    def refuse(self, family, name, text):
        self.failures.append(f"{family}: {name}: {text}")
        print(f"  {family:<22} {name:<60} {text}", flush=True)

    def write(self):
        print(f"\n{'method':<22} {'adapters':>8} {'same features':>14}  " + " ".join(f"{clip:>9}" for clip in CLIPS), " rounding")
        for family, row in self.rows.items():
            ends = " ".join(f"{row['ends'][clip]:>9.1e}" for clip in CLIPS)
            print(f"{family:<22} {row['count']:>8} {max(row['same'].values()):>14.1e}  {ends}  {max(row['rounding'].values()):>9.1e}")
        for family, error in self.int8.items():
            print(f"int8 {family:<22} {100 * error:6.2f} %  {error / self.int8['base']:5.2f} of the base's")
        for text in self.left_out:
            print(f"not made: {text}")
        print(f"{len(self.failures)} above {self.limit:g} or rejected")
        return 1 if self.failures else 0


class Inputs:
    """The clips, and their features as the feature extractor and as astd computes them."""

    def __init__(self, program, base, folder):
        self.paths = {}
        samples = full_size.clips() if base else {clip: audio.read(GOLDEN / "clips" / f"{clip}.wav") for clip in CLIPS}
        if base:
            samples["short"] = audio.speech(0.3, seed=13)
        oracle = Oracle(base or GOLDEN / "models" / "stride10")
        self.arrays = {}
        for clip in CLIPS:
            self.paths[clip] = folder / f"{clip}.wav"
            audio.write_wav(self.paths[clip], samples[clip])
            self.arrays[f"sound/{clip}"] = oracle.features(audio.read(self.paths[clip]))
            self.arrays[f"exact/{clip}"] = float64_features(oracle, self.paths[clip])
            found = program.features(base or GOLDEN / "models" / "stride10", None, self.paths[clip])
            self.arrays[f"same/{clip}"] = np.ascontiguousarray(found, np.float32)

    def differences(self, program, model, adapter, expected):
        """By clip: with the same features, from the sound, and the oracle's own with features in float64; `expected` maps
        names of `arrays` to logits."""
        found = program.logits(model, adapter, list(self.paths.values()))
        return [
            *(
                {clip: distance(found[str(self.paths[clip])], expected[f"{kind}/{clip}"]) for clip in CLIPS}
                for kind in ("same", "sound")
            ),
            {clip: distance(expected[f"exact/{clip}"], expected[f"sound/{clip}"]) for clip in CLIPS},
        ]

    def int8_error(self, program, model, adapter):
        """The relative error of int8's logits against those of fp32."""
        paths = [*self.paths.values(), *sorted((ROOT / "models" / "default" / "examples").glob("*.flac"))]
        exact, rounded = (program.logits(model, adapter, paths, precision) for precision in ("fp32", "int8"))
        error = sum(float(((rounded[name] - values) ** 2).sum()) for name, values in exact.items())
        return (error / sum(float((values**2).sum()) for values in exact.values())) ** 0.5


def float64_features(oracle, path):
    """The extractor's features computed in float64, and rounded to fp32 only then."""
    return np.ascontiguousarray(exact_features(audio.read(path), oracle.extractor), np.float32)


def with_format(base, folder):
    """`base`, or a copy of it whose file names its format: transformers 4 reads no other."""
    weights = base / "model.safetensors"
    with safe_open(weights, "np") as file:
        if (file.metadata() or {}).get("format") == "pt":
            return base
    copy = folder / "base"
    if not copy.exists():
        copy.mkdir()
        (copy / "config.json").write_bytes((base / "config.json").read_bytes())
        save_file(load_file(weights), copy / "model.safetensors", metadata={"format": "pt"})
    return copy


def run_petl(cases, base, inputs, folder, positions):
    """Computes the cases with PETL_AST's classes; leaves NAME.state and NAME.results in `folder`."""
    save_file(inputs.arrays, folder / "features.safetensors")
    job = {"base": str(with_format(base, folder)), "features": str(folder / "features.safetensors"), "out": str(folder)}
    job |= {"cases": [case.job(40_000 + index) for index, case in enumerate(cases)], "threads": 2, "positions": positions}
    (folder / "job.json").write_text(json.dumps(job))
    path = f"{os.environ['PETL_TRANSFORMERS']}:{os.environ['PETL_AST']}"
    program = ROOT / "tools" / "golden" / "petl_oracle.py"
    environment = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, program, folder / "job.json"], env=environment, check=True, capture_output=True)


def convert(case, base, folder, with_base):
    """Runs the importer; returns the directory, or what it said. Full fine-tuning needs the number of heads, so the base."""
    checkpoint = folder / "bestmodel"
    state = {name: torch.from_numpy(array) for name, array in load_file(folder / f"{case.name}.state.safetensors").items()}
    torch.save(state, checkpoint)
    out = folder / case.name
    words = [str(checkpoint), str(out), "--labels", ",".join(f"label {index}" for index in range(case.classes))]
    for option, value in case.importing.items():
        words += [option, str(value)]
    if with_base:
        words += ["--final-output", case.final_output, "--max-length", str(case.max_length), "--base", str(base)]
    else:
        yaml = folder / "train.yaml"
        yaml.write_text(TRAIN_YAML.format(output=case.final_output, length=case.max_length))
        words += ["--train-yaml", str(yaml), "--dataset", "ESC-50"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = import_petl.main(words)
        except SystemExit as stop:
            code = stop.code
    checkpoint.unlink()
    return out, None if code == 0 else said.getvalue().strip().splitlines()[-1]


def check_petl(program, table, cases, base, inputs, folder, is_full_size):
    run_petl(cases, base, inputs, folder, positions=not is_full_size)
    for index, case in enumerate(cases):
        expected = {
            name.removeprefix("logits/"): array
            for name, array in load_file(folder / f"{case.name}.results.safetensors").items()
        }
        out, refused = convert(case, base, folder, with_base=index // 2 % 2 == 0 or case.method == "full-FT")
        (folder / f"{case.name}.state.safetensors").unlink()
        if refused:
            table.refuse(case.family, case.name, refused)
            continue
        model, adapter = (out, None) if case.method == "full-FT" else (base, out)
        try:
            table.add(case.family, case.name, *inputs.differences(program, model, adapter, expected))
            if is_full_size:
                table.int8[case.family] = inputs.int8_error(program, model, adapter)
        except ProgramFailed as error:
            table.refuse(case.family, case.name, str(error))


def check_peft(program, table, inputs, folder, options):
    """`inputs` are for the base; models with another front end compute their own. With --base one of each method."""
    models = options.base.parent if options.base else GOLDEN / "models"
    for method, name, spec in peft_grid.specs(options.base.name if options.base else "stride10"):
        if options.only and options.only.lower() not in f"{method} {name}".lower() or options.base and name != "plain":
            continue
        adapter = folder / spec.name
        try:
            with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")
                write_adapter(adapter, spec, models)
                scratch = folder / "readable"
                scratch.mkdir(exist_ok=True)
                oracle = Oracle(models / spec.model, readable(adapter, spec, scratch))
        except Exception as error:  # PEFT says in many ways what it cannot do.
            table.left_out.append(f"{method}: {name}: {type(error).__name__}: {str(error).splitlines()[0][:110] if str(error) else ''}")
            continue
        arrays = inputs.arrays
        model = models / spec.model
        try:
            if spec.model == "odd":
                arrays = {f"sound/{clip}": oracle.features(audio.read(path)) for clip, path in inputs.paths.items()}
                arrays |= {f"exact/{clip}": float64_features(oracle, path) for clip, path in inputs.paths.items()}
                arrays |= {f"same/{clip}": program.features(model, None, path) for clip, path in inputs.paths.items()}
            expected = {
                key: oracle.stages(np.ascontiguousarray(value, np.float32))["logits"] for key, value in arrays.items()
            }
            table.add(method, name, *inputs.differences(program, model, adapter, expected))
            if options.base:
                table.int8[method] = inputs.int8_error(program, model, adapter)
        except ProgramFailed as error:
            table.refuse(method, name, str(error).split("exit ", 1)[-1])


def arguments():
    parser = argparse.ArgumentParser(description="Compare astd with PETL_AST's own classes and with PEFT.")
    parser.add_argument("--astd", type=Path, default=ROOT / ".build" / "release" / "astd", help="the program to check")
    parser.add_argument("--base", type=Path, metavar="DIR", help="a full-size model: one adapter of each family")
    parser.add_argument("--max-length", type=int, default=1024, help="of the trainings with --base (default: 1024)")
    parser.add_argument("--peft", action="store_true", help="only PEFT")
    parser.add_argument("--petl", action="store_true", help="only PETL_AST")
    parser.add_argument("--only", metavar="TEXT", help="only methods and variants with this in their names")
    parser.add_argument("--each", action="store_true", help="print a line for each adapter, too")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the adapters there")
    return parser.parse_args()


def main():
    options = arguments()
    program = Program(options.astd)
    table = Table(1e-3 if options.base else 1e-4, options.each)
    with contextlib.ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        inputs = Inputs(program, options.base, folder)
        if options.base:
            table.int8["base"] = inputs.int8_error(program, options.base, None)
        if not options.peft:
            cases = petl_grid.base_cases(options.max_length) if options.base else petl_grid.small_cases()
            if options.only:
                cases = [case for case in cases if options.only.lower() in f"{case.family} {case.name}".lower()]
            base = options.base or GOLDEN / "models" / "stride10"
            # A full-size checkpoint has 700 MB: one at a time.
            size = 1 if options.base else len(cases)
            for first in range(0, len(cases), max(1, size)):
                check_petl(program, table, cases[first : first + size], base, inputs, folder, bool(options.base))
        if not options.petl:
            check_peft(program, table, inputs, folder, options)
    return table.write()


if __name__ == "__main__":
    sys.exit(main())
