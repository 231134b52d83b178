"""A checkpoint of the published size with random weights, its half-precision copies, and an adapter in both dialects."""

import shutil

import torch
from peft import LoraConfig, get_peft_model
from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

from . import audio
from .adapters import change_config, make_legacy, randomise, tidy
from .models import LABELS, fill

SEED = 301
CLASSES = 527
BASE = "ast-base"
HALVES = {"ast-base-f16": torch.float16, "ast-base-bf16": torch.bfloat16}
ADAPTER = "ast-base-lora-qv12"
LEGACY_ADAPTER = "ast-base-lora-qv12-legacy"

# (model, adapter) pairs to compare; the oracle of the last is that of the one before it: same numbers, older names.
PAIRS = [
    (BASE, None),
    ("ast-base-f16", None),
    ("ast-base-bf16", None),
    (BASE, ADAPTER),
    (BASE, LEGACY_ADAPTER),
]

_QUALITIES = ["small", "large", "distant", "metallic", "wooden", "wet", "slow", "fast", "indoor", "outdoor"]
_SOURCES = ["engine", "bell", "bird", "door", "water", "wind", "crowd", "drum", "string", "horn", "insect", "tool"]
_ACTIONS = ["humming", "ringing", "calling", "slamming", "dripping"]


def labels():
    """527 names, many with commas."""
    made = [
        f"{source.capitalize()}, {quality} {source}, {action}"
        for action in _ACTIONS
        for source in _SOURCES
        for quality in _QUALITIES
    ]
    return (LABELS + made)[:CLASSES]


def make(root):
    """Writes what is missing of the five directories under `root` (about 700 MB)."""
    root.mkdir(parents=True, exist_ok=True)
    names = labels()
    if not (root / BASE / "model.safetensors").exists():
        config = ASTConfig(id2label=dict(enumerate(names)), label2id={text: i for i, text in enumerate(names)})
        model = ASTForAudioClassification(config).eval()
        fill(model, SEED, logit_scale=1.5, attention_scale=1.5)
        extractor = ASTFeatureExtractor()
        _save(model, extractor, root / BASE)
        for name, dtype in HALVES.items():
            _save(model.to(torch.float32).to(dtype), extractor, root / name)
    if not (root / LEGACY_ADAPTER / "adapter_model.safetensors").exists():
        _make_adapters(root)
    for name in (BASE, *HALVES, ADAPTER, LEGACY_ADAPTER):
        for path in (root / name).iterdir():
            path.chmod(0o644)  # safetensors writes 0600


def _save(model, extractor, folder):
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)


def _make_adapters(root):
    model = ASTForAudioClassification.from_pretrained(root / BASE, dtype=torch.float32)
    adapted = get_peft_model(model, LoraConfig(r=12, lora_alpha=24, target_modules=["q_proj", "v_proj"]))
    randomise(adapted, SEED + 1)
    adapted.save_pretrained(root / ADAPTER)
    tidy(root / ADAPTER, base=f"example/{BASE}")
    shutil.rmtree(root / LEGACY_ADAPTER, ignore_errors=True)
    shutil.copytree(root / ADAPTER, root / LEGACY_ADAPTER)
    make_legacy(root / LEGACY_ADAPTER)
    change_config(root / LEGACY_ADAPTER, peft_version="0.9.0")


def clips():
    """Name: samples, for windows of 1024 frames."""
    return {
        "speech": audio.speech(10.4, seed=11),
        "noise": audio.noise(10.4, seed=12),
        "silence": 0 * audio.seconds(10.4),
        "dc-sweep": audio.dc_sweep(10.4),
        "short": audio.speech(3.7, seed=13),
        "exact": audio.speech(10.24, seed=14),
    }


def write_clips(folder):
    """Writes the clips; returns their paths by name."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, samples in clips().items():
        paths[name] = folder / f"{name}.wav"
        audio.write_wav(paths[name], samples)
    return paths
