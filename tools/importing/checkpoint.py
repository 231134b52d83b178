"""Reads a file written by torch.save without running code from it."""

import pickle
import re
import warnings
from pathlib import Path

import torch


class Refused(Exception):
    """An error for the user: one line with the problem and the remedy."""


def load_state_dict(path):
    """The tensors of a checkpoint by name, on the CPU.

    Accepts the usual wrappers: {"state_dict": ...} and {"model": ...} around the dictionary, `module.` before every
    name (DataParallel).
    """
    path = Path(path)
    if not path.is_file():
        raise Refused(f"{path}: no such file: give the checkpoint's path")
    value = _load(path)
    for key in ("state_dict", "model", "model_state_dict"):
        if isinstance(value, dict) and isinstance(value.get(key), dict):
            value = value[key]
    if not isinstance(value, dict) or not value:
        raise Refused(f"{path}: contains a {type(value).__name__}, not named tensors: save model.state_dict()")
    strange = [name for name, tensor in value.items() if not isinstance(name, str) or not torch.is_tensor(tensor)]
    if strange:
        raise Refused(f"{path}: {strange[0]!r} is not a tensor: save model.state_dict() alone")
    if all(name.startswith("module.") for name in value):
        value = {name.removeprefix("module."): tensor for name, tensor in value.items()}
    return value


def _load(path):
    damaged = Refused(f"{path}: truncated, or not a checkpoint of torch.save: copy or download it again")
    with path.open("rb") as file:  # errors of the file system, not of torch
        start = file.read(64)
    if start.startswith(b"version https://git-lfs"):
        raise Refused(f"{path}: is a Git LFS pointer, not the weights: run git lfs pull")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # reported in one line below
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch reports a forbidden class and invalid data alike. Only the first names what it would have called; an
        # instruction that torch does not run, in what is a pickle by its first byte, was not written by torch.save.
        named = re.search(r"(?:GLOBAL|class|global) `?([\w.]+\.[\w.]+)", str(error))
        if named or "operand" in str(error) and start.startswith(b"\x80"):
            what = f"would run {named[1]}" if named else "would run code"
            raise Refused(f"{path}: reading it {what}: save model.state_dict() alone") from None
        raise damaged from None
    except Exception:  # torch's readers throw various errors at invalid data
        raise damaged from None


def take(tensors, name, shape):
    """The tensor `name` as contiguous F32; `shape` may have None for an unknown size."""
    tensor = tensors.get(name)
    if tensor is None:
        raise Refused(f"the checkpoint has no {name}: is it another kind of model?")
    found = list(tensor.shape)
    if len(found) != len(shape) or any(wanted not in (None, size) for wanted, size in zip(shape, found)):
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise Refused(f"{name} has shape {found}, not [{wanted}]: is it another kind of model?")
    if not tensor.is_floating_point():
        raise Refused(f"{name} is {tensor.dtype}, not floating point: is it quantised?")
    tensor = tensor.detach().to(torch.float32).contiguous().clone()
    if not torch.isfinite(tensor).all():
        raise Refused(f"{name} contains NaN or infinity: the training failed; use an earlier checkpoint")
    return tensor


def layer_count(tensors, prefix):
    """The number of layers under `prefix`, which must be numbered 0, 1, 2, ..."""
    numbers = {int(found[1]) for name in tensors if (found := re.match(re.escape(prefix) + r"(\d+)\.", name))}
    if not numbers:
        raise Refused(f"the checkpoint has no {prefix}0: is it another kind of model?")
    if max(numbers) + 1 != len(numbers):
        missing = min(set(range(max(numbers))) - numbers)
        raise Refused(f"the checkpoint has no {prefix}{missing}, though it has {prefix}{max(numbers)}: it is incomplete")
    return len(numbers)
