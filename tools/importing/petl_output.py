"""The adapter directories that import_petl.py writes."""

from . import labels as class_names
from .base import sha256
from .checkpoint import take
from .petl import BACKBONE, check_rate
from .petl_lora import MODULES, TARGETS, lora_alpha, lora_pairs
from .petl_methods import CONVERTERS, POOLINGS

PUBLISHED = "MIT/ast-finetuned-audioset-10-10-0.4593"


def lora(tensors, layers, hidden, training):
    """(tensors by their names in the adapter, fields of adapter_config.json, summary) of LoRA factors."""
    pairs, rank = lora_pairs(tensors, layers, hidden)
    rate = training.get("reduction_rate")
    check_rate(rate, hidden, rank)
    alpha = training.get("alpha")
    own = {}
    for (layer, letter), (a, b) in pairs.items():
        module = f"{BACKBONE}encoder.layer.{layer}.{MODULES[letter]}"
        own[module + ".lora_A.weight"] = a
        own[module + ".lora_B.weight"] = b
    letters = sorted({letter for _, letter in pairs}, key="qkvo".index)
    fields = {
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "lora_alpha": lora_alpha(alpha, rate, rank),
        "lora_dropout": 0.0,
        "modules_to_save": [],
        "peft_type": "LORA",
        "r": rank,
        "target_modules": sorted(TARGETS[letter] for letter in letters),
        "task_type": None,
        "use_dora": False,
        "use_rslora": False,
    }
    said = f"LoRA on {', '.join(TARGETS[letter] for letter in letters)} of {layers} layers, rank {rank}"
    return own, fields, f"{said}, scale {alpha / rate:g}"


def adapter_files(tensors, layers, hidden, shared, changed, training):
    """The files of an adapter directory by name, and a summary.

    - shared: what every method has: head, positions, by the names in the adapter.
    - changed: LayerNorms of the layers that differ from the base's, although the method does not train them; without a
      base all of them.
    """
    options = training.options
    whole = dict(shared)
    norms = ["layernorm.weight", "layernorm.bias", *changed]
    base = {"base_model_name_or_path": options.base.resolve().name if options.base else PUBLISHED}
    if training.method == "LoRA":
        own, fields, said = lora(tensors, layers, hidden, training)
    else:
        converted = CONVERTERS[training.method](tensors, layers, hidden, training)
        own = {BACKBONE + name: tensor for name, tensor in converted.own.items()}
        if options.base:
            base["base_model_sha256"] = sha256(options.base)
        fields = converted.fields | {"peft_type": "PETL_AST"}
        norms += [name for name in converted.trained if name not in norms]
        said = converted.said
        for name, reason in converted.left_out.items():
            training.note(f"left out {name}: {reason}")
    for name in norms:
        width = None if name.endswith("intermediate.dense.bias") else hidden
        whole[BACKBONE + name] = take(tensors, name, [width])
    if training.method == "LoRA":
        saved = {name.rsplit(".", 1)[0] for name in whole if not name.endswith("position_embeddings")}
        fields["modules_to_save"] = sorted(saved)
    files = {
        "adapter_config.json": dict(sorted((base | fields).items())),
        "adapter_model.safetensors": {"base_model.model." + name: tensor for name, tensor in (whole | own).items()},
    }
    return files, said


def overlay(options, final_output, max_length):
    """config.json beside an adapter."""
    return class_names.label_fields(options.labels) | {
        "classifier_layernorm": False,
        "max_length": max_length,
        "pooling": POOLINGS[final_output],
        "problem_type": options.problem_type,
    }
