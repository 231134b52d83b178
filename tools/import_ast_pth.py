#!/usr/bin/env python3
"""Converts a checkpoint of the original AST (YuanGongND/ast, a .pth file) into a model directory for `astd --model`.

    python tools/import_ast_pth.py audioset_10_10_0.4593.pth models/audioset --labels class_labels_indices.csv

Sizes are derived from the tensors; strides and max_length default to the published recipes.
Needs torch and safetensors. See docs/importing.md.
"""

import argparse
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from importing import labels as class_names  # noqa: E402
from importing import output  # noqa: E402
from importing.checkpoint import Refused, layer_count, load_state_dict, take  # noqa: E402
from importing.geometry import Patches  # noqa: E402

AUDIOSET = (-4.2677393, 4.5689974)
RECIPE_LENGTHS = (1024, 512, 128)  # AudioSet, ESC-50, Speech Commands
HEAD_SIZE = 64  # of every DeiT from which the recipes start
BLOCK_EPS = 1e-6  # timm's, for the blocks and v.norm
HEAD_EPS = 1e-5  # torch's default, which mlp_head.0 has
BACKBONE = "audio_spectrogram_transformer."
# DeiT's own heads: in the file, but unused.
UNUSED = re.compile(r"v\.head(_dist)?\.(weight|bias)")


def convert_block(tensors, old, new, hidden, inner):
    """One transformer block with the names of transformers: {name: tensor}."""
    block = {}

    def move(source, target, *shape):
        block[f"{new}.{target}"] = take(tensors, f"{old}.{source}", list(shape))

    for part, shape in (("weight", (hidden, hidden)), ("bias", (hidden,))):
        qkv = take(tensors, f"{old}.attn.qkv.{part}", [3 * hidden, *shape[1:]])
        for name, rows in zip(("query", "key", "value"), qkv.chunk(3)):
            block[f"{new}.attention.attention.{name}.{part}"] = rows.clone()
        move(f"attn.proj.{part}", f"attention.output.dense.{part}", *shape)
        move(f"norm1.{part}", f"layernorm_before.{part}", hidden)
        move(f"norm2.{part}", f"layernorm_after.{part}", hidden)
    move("mlp.fc1.weight", "intermediate.dense.weight", inner, hidden)
    move("mlp.fc1.bias", "intermediate.dense.bias", inner)
    move("mlp.fc2.weight", "output.dense.weight", hidden, inner)
    move("mlp.fc2.bias", "output.dense.bias", hidden)
    return block


def convert_tensors(tensors):
    """All tensors with the names of transformers, and the sizes that they imply."""
    layers = layer_count(tensors, "v.blocks.")
    kernel = take(tensors, "v.patch_embed.proj.weight", [None, 1, None, None])
    hidden, _, size, width = kernel.shape
    if size != width:
        raise Refused(f"v.patch_embed.proj.weight has patches of {size} x {width}; only square patches are supported")
    inner = take(tensors, "v.blocks.0.mlp.fc1.weight", [None, hidden]).shape[0]
    positions = take(tensors, "v.pos_embed", [1, None, hidden])
    classes = take(tensors, "mlp_head.1.weight", [None, hidden]).shape[0]
    named = {
        "embeddings.cls_token": ("v.cls_token", [1, 1, hidden]),
        "embeddings.distillation_token": ("v.dist_token", [1, 1, hidden]),
        "embeddings.position_embeddings": ("v.pos_embed", [1, None, hidden]),
        "embeddings.patch_embeddings.projection.weight": ("v.patch_embed.proj.weight", [hidden, 1, size, size]),
        "embeddings.patch_embeddings.projection.bias": ("v.patch_embed.proj.bias", [hidden]),
        "layernorm.weight": ("v.norm.weight", [hidden]),
        "layernorm.bias": ("v.norm.bias", [hidden]),
    }
    converted = {BACKBONE + name: take(tensors, *source) for name, source in named.items()}
    for layer in range(layers):
        new = f"{BACKBONE}encoder.layer.{layer}"
        converted |= convert_block(tensors, f"v.blocks.{layer}", new, hidden, inner)
    for part in ("weight", "bias"):
        converted[f"classifier.layernorm.{part}"] = take(tensors, f"mlp_head.0.{part}", [hidden])
    converted["classifier.dense.weight"] = take(tensors, "mlp_head.1.weight", [classes, hidden])
    converted["classifier.dense.bias"] = take(tensors, "mlp_head.1.bias", [classes])
    check_nothing_left(tensors, layers)
    sizes = {
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "patch_size": size,
    }
    return converted, sizes, positions.shape[1], classes


def check_nothing_left(tensors, layers):
    """Rejects tensors that the conversion did not use, because the model would compute something else."""
    block = r"norm1|norm2|attn\.qkv|attn\.proj|mlp\.fc1|mlp\.fc2"
    known = re.compile(
        rf"v\.(cls_token|dist_token|pos_embed|(patch_embed\.proj|norm|blocks\.\d+\.({block}))\.(weight|bias))"
        r"|mlp_head\.[01]\.(weight|bias)"
    )
    for name in tensors:
        if not known.fullmatch(name) and not UNUSED.fullmatch(name):
            raise Refused(f"{name}: is not a tensor of the original AST; other models cannot be imported")


def choose_length(given, patches, tokens):
    """max_length: the one given, or the recipe's that fits the position embeddings."""
    if given is None:
        fit = patches.lengths(tokens)
        recipe = [length for length in RECIPE_LENGTHS if length in fit]
        if fit and not recipe:
            raise Refused(f"{tokens} position embeddings fit {fit[0]} to {fit[-1]} frames: give --max-length")
        given = recipe[0] if recipe else RECIPE_LENGTHS[0]
    patches.check(given, tokens)
    return given


def convert(options):
    """The files of the model directory, and a one-line summary."""
    tensors, sizes, tokens, classes = convert_tensors(load_state_dict(options.checkpoint))
    labels = class_names.read_labels(options.labels)
    class_names.check_count(labels, classes)
    hidden = sizes["hidden_size"]
    heads = options.num_heads or hidden // HEAD_SIZE
    if heads == 0 or hidden % heads:
        raise Refused(f"{heads} attention heads do not divide {hidden}: give --num-heads")
    patches = Patches(options.num_mel_bins, sizes["patch_size"], options.frequency_stride, options.time_stride)
    length = choose_length(options.max_length, patches, tokens)
    config = class_names.label_fields(labels) | sizes
    config |= {
        "architectures": ["ASTForAudioClassification"],
        "classifier_layer_norm_eps": HEAD_EPS,
        "frequency_stride": options.frequency_stride,
        "hidden_act": "gelu",
        "layer_norm_eps": BLOCK_EPS,
        "max_length": length,
        "model_type": "audio-spectrogram-transformer",
        "num_attention_heads": heads,
        "num_mel_bins": options.num_mel_bins,
        "problem_type": options.problem_type,
        "qkv_bias": True,
        "time_stride": options.time_stride,
    }
    files = {
        "config.json": config,
        "model.safetensors": tensors,
        "preprocessor_config.json": output.front_end(options.num_mel_bins, length, options.mean, options.std),
    }
    return files, f"{sizes['num_hidden_layers']} layers of {hidden}, {heads} heads, {length} frames, {classes} labels"


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="import_ast_pth", description="Convert a checkpoint of the original AST into a model directory."
    )
    positive, number = output.positive(int), output.positive(float)
    add = parser.add_argument
    add("checkpoint", type=Path, metavar="CHECKPOINT")
    add("out", type=Path, metavar="OUT_DIR")
    add("--labels", type=Path, required=True, metavar="FILE", help="class_labels_indices.csv, or a file with one label per line")
    add("--max-length", type=positive, metavar="N", help="target_length of the recipe (default: 1024, 512 or 128)")
    add("--frequency-stride", type=positive, default=10, metavar="N", help="fstride (10)")
    add("--time-stride", type=positive, default=10, metavar="N", help="tstride (10)")
    add("--num-mel-bins", type=positive, default=128, metavar="N", help="mel bins (128)")
    add("--num-heads", type=positive, metavar="N", help="attention heads (default: hidden size / 64)")
    add("--mean", type=float, default=AUDIOSET[0], help="dataset_mean of the recipe (AudioSet's)")
    add("--std", type=number, default=AUDIOSET[1], help="dataset_std of the recipe (AudioSet's)")
    add("--problem-type", choices=output.PROBLEM_TYPES, default=output.PROBLEM_TYPES[1], help="default: %(default)s")
    add("--force", action="store_true", help="replace OUT_DIR")
    options = parser.parse_args(arguments)

    def work():
        output.check_free(options.out, options.force)
        files, said = convert(options)
        output.write_directory(options.out, files, options.force)
        print(f"{options.out}: {said}")

    return output.run("import_ast_pth", work)


if __name__ == "__main__":
    sys.exit(main())
