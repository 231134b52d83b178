"""Model directories that must be refused, each from a good one with one thing wrong."""

import json
import shutil
import tempfile
from pathlib import Path

from .damage import (
    DEEP,
    LFS_POINTER,
    Literal,
    both,
    content,
    edited,
    fields,
    folder_instead,
    mapped,
    poked,
    removed,
    renamed,
    tensors,
    without,
)
from .models import SMALLEST, Model, modern, write_model

CONFIG, EXTRACTOR, WEIGHTS = "config.json", "preprocessor_config.json", "model.safetensors"


def _both_lengths(folder):
    fields(CONFIG, max_length=64)(folder)
    fields(EXTRACTOR, max_length=64)(folder)


def _labels(text):
    return fields(CONFIG, id2label=Literal(text))


def _modern_too(found):
    return found | {modern(name): value.clone() for name, value in found.items() if "query" in name}


def _config(name, reason, key, value):
    return (name, reason, [CONFIG, key], fields(CONFIG, **{key: value}))


def _extractor(name, reason, key, value):
    return (name, reason, [EXTRACTOR, key], fields(EXTRACTOR, **{key: value}))


def _weights(name, reason, tensor, edit):
    return (name, reason, [WEIGHTS, tensor], tensors(WEIGHTS, edit))


# (name, what is wrong, what the message must say, change to the directory)
MODELS = [
    _weights("missing-tensor", "a layer without its key weight", "key.weight", without("attention.key.weight")),
    _weights(
        "wrong-shape",
        "a class fewer in the head's bias",
        "classifier.dense.bias",
        mapped("classifier.dense.bias", lambda t: t[:-1]),
    ),
    ("wrong-tokens", "max_length asks for more position embeddings", [WEIGHTS, "position_embeddings"], _both_lengths),
    _extractor("front-end-differs", "the two configurations disagree on max_length", "max_length", 48),
    _config("heads-do-not-divide", "hidden_size is not a multiple of num_attention_heads", "num_attention_heads", 7),
    _config("zero-stride", "time_stride is 0", "time_stride", 0),
    _extractor("zero-std", "std is 0", "std", 0.0),
    _config("patch-too-large", "patch_size exceeds max_length", "patch_size", 64),
    _config("another-kind", "model_type wav2vec2", "model_type", "wav2vec2"),
    _config("another-activation", "hidden_act relu", "hidden_act", "relu"),
    (
        "config-not-json",
        "config.json is cut short",
        [CONFIG],
        content(CONFIG, '{"model_type": "audio-spectrogram-transformer", "hidden_si'),
    ),
    ("no-config", "there is no config.json", [CONFIG], removed(CONFIG)),
    ("no-weights", "there is no model.safetensors", [WEIGHTS], removed(WEIGHTS)),
    # config.json as a file
    ("config-deep", "20000 nested arrays under an unknown key", [CONFIG], fields(CONFIG, friends=DEEP)),
    ("config-empty", "config.json has no bytes", [CONFIG], content(CONFIG, b"")),
    ("config-array", "config.json is an array", [CONFIG], content(CONFIG, "[]\n")),
    ("config-directory", "config.json is a directory", [CONFIG], folder_instead(CONFIG)),
    ("config-nul", "config.json is 500 NUL bytes, as a crash may leave it", [CONFIG], content(CONFIG, bytes(500))),
    ("config-lfs", "config.json is a Git LFS pointer", [CONFIG], content(CONFIG, LFS_POINTER)),
    ("config-more", "text after the end of config.json", [CONFIG], edited(CONFIG, lambda data: data + b"}\n")),
    (
        "config-not-utf8",
        "a label that is not UTF-8",
        [CONFIG],
        both(
            _labels('{"0":"a","1":"b","2":"c","3":"d","4":"@"}'),
            edited(CONFIG, lambda data: data.replace(b'"@"', b'"K\xe4uzchen"')),
        ),
    ),
    # sizes
    _config("hidden-huge", "hidden_size is 2^62", "hidden_size", 2**62),
    _config("hidden-too-long", "hidden_size does not fit 64 bits", "hidden_size", 2**70),
    _config("hidden-negative", "hidden_size is -1", "hidden_size", -1),
    _config("hidden-fraction", "hidden_size is 8.5", "hidden_size", 8.5),
    _config("hidden-text", "hidden_size is in quotes", "hidden_size", "8"),
    _config("no-layers", "num_hidden_layers is 0", "num_hidden_layers", 0),
    _config("layers-huge", "num_hidden_layers is 2^40", "num_hidden_layers", 2**40),
    _config("no-heads", "num_attention_heads is 0", "num_attention_heads", 0),
    _config("heads-exceed", "more heads than hidden_size", "num_attention_heads", 16),
    _config("intermediate-zero", "intermediate_size is 0", "intermediate_size", 0),
    _config("negative-stride", "frequency_stride is -16", "frequency_stride", -16),
    _config("patch-zero", "patch_size is 0", "patch_size", 0),
    _config("length-zero", "max_length is 0", "max_length", 0),
    _config("length-huge", "max_length is 2^40", "max_length", 2**40),
    _config("mels-zero", "num_mel_bins is 0", "num_mel_bins", 0),
    _config("eps-negative", "layer_norm_eps is -1", "layer_norm_eps", -1),
    _config("eps-text", "layer_norm_eps is the text NaN", "layer_norm_eps", "NaN"),
    _config("eps-infinite", "layer_norm_eps is 1e400", "layer_norm_eps", Literal("1e400")),
    # labels and meaning
    ("labels-hole", "id2label has no 3", [CONFIG, "id2label"], _labels('{"0":"a","1":"b","2":"c","4":"d","5":"e"}')),
    ("labels-few", "a label fewer than classes", [CONFIG, "id2label"], _labels('{"0":"a","1":"b","2":"c","3":"d"}')),
    ("labels-number", "a label that is a number", [CONFIG, "id2label"], _labels('{"0":"a","1":2,"2":"c","3":"d","4":"e"}')),
    (
        "labels-twice",
        "two labels for class 0",
        [CONFIG],
        _labels('{"0":"a","1":"b","2":"c","3":"d","4":"e","0":"f"}'),
    ),
    (
        "labels-far",
        "a label for class 99999999999999999999",
        [CONFIG, "id2label"],
        _labels('{"0":"a","1":"b","2":"c","3":"d","99999999999999999999":"e"}'),
    ),
    _config("labels-list", "id2label is a list", "id2label", ["a", "b", "c", "d", "e"]),
    _config("problem-unknown", "problem_type regression", "problem_type", "regression"),
    _config("pooling-unknown", "pooling max", "pooling", "max"),
    _config("head-norm-text", "classifier_layernorm is text", "classifier_layernorm", "no"),
    # preprocessor_config.json
    ("no-front-end", "there is no preprocessor_config.json", [EXTRACTOR], removed(EXTRACTOR)),
    ("front-end-not-json", "preprocessor_config.json is cut short", [EXTRACTOR], edited(EXTRACTOR, lambda data: data[:60])),
    _extractor("rate-44100", "sampling_rate is 44100", "sampling_rate", 44100),
    _extractor("front-end-no-mels", "num_mel_bins is 0", "num_mel_bins", 0),
    _extractor("front-end-mels-differ", "the two configurations disagree on num_mel_bins", "num_mel_bins", 64),
    _extractor("std-text", "std is the text NaN", "std", "NaN"),
    _extractor("std-infinite", "std is 1e400", "std", Literal("1e400")),
    ("mean-nan", "mean is NaN, which is not JSON", [EXTRACTOR], fields(EXTRACTOR, mean=Literal("NaN"))),
    # model.safetensors
    ("weights-empty", "model.safetensors has no bytes", [WEIGHTS], content(WEIGHTS, b"")),
    ("weights-cut", "model.safetensors ends halfway", [WEIGHTS], edited(WEIGHTS, lambda data: data[: len(data) // 2])),
    ("weights-lfs", "model.safetensors is a Git LFS pointer", [WEIGHTS], content(WEIGHTS, LFS_POINTER)),
    ("weights-directory", "model.safetensors is a directory", [WEIGHTS], folder_instead(WEIGHTS)),
    (
        "weights-pickle",
        "only pytorch_model.bin",
        ["pytorch_model.bin", "safetensors"],
        renamed(WEIGHTS, "pytorch_model.bin"),
    ),
    (
        "weights-in-parts",
        "only an index of several files",
        ["model.safetensors.index.json"],
        lambda folder: (
            removed(WEIGHTS)(folder),
            content("model.safetensors.index.json", json.dumps({"metadata": {}, "weight_map": {}}))(folder),
        ),
    ),
    _weights("weight-nan", "a NaN in a weight", "query.weight", poked("query.weight", float("nan"))),
    _weights(
        "bias-infinite", "an infinity in a bias", "intermediate.dense.bias", poked("intermediate.dense.bias", float("inf"))
    ),
    _weights(
        "f16-infinite",
        "an infinity in an F16 weight",
        "value.weight",
        lambda found: poked("value.weight", float("-inf"))({name: tensor.half() for name, tensor in found.items()}),
    ),
    _weights("integers", "every tensor is I64", "I64", mapped("", lambda tensor: tensor.long())),
    _weights(
        "positions-rank", "position embeddings of two dimensions", "position_embeddings", mapped("position_", lambda t: t[0])
    ),
    _weights(
        "transposed",
        "a weight stored the other way round",
        "intermediate.dense.weight",
        mapped("intermediate.dense.weight", lambda t: t.T),
    ),
    _weights("no-head", "there is no classifier", "classifier", without("classifier.")),
    _weights("no-classes", "a classifier of no classes", "classifier.dense", mapped("classifier.dense", lambda t: t[:0])),
    ("names-twice", "tensors under both generations of names", [WEIGHTS, "query"], tensors(WEIGHTS, _modern_too)),
    (
        "one-layer-of-two",
        "config.json has a layer more than the file",
        [WEIGHTS, "layer.1"],
        fields(CONFIG, num_hidden_layers=2),
    ),
]


def write_models(folder):
    """Writes the directories; returns their entries in the index."""
    entries = []
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch)
        write_model(source, Model("smallest", 120, SMALLEST, labels=5))
        for name, reason, mentions, change in MODELS:
            shutil.copytree(source, folder / name)
            change(folder / name)
            entries.append({"model": f"broken/models/{name}", "reason": reason, "mentions": mentions})
    return entries
