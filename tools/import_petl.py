#!/usr/bin/env python3
"""Converts a checkpoint of PETL_AST or ast-LoRA into an adapter directory for `astd --adapter`.

    python tools/import_petl.py checkpoints/bestmodel models/my-adapter \\
        --train-yaml hparams/train.yaml --dataset ESC-50 --labels-file labels.txt --base models/ast-audioset
    python tools/import_petl.py checkpoints/bestmodel models/my-adapter \\
        --seq-or-par sequential --apply-residual --final-output ALL --max-length 500 --labels-file labels.txt

Full fine-tuning becomes a model directory for `astd --model`. What the checkpoint does not contain is in the command
line and hparams/train.yaml of the training. Needs torch and safetensors. See docs/importing.md.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from importing import labels as class_names  # noqa: E402
from importing import output  # noqa: E402
from importing.base import base_patches, changed_tensors, check_frozen  # noqa: E402
from importing.checkpoint import layer_count, load_state_dict, take  # noqa: E402
from importing.petl import BACKBONE, METHODS, POSITIONS, find_method, layer_norms, without_twin  # noqa: E402
from importing.petl_location import settle_location  # noqa: E402
from importing.petl_model import model_files  # noqa: E402
from importing.petl_output import adapter_files, overlay  # noqa: E402
from importing.petl_training import FINAL_OUTPUTS, Training, dataset  # noqa: E402


def convert(options):
    """The files of the directory, a one-line summary, and notes."""
    tensors = without_twin(load_state_dict(options.checkpoint))
    layers = layer_count(tensors, "encoder.layer.")
    found = []  # the comparison with the base reads all weights: once

    def changes():
        if not found:
            found.append(changed_tensors(tensors, options.base, layers))
        return found[0]

    method = find_method(tensors, options.method, changes if options.base else None)
    training = Training(options, method)
    head = take(tensors, "classification_head.weight", [None, None])
    classes, hidden = head.shape
    shared = {
        "classifier.dense.weight": head,
        "classifier.dense.bias": take(tensors, "classification_head.bias", [classes]),
        BACKBONE + POSITIONS: take(tensors, POSITIONS, [1, None, hidden]),
    }
    changed = []
    if options.base and method != "full-FT":
        biases = method == "BitFit"
        check_frozen(changes(), options.base, lambda name: "layernorm_" in name or biases and name.endswith(".bias"))
        changed = [name for name in changes() if "layernorm_" in name]
        settle_location(training, tensors, changed, layers)
    elif method != "full-FT":
        # Without the base nothing shows which of them a changed training has trained, too.
        changed = layer_norms(layers, ("before", "after"))
    patches = base_patches(options.base, tensors)
    class_names.check_count(options.labels, classes)
    training.check_classes(classes)
    max_length = training.max_length(patches, shared[BACKBONE + POSITIONS].shape[1])
    fields = overlay(options, training.final_output(), max_length)
    if method == "full-FT":
        files, said = model_files(tensors, layers, hidden, shared, fields, patches, training)
    else:
        files, said = adapter_files(tensors, layers, hidden, shared, changed, training)
        files["config.json"] = fields
        if options.mean is not None:
            files["preprocessor_config.json"] = output.front_end(
                patches.mel_bins, max_length, options.mean, options.std
            )
    said += f", {classes} labels"
    if method == "LoRA" and options.base and changed:
        said += f", and {len(changed)} trained LayerNorm tensors in the layers"
    return files, said, training.notes


def boolean(text):
    """An argparse type: what `type=bool` of the training should have been."""
    values = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in values:
        raise ValueError(text)
    return values[text.lower()]


def with_flag_value(arguments):
    """`--apply-residual` alone means true; the training writes a value after it."""
    joined = []
    words = iter(arguments)
    for word in words:
        if joined and joined[-1] == "--apply-residual":
            is_value = word.lower() in ("true", "false", "1", "0", "yes", "no")
            joined[-1] = f"--apply-residual={word if is_value else 'true'}"
            if is_value:
                continue
        joined.append(word)
    if joined and joined[-1] == "--apply-residual":
        joined[-1] += "=true"
    return joined


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="import_petl",
        description="Convert a checkpoint of PETL_AST or ast-LoRA into an adapter directory (full-FT: a model directory).",
        epilog="Options of the training that are not given have the training's defaults, which are printed.",
    )
    positive, number = output.positive(int), output.positive(float)
    add = parser.add_argument
    add("checkpoint", type=Path, metavar="CHECKPOINT")
    add("out", type=Path, metavar="OUT_DIR")
    add("--method", choices=METHODS, help="method of the training (default: by the names of the tensors)")
    add("--final-output", choices=FINAL_OUTPUTS, help="final_output of train.yaml; prompt-tuning: final_output_prompt_tuning")
    add("--max-length", type=positive, metavar="N", help="max_len_AST_... of train.yaml")
    add("--train-yaml", type=Path, metavar="FILE", help="hparams/train.yaml, which has both of these")
    add("--dataset", type=dataset, metavar="NAME", help="dataset_name: FSC, ESC-50, urbansound8k, GSC, IEMOCAP")
    names = parser.add_mutually_exclusive_group(required=True)
    names.add_argument("--labels", metavar="A,B,C", help="class names in the order of training")
    names.add_argument("--labels-file", type=Path, metavar="FILE", help="file with one class name per line, which may contain commas")
    add("--reduction-rate", type=positive, metavar="R", help="reduction_rate_... of the method (LoRA: 64 unless changed)")
    add("--alpha", type=number, metavar="A", help="LoRA: alpha_lora (8 unless changed)")
    add("--seq-or-par", choices=("sequential", "parallel"), help="adapters: seq_or_par (parallel)")
    add("--apply-residual", type=boolean, metavar="BOOL", help="adapters: apply_residual (false); alone: true")
    add("--location", choices=("MHSA", "FFN"), help="MoA: location_moa (MHSA); ablation of adapters: location (FFN)")
    add("--befafter", choices=("before", "after"), help="ablation of adapters: befafter (after)")
    add("--problem-type", choices=output.PROBLEM_TYPES, default=output.PROBLEM_TYPES[0], help="default: %(default)s")
    add("--base", type=Path, metavar="DIR", help="the base model: check that the frozen weights match")
    add("--mean", type=float, help="mean of the features, if different from the base's")
    add("--std", type=number, help="standard deviation of the features")
    add("--force", action="store_true", help="replace OUT_DIR")
    options = parser.parse_args(with_flag_value(sys.argv[1:] if arguments is None else arguments))
    if (options.mean is None) != (options.std is None):
        parser.error("give both --mean and --std")
    if options.dataset and not options.train_yaml:
        parser.error("--dataset is an entry of --train-yaml: give that, too")
    return options


def main(arguments=None):
    options = parse(arguments)

    def work():
        output.check_free(options.out, options.force)
        if options.labels_file:
            options.labels = class_names.read_labels(options.labels_file)
        else:
            options.labels = class_names.check_labels(options.labels.split(","), "--labels")
        files, said, notes = convert(options)
        output.write_directory(options.out, files, options.force)
        print(f"{options.out}: {said}")
        for note in notes:
            print(f"note: {note}")

    return output.run("import_petl", work)


if __name__ == "__main__":
    sys.exit(main())
