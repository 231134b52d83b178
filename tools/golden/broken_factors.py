"""What can be wrong with an adapter's tensors, each in an otherwise good adapter."""

import torch
from safetensors.torch import load_file

from .adapters import POSITIONS
from .damage import first, mapped, poked, without
from .models import legacy

QUERY = "layers.0.attention.q_proj"


def _stray(found):
    name = first(found, "lora_A")
    for part in ("lora_A", "lora_B"):
        found[name.replace("layers.0", "layers.7").replace("lora_A", part)] = found[name.replace("lora_A", part)].clone()
    return found


def _huge(found):
    for part in ("lora_A", "lora_B"):
        found[first(found, part)] *= 1e25
    return found


def _first_changed(part, edit):
    def change(found):
        name = first(found, part)
        found[name] = edit(found[name])
        return found

    return change


def _added(**more):
    """For `tensors`: adds some, by the ends of their names."""
    return lambda found: found | {f"base_model.model.{name.replace('__', '.')}": value for name, value in more.items()}


def _legacy_too(found):
    return found | {legacy(name): value.clone() for name, value in found.items() if QUERY in name}


def _no_rank(found):
    a, b = f"{QUERY}.lora_A", f"{QUERY}.lora_B"
    return mapped(a, lambda t: t[:0])(mapped(b, lambda t: t[:, :0])(found))


def _as_convolution(found):
    return mapped("lora_A", lambda t: t[:, :, None, None])(mapped("lora_B", lambda t: t[:, :, None, None])(found))


def _zero_row(base):
    """The first row of a weight and its delta cancel: DoRA divides by its length."""

    def change(found):
        row = load_file(base)["audio_spectrogram_transformer.encoder.layer.0.attention.attention.query.weight"][0]
        a, b = first(found, f"{QUERY}.lora_A"), first(found, f"{QUERY}.lora_B")
        found[a][0] = -row / 2  # lora_alpha / r is 2
        found[b][0] = torch.tensor([1.0, 0.0, 0.0, 0.0])
        return found

    return change


def positions(tokens):
    return lambda found: found | {POSITIONS: torch.ones(1, tokens, 32)}


def factors(models):
    """(name, made from, what is wrong, what the message must say, change to the directory)"""
    plain, head, dora, bias = "modern-qv", "new-head", "dora", "lora-bias"
    return [
        (
            "broken-shape",
            plain,
            "made for a model with another hidden size",
            "lora_A",
            mapped("lora_A", lambda t: t[:, :-8]),
        ),
        ("broken-unmatched", plain, "a tensor for layer 7 of a model with 2 layers", "layers.7", _stray),
        ("broken-nan", plain, "a NaN in a lora_B", "", poked("lora_B", float("nan"))),
        ("infinite-a", plain, "an infinity in a lora_A", "", poked("lora_A", float("inf"))),
        ("broken-overflow", plain, "finite factors whose merged weight is not", "", _huge),
        (
            "broken-ranks",
            plain,
            "lora_A and lora_B of different ranks",
            "lora_B",
            _first_changed("lora_B", lambda t: t[:, :-1]),
        ),
        ("broken-half", plain, "a lora_A without its lora_B", "lora_A", without("layers.1.attention.v_proj.lora_B")),
        ("half-b", plain, "a lora_B without its lora_A", "lora_B", without("layers.1.attention.v_proj.lora_A")),
        ("broken-empty", plain, "no LoRA tensor at all", "unrelated", lambda found: {"unrelated": torch.ones(2)}),
        ("no-tensors", plain, "a file without tensors", "", lambda found: {}),
        ("no-rank", plain, "factors of rank 0", "lora_A", _no_rank),
        ("three-dimensions", plain, "a lora_A of three dimensions", "lora_A", _first_changed("lora_A", lambda t: t[None])),
        ("convolution-factors", plain, "factors of a convolution for a linear module", "lora_A", _as_convolution),
        ("transposed-factors", plain, "factors the other way round", "lora_", mapped("lora_", lambda t: t.T)),
        ("both-dialects", plain, "one factor under both generations of names", "", _legacy_too),
        ("integer-factors", plain, "factors of dtype I8", "I8", mapped("lora_", lambda t: t.to(torch.int8))),
        (
            "embedding-factors",
            plain,
            "LoRA on an embedding, which the model has none of",
            "lora_embedding_A",
            _added(audio_spectrogram_transformer__embeddings__lora_embedding_A=torch.ones(4, 110)),
        ),
        (
            "stray-head",
            plain,
            "a classifier of another width",
            "classifier.dense.weight",
            _added(classifier__dense__weight=torch.ones(12, 24)),
        ),
        (
            "head-without-bias",
            head,
            "a head of 4 classes without its bias",
            "classifier.dense.bias",
            without("classifier.dense.bias"),
        ),
        (
            "head-differs",
            head,
            "a head's weight of 4 classes, bias of 3",
            "classifier.dense.bias",
            mapped("dense.bias", lambda t: t[:3]),
        ),
        ("head-nan", head, "a NaN in the head", "classifier.dense.weight", poked("classifier.dense.weight", float("nan"))),
        (
            "magnitude-alone",
            dora,
            "a magnitude without factors",
            "magnitude",
            lambda f: without(f"{QUERY}.lora_A")(without(f"{QUERY}.lora_B")(f)),
        ),
        (
            "magnitude-short",
            dora,
            "a magnitude for 31 of 32 rows",
            "magnitude",
            _first_changed("magnitude", lambda t: t[:-1]),
        ),
        ("magnitude-missing", dora, "use_dora without magnitudes", "use_dora", without("magnitude")),
        (
            "magnitude-one-missing",
            dora,
            "a module of a DoRA adapter without its magnitude",
            "magnitude",
            without(f"{QUERY}.lora_mag"),
        ),
        ("dora-zero-row", dora, "a row of length 0 to divide by", "", _zero_row(models / "stride10" / "model.safetensors")),
        (
            "lora-bias-short",
            bias,
            "a bias of lora_B for 31 of 32 rows",
            "lora_B.bias",
            _first_changed("lora_B.bias", lambda t: t[:-1]),
        ),
        (
            "positions-alone",
            plain,
            "position embeddings of another max_length, which no config.json sets",
            "position_embeddings",
            positions(74),
        ),
    ]
