"""Writes a directory atomically, and reports errors as one line and an exit status."""

import json
import math
import os
import shutil
import sys
import tempfile
from pathlib import Path

from safetensors.torch import save_file

from .checkpoint import Refused

OURS = {
    "adapter_config.json",
    "adapter_model.safetensors",
    "config.json",
    "model.safetensors",
    "preprocessor_config.json",
}

# The first is what cross entropy trains, the second binary cross entropy.
PROBLEM_TYPES = ("single_label_classification", "multi_label_classification")


def positive(kind):
    """An argparse type: a finite number above zero."""

    def parse(text):
        value = kind(text)
        if not 0 < value < math.inf:
            raise ValueError(text)
        return value

    parse.__name__ = f"positive {kind.__name__}"  # shown in argparse's error message
    return parse


def check_free(out, force):
    """Rejects an existing directory; with `force`, only one that contains files of other programs."""
    out = Path(out)
    if not os.path.lexists(out):
        return
    if not force:
        raise Refused(f"{out}: exists: give another OUT_DIR or --force")
    if not out.is_dir() or out.is_symlink():
        raise Refused(f"{out}: is not a directory: give another OUT_DIR")
    if strange := sorted(path.name for path in out.iterdir() if path.name not in OURS):
        raise Refused(f"{out}: contains {strange[0]}, which --force would delete: give another OUT_DIR")


def write_directory(out, contents, force=False):
    """Writes `contents` (file name: fields of a JSON file, or tensors) beside `out`, and renames it when complete."""
    out = Path(out)
    check_free(out, force)
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        new = scratch / "new"
        new.mkdir()
        for name, content in sorted(contents.items()):
            if name.endswith(".json"):
                text = json.dumps(content, indent=2, ensure_ascii=False)
                (new / name).write_text(text + "\n", encoding="utf-8")
            else:
                save_file(content, new / name, metadata={"format": "pt"})
        for path in new.iterdir():
            shutil.copymode(
                new / "config.json", path
            )  # safetensors writes for the owner only, but the daemon is another user
        if out.exists():
            out.rename(scratch / "old")
        new.rename(out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def front_end(mel_bins, max_length, mean, std):
    """preprocessor_config.json as ASTFeatureExtractor saves it."""
    return {
        "do_normalize": True,
        "feature_extractor_type": "ASTFeatureExtractor",
        "feature_size": 1,
        "max_length": max_length,
        "mean": mean,
        "num_mel_bins": mel_bins,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": False,
        "sampling_rate": 16000,
        "std": std,
    }


def run(program, action):
    """Runs `action`; an error is one line on stderr and exit status 1."""
    try:
        action()
    except Refused as refusal:
        print(f"{program}: {refusal}", file=sys.stderr)
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"{program}: {where}{error.strerror or error}: check the path and its permissions", file=sys.stderr)
        return 1
    return 0
