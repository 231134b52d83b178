"""PEFT LoRA adapters for the small models: ones to apply, and ones to refuse."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

from . import oracle
from .models import legacy

QV = ["q_proj", "v_proj"]
BLOCK = ["q_proj", "k_proj", "v_proj", "o_proj", "fc1", "fc2"]
NEW_LABELS = ["Kettle, boiling", "Drill", 'Door "bell"', "Nothing"]


@dataclass
class Adapter:
    """An adapter to make: what LoraConfig is given, and the overlay that lies beside it."""

    name: str
    seed: int
    lora: dict
    model: str = "stride10"
    overlay: dict = field(default_factory=dict)
    clips: tuple = ("speech", "noise")
    optional: bool = False  # may be refused with its reason instead


def _new_labels(**more):
    fields = {"id2label": dict(enumerate(NEW_LABELS)), "label2id": {text: i for i, text in enumerate(NEW_LABELS)}}
    return fields | more


PATTERNS = {
    "r": 4,
    "lora_alpha": 8,
    "target_modules": BLOCK,
    # a suffix of the module's path, a longer one, and a regular expression
    "rank_pattern": {"v_proj": 2, "layers.1.mlp.fc1": 6, r"layers\.[01]\.attention\.o_proj": 3},
    "alpha_pattern": {"layers.0.attention.q_proj": 20, r".*\.1\.mlp\.fc[12]": 5, "k_proj": 1},
}

VALID = [
    Adapter("modern-qv", 201, {"r": 4, "lora_alpha": 8, "target_modules": QV}),
    Adapter("legacy-qv", 202, {"r": 4, "lora_alpha": 6, "target_modules": QV}),
    Adapter("rslora", 203, {"r": 9, "lora_alpha": 5, "target_modules": QV, "use_rslora": True}),
    Adapter("patterns", 204, PATTERNS),
    Adapter("patterns-rslora", 205, PATTERNS | {"use_rslora": True}),
    Adapter("all-linear-blocks", 206, {"r": 3, "lora_alpha": 7, "target_modules": BLOCK}),
    Adapter(
        "new-head",
        207,
        {"r": 4, "lora_alpha": 8, "target_modules": QV, "modules_to_save": ["classifier"]},
        overlay=_new_labels(problem_type="single_label_classification"),
    ),
    Adapter(
        "cls-pooling",
        208,
        {"r": 2, "lora_alpha": 4, "target_modules": QV, "modules_to_save": ["classifier"]},
        overlay=_new_labels(pooling="cls", problem_type="multi_label_classification"),
    ),
    Adapter(
        "mean-pooling",
        209,
        {
            "r": 2,
            "lora_alpha": 4,
            "target_modules": QV,
            "modules_to_save": ["classifier", "audio_spectrogram_transformer.layernorm"],
        },
        overlay=_new_labels(pooling="mean"),
    ),
    Adapter("odd-blocks", 210, {"r": 5, "lora_alpha": 9, "target_modules": BLOCK}, model="odd"),
    Adapter("no-qkv-bias-qv", 211, {"r": 4, "lora_alpha": 8, "target_modules": QV}, model="no-qkv-bias"),
    Adapter("f16-qv", 212, {"r": 4, "lora_alpha": 8, "target_modules": QV}, model="f16"),
    Adapter("bias-lora-only", 213, {"r": 4, "lora_alpha": 8, "target_modules": QV, "bias": "lora_only"}, optional=True),
    Adapter("bias-all", 214, {"r": 4, "lora_alpha": 8, "target_modules": QV, "bias": "all"}, optional=True),
    Adapter("lora-bias", 215, {"r": 4, "lora_alpha": 8, "target_modules": QV, "lora_bias": True}, optional=True),
    Adapter("all-linear", 216, {"r": 3, "lora_alpha": 6, "target_modules": "all-linear"}, optional=True),
    Adapter("head-lora", 217, {"r": 3, "lora_alpha": 6, "target_modules": [*QV, "classifier.dense"]}, optional=True),
    Adapter("patch-convolution", 218, {"r": 3, "lora_alpha": 6, "target_modules": [*QV, "projection"]}, optional=True),
    Adapter("dora", 219, {"r": 4, "lora_alpha": 8, "target_modules": QV, "use_dora": True}, optional=True),
]


def randomise(model, seed, bias="none"):
    """Non-zero B, and everything else that the adapter saves moved away from the base's values."""
    generator = np.random.default_rng(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            normal = torch.from_numpy(generator.standard_normal(tuple(parameter.shape)).astype(np.float32))
            fan_in = max(1, parameter[0].numel()) if parameter.dim() > 1 else 1
            if "lora_A" in name or "lora_B" in name:
                scale = 0.1 if name.endswith(".bias") else 0.6 / fan_in**0.5
                parameter.copy_(scale * normal)
            elif "lora_magnitude_vector" in name:
                parameter.mul_(1 + 0.2 * normal)
            elif "modules_to_save" in name:
                if "dense.weight" in name:
                    parameter.copy_(2 * normal / fan_in**0.5)
                else:
                    parameter.add_(0.2 * normal)
            elif name.endswith("bias") and bias in ("all", "lora_only"):
                if bias == "all" or ".base_layer." in name:
                    parameter.add_(0.2 * normal)


def write_adapter(folder, spec, models):
    """Makes one adapter with PEFT and saves it with save_pretrained."""
    model = oracle.load(models / spec.model)
    if "id2label" in spec.overlay:
        oracle.replace_head(model, len(spec.overlay["id2label"]))
    model.config._name_or_path = spec.model
    adapted = get_peft_model(model, LoraConfig(**spec.lora))
    randomise(adapted, spec.seed, spec.lora.get("bias", "none"))
    adapted.save_pretrained(folder)
    tidy(folder, base=f"example/{spec.model}")
    if spec.overlay:
        write_json(folder / "config.json", spec.overlay)


def write_json(path, value):
    """Writes JSON as save_pretrained does, keys as given."""
    Path(path).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def tidy(folder, base):
    """Takes out what changes from run to run: the model card, paths, the order of a set."""
    (folder / "README.md").unlink(missing_ok=True)
    change_config(folder, base_model_name_or_path=base)


def change_config(folder, **changes):
    """Overwrites fields of an adapter's configuration."""
    path = folder / "adapter_config.json"
    fields = json.loads(path.read_text()) | changes
    for key in ("target_modules", "modules_to_save"):
        if isinstance(fields.get(key), list):
            fields[key] = sorted(fields[key])
    write_json(path, fields)


def change_tensors(folder, change):
    """Rewrites an adapter's tensors: `change` takes the dictionary and returns another."""
    path = folder / "adapter_model.safetensors"
    tensors = {name: tensor.contiguous() for name, tensor in change(load_file(path)).items()}
    save_file(tensors, path, metadata={"format": "pt"})


def make_legacy(folder):
    """Renames an adapter from transformers 5's module names to those up to transformers 4."""
    change_tensors(folder, lambda tensors: {legacy(name): tensor for name, tensor in tensors.items()})
    names = {
        "q_proj": "query",
        "k_proj": "key",
        "v_proj": "value",
        "o_proj": "attention.output.dense",
        "fc1": "intermediate.dense",
        "fc2": "output.dense",
    }
    old = json.loads((folder / "adapter_config.json").read_text())["target_modules"]
    change_config(folder, target_modules=[names[name] for name in old])


def _without(part):
    return lambda tensors: {name: value for name, value in tensors.items() if part not in name}


def _first(tensors, part):
    return next(name for name in sorted(tensors) if part in name)


def _nan(tensors):
    tensors[_first(tensors, "lora_B")][1, 1] = float("nan")
    return tensors


def _narrow(tensors):
    return {name: value[:, :-8] if "lora_A" in name else value for name, value in tensors.items()}


def _stray(tensors):
    name = _first(tensors, "lora_A")
    for part in ("lora_A", "lora_B"):
        tensors[name.replace("layers.0", "layers.7").replace("lora_A", part)] = tensors[name.replace("lora_A", part)].clone()
    return tensors


def _ranks_differ(tensors):
    name = _first(tensors, "lora_B")
    tensors[name] = tensors[name][:, :-1]
    return tensors


def _huge(tensors):
    for part in ("lora_A", "lora_B"):
        tensors[_first(tensors, part)] *= 1e25
    return tensors


# name: (why it is refused, change to the configuration, change to the tensors, overlay)
BROKEN = {
    "broken-shape": ("made for a model with another hidden size", {}, _narrow, None),
    "broken-unmatched": ("a tensor for layer 7 of a model with 2 layers", {}, _stray, None),
    "broken-nan": ("a NaN in a lora_B", {}, _nan, None),
    "broken-overflow": ("finite factors whose merged weight is not", {}, _huge, None),
    "broken-type": ("peft_type IA3", {"peft_type": "IA3"}, None, None),
    "broken-ranks": ("lora_A and lora_B of different ranks", {}, _ranks_differ, None),
    "broken-half": ("a lora_A without its lora_B", {}, _without("layers.1.attention.v_proj.lora_B"), None),
    "broken-empty": ("no LoRA tensor at all", {}, lambda tensors: {"unrelated": torch.ones(2)}, None),
    "missing-head": ("the overlay changes the labels, but there is no head", {}, None, _new_labels()),
    "pissa": ("init_lora_weights pissa: the base was changed", {"init_lora_weights": "pissa"}, None, None),
    "pissa-niter": ("init_lora_weights pissa_niter_4", {"init_lora_weights": "pissa_niter_4"}, None, None),
    "olora": ("init_lora_weights olora", {"init_lora_weights": "olora"}, None, None),
    "corda": ("init_lora_weights corda", {"init_lora_weights": "corda"}, None, None),
    "lora-ga": ("init_lora_weights lora_ga", {"init_lora_weights": "lora_ga"}, None, None),
    "layer-replication": ("layer_replication is set", {"layer_replication": [[0, 2], [1, 2]]}, None, None),
    "broken-alpha": ("lora_alpha is not a number", {"lora_alpha": "much"}, None, None),
}


def write_adapters(root, models):
    """Writes every adapter under `root`; returns the list of those to refuse, for the index."""
    for spec in VALID:
        write_adapter(root / spec.name, spec, models)
    make_legacy(root / "legacy-qv")
    refused = [{"adapter": "adapters/dora", "model": "models/stride10", "reason": "DoRA (use_dora)"}]
    for name, (reason, config, tensors, overlay) in BROKEN.items():
        shutil.copytree(root / "modern-qv", root / name)
        change_config(root / name, **config)
        if tensors is not None:
            change_tensors(root / name, tensors)
        if overlay is not None:
            write_json(root / name / "config.json", overlay)
        refused.append({"adapter": f"adapters/{name}", "model": "models/stride10", "reason": reason})
    return refused
