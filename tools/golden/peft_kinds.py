"""Every method of PEFT, besides LoRA, that can be merged into the linear modules of an AST."""

import peft
import torch

from . import adapter_kinds
from .adapter_kinds import HEAD, LAST_NORM, new_labels
from .adapters import BLOCK, QV, Adapter

CLIPS = ("speech", "short", "dc-sweep", "silence")
LINEAR = [*BLOCK, "classifier.dense"]
CONVOLUTION = [*QV, "projection"]
NORMS = ["layernorm_before", "layernorm_after", LAST_NORM, "classifier.layernorm"]


def _kind(name, seed, kind, targets=QV, **fields):
    more = {key: fields.pop(key) for key in list(fields) if key in Adapter.__dataclass_fields__}
    if targets is not None:
        fields["target_modules"] = targets
    return Adapter(name, seed, fields, kind=kind, inner_stages=False, clips=CLIPS, **more)


def _drop_ranks(model):
    """What AdaLoRA leaves after training: some ranks of each module, none of one."""
    pattern = {}
    for number, (name, values) in enumerate(
        (name, values) for name, values in model.base_model.model.named_parameters() if ".lora_E." in name
    ):
        pattern[name] = [(rank * 7 + number * 3) % 5 > 1 for rank in range(len(values))]
    pattern[name] = [False] * len(values)
    model.peft_config["default"].rank_pattern = pattern


KINDS = [
    _kind("ia3", 301, peft.IA3Config, ["k_proj", "v_proj", "fc2"], feedforward_modules=["fc2"]),
    _kind("ia3-all", 302, peft.IA3Config, [*LINEAR, "projection"], feedforward_modules=["fc1", "classifier.dense"]),
    _kind("ia3-unbiased", 303, peft.IA3Config, [*QV, "projection"], feedforward_modules=["projection"], model="no-qkv-bias"),
    _kind(
        "ia3-legacy",
        304,
        peft.IA3Config,
        ["k_proj", "fc2"],
        feedforward_modules=["fc2"],
        legacy=True,
        config={"feedforward_modules": ["output.dense"]},
        oracle_config={"feedforward_modules": ["fc2"]},
    ),
    _kind("ln-tuning", 305, peft.LNTuningConfig, NORMS),
    _kind("ln-tuning-head", 306, peft.LNTuningConfig, NORMS[:2], modules_to_save=HEAD, overlay=new_labels()),
    _kind("shira", 307, peft.ShiraConfig, BLOCK, r=2, random_seed=3),
    _kind("shira-f16", 308, peft.ShiraConfig, r=1, init_weights=False, model="no-qkv-bias", dtype=torch.float16),
    _kind("loha", 309, peft.LoHaConfig, LINEAR, r=3, alpha=5),
    _kind(
        "loha-patterns",
        310,
        peft.LoHaConfig,
        BLOCK,
        r=4,
        rank_pattern={"v_proj": 2, r"layers\.1\.mlp\.fc1": 3},
        alpha_pattern={"k_proj": 2},
        layers_to_transform=[1],
        layers_pattern="layers",
    ),
    _kind("loha-convolution", 311, peft.LoHaConfig, CONVOLUTION, r=3),
    _kind("loha-conv2d", 312, peft.LoHaConfig, CONVOLUTION, r=3, use_effective_conv2d=True),
    _kind("lokr", 313, peft.LoKrConfig, LINEAR, r=2, alpha=4),
    _kind("lokr-whole", 314, peft.LoKrConfig, r=32, alpha=8),
    _kind("lokr-both", 315, peft.LoKrConfig, BLOCK, r=1, decompose_both=True, decompose_factor=8),
    _kind("lokr-factor", 316, peft.LoKrConfig, BLOCK, r=2, decompose_factor=3, init_weights="lycoris", model="odd"),
    _kind("lokr-convolution", 317, peft.LoKrConfig, CONVOLUTION, r=2),
    _kind("lokr-conv2d", 318, peft.LoKrConfig, CONVOLUTION, r=2, use_effective_conv2d=True, decompose_both=True),
    _kind("lokr-conv-whole", 319, peft.LoKrConfig, CONVOLUTION, r=16, use_effective_conv2d=True),
    _kind(
        "lokr-legacy", 320, peft.LoKrConfig, BLOCK, r=2, alpha=2, legacy=True, modules_to_save=HEAD, overlay=new_labels()
    ),
    _kind("adalora", 321, peft.AdaLoraConfig, init_r=6, lora_alpha=4, total_step=10),
    _kind(
        "adalora-allocated", 322, peft.AdaLoraConfig, [*BLOCK, "projection"], init_r=5, total_step=10, prepare=_drop_ranks
    ),
    _kind("adalora-no-alpha", 323, peft.AdaLoraConfig, init_r=5, lora_alpha=0, total_step=10, prepare=_drop_ranks),
    _kind("oft", 331, peft.OFTConfig, LINEAR, oft_block_size=8),
    _kind("oft-default", 332, peft.OFTConfig),
    _kind("oft-r", 333, peft.OFTConfig, r=3, oft_block_size=0, use_cayley_neumann=False, bias="oft_only"),
    _kind("oft-shared", 334, peft.OFTConfig, BLOCK, oft_block_size=4, block_share=True, use_cayley_neumann=False),
    _kind("oft-constrained", 335, peft.OFTConfig, oft_block_size=8, coft=True, eps=0.3, num_cayley_neumann_terms=3),
    _kind(
        "oft-constrained-shared", 336, peft.OFTConfig, oft_block_size=8, coft=True, eps=0.5, block_share=True, bias="all"
    ),
    _kind("oft-convolution", 337, peft.OFTConfig, ["projection"], oft_block_size=16, num_cayley_neumann_terms=2),
    _kind("boft", 341, peft.BOFTConfig, LINEAR, boft_block_size=4, bias="boft_only"),
    _kind("boft-blocks", 342, peft.BOFTConfig, boft_block_size=0, boft_block_num=2),
    _kind("boft-butterfly", 343, peft.BOFTConfig, BLOCK, boft_block_size=4, boft_n_butterfly_factor=3),
    _kind(
        "boft-convolution", 344, peft.BOFTConfig, ["projection"], boft_block_size=0, boft_block_num=16,
        boft_n_butterfly_factor=2,
    ),
    _kind("hra", 351, peft.HRAConfig, [*LINEAR, "projection"], r=2, bias="hra_only"),
    _kind("hra-odd", 352, peft.HRAConfig, r=5),
    _kind("hra-orthogonal", 353, peft.HRAConfig, CONVOLUTION, r=4, apply_GS=True),
    _kind("miss", 356, peft.MissConfig, LINEAR, r=4),
    _kind("miss-remainder", 357, peft.MissConfig, BLOCK, r=7, bias="all"),
    _kind("miss-bat", 358, peft.MissConfig, r=8, init_weights="bat"),
    _kind("miss-mini", 359, peft.MissConfig, BLOCK, r=8, mini_r=4, init_weights="mini"),
    _kind(
        "bone", 360, peft.MissConfig, r=4, renamed=(("miss_block", "bone_block"),),
        config={"peft_type": "BONE", "mini_r": None, "miss_dropout": None},
        oracle_config={"peft_type": "MISS", "mini_r": 1, "miss_dropout": 0.0},
    ),
    _kind("vera", 361, peft.VeraConfig, BLOCK, r=8),
    _kind("vera-seed", 362, peft.VeraConfig, LINEAR, r=16, save_projection=False, projection_prng_key=1234567890123),
    _kind("vera-one-layer", 363, peft.VeraConfig, BLOCK, r=4, layers_to_transform=[0], bias="vera_only"),
    _kind("pvera", 364, peft.PveraConfig, BLOCK, r=4),
    _kind("randlora", 366, peft.RandLoraConfig, ["q_proj", "fc1"], r=5, layers_to_transform=[0], randlora_alpha=50),
    _kind("randlora-sparse", 367, peft.RandLoraConfig, r=8, sparse=True, layers_to_transform=[1]),
    _kind("randlora-very-sparse", 368, peft.RandLoraConfig, ["fc2"], r=8, very_sparse=True),
    _kind("fourierft", 371, peft.FourierFTConfig, BLOCK, n_frequency=50, n_frequency_pattern={"v_proj": 20}),
    _kind("fourierft-dense", 372, peft.FourierFTConfig, n_frequency=1024, scaling=20, random_loc_seed=2**40 + 5),
    _kind("fourierft-odd", 373, peft.FourierFTConfig, BLOCK, n_frequency=40, model="odd"),
    _kind("c3a", 381, peft.C3AConfig, BLOCK, block_size=8, block_size_pattern={"fc1": 16}),
    _kind("delora", 382, peft.DeloraConfig, BLOCK, r=3, rank_pattern={"k_proj": 2}, lambda_pattern={"fc1": 5}),
    _kind("gralora", 383, peft.GraloraConfig, BLOCK, r=4, gralora_k=2, alpha=8),
    _kind("gralora-hybrid", 384, peft.GraloraConfig, r=8, gralora_k=4, hybrid_r=3, alpha=10),
    _kind("hira", 385, peft.HiraConfig, BLOCK, r=3, dtype=torch.bfloat16),
    _kind("hira-convolution", 386, peft.HiraConfig, CONVOLUTION, r=3, rank_pattern={"v_proj": 2}),
    _kind("road-1", 387, peft.RoadConfig, BLOCK, group_size=8),
    _kind("road-2", 388, peft.RoadConfig, group_size=32, variant="road_2"),
    _kind("road-4", 389, peft.RoadConfig, BLOCK, group_size=4, variant="road_4", model="no-qkv-bias"),
    _kind("vblora", 391, peft.VBLoRAConfig, BLOCK, r=3, num_vectors=12, vector_length=8),
    _kind("vblora-top", 392, peft.VBLoRAConfig, r=2, num_vectors=20, vector_length=4, topk=3, save_only_topk_weights=True),
    _kind("beft", 394, peft.BeftConfig, BLOCK),
    _kind("waveft", 395, peft.WaveFTConfig, BLOCK, n_frequency=60),
    _kind("waveft-direct", 396, peft.WaveFTConfig, n_frequency=40, use_idwt=False),
    _kind("glora", 401, peft.GloraConfig, BLOCK, r=2),
    _kind(
        "glora-vectors", 402, peft.GloraConfig, LINEAR, r=2, config_A_B="vector", config_C="vector", config_D_E="vector"
    ),
    _kind("glora-constants", 403, peft.GloraConfig, config_A_B="constant", config_C="none", model="no-qkv-bias"),
    _kind("supertuning", 404, peft.SupertuningConfig, BLOCK, sparsity=0.95),
    _kind("supertuning-lora", 405, peft.SupertuningConfig, sparsity=0.98, r=2, lora_alpha=3, select_top=False),
    _kind("deft", 406, peft.DeftConfig, ["v_proj", "fc1"], r=3, alpha=4),
    _kind("deft-para", 407, peft.DeftConfig, r=2, para=True),
    _kind("unilora", 408, peft.UniLoraConfig, r=2, theta_d_length=40, save_indices=True),
]

VALID = adapter_kinds.VALID + KINDS
