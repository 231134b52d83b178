"""What each method of PETL_AST but LoRA becomes: its tensors, and the fields of adapter_config.json."""

from dataclasses import dataclass, field

from .checkpoint import Refused, take
from .petl import POSITIONS, check_rate, layer_norms
from .petl_modules import Modules, read_mixture, sides

# Pooling of config.json.
POOLINGS = {"ALL": "mean", "CLS": "cls", "PROMPTS": "prompts", "SPEECH": "speech", "PROMPTS+SPEECH": "prompts_speech"}
LINEARS = ("attention.attention.query", "attention.attention.key", "attention.attention.value")
LINEARS += ("attention.output.dense", "intermediate.dense", "output.dense")


@dataclass
class Converted:
    """A method's tensors by the checkpoint's name, its fields, trained tensors of the layers, and a summary."""

    own: dict = field(default_factory=dict)
    fields: dict = field(default_factory=dict)
    trained: list = field(default_factory=list)
    said: str = ""
    left_out: dict = field(default_factory=dict)


def counted(count, noun):
    """`1 key`, `2 keys`."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def linear(tensors, layers, hidden, training):
    return Converted(fields={"method": "linear"}, said="the final LayerNorm and the head")


def bitfit(tensors, layers, hidden, training):
    names = [
        f"encoder.layer.{layer}.{part}.bias"
        for layer in range(layers)
        for part in (*LINEARS, "layernorm_before", "layernorm_after")
    ]
    # A base without qkv_bias has none to train.
    trained = [name for name in names if name in tensors or not name.endswith(("query.bias", "key.bias", "value.bias"))]
    return Converted(fields={"method": "bitfit"}, trained=trained, said=f"the biases of {layers} layers")


def prefix_tuning(tensors, layers, hidden, training):
    own = {}
    count = None
    for layer in range(layers):
        for part in ("key", "value"):
            name = f"encoder.layer.{layer}.attention.attention.{part}_tokens"
            own[name] = take(tensors, name, [1, count, hidden])
            count = own[name].shape[1]
    _no_more(tensors, own, "_tokens")
    if count == 0:
        raise Refused("key_tokens have no rows: a prefix of length 0 changes nothing")
    return Converted(own, {"method": "prefix-tuning"}, said=f"prefixes of {counted(count, 'key')} and as many values in {layers} layers")


def prompt_tuning(tensors, layers, hidden, training):
    own = {"prompt_embeddings": take(tensors, "prompt_embeddings", [1, None, hidden])}
    count = own["prompt_embeddings"].shape[1]
    if count == 0:
        raise Refused("prompt_embeddings have no rows: there are no prompts")
    deep = "deep_prompt_embeddings"
    is_deep = deep in tensors
    if is_deep:
        own[deep] = take(tensors, deep, [layers - 1, count, hidden])
    fields = {"depth": "deep" if is_deep else "shallow", "method": "prompt-tuning"}
    return Converted(own, fields, said=f"{fields['depth']} prompt-tuning with {counted(count, 'prompt')}")


def _no_more(tensors, own, end):
    """Rejects the tensors of further layers."""
    if more := [name for name in tensors if name.endswith(end) and name not in own and name != POSITIONS]:
        raise Refused(f"{more[0]}: has no layer: the checkpoint is of two models")


def adapter(tensors, layers, hidden, training):
    found = sides(tensors, layers, "adapter_module_", "FFN", ("MHSA", "FFN"))
    modules = Modules(tensors, hidden)
    for layer in range(layers):
        for side in found:
            modules.read(f"encoder.layer.{layer}.adapter_module_{side}.")
    _check_width(training, hidden, modules)
    houlsby = len(found) == 2
    fields = {
        "apply_residual": training.get("apply_residual"),
        "architecture": "houlsby" if houlsby else "pfeiffer",
        "block": modules.block,
        "method": "adapter",
        "mode": training.get("seq_or_par"),
    }
    said = f"{fields['mode']} {fields['architecture'].capitalize()} adapters, {modules.said}"
    said += ", with residual" if fields["apply_residual"] else ""
    norms = layer_norms(layers, ("before", "after") if houlsby else ("after",))
    return Converted(modules.own, fields, norms, said, modules.left_out)


def adapter_ablation(tensors, layers, hidden, training):
    modules = Modules(tensors, hidden)
    for layer in range(layers):
        modules.read(f"encoder.layer.{layer}.adapter_module.")
    _check_width(training, hidden, modules)
    fields = {
        "block": modules.block,
        "location": training.get("location").lower(),
        "method": "adapter-ablation",
        "mode": training.get("seq_or_par"),
        "position": training.get("befafter"),
    }
    said = f"{fields['mode']} adapters {fields['position']} {fields['location'].upper()}, {modules.said}"
    return Converted(modules.own, fields, layer_norms(layers, ("before", "after")), said, modules.left_out)


def dense_moa(tensors, layers, hidden, training):
    return _mixture(tensors, layers, hidden, training, soft=False)


def soft_moa(tensors, layers, hidden, training):
    return _mixture(tensors, layers, hidden, training, soft=True)


def _mixture(tensors, layers, hidden, training, soft):
    found = sides(tensors, layers, "moa", "", ("_mhsa", "_ffn"))
    modules = Modules(tensors, hidden)
    sizes = None
    for layer in range(layers):
        for side in found:
            place = f"encoder.layer.{layer}."
            sizes = read_mixture(modules, tensors, f"{place}moa{side}.", soft, sizes)
            if not soft:
                router = f"{place}router{side}.ff."
                modules.own[router + "weight"] = take(tensors, router + "weight", [sizes[0], hidden])
                modules.own[router + "bias"] = take(tensors, router + "bias", [sizes[0]])
    if not soft and (more := [name for name in tensors if ".router" in name and name not in modules.own]):
        raise Refused(f"{more[0]}: is the router of no mixture: the checkpoint is incomplete")
    _check_width(training, hidden, modules)
    fields = {
        "architecture": "houlsby" if len(found) == 2 else "pfeiffer",
        "block": modules.block,
        "method": "soft-moa" if soft else "dense-moa",
    }
    if modules.block == "conformer":
        raise Refused("the experts are conformer adapters: the published code has bottleneck and convpass experts")
    said = f"{'Soft' if soft else 'Dense'}-MoA of {counted(sizes[0], 'expert')}"
    if soft:
        fields["normalize"] = sizes[1][1]
        said += f" with {counted(sizes[1][0], 'slot')}" + (", normalised" if sizes[1][1] else "")
    if len(found) == 1:
        fields["location"] = training.get("location").lower()
        said += f", Pfeiffer, {fields['location'].upper()}"
    else:
        said += ", Houlsby"
        if training.options.location:
            training.note("--location has no effect: Houlsby has mixtures in both places")
    return Converted(
        modules.own, fields, layer_norms(layers, ("before", "after")), f"{said}, {modules.said}", modules.left_out
    )


def _check_width(training, hidden, modules):
    if training.options.reduction_rate is not None:
        check_rate(training.options.reduction_rate, hidden, modules.width, what="width")


CONVERTERS = {
    "linear": linear,
    "BitFit": bitfit,
    "prefix-tuning": prefix_tuning,
    "prompt-tuning": prompt_tuning,
    "adapter": adapter,
    "adapter-ablation": adapter_ablation,
    "Dense-MoA": dense_moa,
    "Soft-MoA": soft_moa,
}
