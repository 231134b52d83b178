#!/usr/bin/env python3
"""Converts the pickled weights of a model or an adapter (pytorch_model.bin, adapter_model.bin) to safetensors.

    python tools/import_bin.py models/mine              # writes models/mine/model.safetensors
    python tools/import_bin.py models/mine models/new   # leaves models/mine as it is

Loads with weights_only=True, so that the file cannot run code; also weights in several files, with their index.
Needs torch and safetensors. See docs/importing.md.
"""

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from importing import output  # noqa: E402 (first, since it says what to install where torch is missing)
from importing.checkpoint import Refused, load_state_dict  # noqa: E402

import torch  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

# The pickled files that transformers and PEFT write, and what they are called in safetensors.
KNOWN = {
    "adapter_model.bin": "adapter_model.safetensors",
    "pytorch_model.bin": "model.safetensors",
    "pytorch_model.bin.index.json": "model.safetensors",
}
# Copied with the weights; other files of the directory are not astd's.
DESCRIPTIONS = ("adapter_config.json", "config.json", "preprocessor_config.json")


def find(given):
    """The pickled file, or the index of several, and the name of the result."""
    if given.is_file():
        name = KNOWN.get(given.name, "model.safetensors")
        return given, name
    if not given.is_dir():
        raise Refused(f"{given}: no such file or directory: give the model's directory or its .bin file")
    # An adapter's directory may hold a whole model, too: its adapter_config.json decides.
    order = KNOWN if (given / "adapter_config.json").exists() else dict(reversed(KNOWN.items()))
    names = [name for name in order if (given / name).exists()]
    if "pytorch_model.bin" in names and "pytorch_model.bin.index.json" in names:
        names.remove("pytorch_model.bin.index.json")  # as transformers chooses
    if names:
        return given / names[0], KNOWN[names[0]]
    others = sorted(path.name for path in given.iterdir() if path.suffix in (".bin", ".pt", ".pth", ".ckpt"))
    if others:
        raise Refused(f"{given}: has no pytorch_model.bin or adapter_model.bin: give one of {', '.join(others)}")
    raise Refused(f"{given}: has no pytorch_model.bin or adapter_model.bin: is it in safetensors already?")


def load_shards(index):
    """The tensors of all files that an index names, each from the file that the index gives."""
    try:
        places = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        names = sorted(set(places.values()))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused(f"{index}: has no weight_map: download it again") from None
    tensors = {}
    for name in names:
        if not isinstance(name, str) or Path(name).name != name:
            raise Refused(f"{index}: names {name!r}, which is not a file beside it: download the index again")
        if not (index.parent / name).is_file():
            raise Refused(f"{index.parent / name}: no such file, though {index.name} names it: download it")
        shard = load_state_dict(index.parent / name)
        promised = {tensor for tensor, place in places.items() if place == name}
        if different := sorted(promised ^ set(shard)):
            raise Refused(
                f"{index}: {different[0]} is {'not ' if different[0] in promised else ''}in {name}, unlike the index "
                "says: download index and shards of the same save"
            )
        tensors |= shard
    return tensors


def check_kind(tensors, source):
    """Rejects checkpoints that other importers convert."""
    if any(name.endswith("v.blocks.0.attn.qkv.weight") for name in tensors):
        raise Refused(f"{source}: is a checkpoint of the original AST: use tools/import_ast_pth.py")
    if any(re.search(r"\.lora_(down|up)", name) for name in tensors):
        raise Refused(f"{source}: is a checkpoint of ast-LoRA or PETL_AST: use tools/import_petl.py")


def convert(source):
    """The tensors of a pickled file, each with memory of its own, as safetensors requires."""
    tensors = load_shards(source) if source.name.endswith(".index.json") else load_state_dict(source)
    check_kind(tensors, source)
    converted = {}
    for name, tensor in tensors.items():
        if tensor.is_quantized or tensor.is_sparse:
            raise Refused(f"{source}: {name} is quantised or sparse: save the model without quantisation")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise Refused(f"{source}: {name} contains NaN or infinity: the training failed; use an earlier checkpoint")
        converted[name] = tensor.detach().contiguous().clone()
    return converted


def write(tensors, path, like):
    """Writes beside `path` and renames, with the permissions of `like`."""
    descriptor, scratch = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(descriptor)
    try:
        save_file(tensors, scratch, metadata={"format": "pt"})
        shutil.copymode(like, scratch)
        os.replace(scratch, path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="import_bin", description="Convert pickled weights of a model or an adapter to safetensors."
    )
    parser.add_argument("source", type=Path, metavar="DIR_OR_FILE", help="the model's or adapter's directory, or its .bin file")
    parser.add_argument("out", type=Path, nargs="?", metavar="OUT_DIR", help="write there, with copies of the configuration files (default: beside the .bin file)")
    parser.add_argument("--force", action="store_true", help="replace weights that are there")
    options = parser.parse_args(arguments)

    def work():
        source, name = find(options.source)
        out = options.out or source.parent
        target = out / name
        if target.exists() and not options.force:
            raise Refused(f"{target}: exists: give another OUT_DIR or --force")
        if name == "model.safetensors" and (out / "adapter_config.json").exists():
            raise Refused(f"{out}: is an adapter's directory: give another OUT_DIR")
        tensors = convert(source)
        out.mkdir(parents=True, exist_ok=True)
        for description in DESCRIPTIONS:
            if out.resolve() != source.parent.resolve() and (source.parent / description).is_file():
                shutil.copy(source.parent / description, out / description)
        write(tensors, target, like=source)
        size = sum(tensor.nbytes for tensor in tensors.values())
        print(f"{target}: {len(tensors)} tensors, {size / 1e6:.1f} MB; check it with astd inspect {out}")

    return output.run("import_bin", work)


if __name__ == "__main__":
    sys.exit(main())
