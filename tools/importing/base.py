"""Compares a checkpoint with the base model it was trained on."""

import json

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from .checkpoint import Refused, layer_count
from .geometry import Patches
from .petl import BACKBONE, FROZEN, POSITIONS


def compare_with_base(tensors, base, layers):
    """Checks that the frozen weights are the base's. Returns the LayerNorms that were trained nevertheless."""
    try:
        stored = load_file(base / "model.safetensors")
    except SafetensorError:
        raise Refused(f"{base}/model.safetensors: is damaged: download it again") from None
    stored = {name.removeprefix(BACKBONE): tensor for name, tensor in stored.items()}
    frozen = [name for name in stored if FROZEN.fullmatch(name) and name != POSITIONS]
    if layer_count(stored, "encoder.layer.") != layers:
        raise Refused(
            f"{base}: has not as many layers as the checkpoint ({layers}): give the base that it was trained on"
        )
    if missing := [name for name in frozen if name not in tensors]:
        raise Refused(f"the checkpoint lacks {missing[0]}, which the base has: it is incomplete")

    def differs(name):
        here, there = tensors[name], stored[name]
        return here.shape != there.shape or not torch.equal(there.to(here.dtype), here)

    changed = sorted(name for name in frozen if differs(name))
    if other := [name for name in changed if "layernorm_" not in name]:
        more = f" and {len(other) - 1} more" if len(other) > 1 else ""
        raise Refused(f"{other[0]}{more} differ from {base}: give the base that the checkpoint was trained on")
    return changed


def base_patches(base, tensors):
    """The base's patches, from its config.json or the published defaults."""
    kernel = tensors.get("embeddings.patch_embeddings.projection.weight")
    if base is None:
        return Patches(size=Patches.size if kernel is None else kernel.shape[-1])
    try:
        fields = json.loads((base / "config.json").read_text(encoding="utf-8"))
    except ValueError:
        raise Refused(f"{base}/config.json: is not JSON: give a Hugging Face AST directory") from None
    names = {
        "mel_bins": "num_mel_bins",
        "size": "patch_size",
        "frequency_stride": "frequency_stride",
        "time_stride": "time_stride",
    }
    return Patches(**{ours: fields[theirs] for ours, theirs in names.items() if theirs in fields})
