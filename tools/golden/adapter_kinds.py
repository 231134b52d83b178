"""Every kind of adapter that PEFT makes for a model of this shape, one of each."""

import torch
from peft.tuners.lora.config import MontecloraConfig, VeloraConfig

from .adapters import BLOCK, QV, Adapter

NEW_LABELS = ["Kettle, boiling", "Drill", 'Door "bell"', "Nothing"]


def new_labels(**more):
    """An overlay with other labels than the base's."""
    fields = {"id2label": dict(enumerate(NEW_LABELS)), "label2id": {text: i for i, text in enumerate(NEW_LABELS)}}
    return fields | more


PATTERNS = {
    "r": 4,
    "lora_alpha": 8,
    "target_modules": BLOCK,
    # a suffix of the module's path, a longer one, and a regular expression
    "rank_pattern": {"v_proj": 2, "layers.1.mlp.fc1": 6, r"layers\.[01]\.attention\.o_proj": 3},
    "alpha_pattern": {"layers.0.attention.q_proj": 20, r".*\.1\.mlp\.fc[12]": 5, "k_proj": 1},
}
# The first key that matches counts. PEFT sorts the keys as it saves them, so these are written by hand.
EXPRESSIONS = {
    "rank_pattern": {
        r"layers\.(?:1)\..*_proj": 3,
        r"^audio_\w+\.layers\.\d+\.attention\..*": 5,
        "fc2|fc1": 2,
        r"layers\.0\.mlp\.fc2": 7,  # after an expression that matches the same
    },
    "alpha_pattern": {
        r"^audio_spectrogram_transformer\.layers\.0\.attention\.q_proj": 20,
        r"^layers\.\d+\..*": 90,  # anchored at what no path begins with
        r"layers\.(0|1)\.mlp\.fc1": 3,
        r".*\.(q|v)_proj": 5,
        r"[qk]_proj": 11,
        r"layers\.\d+\.(?:self_)?attention\.[^.]+": 7,
        r"proj": 80,  # not after a dot, so no end of a path
        r"layers.1.mlp.fc[0-9]{1}": 13,
        r"(?:.*\.)?fc2": 2,
        r".*": 60,  # everything is matched before
    },
}
# As PEFT sorts them: upper case and punctuation before letters.
SORTED = {
    "rank_pattern": {r".*\.0\.attention\.(q|k)_proj": 2, r"[vo]_proj": 6, r"layers\.1\.(attention|mlp)\.\w+": 5},
    "alpha_pattern": {r"(fc1|fc2)": 3, r".*\.1\..*": 9, r"k_proj|o_proj": 2, r"layers\.0\.attention\.o_proj": 70},
}
LEGACY_EXPRESSIONS = {
    r"^audio_spectrogram_transformer\.encoder\.layer\.0\.attention\.attention\.(query|key)": 20,
    r"encoder\.layer\.\d+\.attention\.output\.dense": 3,
    "intermediate.dense": 5,
    "output.dense": 12,
}
# The same modules by the names that the oracle has for them.
MODERN_EXPRESSIONS = {
    r"^audio_spectrogram_transformer\.layers\.0\.attention\.(q_proj|k_proj)": 20,
    "o_proj": 3,
    "fc1": 5,
    "fc2": 12,
}


def _lora(targets=QV, r=4, alpha=8, **more):
    return {"r": r, "lora_alpha": alpha, "target_modules": targets} | more


HEAD = ["classifier"]
LAST_NORM = "audio_spectrogram_transformer.layernorm"

COMMON = [
    Adapter("modern-qv", 201, _lora()),
    Adapter("legacy-qv", 202, _lora(alpha=6), legacy=True),
    Adapter("rslora", 203, _lora(r=9, alpha=5, use_rslora=True)),
    Adapter("patterns", 204, PATTERNS),
    Adapter("patterns-rslora", 205, PATTERNS | {"use_rslora": True}),
    Adapter("all-linear-blocks", 206, _lora(BLOCK, r=3, alpha=7)),
    Adapter(
        "new-head",
        207,
        _lora(modules_to_save=HEAD),
        overlay=new_labels(problem_type="single_label_classification"),
    ),
    Adapter(
        "cls-pooling",
        208,
        _lora(r=2, alpha=4, modules_to_save=HEAD),
        overlay=new_labels(pooling="cls", problem_type="multi_label_classification"),
    ),
    Adapter(
        "mean-pooling",
        209,
        _lora(r=2, alpha=4, modules_to_save=[*HEAD, LAST_NORM]),
        overlay=new_labels(pooling="mean"),
    ),
    Adapter("odd-blocks", 210, _lora(BLOCK, r=5, alpha=9), model="odd"),
    Adapter("no-qkv-bias-qv", 211, _lora(), model="no-qkv-bias"),
    Adapter("f16-qv", 212, _lora(), model="f16"),
    Adapter("bias-lora-only", 213, _lora(bias="lora_only")),
    Adapter("bias-all", 214, _lora(bias="all")),
    Adapter("lora-bias", 215, _lora(lora_bias=True)),
    Adapter("all-linear", 216, _lora("all-linear", r=3, alpha=6)),
    Adapter("head-lora", 217, _lora([*QV, "classifier.dense"], r=3, alpha=6)),
    Adapter("patch-convolution", 218, _lora([*QV, "projection"], r=3, alpha=6)),
    Adapter("dora", 219, _lora(use_dora=True)),
]


def _kind(name, seed, lora, **more):
    return Adapter(name, seed, lora, inner_stages=False, **more)


KINDS = [
    _kind("regex-keys", 220, _lora(BLOCK) | EXPRESSIONS, config=EXPRESSIONS),
    _kind("regex-sorted", 221, _lora(BLOCK, use_rslora=True) | SORTED),
    # Backtracking takes 2^29 steps to find that it matches nothing; PEFT reads the file without it.
    _kind("slow-pattern", 222, _lora(), config={"alpha_pattern": {r"(\w+)+!": 50}}, oracle_config={"alpha_pattern": {}}),
    _kind("layers-to-transform", 223, _lora(BLOCK, r=3, layers_to_transform=[1], layers_pattern="layers")),
    _kind("dora-all", 224, _lora(BLOCK, r=3, alpha=4, use_dora=True, use_rslora=True)),
    _kind("dora-head", 225, _lora([*QV, "classifier.dense"], r=3, alpha=6, use_dora=True)),
    _kind("dora-convolution", 226, _lora([*QV, "projection"], r=3, alpha=6, use_dora=True)),
    _kind("dora-bias-all", 227, _lora(use_dora=True, bias="all")),
    _kind("dora-unbiased", 228, _lora(use_dora=True), model="no-qkv-bias"),
    _kind("bias-all-head", 229, _lora(bias="all", modules_to_save=HEAD), overlay=new_labels()),
    _kind("bias-lora-only-blocks", 230, _lora(BLOCK, r=3, bias="lora_only")),
    # The bias of B is added although the base has none to add it to.
    _kind("lora-bias-unbiased", 231, _lora(lora_bias=True), model="no-qkv-bias"),
    # PEFT says that nn.Linear is not transposed and continues as if this were false.
    _kind("fan-in-fan-out", 232, _lora([*QV, "fc1"]), config={"fan_in_fan_out": True}),
    _kind("all-linear-head", 233, _lora("all-linear", r=3, alpha=6, modules_to_save=HEAD), overlay=new_labels()),
    _kind(
        "modules-to-save",
        234,
        _lora(modules_to_save=["layers.1.layernorm_before", "embeddings.patch_embeddings", "layers.0.mlp.fc1"]),
    ),
    _kind("embeddings-saved", 235, _lora(modules_to_save=["audio_spectrogram_transformer.embeddings"])),
    _kind("max-length", 236, _lora(modules_to_save=[LAST_NORM]), overlay={"max_length": 64, "pooling": "mean"}),
    _kind("headless-layernorm", 237, _lora(), overlay=new_labels(classifier_layernorm=False, pooling="mean")),
    _kind(
        "own-front-end",
        238,
        _lora(),
        extractor={"num_mel_bins": 128, "max_length": 96, "mean": -6.25, "std": 3.5},
    ),
    _kind("bare-model", 239, _lora(BLOCK, r=3, alpha_pattern={r"^layers\.0\..*": 5}), bare=True),
    _kind("bare-legacy", 240, _lora(), bare=True, legacy=True),
    _kind("rank-1", 241, _lora(BLOCK, r=1, alpha=1)),
    _kind("large-alpha", 242, _lora(r=2, alpha=64)),
    _kind("dropout", 243, _lora(lora_dropout=0.5)),
    _kind("legacy-blocks", 244, _lora([*BLOCK, "classifier.dense"], r=3), legacy=True),
    _kind(
        "legacy-patterns",
        245,
        _lora(BLOCK, r=3, alpha_pattern=MODERN_EXPRESSIONS),
        config={"alpha_pattern": LEGACY_EXPRESSIONS},
        oracle_config={"alpha_pattern": MODERN_EXPRESSIONS},
        legacy=True,
    ),
    _kind("legacy-dora", 246, _lora([*QV, "o_proj"], r=3, use_dora=True), legacy=True),
    _kind("f16-stored", 247, _lora(modules_to_save=HEAD), overlay=new_labels(), dtype=torch.float16),
    _kind("bf16-stored", 248, _lora(BLOCK, r=3, use_rslora=True), dtype=torch.bfloat16),
    _kind("dora-f16-stored", 249, _lora(use_dora=True), dtype=torch.float16),
    _kind("odd-dora", 250, _lora([*BLOCK, "projection"], r=3, use_dora=True), model="odd"),
    # Methods whose tensors are used in training only.
    _kind("velora", 251, _lora(velora_config=VeloraConfig(num_groups=8, init_type="random"))),
    _kind("monteclora", 252, _lora(monteclora_config=MontecloraConfig(num_samples=4))),
]

VALID = COMMON + KINDS
