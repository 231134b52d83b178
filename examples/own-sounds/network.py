"""The base model with a new head for own labels, and adapters in PEFT's format."""

import contextlib
import ctypes
import json
import os
import shutil
import warnings
from pathlib import Path

import numpy as np
import torch
from peft import LNTuningConfig, LoraConfig, get_peft_model, get_peft_model_state_dict
from safetensors.torch import save_file
from transformers import ASTForAudioClassification
from transformers.utils import logging

warnings.filterwarnings("ignore")
logging.set_verbosity_error()
logging.disable_progress_bar()


def base_model(directory, labels, seed=0):
    """The base with a new, random head."""
    torch.manual_seed(seed)
    return ASTForAudioClassification.from_pretrained(
        directory, dtype=torch.float32, num_labels=len(labels), id2label=dict(enumerate(labels)),
        label2id={name: index for index, name in enumerate(labels)}, ignore_mismatched_sizes=True).eval()


def pooled(model, features, device, batch=16):
    """What the head is given, `[windows, hidden]`: the vectors of `astd embed`."""
    found = []
    with torch.inference_mode():
        for part in features.split(batch):
            found.append(model.audio_spectrogram_transformer(part.to(device)).pooler_output.float().cpu())
    return torch.cat(found) if found else torch.zeros(0, model.config.hidden_size)


def probed(model):
    """An adapter that replaces the last LayerNorm, by an equal one, and the head: a linear probe."""
    config = LNTuningConfig(target_modules=["audio_spectrogram_transformer.layernorm"], modules_to_save=["classifier"])
    return get_peft_model(model, config)


LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "fc1", "fc2"]


def adapted(model, rank):
    """An adapter with LoRA on every matrix of the layers, and the head."""
    config = LoraConfig(
        r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules=LAYERS, modules_to_save=["classifier"])
    return get_peft_model(model, config)


def head(model):
    """The head that an adapter trains."""
    part = model.base_model.model.classifier
    return part.modules_to_save["default"]


def set_head(model, state):
    with torch.no_grad():
        head(model).load_state_dict(state)


@contextlib.contextmanager
def directory_in_place(target):
    """A new directory that replaces `target` in one step when it is complete, so that `target` is always whole."""
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.parent / f".{target.name}.{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        yield fresh
        if target.exists():
            exchange(fresh, target)
        else:
            fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def exchange(first, second):
    """Exchanges two directories (Linux 3.15); renames one after the other where the file system cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    at_working_directory, exchange_flag = -100, 2
    with contextlib.suppress(AttributeError):
        if not libc.renameat2(at_working_directory, os.fsencode(first), at_working_directory, os.fsencode(second), exchange_flag):
            return
    old = Path(f"{first}.old")
    second.rename(old)
    first.rename(second)
    shutil.rmtree(old)


def save(model, directory, base, base_sha256, labels, multi_label):
    """PEFT's two files, and what astd reads beside them: labels, activation, front end."""
    model.save_pretrained(directory)
    tensors = {name: tensor.contiguous() for name, tensor in get_peft_model_state_dict(model).items()}
    save_file(tensors, directory / "adapter_model.safetensors", metadata={"format": "pt"})
    config = json.loads((directory / "adapter_config.json").read_text())
    # A path of this computer means nothing on another one.
    config["base_model_name_or_path"] = Path(base).resolve().name
    for name in ("target_modules", "modules_to_save"):
        if isinstance(config.get(name), list):
            config[name] = sorted(config[name])
    (directory / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    overlay = {
        "id2label": {str(index): name for index, name in enumerate(labels)},
        "label2id": {name: index for index, name in enumerate(labels)},
        # astd refuses the adapter on another base.
        **({"base_model_sha256": base_sha256} if base_sha256 else {}),
        "problem_type": "multi_label_classification" if multi_label else "single_label_classification",
    }
    (directory / "config.json").write_text(json.dumps(overlay, indent=2, ensure_ascii=False) + "\n")
    shutil.copyfile(Path(base) / "preprocessor_config.json", directory / "preprocessor_config.json")
    (directory / "README.md").unlink(missing_ok=True)
    (directory / "adapter_model.safetensors").chmod(0o644)


def scores(logits, multi_label):
    return (torch.sigmoid(logits) if multi_label else torch.softmax(logits, 1)).numpy().astype(np.float64)
