"""What ast-LoRA, PETL_AST and the original AST compute, written from the formulas in numpy (float64).

They run straight on the foreign names, so that neither transformers nor an importer can make both sides wrong alike.
docs/importing.md describes the formats.
"""

import numpy as np
from scipy.special import erf


def linear(x, weight, bias, pair=None, scale=0.0):
    """x W^T + b, and what LoRA adds to it, unmerged."""
    y = x @ weight.T + bias
    return y if pair is None else y + scale * ((x @ pair[0].T) @ pair[1].T)


def norm(x, weight, bias, eps):
    """LayerNorm over the last axis."""
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps) * weight + bias


def attend(q, k, v, heads):
    """Softmax attention of [rows, hidden] queries, keys and values; there may be more keys than queries."""
    tokens, hidden = q.shape
    q, k, v = (part.reshape(len(part), heads, hidden // heads).transpose(1, 0, 2) for part in (q, k, v))
    scores = q @ k.transpose(0, 2, 1) / np.sqrt(hidden // heads)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return (weights @ v).transpose(1, 0, 2).reshape(tokens, hidden)


def gelu(x):
    """The exact one."""
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


def embed(features, kernel, bias, first, positions, strides):
    """Tokens of a spectrogram [frames, mels]: the `first` two, then patches, all times of the lowest band first."""
    size = kernel.shape[-1]
    patches = np.lib.stride_tricks.sliding_window_view(features.T, (size, size))[:: strides[0], :: strides[1]]
    projected = patches.reshape(-1, size * size) @ kernel.reshape(len(kernel), -1).T + bias
    return np.concatenate([*first, projected]) + positions


def doubles(state):
    """A state_dict of torch tensors as float64 arrays, without DataParallel's prefix."""
    return {name.removeprefix("module."): tensor.double().numpy() for name, tensor in state.items()}


def petl_tokens(w, features, heads, scale=0.0, strides=(10, 10), eps=1e-12):
    """All tokens [tokens, hidden] after the final LayerNorm, from the arrays of a PETL_AST checkpoint."""

    def pair(place, letter):
        wanted = [name for name in (letter, letter.upper()) if f"{place}.lora_down_{name}.weight" in w]
        shared = letter in "qk" and f"{place}.lora_down.weight" in w
        if not wanted and not shared:
            return None
        end = f"_{wanted[0]}.weight" if wanted else ".weight"
        return w[f"{place}.lora_down{end}"], w[f"{place}.lora_up{end}"]

    def dense(x, place, lora=None):
        return linear(x, w[place + ".weight"], w[place + ".bias"], lora, scale)

    def normed(x, place):
        return norm(x, w[place + ".weight"], w[place + ".bias"], eps)

    e = "embeddings."
    kernel, bias = w[e + "patch_embeddings.projection.weight"], w[e + "patch_embeddings.projection.bias"]
    first = (w[e + "cls_token"][0], w[e + "distillation_token"][0])
    x = embed(features, kernel, bias, first, w[e + "position_embeddings"][0], strides)
    for layer in range(sum(name.startswith("encoder.") and name.endswith("_after.bias") for name in w)):
        place = f"encoder.layer.{layer}."
        inner = place + "attention.attention"
        h = normed(x, place + "layernorm_before")
        names = {"q": "query", "k": "key", "v": "value"}
        q, k, v = (dense(h, f"{inner}.{names[letter]}", pair(inner, letter)) for letter in "qkv")
        o = place + "attention.output"
        x = x + dense(attend(q, k, v, heads), o + ".dense", pair(o, "o"))
        h = dense(normed(x, place + "layernorm_after"), place + "intermediate.dense")
        x = x + dense(gelu(h), place + "output.dense")
    return normed(x, "layernorm")


def petl_forward(state, features, final_output, scale, heads=2):
    """(pooled, logits) of a PETL_AST checkpoint as its own code computes them; `scale` is alpha / R."""
    w = doubles(state)
    x = petl_tokens(w, features, heads, scale)
    pooled = x.mean(0) if final_output == "ALL" else x[0]
    return pooled, linear(pooled, w["classification_head.weight"], w["classification_head.bias"])


def ast_forward(state, features, heads, strides, eps=(1e-6, 1e-5)):
    """(pooled, logits) of an original AST checkpoint; `eps` of the blocks' LayerNorms and of mlp_head's."""
    w = doubles(state)

    def of(place):
        return w[place + ".weight"], w[place + ".bias"]

    x = embed(
        features, *of("v.patch_embed.proj"), (w["v.cls_token"][0], w["v.dist_token"][0]), w["v.pos_embed"][0], strides
    )
    for layer in range(sum(name.endswith("norm1.bias") for name in w)):
        place = f"v.blocks.{layer}."
        qkv = linear(norm(x, *of(place + "norm1"), eps[0]), *of(place + "attn.qkv"))
        q, k, v = qkv.reshape(len(x), 3, -1).transpose(1, 0, 2)
        x = x + linear(attend(q, k, v, heads), *of(place + "attn.proj"))
        h = linear(norm(x, *of(place + "norm2"), eps[0]), *of(place + "mlp.fc1"))
        x = x + linear(gelu(h), *of(place + "mlp.fc2"))
    x = norm(x, *of("v.norm"), eps[0])
    pooled = (x[0] + x[1]) / 2
    return pooled, linear(norm(pooled, *of("mlp_head.0"), eps[1]), *of("mlp_head.1"))
