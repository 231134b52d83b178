"""What all methods of PETL_AST (and ast-LoRA) have in common: the names of a checkpoint's tensors, and its methods."""

import re

import torch

from .checkpoint import Refused

BACKBONE = "audio_spectrogram_transformer."
POSITIONS = "embeddings.position_embeddings"
EMBEDDINGS = r"embeddings\.(cls_token|distillation_token|position_embeddings|patch_embeddings\.projection\.(weight|bias))"
LAYER = (
    r"encoder\.layer\.\d+\.((attention\.attention\.(query|key|value)|(attention\.output|intermediate|output)\.dense)"
    r"|layernorm_(before|after))\.(weight|bias)"
)
FROZEN = re.compile(f"{EMBEDDINGS}|{LAYER}")
TRAINED = {"classification_head.weight", "classification_head.bias", "layernorm.weight", "layernorm.bias"}

_IN_LAYER = r"encoder\.layer\.\d+\."
# The method's own tensors, by the name that the training's --method has for it.
OWN = {
    "LoRA": re.compile(
        _IN_LAYER + r"attention\.(attention\.lora_(down|up)(_[qkvQKV])?|output\.lora_(down|up)_[oO])\.weight"
    ),
    "prefix-tuning": re.compile(_IN_LAYER + r"attention\.attention\.(key|value)_tokens"),
    "prompt-tuning": re.compile(r"(deep_)?prompt_embeddings"),
    "adapter": re.compile(_IN_LAYER + r"adapter_module_(FFN|MHSA)\..+"),
    "adapter-ablation": re.compile(_IN_LAYER + r"adapter_module\..+"),
    "Soft-MoA": re.compile(_IN_LAYER + r"moa(_mhsa|_ffn)?\.(slot_params|scale|moa\.\d+\..+)"),
    "Dense-MoA": re.compile(_IN_LAYER + r"(moa(_mhsa|_ffn)?\.moa\.\d+\..+|router(_mhsa|_ffn)?\.ff\.(weight|bias))"),
}
# These train tensors that every AST has, so that only a comparison with the base tells them apart.
WITHOUT_OWN = ("linear", "BitFit", "full-FT")
METHODS = (*WITHOUT_OWN, *OWN)


def without_twin(tensors):
    """Removes the copy under `model.`: most of the training's classes register the same modules under two names."""
    single = {}
    for name, tensor in tensors.items():
        short = name.removeprefix("model.")
        # NaN is equal to NaN here; reading the tensor reports it.
        if short in single and not torch.equal(torch.nan_to_num(single[short]), torch.nan_to_num(tensor)):
            raise Refused(f"{short} and model.{short} differ: save the state_dict of one module")
        single[short] = tensor
    return single


def own_method(tensors):
    """(the method whose tensors these are, one of them); (None, None) without tensors of a method."""
    found = {}
    for name in tensors:
        if name in TRAINED or FROZEN.fullmatch(name):
            continue
        if name.startswith(("feature_extractor.", "feature_projection.", "masked_spec_embed")):
            raise Refused(f"{name}: is a tensor of Wav2Vec 2.0: only checkpoints of AST can be imported")
        fit = [method for method, pattern in OWN.items() if pattern.fullmatch(name)]
        if not fit:
            raise Refused(f"{name}: is not a tensor of AST with one of the methods {', '.join(METHODS)}")
        # Experts are called alike in both kinds of MoA; the router or the slots decide.
        if len(fit) == 1:
            found.setdefault(fit[0], name)
        else:
            found.setdefault("expert", name)
    expert = found.pop("expert", None)
    if len(found) > 1:
        (first, one), (second, other), *_ = found.items()
        raise Refused(f"{one} is a tensor of {first}, {other} of {second}: save one method's state_dict")
    if not found:
        if expert:
            raise Refused(f"{expert}: is an expert without router.ff (Dense-MoA) or slot_params (Soft-MoA): incomplete")
        return None, None
    method, name = next(iter(found.items()))
    if expert and method not in ("Soft-MoA", "Dense-MoA"):
        raise Refused(f"{name} is a tensor of {method}, {expert} of MoA: save one method's state_dict")
    return method, name


def find_method(tensors, given, changes):
    """The method of a checkpoint: the `given` one, if the tensors agree.

    `changes()` gives the names of the frozen tensors that differ from the base's; it is None without a base.
    """
    found, name = own_method(tensors)
    if found == "adapter-ablation" and given == "adapter":
        given = found  # the training's --method is `adapter` for both of its classes
    if found:
        if given not in (None, found):
            raise Refused(f"--method {given}, but {name} is a tensor of {found}: leave --method out")
        return found
    if given in OWN:
        raise Refused(f"--method {given}, but the checkpoint has no tensor of it, such as {EXAMPLES[given]}")
    if given:
        return given
    if changes is None:
        raise Refused(
            "linear, BitFit and full-FT write the same tensors: give --method, or --base, which shows what was trained"
        )
    changed = changes()
    if not changed:
        return "linear"
    return "BitFit" if all(name.endswith(".bias") for name in changed) else "full-FT"


EXAMPLES = {
    "LoRA": "lora_down_q",
    "prefix-tuning": "key_tokens",
    "prompt-tuning": "prompt_embeddings",
    "adapter": "adapter_module_FFN",
    "adapter-ablation": "adapter_module",
    "Soft-MoA": "moa.slot_params",
    "Dense-MoA": "router.ff",
}


def check_rate(rate, hidden, width, option="--reduction-rate", what="rank"):
    """Checks R against the inner width, round(H / R): with LoRA a wrong R would give a wrong scale silently."""
    if round(hidden / rate) == width:
        return
    fit = [value for value in range(1, 2 * hidden + 1) if round(hidden / value) == width]
    hint = f"{fit[0]} to {fit[-1]} would fit" if fit else "it is not a checkpoint of this method"
    raise Refused(f"{option} {rate} gives a {what} of {round(hidden / rate)}, the checkpoint's is {width}: {hint}")


def layer_norms(layers, sides):
    """The names of the layers' LayerNorm tensors of some `sides`: before attention, after it (before the MLP)."""
    return [
        f"encoder.layer.{layer}.layernorm_{side}.{part}"
        for layer in range(layers)
        for side in sides
        for part in ("weight", "bias")
    ]
