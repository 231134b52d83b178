#!/usr/bin/env python3
"""Converts a checkpoint of ast-LoRA or PETL_AST (method LoRA) into an adapter directory for `astd --adapter`.

    python tools/import_petl.py checkpoints/bestmodel models/my-adapter \\
        --reduction-rate 64 --alpha 8 --final-output ALL --max-length 500 --labels-file labels.txt

The checkpoint does not contain these numbers: they are in the options and hparams/train.yaml of the training.
Needs torch and safetensors. See docs/importing.md.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from importing import labels as class_names  # noqa: E402
from importing import output  # noqa: E402
from importing.base import base_patches, compare_with_base  # noqa: E402
from importing.checkpoint import layer_count, load_state_dict, take  # noqa: E402
from importing.petl import (  # noqa: E402
    BACKBONE,
    MODULES,
    POSITIONS,
    TARGETS,
    check_names,
    check_rate,
    lora_alpha,
    lora_pairs,
    without_twin,
)

PUBLISHED = "MIT/ast-finetuned-audioset-10-10-0.4593"


def convert(options):
    """The files of the adapter directory, and a one-line summary."""
    tensors = without_twin(load_state_dict(options.checkpoint))
    check_names(tensors)
    layers = layer_count(tensors, "encoder.layer.")
    head = take(tensors, "classification_head.weight", [None, None])
    classes, hidden = head.shape
    pairs, rank = lora_pairs(tensors, layers, hidden)
    check_rate(options.reduction_rate, hidden, rank)
    positions = take(tensors, POSITIONS, [1, None, hidden])
    patches = base_patches(options.base, tensors)
    patches.check(options.max_length, positions.shape[1])
    class_names.check_count(options.labels, classes)

    whole = {
        "classifier.dense.weight": head,
        "classifier.dense.bias": take(tensors, "classification_head.bias", [classes]),
        BACKBONE + POSITIONS: positions,
    }
    norms = ["layernorm.weight", "layernorm.bias"]
    if options.base is not None:
        norms += compare_with_base(tensors, options.base, layers)
    for name in norms:
        whole[BACKBONE + name] = take(tensors, name, [hidden])
    for (layer, letter), (a, b) in pairs.items():
        module = f"{BACKBONE}encoder.layer.{layer}.{MODULES[letter]}"
        whole[module + ".lora_A.weight"] = a
        whole[module + ".lora_B.weight"] = b

    letters = sorted({letter for _, letter in pairs}, key="qkvo".index)
    saved = {
        name.rsplit(".", 1)[0] for name in whole if ".lora_" not in name and not name.endswith("position_embeddings")
    }
    adapter = {
        "base_model_name_or_path": options.base.resolve().name if options.base else PUBLISHED,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "lora_alpha": lora_alpha(options.alpha, options.reduction_rate, rank),
        "lora_dropout": 0.0,
        "modules_to_save": sorted(saved),
        "peft_type": "LORA",
        "r": rank,
        "target_modules": sorted(TARGETS[letter] for letter in letters),
        "task_type": None,
        "use_dora": False,
        "use_rslora": False,
    }
    overlay = class_names.label_fields(options.labels) | {
        "classifier_layernorm": False,
        "max_length": options.max_length,
        "pooling": "mean" if options.final_output == "ALL" else "cls",
        "problem_type": options.problem_type,
    }
    files = {
        "adapter_config.json": adapter,
        "adapter_model.safetensors": {"base_model.model." + name: tensor for name, tensor in whole.items()},
        "config.json": overlay,
    }
    if options.mean is not None:
        files["preprocessor_config.json"] = output.front_end(
            patches.mel_bins, options.max_length, options.mean, options.std
        )
    said = f"LoRA on {', '.join(TARGETS[letter] for letter in letters)} of {layers} layers, rank {rank}"
    said += f", scale {options.alpha / options.reduction_rate:g}, {classes} labels"
    if len(norms) > 2:
        said += f", and {len(norms) - 2} trained LayerNorm tensors in the layers"
    return files, said


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="import_petl", description="Convert a LoRA checkpoint of ast-LoRA or PETL_AST into an adapter directory."
    )
    positive, number = output.positive(int), output.positive(float)
    add = parser.add_argument
    add("checkpoint", type=Path, metavar="CHECKPOINT")
    add("out", type=Path, metavar="OUT_DIR")
    add("--reduction-rate", type=positive, required=True, metavar="R", help="reduction_rate_lora (64 unless changed)")
    add("--alpha", type=number, required=True, metavar="A", help="alpha_lora (8 unless changed)")
    add("--final-output", choices=("ALL", "CLS"), required=True, help="final_output of train.yaml")
    add("--max-length", type=positive, required=True, metavar="N", help="max_len_AST_... of train.yaml")
    names = parser.add_mutually_exclusive_group(required=True)
    names.add_argument("--labels", metavar="A,B,C", help="class names in the order of training")
    names.add_argument("--labels-file", type=Path, metavar="FILE", help="file with one class name per line, which may contain commas")
    add("--problem-type", choices=output.PROBLEM_TYPES, default=output.PROBLEM_TYPES[0], help="default: %(default)s")
    add("--base", type=Path, metavar="DIR", help="the base model: check that the frozen weights match")
    add("--mean", type=float, help="mean of the features, if different from the base's")
    add("--std", type=number, help="standard deviation of the features")
    add("--force", action="store_true", help="replace OUT_DIR")
    options = parser.parse_args(arguments)
    if (options.mean is None) != (options.std is None):
        parser.error("give both --mean and --std")

    def work():
        output.check_free(options.out, options.force)
        if options.labels_file:
            options.labels = class_names.read_labels(options.labels_file)
        else:
            options.labels = class_names.check_labels(options.labels.split(","), "--labels")
        files, said = convert(options)
        output.write_directory(options.out, files, options.force)
        print(f"{options.out}: {said}")

    return output.run("import_petl", work)


if __name__ == "__main__":
    sys.exit(main())
