"""Compares two folders of reference data: inputs byte for byte, computed numbers within what another CPU may change."""

import json

import numpy as np
from safetensors.numpy import load_file

# fp32 sums depend on the instruction set that torch picks.
RELATIVE = 1e-5
ABSOLUTE = 2e-5
# Log-mels near the floor beside a strong tone carry the FFT's rounding noise.
LOG_MEL = 3e-2


def _files(root):
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def _same_numbers(left, right, slack):
    if left.shape != right.shape or left.dtype != right.dtype:
        return f"{left.dtype}{list(left.shape)} became {right.dtype}{list(right.shape)}"
    if left.size and not np.allclose(left, right, rtol=RELATIVE, atol=slack):
        return f"differs by {np.abs(left.astype(np.float64) - right).max():.2e}"
    return None


def _tensors(name, left, right):
    left, right = load_file(left), load_file(right)
    if left.keys() != right.keys():
        return "holds other tensors"
    for key in left:
        front_end = "/fbank/" in name or "/features/" in name
        slack = LOG_MEL if front_end and key != "exact" else (1e-3 if "dc-sweep" in name else ABSOLUTE)
        if said := _same_numbers(left[key], right[key], slack):
            return f"{key} {said}"
    return None


def _json(left, right):
    """Equal but for measured tolerances (a digit may tip over) and logits."""
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        measured = ("tolerance", "torchaudioError")
        return all(key in measured or _json(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return all(_json(a, b) for a, b in zip(left, right))
    if isinstance(left, float) and isinstance(right, float):
        return abs(left - right) <= 1e-3
    return left == right


def differences(stored, fresh, kept=()):
    """One line for each file that is not as it should be, outside of the folders `kept`."""
    found = []
    for name in sorted(_files(stored) | _files(fresh)):
        if name.startswith(tuple(f"{folder}/" for folder in kept)):
            continue
        left, right = stored / name, fresh / name
        if not left.exists() or not right.exists():
            found.append(f"{name}: {'is missing' if right.exists() else 'should not be there'}")
        elif left.read_bytes() == right.read_bytes():
            continue
        elif name.startswith("reference/") and name.endswith(".safetensors"):
            if said := _tensors(name, left, right):
                found.append(f"{name}: {said}")
        elif name in ("cases.json", "reference/windows.json"):
            if not _json(json.loads(left.read_text()), json.loads(right.read_text())):
                found.append(f"{name}: differs")
        else:
            found.append(f"{name}: differs")
    return found
