"""Makes PEFT adapters for the small models."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import ASTFeatureExtractor

from . import oracle
from .models import legacy

QV = ["q_proj", "v_proj"]
BLOCK = ["q_proj", "k_proj", "v_proj", "o_proj", "fc1", "fc2"]
POSITIONS = "base_model.model.audio_spectrogram_transformer.embeddings.position_embeddings"

LEGACY_MODULES = {
    "q_proj": "query",
    "k_proj": "key",
    "v_proj": "value",
    "o_proj": "attention.output.dense",
    "fc1": "intermediate.dense",
    "fc2": "output.dense",
}


@dataclass
class Adapter:
    """An adapter to make: what LoraConfig is given, and what lies beside it."""

    name: str
    seed: int
    lora: dict
    kind: type = LoraConfig  # what PEFT's configuration is made of, with the fields `lora`
    model: str = "stride10"
    overlay: dict = field(default_factory=dict)
    clips: tuple = ("speech", "noise")
    inner_stages: bool = True  # block0 too, where the clip has it
    config: dict = field(default_factory=dict)  # written into adapter_config.json over what PEFT saved, in this order
    oracle_config: dict = field(default_factory=dict)  # what PEFT reads instead of it, where it cannot read the file
    extractor: dict = field(default_factory=dict)  # a front end of its own
    dtype: torch.dtype | None = None  # how the tensors are stored, if not as F32
    bare: bool = False  # trained on ASTModel, without the head
    legacy: bool = False  # module names up to transformers 4
    prepare: object = None  # called with the adapted model before it is saved
    renamed: tuple = ()  # (name in PEFT, name in the file) of a parameter that PEFT renamed


# What the parameters of the other methods start from, so that each changes the logits by about 1.
STARTS = {
    "ia3_l": lambda normal: 1 + 0.4 * normal,
    "ln_tuning_layers": lambda normal: 1 + 0.4 * normal,
    "lora_E": lambda normal: 1.5 * normal,
    "shira_weight": lambda normal: 0.5 * normal,
    **{f"hada_{part}": lambda normal: 0.4 * normal for part in ("w1_a", "w1_b", "w2_a", "w2_b")},
    **{f"hada_{part}": lambda normal: 0.7 * normal for part in ("t1", "t2")},
    **{f"lokr_{part}": lambda normal: 0.4 * normal for part in ("w1", "w1_a", "w1_b", "w2", "w2_a", "w2_b", "t2")},
    "oft_R": lambda normal: 0.15 * normal,
    "boft_R": lambda normal: 0.5 * normal,
    "boft_s": lambda normal: 1 + 0.2 * normal,
    "hra_u": lambda normal: normal,
    "miss_block": lambda normal: 0.1 * normal,
    "vera_lambda_b": lambda normal: 0.5 * normal,
    "vera_lambda_d": lambda normal: 0.5 * normal,
    "pvera_lambda_b": lambda normal: 0.5 * normal,
    "pvera_lambda_d": lambda normal: 0.5 * normal,
    "randlora_lambda": lambda normal: 0.02 * normal,
    "randlora_gamma": lambda normal: 0.2 * normal,
    "fourierft_spectrum": lambda normal: 0.3 * normal,
    "waveft_spectrum": lambda normal: 0.03 * normal,
    "c3a_kernel": lambda normal: 2 * normal,
    "delora_A": lambda normal: normal,
    "delora_B": lambda normal: normal,
    "delora_lambda": lambda normal: 3 + 0.5 * normal,
    "gralora_A": lambda normal: 0.1 * normal,
    "gralora_B": lambda normal: 0.1 * normal,
    "gralora_A_general": lambda normal: 0.1 * normal,
    "gralora_B_general": lambda normal: 0.1 * normal,
    "hira_A": lambda normal: 0.5 * normal,
    "hira_B": lambda normal: 0.5 * normal,
    "road_theta": lambda normal: 0.5 * normal,
    "road_alpha": lambda normal: 1 + 0.3 * normal,
    "vblora_logits_A": lambda normal: normal,
    "vblora_logits_B": lambda normal: normal,
    "vblora_vector_bank": lambda normal: 0.3 * normal,
    **{f"glora_{part}": lambda normal: 0.3 * normal for part in "ABCDE"},
    "supertuning_values": lambda normal: 0.5 * normal,
    "supertuning_lora_A": lambda normal: 0.2 * normal,
    "supertuning_lora_B": lambda normal: 0.5 * normal,
    "deft_P": lambda normal: 0.15 * normal,
    "deft_R": lambda normal: 0.15 * normal,
    "unilora_theta_d": lambda normal: normal,
    "beft_bias": lambda normal: 0.5 * normal,
}


def randomise(model, seed, bias="none"):
    """Non-zero B, and everything else that the adapter saves moved away from the base's values."""
    generator = np.random.default_rng(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            normal = torch.from_numpy(generator.standard_normal(tuple(parameter.shape)).astype(np.float32))
            fan_in = max(1, parameter[0].numel()) if parameter.dim() > 1 else 1
            if "lora_A" in name or "lora_B" in name:
                scale = 0.1 if name.endswith(".bias") else 0.6 / fan_in**0.5
                parameter.copy_(scale * normal)
            elif "lora_magnitude_vector" in name:
                parameter.mul_(1 + 0.2 * normal)
            elif (start := next((start for part, start in STARTS.items() if f".{part}." in name), None)) is not None:
                parameter.copy_(start(normal))
            elif "modules_to_save" in name:
                if "dense.weight" in name:
                    parameter.copy_(2 * normal / fan_in**0.5)
                else:
                    parameter.add_(0.2 * normal)
            elif name.endswith("bias") and bias != "none":
                if bias == "all" or ".base_layer." in name:
                    parameter.add_(0.2 * normal)


def write_adapter(folder, spec, models):
    """Makes one adapter with PEFT and saves it with save_pretrained."""
    torch.manual_seed(spec.seed)  # a new head's bias starts from torch's own numbers
    model = oracle.load(models / spec.model, spec.overlay.get("max_length"))
    if "id2label" in spec.overlay:
        oracle.replace_head(model, len(spec.overlay["id2label"]))
    model.config._name_or_path = spec.model
    body = model.audio_spectrogram_transformer if spec.bare else model
    adapted = get_peft_model(body, spec.kind(**spec.lora))
    randomise(adapted, spec.seed, spec.lora.get("bias", "none"))
    if spec.prepare is not None:
        spec.prepare(adapted)
    adapted.save_pretrained(folder)
    tidy(folder, base=f"example/{spec.model}")
    _add_what_peft_cannot_save(folder, spec, model)
    if spec.legacy:
        make_legacy(folder)
    for old, new in spec.renamed:
        rename(folder, old, new)
    change_config(folder, **spec.config)
    if spec.dtype is not None:
        change_tensors(folder, lambda tensors: {name: tensor.to(spec.dtype) for name, tensor in tensors.items()})
    if spec.extractor:
        ASTFeatureExtractor(**spec.extractor).save_pretrained(folder)
    if spec.overlay:
        write_json(folder / "config.json", spec.overlay)


def _add_what_peft_cannot_save(folder, spec, model):
    """Position embeddings and a head without LayerNorm: an importer writes these tensors into the file."""
    generator = np.random.default_rng(spec.seed + 1000)
    more = {}
    if "max_length" in spec.overlay:
        shape = tuple(model.audio_spectrogram_transformer.embeddings.position_embeddings.shape)
        more[POSITIONS] = 0.5 * generator.standard_normal(shape)
    if not spec.overlay.get("classifier_layernorm", True):
        classes, hidden = model.classifier.dense.weight.shape
        more["base_model.model.classifier.dense.weight"] = 2 * generator.standard_normal((classes, hidden)) / hidden**0.5
        more["base_model.model.classifier.dense.bias"] = 0.2 * generator.standard_normal(classes)
    if more:
        more = {name: torch.from_numpy(array.astype(np.float32)) for name, array in more.items()}
        change_tensors(folder, lambda tensors: tensors | more)


def write_json(path, value):
    """Writes JSON as save_pretrained does, keys as given."""
    Path(path).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def tidy(folder, base):
    """Takes out what changes from run to run: the model card, paths, the order of a set."""
    (folder / "README.md").unlink(missing_ok=True)
    change_config(folder, base_model_name_or_path=base)


def change_config(folder, **changes):
    """Overwrites fields of an adapter's configuration."""
    path = folder / "adapter_config.json"
    fields = json.loads(path.read_text()) | changes
    for key in ("target_modules", "modules_to_save", "feedforward_modules"):
        if isinstance(fields.get(key), list):
            fields[key] = sorted(fields[key])
    write_json(path, fields)


def change_tensors(folder, change):
    """Rewrites an adapter's tensors: `change` takes the dictionary and returns another."""
    path = folder / "adapter_model.safetensors"
    tensors = {name: tensor.contiguous() for name, tensor in change(load_file(path)).items()}
    save_file(tensors, path, metadata={"format": "pt"})


def make_legacy(folder):
    """Renames an adapter from transformers 5's module names to those up to transformers 4."""
    change_tensors(folder, lambda tensors: {legacy(name): tensor for name, tensor in tensors.items()})
    names = json.loads((folder / "adapter_config.json").read_text())["target_modules"]
    change_config(folder, target_modules=[LEGACY_MODULES.get(name, name) for name in names])


def rename(folder, old, new):
    """Renames a parameter in the names of the tensors."""
    change_tensors(folder, lambda tensors: {name.replace(old, new): tensor for name, tensor in tensors.items()})


def write_valid(root, models, specs):
    """Writes every adapter of `specs` under `root`."""
    for spec in specs:
        write_adapter(root / spec.name, spec, models)
