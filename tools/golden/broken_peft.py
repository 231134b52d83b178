"""What can be wrong with adapters of the methods besides LoRA, each in an otherwise good adapter."""

import torch

from .damage import both, fields, first, poked, tensors, without

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
NAN = float("nan")


def _few(found):
    """Enough of an adapter to be refused: queries and values of the first layer."""
    return {
        name: tensor for name, tensor in found.items()
        if "layers." not in name or ".layers.0." in name and ("q_proj" in name or "v_proj" in name)
    }


def _keep(source):
    # The shapes of shared projections depend on all modules.
    return tensors(WEIGHTS, dict if source.startswith(("vera", "randlora", "ln-", "ia3")) else _few)


def _tensors(name, source, reason, part, edit):
    return (f"peft-{name}", source, reason, [WEIGHTS, part], both(_keep(source), tensors(WEIGHTS, edit)))


def _config(name, source, reason, key, **changes):
    return (f"peft-{name}", source, reason, [CONFIG, key], both(_keep(source), fields(CONFIG, **changes)))


def _first(part, edit):
    def change(found):
        name = first(found, part)
        found[name] = edit(found[name])
        return found

    return change


CASES = [
    _tensors("ia3-short", "ia3", "a scale for 31 of 32 outputs", "ia3_l", _first("ia3_l", lambda t: t[:-1])),
    _tensors("ia3-nan", "ia3", "a scale that is NaN", "ia3_l", poked("ia3_l", NAN)),
    _tensors("ln-short", "ln-tuning", "a LayerNorm of 31", "", _first("layernorm_after.ln_tuning_layers.weight", lambda t: t[:-1])),
    _tensors("ln-stray", "ln-tuning", "a LayerNorm of a layer that is not there", "layers.7", lambda found: found | {
        first(found, "layers.0").replace("layers.0", "layers.7"): torch.ones(32)}),
    _tensors("shira-outside", "shira", "a row that the weight does not have", "shira_indices", _first("shira_indices", lambda t: t + 32)),
    _tensors("shira-half", "shira", "values without indices", "shira_indices", without("q_proj.shira_indices")),
    _tensors("shira-fraction", "shira-f16", "a fraction as an index", "shira_indices", _first("shira_indices", lambda t: t + 0.5)),
    _tensors("shira-pairs", "shira", "one list of indices", "shira_indices", _first("shira_indices", lambda t: t[:1])),
    _config("shira-rank", "shira", "r of another number of values", "r", r=3),
    _tensors("loha-half", "loha", "a missing factor", "hada_w2_b", without("q_proj.hada_w2_b")),
    _tensors("loha-shape", "loha", "a factor of rank 2", "hada_w1_a", _first("hada_w1_a", lambda t: t[:, :2])),
    _tensors("loha-core", "loha", "a core for a linear module", "hada_t1", lambda found: found | {
        first(found, "hada_w1_a").replace("hada_w1_a", part): torch.ones(3, 3, 1, 1) for part in ("hada_t1", "hada_t2")}),
    _config("loha-rank", "loha", "a rank of a million", "r", r=1000000),
    _config("loha-rank-zero", "loha", "rank 0", "r", r=0),
    _tensors("lokr-half", "lokr", "a missing factor", "lokr_w2_b", without("q_proj.lokr_w2_b")),
    _tensors("lokr-shape", "lokr", "a first factor that does not divide the weight", "lokr_w1", _first("lokr_w1", lambda t: t[:3])),
    _tensors("lokr-flat", "lokr", "a first factor of one dimension", "lokr_w1", _first("lokr_w1", lambda t: t[0])),
    _config("lokr-rank-zero", "lokr", "rank 0, by which alpha is divided", "r", r=0),
    _tensors("adalora-half", "adalora", "no singular values", "lora_E", without("q_proj.lora_E")),
    _config("adalora-rank", "adalora", "another initial rank", "init_r", init_r=7),
    _config("adalora-mask", "adalora-allocated", "a rank pattern that keeps another number", "rank_pattern", rank_pattern={
        "audio_spectrogram_transformer.embeddings.patch_embeddings.projection.lora_E": [True] * 5}),
    _config("adalora-mask-text", "adalora-allocated", "a rank pattern of text", "rank_pattern", rank_pattern={"a": "b"}),
    _tensors("oft-old", "oft", "the format of PEFT 0.15", "oft_r", lambda found: {
        name.replace("oft_R.weight", "oft_r"): tensor for name, tensor in found.items()}),
    _tensors("oft-elements", "oft", "27 elements, no triangle", "oft_R", _first("oft_R", lambda t: t[:, :-1])),
    _tensors("oft-blocks", "oft", "3 blocks of 4", "oft_R", _first("oft_R", lambda t: t[:-1])),
    _tensors("oft-nan", "oft", "an angle that is NaN", "oft_R", poked("oft_R", NAN)),
    _config("oft-terms", "oft", "a billion terms", "num_cayley_neumann_terms", num_cayley_neumann_terms=1000000000),
    _tensors("boft-blocks", "boft", "7 blocks of 8", "boft_R", _first("boft_R", lambda t: t[:, :-1])),
    _tensors("boft-half", "boft", "no scales", "boft_s", without("q_proj.boft_s")),
    _tensors("boft-factors", "boft", "five factors of 8 blocks", "boft_R", _first("boft_R", lambda t: t.repeat(5, 1, 1, 1))),
    _tensors("hra-zero", "hra", "a vector of zeros", "after merging", _first("layers.0.attention.q_proj.hra_u", lambda t: t * 0)),
    _config("hra-rank", "hra", "another rank", "r", r=4),
    _config("miss-rank", "miss", "another rank", "r", r=5),
    _config("miss-kind", "miss", "init_weights of no known kind", "init_weights", init_weights="sideways"),
    _config("miss-bat", "miss", "bat with a block of plain MiSS", "", init_weights="bat"),
    _config("miss-mini", "miss-mini", "mini_r of no divisor", "mini_r", mini_r=5),
    _config("miss-rank-zero", "miss", "rank 0", "r", r=0),
    _tensors("vera-half", "vera", "no projection A", "vera_A", without("vera_A")),
    _tensors("vera-short", "vera", "a projection for 63 of 64 inputs", "vera_A", _first("vera_A", lambda t: t[:, :-1])),
    _config("vera-rank", "vera", "a rank of 2^40", "r", r=2**40),
    _tensors("randlora-half", "randlora", "no gamma", "randlora_gamma", without("q_proj.randlora_gamma")),
    _config("randlora-random", "randlora", "projections that are not saved", "save_projection", save_projection=False),
    _tensors("fourierft-many", "fourierft", "more frequencies than elements", "fourierft_spectrum", _first(
        "fourierft_spectrum", lambda t: torch.ones(1025))),
    ("peft-c3a-shape", "c3a", "blocks of 7", [CONFIG, "block size"], both(
        _keep("c3a"), tensors(WEIGHTS, _first("c3a_kernel", lambda t: t[..., :-1])))),
    ("peft-oft-shared", "oft", "block_share with 4 blocks", [WEIGHTS, "oft_R"], both(
        _keep("oft"), fields(CONFIG, block_share=True))),
    _tensors("delora-half", "delora", "no lengths of columns", "delora_w_norm", without("q_proj.delora_w_norm")),
    _config("gralora-blocks", "gralora", "3 blocks of 32 inputs", "gralora_k", gralora_k=3, r=6),
    _tensors("hira-shape", "hira", "a factor for 31 inputs", "hira_A", _first("hira_A", lambda t: t[:, :-1])),
    _config("road-variant", "road-1", "variant road_3", "variant", variant="road_3"),
    _config("road-odd", "road-1", "groups of 7", "group_size", group_size=7),
    _tensors("vblora-outside", "vblora-top", "a vector that the bank does not have", "topk_indices", _first(
        "topk_indices", lambda t: t + 200)),
    _config("vblora-top", "vblora", "top 13 of 12 vectors", "topk", topk=13),
    _tensors("glora-half", "glora", "one factor of A", "glora_A", without("q_proj.glora_A.Xu")),
    _tensors("supertuning-outside", "supertuning", "an index that the weight does not have", "supertuning_indices", _first(
        "supertuning_indices", lambda t: t + 1024)),
    _config("deft-qr", "deft", "another decomposition", "decomposition_method", decomposition_method="qr"),
    _config("unilora-random", "unilora", "indices that are not saved", "save_indices", save_indices=False),
    _config("waveft-family", "waveft", "another wavelet", "wavelet_family", wavelet_family="db4"),
    _config("unknown-key", "ia3", "a key that IA3 does not have", "use_future", use_future=True),
    _config("key-of-lora", "ia3", "a key of another method", "use_dora", use_dora=True),
    (
        "peft-wrong-method", "ia3", "tensors of IA3 under peft_type LOHA", [WEIGHTS, "ia3_l"], fields(CONFIG, peft_type="LOHA", feedforward_modules=None, init_ia3_weights=None)
    ),
    (
        "peft-bare-convolution", "hra", "rank and shape of a method that has no convolutions", [WEIGHTS, "convolution"],
        both(
            fields(CONFIG, peft_type="FOURIERFT", r=None, apply_GS=None),
            tensors(WEIGHTS, lambda found: {
                name.replace("hra_u", "fourierft_spectrum"): tensor.reshape(-1)
                for name, tensor in found.items() if "projection.hra_u" in name}),
        ),
    ),
]
