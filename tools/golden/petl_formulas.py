"""What every method of PETL_AST computes, written from its formulas in numpy (float64).

The arrays have the names of a checkpoint; `fields` are those of adapter_config.json. docs/importing.md has the formulas.
"""

import numpy as np

from .formulas import attend, embed, gelu, linear, norm

POOLED = {"mean": (0, None), "cls": (0, 1), "prompts": (1, "k"), "speech": ("k", None), "prompts_speech": (1, None)}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis):
    weights = np.exp(x - x.max(axis, keepdims=True))
    return weights / weights.sum(axis, keepdims=True)


def module(w, place, x):
    """One adapter module on the rows of x."""

    def dense(name, x):
        weight = w[f"{place}.{name}.weight"]
        return linear(x, weight.reshape(len(weight), -1), w[f"{place}.{name}.bias"])

    if f"{place}.linear_downsample.weight" in w:
        return dense("linear_upsample", gelu(dense("linear_downsample", x)))
    if f"{place}.adapter_down.weight" in w:
        down = dense("adapter_down", x)
        for _ in range(2):  # the activation twice; the convolution between them is thrown away
            down = down * sigmoid(1.702 * down)
        return dense("adapter_up", down)
    value, gate = np.split(dense("pwise_conv1", x), 2, axis=1)
    kernel = w[f"{place}.dwise_conv.weight"][:, 0]
    left = (kernel.shape[1] - 1) // 2
    padded = np.pad(value * sigmoid(gate), ((left, kernel.shape[1] - 1 - left), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[1], axis=0)
    y = np.einsum("tbk,bk->tb", windows, kernel) + w[f"{place}.dwise_conv.bias"]
    b = f"{place}.bnorm."
    y = (y - w[b + "running_mean"]) / np.sqrt(w[b + "running_var"] + 1e-5) * w[b + "weight"] + w[b + "bias"]
    return dense("pwise_conv2", y * sigmoid(y))


def mixture(w, layer, side, x):
    """A mixture of the experts at `layer`moa`side` on the rows of x."""
    place = f"{layer}moa{side}"
    experts = len({name[len(place) + 5 :].split(".")[0] for name in w if name.startswith(place + ".moa.")})
    if f"{place}.slot_params" not in w:
        router = f"{layer}router{side}.ff"
        weights = softmax(linear(x, w[router + ".weight"], w[router + ".bias"]), 1)
        return sum(weights[:, [expert]] * module(w, f"{place}.moa.{expert}", x) for expert in range(experts))
    slots = w[f"{place}.slot_params"]
    if f"{place}.scale" in w:
        x = x / (np.linalg.norm(x, axis=1, keepdims=True) + 1e-6)
        slots = slots / (np.linalg.norm(slots, axis=1, keepdims=True) + 1e-6) * w[f"{place}.scale"]
    logits = np.einsum("md,dnp->mnp", x, slots)
    inputs = np.einsum("md,mnp->npd", x, softmax(logits, 0))
    outputs = np.stack([module(w, f"{place}.moa.{expert}", inputs[expert]) for expert in range(experts)])
    combine = softmax(logits.reshape(len(x), -1), 1).reshape(logits.shape)
    return np.einsum("npd,mnp->md", outputs, combine)


def block(w, x, layer, fields, heads, eps):
    """One layer, with what the method adds."""
    method, houlsby = fields["method"], fields.get("architecture") == "houlsby"
    mode, place, location = fields.get("mode"), fields.get("position"), fields.get("location")
    is_mixture = method in ("dense-moa", "soft-moa")
    ablated = location if method == "adapter-ablation" else None

    def dense(name, x):
        return linear(x, w[f"{layer}{name}.weight"], w[f"{layer}{name}.bias"])

    def normed(name, x):
        return norm(x, w[f"{layer}{name}.weight"], w[f"{layer}{name}.bias"], eps)

    def adapt(x):
        return module(w, layer + "adapter_module", x)

    def half(compute, n):
        """A half of the layer with the ablation's adapter."""
        added = adapt(n) if place == "before" else None
        y = compute(added if place == "before" and mode == "sequential" else n)
        return y + (adapt(y) if added is None else added)

    def attention(n):
        q, k, v = (dense(f"attention.attention.{name}", n) for name in ("query", "key", "value"))
        if f"{layer}attention.attention.key_tokens" in w:
            tokens = (w[f"{layer}attention.attention.{name}_tokens"][0] for name in ("key", "value"))
            k, v = (np.concatenate([part[:1], more, part[1:]]) for part, more in zip((k, v), tokens))
        return dense("attention.output.dense", attend(q, k, v, heads))

    def mlp(n):
        return dense("output.dense", gelu(dense("intermediate.dense", n)))

    n1 = normed("layernorm_before", x)
    a = half(attention, n1) if ablated == "mhsa" else attention(n1)
    added = 0
    if method == "adapter" and houlsby:
        a = _adapted(w, layer + "adapter_module_MHSA", a, n1, fields)
    elif is_mixture and (houlsby or location == "mhsa"):
        added = mixture(w, layer, "_mhsa" if houlsby else "", n1)
    h = x + a + added
    n2 = normed("layernorm_after", h)
    f = half(mlp, n2) if ablated == "ffn" else mlp(n2)
    if method == "adapter":
        f = _adapted(w, layer + "adapter_module_FFN", f, n2, fields)
    elif is_mixture and (houlsby or location == "ffn"):
        added = mixture(w, layer, "_ffn" if houlsby else "", n2)
    # Pfeiffer beside attention: the published code adds the mixture's output a second time.
    return h + f + added


def _adapted(w, place, y, n, fields):
    """The output y of a half that reads n, with its adapter."""
    if fields["mode"] == "parallel":
        return y + module(w, place, n) + (n if fields["apply_residual"] else 0)
    return module(w, place, y) + (y if fields["apply_residual"] else 0)


def petl_logits(w, features, fields, pooling, heads=2, strides=(10, 10), eps=1e-12):
    """(pooled, logits) from float64 arrays with the names of a checkpoint."""
    e = "embeddings."
    kernel, bias = w[e + "patch_embeddings.projection.weight"], w[e + "patch_embeddings.projection.bias"]
    first = (w[e + "cls_token"][0], w[e + "distillation_token"][0])
    x = embed(features, kernel, bias, first, w[e + "position_embeddings"][0], strides)
    prompts = w["prompt_embeddings"][0] if "prompt_embeddings" in w else None
    if prompts is not None:
        x = np.concatenate([x[:1], prompts, x[2:]])
    for index in range(sum(name.startswith("encoder.") and name.endswith("layernorm_after.bias") for name in w)):
        if index and "deep_prompt_embeddings" in w:
            x[1 : 1 + len(prompts)] = w["deep_prompt_embeddings"][index - 1]
        x = block(w, x, f"encoder.layer.{index}.", fields, heads, eps)
    x = norm(x, w["layernorm.weight"], w["layernorm.bias"], eps)
    start, end = (1 + len(prompts) if row == "k" else row for row in POOLED[pooling])
    pooled = x[start:end].mean(0)
    return pooled, linear(pooled, w["classification_head.weight"], w["classification_head.bias"])
