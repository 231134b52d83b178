"""Adapters that must be refused, each made from a good one with one thing wrong."""

import shutil

from . import broken_adapter_configs, broken_peft
from .adapter_kinds import new_labels
from .broken_factors import factors, positions
from .damage import LFS_POINTER, both, content, edited, fields, folder_instead, removed, renamed, tensors

CONFIG, OVERLAY, WEIGHTS = "adapter_config.json", "config.json", "adapter_model.safetensors"
FRONT_END = "preprocessor_config.json"


def _files():
    """(name, made from, what is wrong, what the message must say, change to the directory)"""
    plain, head, dora = "modern-qv", "new-head", "dora"
    overlay = lambda **keys: fields(OVERLAY, **keys)  # noqa: E731
    return [
        ("missing-head", plain, "the overlay changes the labels, but there is no head", [WEIGHTS], overlay(**new_labels())),
        (
            "head-not-there",
            plain,
            "modules_to_save names a head that the file lacks",
            ["classifier"],
            fields(CONFIG, modules_to_save=["classifier"]),
        ),
        ("magnitude-unused", dora, "magnitudes, but use_dora is false", ["use_dora"], fields(CONFIG, use_dora=False)),
        ("weights-missing", plain, "no adapter_model.safetensors", [WEIGHTS], removed(WEIGHTS)),
        (
            "weights-pickle",
            plain,
            "only adapter_model.bin",
            ["adapter_model.bin", "safetensors"],
            renamed(WEIGHTS, "adapter_model.bin"),
        ),
        ("weights-cut", plain, "the tensors end halfway", [WEIGHTS], edited(WEIGHTS, lambda data: data[: len(data) // 2])),
        ("weights-empty", plain, "adapter_model.safetensors has no bytes", [WEIGHTS], content(WEIGHTS, b"")),
        ("weights-lfs", plain, "adapter_model.safetensors is a Git LFS pointer", [WEIGHTS], content(WEIGHTS, LFS_POINTER)),
        ("weights-directory", plain, "adapter_model.safetensors is a directory", [WEIGHTS], folder_instead(WEIGHTS)),
        ("weights-lie", plain, "offsets 64 bytes too far", [WEIGHTS], edited(WEIGHTS, _lying)),
        ("overlay-not-json", head, "the overlay is cut short", [OVERLAY], edited(OVERLAY, lambda data: data[:40])),
        ("overlay-array", plain, "the overlay is an array", [OVERLAY], content(OVERLAY, "[1]\n")),
        ("overlay-length", plain, "max_length without position embeddings", ["position_embeddings"], overlay(max_length=64)),
        ("overlay-length-zero", plain, "max_length 0", [OVERLAY, "max_length"], overlay(max_length=0)),
        (
            "overlay-length-other",
            plain,
            "position embeddings of 74 tokens where max_length asks for 86",
            ["position_embeddings"],
            both(tensors(WEIGHTS, positions(74)), overlay(max_length=80)),
        ),
        ("overlay-pooling", plain, "pooling max", [OVERLAY, "pooling"], overlay(pooling="max")),
        ("overlay-hidden", plain, "hidden_size 64 on a base of 32", [OVERLAY], overlay(hidden_size=64)),
        ("overlay-layers", plain, "a layer more than the base has", ["layer.2"], overlay(num_hidden_layers=3)),
        ("overlay-problem", plain, "problem_type ranking", [OVERLAY, "problem_type"], overlay(problem_type="ranking")),
        (
            "overlay-head-norm",
            head,
            "classifier_layernorm is text",
            [OVERLAY, "classifier_layernorm"],
            overlay(classifier_layernorm="no"),
        ),
        (
            "overlay-labels",
            head,
            "three labels for a head of 4",
            [OVERLAY, "id2label"],
            overlay(id2label={"0": "a", "1": "b", "2": "c"}),
        ),
        (
            "front-end-length",
            plain,
            "a front end of 64 frames for a model of 96",
            [FRONT_END, "max_length"],
            fields(FRONT_END, max_length=64),
        ),
        (
            "front-end-std",
            plain,
            "a front end with std 0",
            [FRONT_END, "std"],
            fields(FRONT_END, max_length=96, std=0),
        ),
        (
            "front-end-rate",
            plain,
            "a front end for 8000 Hz",
            [FRONT_END, "sampling_rate"],
            fields(FRONT_END, max_length=96, sampling_rate=8000),
        ),
        (
            "front-end-not-json",
            plain,
            "a front end that is not JSON",
            [FRONT_END],
            content(FRONT_END, "yes\n"),
        ),
    ]


def _lying(data):
    length = int.from_bytes(data[:8], "little")
    header = data[8 : 8 + length].replace(b'"data_offsets":[0,512]', b'"data_offsets":[64,576]').ljust(length + 8)
    assert b"[64,576]" in header
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def write_broken(root, models):
    """Writes them beside the good ones under `root`; returns their entries in the index."""
    every = [
        (name, source, reason, [WEIGHTS, part], tensors(WEIGHTS, edit))
        for name, source, reason, part, edit in factors(models)
    ]
    every += _files()
    every += [(name, "modern-qv", *rest) for name, *rest in broken_adapter_configs.CONFIGS]
    every += broken_peft.CASES
    refused = []
    for name, source, reason, mentions, change in every:
        shutil.copytree(root / source, root / name)
        change(root / name)
        refused.append(_entry(name, "stride10", reason, [text for text in mentions if text]))
    # A good adapter on a base that it was not made for.
    refused.append(_entry("odd-blocks", "stride10", "made for a base of hidden_size 36", [WEIGHTS, "lora_A"]))
    refused.append(_entry("modern-qv", "long", "made for a base of hidden_size 32, not 24", [WEIGHTS, "lora_A"]))
    refused.append(_entry("modern-qv", "single-label", "made for a base of 2 layers, not 1", [WEIGHTS]))
    return refused


def _entry(name, model, reason, mentions):
    return {"adapter": f"adapters/{name}", "model": f"models/{model}", "reason": reason, "mentions": mentions}
