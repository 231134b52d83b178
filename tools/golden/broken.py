"""Files that must be refused: safetensors with one thing wrong each, and model directories that do not hold together."""

import json
import shutil
import struct
import tempfile
from pathlib import Path

from safetensors.torch import load_file, save_file

from .models import SMALLEST, Model, write_model

F32 = "F32"


def _tensor(shape, begin, end, dtype=F32):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def _file(header, data, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def files():
    """Name: (bytes, what is wrong). Two tensors, a [2, 2] and b [3], are what a good one would hold."""
    good = {"a": _tensor([2, 2], 0, 16), "b": _tensor([3], 16, 28)}
    data = struct.pack("<7f", *range(7))
    twice = b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"a":{"dtype":"F32","shape":[3],"data_offsets":[16,28]}}'
    deep = b'{"__metadata__":{"x":' + b"[" * 20000 + b"]" * 20000 + b'},"a":{"dtype":"F32","shape":[7],"data_offsets":[0,28]}}'
    return {
        "truncated-data": (_file(good, data[:20]), "the data ends before the last tensor does"),
        "truncated-header": (_file(good, data)[:40], "the file ends inside the header"),
        "truncated-length": (b"\x10\x00\x00", "the file ends inside the header's length"),
        "zero-byte": (b"", "an empty file"),
        "absurd-length": (_file(good, data, length=2**63), "the header's length is 2^63"),
        "largest-length": (_file(good, data, length=2**64 - 1), "the header's length is 2^64 - 1 (8 + it overflows)"),
        "header-past-end": (_file(good, data, length=10000), "the header's length is greater than the file"),
        "zero-header": (_file(b"", data), "a header of no bytes"),
        "overlap": (_file({"a": _tensor([2, 2], 0, 16), "b": _tensor([3], 8, 20)}, data), "two tensors overlap"),
        "outside": (_file({"a": _tensor([2, 2], 0, 16), "b": _tensor([3], 20, 32)}, data), "offsets outside the data"),
        "backwards": (_file({"a": _tensor([2, 2], 16, 0), "b": _tensor([3], 16, 28)}, data), "begin after end"),
        "negative-offset": (_file({"a": _tensor([2, 2], -16, 0), "b": _tensor([3], 16, 28)}, data), "a negative offset"),
        "fractional-offset": (_file({"a": _tensor([2, 2], 0.5, 16.5)}, data), "an offset that is not whole"),
        "huge-offset": (_file({"a": _tensor([2, 2], 2**64 - 16, 2**64)}, data), "offsets beyond 64 bits"),
        "wrong-size": (_file({"a": _tensor([2, 3], 0, 16), "b": _tensor([3], 16, 28)}, data), "16 bytes for shape [2, 3]"),
        "negative-shape": (_file({"a": _tensor([-2, -2], 0, 16), "b": _tensor([3], 16, 28)}, data), "a negative dimension"),
        "overflowing-shape": (
            _file({"a": _tensor([2**32, 2**32, 4], 0, 16), "b": _tensor([3], 16, 28)}, data),
            "a shape whose size overflows 64 bits to zero",
        ),
        "duplicate-names": (_file(twice, data), "one name twice"),
        "not-json": (_file(b'{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16', data), "a header that is not JSON"),
        "not-an-object": (_file(b"[1,2,3]", data), "a header that is a JSON array"),
        "deep-json": (_file(deep, data), "20000 nested arrays"),
        "not-utf8": (_file(b'{"\xff\xfe":{"dtype":"F32","shape":[7],"data_offsets":[0,28]}}', data), "a name not in UTF-8"),
        "unknown-dtype": (_file({"a": _tensor([4], 0, 16, "F13"), "b": _tensor([3], 16, 28)}, data), "dtype F13"),
        "no-offsets": (_file({"a": {"dtype": F32, "shape": [2, 2]}}, data), "a tensor without data_offsets"),
        "three-offsets": (_file({"a": {"dtype": F32, "shape": [7], "data_offsets": [0, 14, 28]}}, data), "three offsets"),
        "trailing-data": (_file(good, data + b"more"), "bytes after the last tensor"),
        "hole": (_file({"a": _tensor([2, 2], 0, 16), "b": _tensor([2], 20, 28)}, data), "bytes that belong to no tensor"),
    }


def write_files(folder):
    """Writes the safetensors; returns their entries in the index."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for name, (data, reason) in files().items():
        (folder / f"{name}.safetensors").write_bytes(data)
        entry = {"file": f"broken/{name}.safetensors", "reason": reason}
        # Readers differ on these two; refusing them is stricter than needed, reading past the end is never right.
        entry["mayBeAccepted"] = name in ("trailing-data", "hole")
        entries.append(entry)
    return entries


def _without(tensors, part):
    return {name: value for name, value in tensors.items() if part not in name}


def _cut(tensors, part):
    return {name: (value[:-1].contiguous() if part in name else value) for name, value in tensors.items()}


# name: (what is wrong, change to config.json, change to preprocessor_config.json, change to the tensors)
MODELS = {
    "missing-tensor": ("a layer without its key weight", {}, {}, lambda t: _without(t, "attention.key.weight")),
    "wrong-shape": ("a class fewer in the head's bias", {}, {}, lambda t: _cut(t, "classifier.dense.bias")),
    "wrong-tokens": ("max_length asks for more position embeddings", {"max_length": 64}, {"max_length": 64}, None),
    "front-end-differs": ("the two configurations disagree on max_length", {}, {"max_length": 48}, None),
    "heads-do-not-divide": ("hidden_size is no multiple of num_attention_heads", {"num_attention_heads": 7}, {}, None),
    "zero-stride": ("time_stride is 0", {"time_stride": 0}, {}, None),
    "zero-std": ("std is 0", {}, {"std": 0.0}, None),
    "patch-too-large": ("patch_size exceeds max_length", {"patch_size": 64}, {}, None),
    "another-kind": ("model_type wav2vec2", {"model_type": "wav2vec2"}, {}, None),
    "another-activation": ("hidden_act relu", {"hidden_act": "relu"}, {}, None),
}


def write_models(folder):
    """Writes the directories, each from a good model with one change; returns their entries."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch)
        write_model(source, Model("smallest", 120, SMALLEST, labels=5))
        return _write_models(folder, source)


def _write_models(folder, source):
    entries = []
    for name, (reason, config, extractor, tensors) in MODELS.items():
        target = folder / name
        shutil.copytree(source, target)
        for file, changes in (("config.json", config), ("preprocessor_config.json", extractor)):
            fields = json.loads((target / file).read_text()) | changes
            (target / file).write_text(json.dumps(fields, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        weights = target / "model.safetensors"
        if tensors is not None:
            save_file(tensors(load_file(weights)), weights, metadata={"format": "pt"})
        entries.append({"model": f"broken/models/{name}", "reason": reason})
    for name, reason, text in (
        ("config-not-json", "config.json is cut short", '{"model_type": "audio-spectrogram-transformer", "hidden_si'),
        ("no-config", "there is no config.json", None),
        ("no-weights", "there is no model.safetensors", None),
    ):
        target = folder / name
        shutil.copytree(source, target)
        (target / ("model.safetensors" if name == "no-weights" else "config.json")).unlink()
        if text is not None:
            (target / "config.json").write_text(text)
        entries.append({"model": f"broken/models/{name}", "reason": reason})
    return entries
