"""A checkpoint of the published size with random weights, its half-precision copies, and adapters for it."""

import shutil

import torch
from peft import LoraConfig, get_peft_model
from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

from . import audio
from .adapters import BLOCK, QV, Adapter, change_config, make_legacy, randomise, tidy, write_adapter
from .models import LABELS, fill

SEED = 301
CLASSES = 527
BASE = "ast-base"
HALVES = {"ast-base-f16": torch.float16, "ast-base-bf16": torch.bfloat16}
ADAPTER = "ast-base-lora-qv12"
LEGACY_ADAPTER = "ast-base-lora-qv12-legacy"

TEN_LABELS = [f"Sound, no. {index}" for index in range(10)]
PATTERNS = {
    "rank_pattern": {r"layers\.(0|1|2)\..*": 4, r"layers\.\d+\.mlp\.fc[12]": 6},
    "alpha_pattern": {r"layers\.1\d\..*": 12, r"[qk]_proj": 20, r".*\.(?:v|o)_proj": 8},
}


def _kind(name, seed, lora, overlay=None, config=None):
    lora = {"r": 8, "lora_alpha": 16} | lora
    return Adapter(f"{BASE}-{name}", seed, lora, model=BASE, overlay=overlay or {}, config=config or {})


KINDS = [
    _kind("all-linear-blocks", 311, {"target_modules": BLOCK, "use_rslora": True}),
    _kind("dora-qv", 312, {"target_modules": QV, "use_dora": True}),
    _kind("bias-all", 313, {"target_modules": QV, "bias": "all"}),
    _kind("lora-bias", 314, {"target_modules": QV, "lora_bias": True}),
    _kind("patch-convolution", 315, {"target_modules": [*QV, "projection"]}),
    _kind(
        "new-head",
        316,
        {"target_modules": QV, "modules_to_save": ["classifier"]},
        overlay={
            "id2label": dict(enumerate(TEN_LABELS)),
            "label2id": {text: index for index, text in enumerate(TEN_LABELS)},
            "problem_type": "single_label_classification",
        },
    ),
    _kind("patterns", 317, {"target_modules": BLOCK} | PATTERNS, config=PATTERNS),
]

# (model, adapter, clips) to compare, None: all; the oracle of the legacy adapter is that of the one before it: same
# numbers, older names.
PAIRS = [
    (BASE, None, None),
    ("ast-base-f16", None, None),
    ("ast-base-bf16", None, None),
    (BASE, ADAPTER, None),
    (BASE, LEGACY_ADAPTER, None),
    *((BASE, spec.name, spec.clips) for spec in KINDS),
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
    """Writes what is missing of the directories under `root` (about 720 MB)."""
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
    for spec in KINDS:
        if not (root / spec.name / "adapter_model.safetensors").exists():
            write_adapter(root / spec.name, spec, root)
    for name in (BASE, *HALVES, ADAPTER, LEGACY_ADAPTER, *(spec.name for spec in KINDS)):
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
