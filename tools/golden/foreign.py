"""Checkpoints of other code bases, as small as the golden models, and the importers' options for them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file

PREFIX = "audio_spectrogram_transformer."
LABELS = ("Kettle, boiling", 'Door "bell"', "Käuzchen", "Drill", "Rain; wind", "猫の声", "Siren", "Nothing")
AUDIOSET = {"mean": -4.2677393, "std": 4.5689974}
SPEECH_COMMANDS = {"mean": -6.845978, "std": 5.5654526}


@dataclass
class Petl:
    """A LoRA checkpoint to make, and the options of the training that it does not hold."""

    name: str
    seed: int
    letters: str  # of lora_down_X, in the case they are written in; "" is the one pair for query and key
    final_output: str = "ALL"
    rate: int = 10  # inner size round(32 / 10) = 3, scale 6 / 10: nothing that an honest mistake would also give
    alpha: float = 6.0
    max_length: int = 96
    twin: bool = True
    labels: int = 4
    statistics: dict | None = None
    clips: tuple = ("noise",)


GOLDEN = [
    Petl("petl-qv", 301, "qv", clips=("noise", "exact")),
    Petl("petl-qv-cls-64", 302, "QV", "CLS", rate=7, alpha=5.0, max_length=64, statistics=SPEECH_COMMANDS),
    Petl("petl-q", 303, "Q", twin=False, labels=8),
    Petl("petl-shared-112", 304, "", rate=16, alpha=8.0, max_length=112, labels=3),
    Petl("petl-qkvo", 305, "QKVO", "CLS", twin=False),
]


def _normal(generator, *shape, scale=1.0):
    return torch.from_numpy((scale * generator.standard_normal(shape)).astype(np.float32))


def petl_checkpoint(base_folder, spec):
    """The state_dict that training a LoRA on the base would save: frozen weights, and trained ones far from their start."""
    base = load_file(Path(base_folder) / "model.safetensors")
    state = {
        name.removeprefix(PREFIX): torch.from_numpy(array) for name, array in base.items() if name.startswith(PREFIX)
    }
    generator = np.random.default_rng(spec.seed)
    hidden = len(state["layernorm.weight"])
    inner = round(hidden / spec.rate)
    for layer in range(sum(name.endswith("layernorm_after.bias") for name in state)):
        for letter in spec.letters or [""]:
            place = f"encoder.layer.{layer}.attention.{'output' if letter in ('o', 'O') else 'attention'}.lora_"
            end = f"_{letter}.weight" if letter else ".weight"
            state[f"{place}down{end}"] = _normal(generator, inner, hidden, scale=hidden**-0.5)
            state[f"{place}up{end}"] = _normal(generator, hidden, inner, scale=1.5 * inner**-0.5)
    tokens = 12 * ((spec.max_length - 16) // 10 + 1) + 2
    state["embeddings.position_embeddings"] = _normal(generator, 1, tokens, hidden, scale=0.5)
    state["layernorm.weight"] = torch.from_numpy(generator.uniform(0.5, 1.5, hidden).astype(np.float32))
    state["layernorm.bias"] = _normal(generator, hidden, scale=0.2)
    if spec.twin:
        state |= {f"model.{name}": tensor for name, tensor in state.items()}
    state["classification_head.weight"] = _normal(generator, spec.labels, hidden, scale=2 * hidden**-0.5)
    state["classification_head.bias"] = _normal(generator, spec.labels, scale=0.2)
    return state


def petl_options(spec, labels_file, base=None):
    """The importer's options for a checkpoint; writes the labels."""
    labels_file.write_text("".join(f"{label}\n" for label in LABELS[: spec.labels]), encoding="utf-8")
    options = ["--reduction-rate", spec.rate, "--alpha", spec.alpha, "--final-output", spec.final_output]
    options += ["--max-length", spec.max_length, "--labels-file", labels_file]
    if spec.statistics:
        options += ["--mean", spec.statistics["mean"], "--std", spec.statistics["std"]]
    return [str(option) for option in options + (["--base", base] if base else [])]


def pth_checkpoint(seed=311, hidden=16, inner=24, layers=2, labels=6, tokens=8 * 7 + 2):
    """An original AST's state_dict. Embeddings and v.norm are so small that the eps of every kind of LayerNorm shows."""
    generator = np.random.default_rng(seed)
    state = {
        "v.cls_token": _normal(generator, 1, 1, hidden, scale=0.02),
        "v.dist_token": _normal(generator, 1, 1, hidden, scale=0.02),
        "v.pos_embed": _normal(generator, 1, tokens, hidden, scale=0.02),
        "v.patch_embed.proj.weight": _normal(generator, hidden, 1, 16, 16, scale=0.05 / 16),
        "v.patch_embed.proj.bias": _normal(generator, hidden, scale=0.01),
        "v.head.weight": _normal(generator, 10, hidden),
        "v.head.bias": _normal(generator, 10),
        "v.head_dist.weight": _normal(generator, 10, hidden),
        "v.head_dist.bias": _normal(generator, 10),
    }

    def dense(place, outputs, inputs, scale=1.0):
        state[place + ".weight"] = _normal(generator, outputs, inputs, scale=scale * inputs**-0.5)
        state[place + ".bias"] = _normal(generator, outputs, scale=0.05)

    def layer_norm(place, scale=1.0):
        state[place + ".weight"] = torch.from_numpy((scale * generator.uniform(0.5, 1.5, hidden)).astype(np.float32))
        state[place + ".bias"] = _normal(generator, hidden, scale=0.2 * scale)

    for layer in range(layers):
        place = f"v.blocks.{layer}."
        layer_norm(place + "norm1")
        layer_norm(place + "norm2")
        dense(place + "attn.qkv", 3 * hidden, hidden, 1.5)
        dense(place + "attn.proj", hidden, hidden)
        dense(place + "mlp.fc1", inner, hidden)
        dense(place + "mlp.fc2", hidden, inner)
    layer_norm("v.norm", 0.05)
    layer_norm("mlp_head.0")
    dense("mlp_head.1", labels, hidden, 2.0)
    return {f"module.{name}": tensor for name, tensor in state.items()}


PTH_OPTIONS = ["--frequency-stride", "16", "--time-stride", "12", "--max-length", "96", "--num-heads", "2"]


def pth_labels(path, count=6):
    """Writes labels as AudioSet's class_labels_indices.csv has them."""
    rows = [
        f'{index},/m/{index:05d},"{label.replace(chr(34), chr(34) * 2)}"\n'
        for index, label in enumerate(LABELS[:count])
    ]
    path.write_text("index,mid,display_name\n" + "".join(rows), encoding="utf-8")
    return path
