"""Every method of PEFT with every option that changes what is saved, for tools/check_adapters.py."""

import dataclasses

import peft
import torch

from .adapter_kinds import HEAD, LAST_NORM, new_labels
from .adapters import BLOCK, QV, Adapter
from .peft_kinds import CLIPS, CONVOLUTION, LINEAR, NORMS, _drop_ranks

# Class of the configuration: a start that fits 32 channels, and the options that only this method has.
METHODS = {
    peft.LoraConfig: (
        {"r": 4, "lora_alpha": 8},
        [
            {"use_rslora": True},
            {"use_dora": True},
            {"use_dora": True, "use_rslora": True},
            {"lora_bias": True},
            *({"init_lora_weights": init} for init in (False, "gaussian", "orthogonal")),
        ],
    ),
    peft.AdaLoraConfig: ({"init_r": 6, "lora_alpha": 4, "total_step": 10}, [{"lora_alpha": 0}]),
    peft.LoHaConfig: ({"r": 3, "alpha": 5}, [{"use_effective_conv2d": True}, {"init_weights": False}]),
    peft.LoKrConfig: (
        {"r": 2, "alpha": 4},
        [
            {"decompose_both": True},
            {"decompose_factor": 4},
            {"decompose_factor": 8, "decompose_both": True, "r": 1},
            {"use_effective_conv2d": True},
            {"use_effective_conv2d": True, "decompose_both": True},
            {"r": 32},
            {"init_weights": "lycoris"},
            {"init_weights": False},
        ],
    ),
    peft.IA3Config: ({"feedforward_modules": []}, [{"init_ia3_weights": False}]),
    peft.OFTConfig: (
        {"oft_block_size": 8},
        [
            {"use_cayley_neumann": False},
            {"num_cayley_neumann_terms": 2},
            {"block_share": True},
            {"coft": True, "eps": 0.3},
            {"coft": True, "eps": 0.3, "block_share": True, "use_cayley_neumann": False},
            {"r": 4, "oft_block_size": 0},
            {"init_weights": False},
        ],
    ),
    peft.BOFTConfig: (
        {"boft_block_size": 4},
        [
            {"boft_block_size": 0, "boft_block_num": 4},
            {"boft_n_butterfly_factor": 2},
            {"boft_n_butterfly_factor": 3},
            {"init_weights": False},
        ],
    ),
    peft.VeraConfig: (
        {"r": 8},
        [{"save_projection": False}, {"save_projection": False, "projection_prng_key": 987654321}, {"d_initial": 1.0}],
    ),
    peft.PveraConfig: ({"r": 4}, [{"save_projection": False}]),
    peft.FourierFTConfig: (
        {"n_frequency": 50},
        [{"scaling": 20.0}, {"random_loc_seed": 2**33}, {"n_frequency_pattern": {"v_proj": 20}}, {"init_weights": True}],
    ),
    peft.HRAConfig: ({"r": 4}, [{"r": 3}, {"apply_GS": True}, {"init_weights": False}]),
    peft.MissConfig: (
        {"r": 4},
        [{"r": 7}, {"r": 8, "init_weights": "bat"}, {"r": 8, "mini_r": 4, "init_weights": "mini"}, {"init_weights": False}],
    ),
    peft.RandLoraConfig: (
        {"r": 8, "randlora_alpha": 40},
        [{"sparse": True}, {"very_sparse": True}, {"projection_prng_key": 99}],  # without save_projection it is rejected
    ),
    peft.ShiraConfig: ({"r": 2, "random_seed": 3}, [{"r": 1}, {"random_seed": None}, {"init_weights": False}]),
    peft.LNTuningConfig: ({"target_modules": NORMS}, []),
    peft.DeloraConfig: ({"r": 3}, [{"delora_lambda": 5}, {"lambda_pattern": {"v_proj": 4}}, {"init_weights": False}]),
    peft.GraloraConfig: ({"r": 4, "gralora_k": 2, "alpha": 8}, [{"hybrid_r": 2}, {"r": 8, "gralora_k": 4}]),
    peft.HiraConfig: ({"r": 3}, [{"init_weights": False}]),
    peft.RoadConfig: ({"group_size": 8}, [{"variant": "road_2"}, {"variant": "road_4"}, {"init_weights": False}]),
    peft.VBLoRAConfig: (
        {"r": 3, "num_vectors": 12, "vector_length": 8},
        [{"topk": 3}, {"save_only_topk_weights": True}, {"topk": 1}],
    ),
    peft.BeftConfig: ({}, [{"init_weights": False}]),
    peft.WaveFTConfig: (
        {"n_frequency": 60},
        [{"use_idwt": False}, {"scaling": 5.0}, {"proportional_parameters": True}, {"n_frequency_pattern": {"v_proj": 20}}],
    ),
    peft.GloraConfig: (
        {"r": 2},
        [
            {"config_A_B": ab, "config_C": c, "config_D_E": de}
            for ab, c, de in (
                ("vector", "lora", "vector"), ("constant", "vector", "none"), ("none", "none", "constant"), ("lora", "none", "vector"),
            )
        ],
    ),
    peft.SupertuningConfig: ({"sparsity": 0.95}, [{"r": 2, "lora_alpha": 3}, {"select_top": False}]),
    peft.DeftConfig: ({"r": 2, "alpha": 4}, [{"para": True}, {"alpha": None}, {"init_scale": 0.5}]),
    peft.UniLoraConfig: ({"r": 2, "theta_d_length": 40, "save_indices": True}, [{"proj_seed": 7}]),
    peft.C3AConfig: ({"block_size": 8}, [{"block_size_pattern": {"v_proj": 16}}, {"init_weights": "gaussian"}]),
}
REGEX = r".*layers\.[01]\.(attention\.(q|k)_proj|mlp\.fc1)"
# What every method may have; the first options of a tuple are those of the configuration, the rest those of `Adapter`.
COMMON = {
    "plain": {},
    "blocks": {"target_modules": BLOCK},
    "head too": {"target_modules": LINEAR},
    "all-linear": {"target_modules": "all-linear"},
    "expression": {"target_modules": REGEX},
    "convolution": {"target_modules": CONVOLUTION},
    "convolution alone": {"target_modules": ["projection"]},
    "exclude": {"target_modules": BLOCK, "exclude_modules": ["fc1", "layers.0.attention.q_proj"]},
    "exclude expression": {"target_modules": BLOCK, "exclude_modules": r".*layers\.1\..*(k|o)_proj"},
    "layer": {"target_modules": BLOCK, "layers_to_transform": 1},
    "layers": {"target_modules": BLOCK, "layers_to_transform": [0], "layers_pattern": "layers"},
    "layers, patterns": {"target_modules": BLOCK, "layers_to_transform": [0, 1], "layers_pattern": ["blocks", "layers"]},
    "rank_pattern": {"target_modules": BLOCK, "rank_pattern": {"v_proj": 2, r"layers\.1\.mlp\.fc1": 3, r".*\.0\..*q_proj": 1}},
    "alpha_pattern": {"target_modules": BLOCK, "alpha_pattern": {"k_proj": 2, r"layers\.0\..*_proj": 11}},
    "bias all": {"target_modules": QV, "bias": "all"},
    "bias only": {"target_modules": BLOCK, "bias": "only"},
    "head saved": {"target_modules": QV, "modules_to_save": HEAD},
    "norms saved": {"target_modules": QV, "modules_to_save": ["layernorm_before", LAST_NORM, "embeddings.patch_embeddings"]},
    "fan_in_fan_out": {"target_modules": QV, "fan_in_fan_out": True},
}


def _names(kind):
    return {field.name for field in dataclasses.fields(kind)}


def _bias_only(kind):
    """What PEFT calls the biases of the adapted modules: it begins with the method's prefix."""
    return {"LoraConfig": "lora_only", "AdaLoraConfig": "lora_only"}.get(
        kind.__name__, kind.__name__.removesuffix("Config").lower() + "_only"
    )


def specs(model="stride10", clips=CLIPS):
    """(method, variant, Adapter) of all of them."""
    seed = 9000
    for kind, (start, own) in METHODS.items():
        method = kind.__name__.removesuffix("Config")
        variants = dict(COMMON) | {", ".join(f"{key} {value}" for key, value in more.items()): more for more in own}
        for name, more in variants.items():
            changed = start | more
            if set(more) - _names(kind) or (kind is peft.LNTuningConfig and "target_modules" in more):
                continue
            if kind is peft.AdaLoraConfig and "rank_pattern" in more:
                continue
            if changed.get("bias") == "only":
                changed["bias"] = _bias_only(kind)
            if "target_modules" not in changed:
                changed["target_modules"] = CONVOLUTION if "conv2d" in name else [*QV, "fc1"]
            if kind is peft.IA3Config:
                changed["feedforward_modules"] = [] if isinstance(changed["target_modules"], str) else [
                    target for target in changed["target_modules"] if target in ("fc2", "classifier.dense", "projection")
                ]
            seed += 1
            yield method, name, _adapter(seed, kind, changed, model, clips)
        for name, extra in (
            ("F16", {"dtype": torch.float16}),
            ("BF16", {"dtype": torch.bfloat16}),
            ("no qkv bias", {"model": "no-qkv-bias"}),
            ("odd sizes", {"model": "odd"}),
            *([("ranks dropped", {"prepare": _drop_ranks})] if kind is peft.AdaLoraConfig else []),
        ):
            if extra.get("model") and model != "stride10":
                continue
            seed += 1
            targets = {} if "target_modules" in start else {"target_modules": BLOCK}
            yield method, name, _adapter(seed, kind, start | targets, extra.pop("model", model), clips, **extra)


def _adapter(seed, kind, fields, model, clips, **more):
    more = {"model": model} | more
    overlay = new_labels() if "classifier" in (fields.get("modules_to_save") or ()) else {}
    return Adapter(f"grid-{seed}", seed, fields, kind=kind, inner_stages=False, clips=clips, overlay=overlay, **more)
