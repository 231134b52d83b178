"""The golden cases of PETL_AST's other methods (linear, BitFit, prefixes, prompts), computed by its own classes.

Their adapters are made by tools/import_petl.py from the state_dict that a training would save. petl_modules.py says
where PETL_AST comes from, and what happens without it.
"""

import os
import tempfile
from pathlib import Path

import import_petl
import torch
from safetensors.torch import load_file as load_tensors

from .foreign import LABELS
from .petl_modules import Recorded, run_classes, stored_cases
from .references import References

BASE = "stride10"
KIND = "petl-method-"
CLIPS = ("speech", "short", "dc-sweep", "silence")


def _prefix(tokens):
    return "prefix-tuning", {"num_tokens": tokens, "patch_size": 16, "hidden_size": 32}


def _prompts(tokens, deep):
    return "prompt-tuning", {"NUM_TOKENS": tokens, "DEEP": deep}


# name: method, options of its class, final_output. Odd numbers of tokens and keys, and one token, are among them.
CASES = {
    "linear": ("linear", {}, "ALL"),
    "linear-cls": ("linear", {}, "CLS"),
    "bitfit": ("BitFit", {}, "ALL"),
    "bitfit-cls": ("BitFit", {}, "CLS"),
    "prefix": (*_prefix(24), "ALL"),
    "prefix-cls": (*_prefix(2), "CLS"),
    "prefix-long": (*_prefix(330), "CLS"),
    "shallow-all": (*_prompts(6, False), "ALL"),
    "shallow-cls": (*_prompts(1, False), "CLS"),
    "shallow-prompts": (*_prompts(25, False), "PROMPTS"),
    "shallow-speech": (*_prompts(5, False), "SPEECH"),
    "shallow-prompts-speech": (*_prompts(3, False), "PROMPTS+SPEECH"),
    "deep-all": (*_prompts(25, True), "ALL"),
    "deep-cls": (*_prompts(6, True), "CLS"),
    "deep-prompts": (*_prompts(4, True), "PROMPTS"),
    "deep-speech": (*_prompts(60, True), "SPEECH"),
    "deep-prompts-speech": (*_prompts(1, True), "PROMPTS+SPEECH"),
}


def write_methods(root):
    """Writes adapters/petl-method-* and their reference arrays; returns their cases for the index."""
    petl, transformers = os.environ.get("PETL_AST"), os.environ.get("PETL_TRANSFORMERS")
    if not petl or not transformers:
        return stored_cases(root, KIND)
    writer = References(root)
    cases = []
    base = root / "models" / BASE
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        recorded = run_classes(root, scratch, f"{transformers}:{petl}", CASES, seed=700)
        for name, (method, _, final_output) in CASES.items():
            state = load_tensors(scratch / f"{name}.state.safetensors")
            torch.save(state, scratch / "bestmodel")
            options = ["--method", method, "--final-output", final_output, "--max-length", "96"]
            options += ["--labels-file", str(_labels(scratch / "labels.txt")), "--base", str(base)]
            if import_petl.main([str(scratch / "bestmodel"), str(root / "adapters" / (KIND + name)), *options]) != 0:
                raise SystemExit(f"make_golden: import_petl refused its own golden checkpoint {name}")
            cases += [writer.pair(recorded(name), BASE, KIND + name, clip, inner_stages=False) for clip in CLIPS]
    return cases


def _labels(path):
    path.write_text("".join(f"{label}\n" for label in LABELS[:4]), encoding="utf-8")
    return path
