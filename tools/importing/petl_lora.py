"""The LoRA factors in a checkpoint of ast-LoRA or PETL_AST."""

import math
import re

import torch

from .checkpoint import Refused, take

# The letter in lora_down_X: the module whose output the pair is added to, and how PEFT's target_modules name it.
MODULES = {
    "q": "attention.attention.query",
    "k": "attention.attention.key",
    "v": "attention.attention.value",
    "o": "attention.output.dense",
}
TARGETS = {"q": "query", "k": "key", "v": "value", "o": "attention.output.dense"}
# The first releases of PETL_AST had one pair without a letter, added to query and key.
SHARED = "qk"

PAIR = re.compile(
    r"encoder\.layer\.(\d+)\.attention\."
    r"(?:attention\.lora_(down|up)(?:_([qkvQKV]))?|output\.lora_(down|up)_([oO]))\.weight"
)


def lora_pairs(tensors, layers, hidden):
    """{(layer, letter): (A [r, hidden], B [hidden, r])} and r, the same for all."""
    found = {}
    for name in tensors:
        if match := PAIR.fullmatch(name):
            letters = (match[3] or match[5] or SHARED).lower()
            for letter in letters:
                place = (int(match[1]), letter, match[2] or match[4])
                if place in found:
                    raise Refused(f"{name} and {found[place]} are for the same module: save one method's state_dict")
                found[place] = name
    if not found:
        raise Refused("the checkpoint has no lora_down or lora_up: is it another method?")
    letters = sorted({letter for _, letter, _ in found}, key="qkvo".index)
    pairs = {}
    rank = None
    for layer in range(layers):
        for letter in letters:
            for part in ("down", "up"):
                if (layer, letter, part) not in found:
                    raise Refused(
                        f"layer {layer} has no lora_{part} for {TARGETS[letter]}, but another layer has: the checkpoint is incomplete"
                    )
            a = take(tensors, found[layer, letter, "down"], [rank, hidden])
            rank = a.shape[0]
            pairs[layer, letter] = (a, take(tensors, found[layer, letter, "up"], [hidden, rank]))
    return pairs, rank


def lora_alpha(alpha, reduction_rate, rank):
    """The alpha with which alpha / r, rounded to fp32, is the training's alpha / R; in fp64 too where that exists."""
    scale = alpha / reduction_rate
    near = scale * rank
    candidates = (near, math.nextafter(near, math.inf), math.nextafter(near, -math.inf))
    best = next((value for value in candidates if value / rank == scale), near)
    if torch.tensor(best / rank, dtype=torch.float32) != torch.tensor(scale, dtype=torch.float32):
        raise Refused(f"no alpha divided by {rank} is {scale}: please report this")
    return int(best) if best.is_integer() else best
