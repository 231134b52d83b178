"""The model directory that import_petl.py writes for a checkpoint of full fine-tuning."""

from . import output
from .base import read_json
from .checkpoint import Refused, take
from .petl import BACKBONE

AUDIOSET = (-4.2677393, 4.5689974)
HEAD_SIZE = 64  # of the published AST
EPSILON = 1e-12  # transformers' default


def model_files(tensors, layers, hidden, shared, fields, patches, training):
    """The files of the directory by name, and a summary.

    - shared: the head and the positions, by their names in the model.
    - fields: those of config.json that an adapter would have, too.
    """
    options = training.options
    base, front_end = {}, None
    if options.base:
        base = read_json(options.base / "config.json")
        front_end = read_json(options.base / "preprocessor_config.json")
    elif hidden % HEAD_SIZE:
        raise Refused(f"hidden size {hidden} is not the published AST's: give --base, which has the number of heads")
    inner = take(tensors, "encoder.layer.0.intermediate.dense.weight", [None, hidden]).shape[0]
    names = _shapes(layers, hidden, inner, patches.size)
    biases = [name for name in names if name.endswith(("query.bias", "key.bias", "value.bias"))]
    if not any(name in tensors for name in biases):  # a base with qkv_bias false
        names = {name: shape for name, shape in names.items() if name not in biases}
    config = {
        "architectures": ["ASTForAudioClassification"],
        "frequency_stride": patches.frequency_stride,
        "hidden_act": "gelu",
        "hidden_size": hidden,
        "intermediate_size": inner,
        "layer_norm_eps": base.get("layer_norm_eps", EPSILON),
        "model_type": "audio-spectrogram-transformer",
        "num_attention_heads": base.get("num_attention_heads", hidden // HEAD_SIZE),
        "num_hidden_layers": layers,
        "num_mel_bins": patches.mel_bins,
        "patch_size": patches.size,
        "qkv_bias": biases[0] in names,
        "time_stride": patches.time_stride,
    }
    if front_end is None or options.mean is not None:
        mean, std = (options.mean, options.std) if options.mean is not None else AUDIOSET
        front_end = output.front_end(patches.mel_bins, fields["max_length"], mean, std)
    files = {
        "config.json": dict(sorted((config | fields).items())),
        "model.safetensors": shared | {BACKBONE + name: take(tensors, name, shape) for name, shape in names.items()},
        "preprocessor_config.json": front_end | {"max_length": fields["max_length"]},
    }
    return files, f"a model of {layers} layers of {hidden}, {config['num_attention_heads']} heads"


def _shapes(layers, hidden, inner, patch):
    """The shapes of the backbone's tensors, but for the positions."""
    shapes = {
        "embeddings.cls_token": [1, 1, hidden],
        "embeddings.distillation_token": [1, 1, hidden],
        "embeddings.patch_embeddings.projection.weight": [hidden, 1, patch, patch],
        "embeddings.patch_embeddings.projection.bias": [hidden],
        "layernorm.weight": [hidden],
        "layernorm.bias": [hidden],
    }
    modules = {f"attention.attention.{name}": [hidden, hidden] for name in ("query", "key", "value")}
    modules |= {"attention.output.dense": [hidden, hidden], "intermediate.dense": [inner, hidden]}
    modules |= {"output.dense": [hidden, inner], "layernorm_before": [hidden], "layernorm_after": [hidden]}
    for layer in range(layers):
        for name, shape in modules.items():
            shapes[f"encoder.layer.{layer}.{name}.weight"] = shape
            shapes[f"encoder.layer.{layer}.{name}.bias"] = shape[:1]
    return shapes
