"""Compares a checkpoint with the base model it was trained on."""

import hashlib
import json

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from .checkpoint import Refused, layer_count
from .geometry import Patches
from .petl import BACKBONE, FROZEN, POSITIONS


def changed_tensors(tensors, base, layers):
    """The names of the backbone's tensors that differ from the base's, but for the positions and the final LayerNorm."""
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

    return sorted(name for name in frozen if differs(name))


def check_frozen(changed, base, may_change=lambda name: "layernorm_" in name):
    """Checks that the frozen weights are the base's: only tensors that `may_change` may be in `changed`."""
    if other := [name for name in changed if not may_change(name)]:
        more = f" and {len(other) - 1} more" if len(other) > 1 else ""
        raise Refused(f"{other[0]}{more} differ from {base}: give the base that the checkpoint was trained on")


def sha256(base):
    """Of the base's weights."""
    digest = hashlib.sha256()
    with (base / "model.safetensors").open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def read_json(path):
    """The fields of a base's JSON file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise Refused(f"{path}: is not JSON: give a Hugging Face AST directory") from None


def base_patches(base, tensors):
    """The base's patches, from its config.json or the published defaults."""
    kernel = tensors.get("embeddings.patch_embeddings.projection.weight")
    if base is None:
        return Patches(size=Patches.size if kernel is None else kernel.shape[-1])
    fields = read_json(base / "config.json")
    names = {
        "mel_bins": "num_mel_bins",
        "size": "patch_size",
        "frequency_stride": "frequency_stride",
        "time_stride": "time_stride",
    }
    return Patches(**{ours: fields[theirs] for ours, theirs in names.items() if theirs in fields})
