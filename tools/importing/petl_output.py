"""The files that import_petl.py writes: adapter directories, and a model directory for full fine-tuning."""

from . import labels as class_names
from . import output
from .base import read_json, sha256
from .checkpoint import Refused, take
from .petl import BACKBONE, FROZEN, POSITIONS, check_rate
from .petl_lora import MODULES, TARGETS, lora_alpha, lora_pairs
from .petl_methods import CONVERTERS, POOLINGS

PUBLISHED = "MIT/ast-finetuned-audioset-10-10-0.4593"
AUDIOSET = (-4.2677393, 4.5689974)
HEAD_SIZE = 64  # of the published AST
EPSILON = 1e-12  # transformers' default


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
    - changed: LayerNorms of the layers that differ from the base's, although the method does not train them.
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
        whole[BACKBONE + name] = take(tensors, name, [None] if name.endswith("intermediate.dense.bias") else [hidden])
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


def model_files(tensors, layers, hidden, shared, fields, patches, training):
    """The files of a model directory for a checkpoint of full fine-tuning, and a summary."""
    options = training.options
    config = {
        "architectures": ["ASTForAudioClassification"],
        "frequency_stride": patches.frequency_stride,
        "hidden_act": "gelu",
        "hidden_size": hidden,
        "layer_norm_eps": EPSILON,
        "model_type": "audio-spectrogram-transformer",
        "num_attention_heads": hidden // HEAD_SIZE,
        "num_hidden_layers": layers,
        "num_mel_bins": patches.mel_bins,
        "patch_size": patches.size,
        "time_stride": patches.time_stride,
    }
    front_end = None
    if options.base:
        base = read_json(options.base / "config.json")
        config["layer_norm_eps"] = base.get("layer_norm_eps", EPSILON)
        config["num_attention_heads"] = base.get("num_attention_heads", 12)
        front_end = read_json(options.base / "preprocessor_config.json")
    elif hidden % HEAD_SIZE:
        raise Refused(f"hidden size {hidden} is not the published AST's: give --base, which has the number of heads")
    inner = take(tensors, "encoder.layer.0.intermediate.dense.weight", [None, hidden]).shape[0]
    shapes = {"query": [hidden] * 2, "key": [hidden] * 2, "value": [hidden] * 2, "output.dense": [hidden] * 2}
    shapes |= {"intermediate.dense": [inner, hidden], "layernorm_before": [hidden], "layernorm_after": [hidden]}
    names = [name for name in tensors if FROZEN.fullmatch(name) and name != POSITIONS]
    whole = dict(shared)
    for layer in range(layers):
        for part in ("query", "key", "value"):
            place = f"encoder.layer.{layer}.attention.attention.{part}"
            whole[f"{BACKBONE}{place}.weight"] = take(tensors, f"{place}.weight", [hidden, hidden])
        for part, shape in (
            ("attention.output.dense", [hidden, hidden]),
            ("intermediate.dense", [inner, hidden]),
            ("output.dense", [hidden, inner]),
            ("layernorm_before", [hidden]),
            ("layernorm_after", [hidden]),
        ):
            place = f"encoder.layer.{layer}.{part}"
            whole[f"{BACKBONE}{place}.weight"] = take(tensors, f"{place}.weight", shape)
            whole[f"{BACKBONE}{place}.bias"] = take(tensors, f"{place}.bias", shape[:1])
    biases = [name for name in names if name.endswith(("query.bias", "key.bias", "value.bias"))]
    for name in biases:
        whole[BACKBONE + name] = take(tensors, name, [hidden])
    embeddings = {
        "embeddings.cls_token": [1, 1, hidden],
        "embeddings.distillation_token": [1, 1, hidden],
        "embeddings.patch_embeddings.projection.weight": [hidden, 1, patches.size, patches.size],
        "embeddings.patch_embeddings.projection.bias": [hidden],
        "layernorm.weight": [hidden],
        "layernorm.bias": [hidden],
    }
    whole |= {BACKBONE + name: take(tensors, name, shape) for name, shape in embeddings.items()}
    config |= {"intermediate_size": inner, "qkv_bias": bool(biases)}
    mean, std = (options.mean, options.std) if options.mean is not None else AUDIOSET
    if front_end is None or options.mean is not None:
        front_end = output.front_end(patches.mel_bins, fields["max_length"], mean, std)
    files = {
        "config.json": dict(sorted((config | fields).items())),
        "model.safetensors": whole,
        "preprocessor_config.json": front_end | {"max_length": fields["max_length"]},
    }
    return files, f"a model of {layers} layers of {hidden}, {config['num_attention_heads']} heads"
