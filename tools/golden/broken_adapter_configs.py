"""Adapters whose adapter_config.json must be refused: made from a good one with one thing wrong."""

from .damage import DEEP, LFS_POINTER, Literal, content, edited, fields, folder_instead, removed, without_field

CONFIG = "adapter_config.json"


def _field(name, reason, key, value):
    return (name, reason, [CONFIG, key], fields(CONFIG, **{key: value}))


def _kind(name):
    return _field(f"type-{name.lower().replace('_', '-')}", f"peft_type {name}", "peft_type", name)


def _start(name, value=None):
    return _field(name, f"init_lora_weights {value or name}: the base was changed", "init_lora_weights", value or name)


def _pattern(name, reason, key, value=4):
    return _field(name, reason, "alpha_pattern", {key: value})


# (name, what is wrong, what the message must say, change to the directory)
CONFIGS = [
    _field("broken-type", "peft_type XLORA", "peft_type", "XLORA"),
    *map(_kind, ["PREFIX_TUNING", "PROMPT_TUNING", "POLY", "LILY", "PSOFT", "OSF", "FUTURE"]),
    ("type-missing", "no peft_type", [CONFIG, "peft_type"], without_field(CONFIG, "peft_type")),
    _start("pissa"),
    _start("pissa-niter", "pissa_niter_4"),
    _start("pissa-niter-16", "pissa_niter_16"),
    _start("olora"),
    _start("corda"),
    _start("lora-ga", "lora_ga"),
    _start("loftq"),
    _field("start-unknown", "init_lora_weights of no known kind", "init_lora_weights", "sideways"),
    _field("layer-replication", "layer_replication is set", "layer_replication", [[0, 2], [1, 2]]),
    # variants of LoRA whose product is another one
    _field("qalora", "use_qalora: A was trained on averaged inputs", "use_qalora", True),
    _field("alora", "alora_invocation_tokens: the adapter acts on some tokens only", "alora_invocation_tokens", [1]),
    _field(
        "kasa",
        "kasa_config: the base is truncated, a diagonal stands between the factors",
        "kasa_config",
        {"beta": 0.0001, "gamma": 0.001},
    ),
    _field(
        "bdlora", "use_bdlora: one factor is block-diagonal", "use_bdlora", {"target_modules_bd_a": ["q_proj"], "nblocks": 2}
    ),
    _field("arrow", "arrow_config: several adapters and a router", "arrow_config", {"top_k": 2, "router_temperature": 1.0}),
    _field(
        "target-parameters", "target_parameters: LoRA on a bare parameter", "target_parameters", ["embeddings.cls_token"]
    ),
    _field("trainable-tokens", "trainable_token_indices: there is no vocabulary", "trainable_token_indices", [1, 2]),
    (
        "dora-lora-bias",
        "use_dora with lora_bias, which PEFT forbids",
        [CONFIG, "lora_bias"],
        fields(CONFIG, use_dora=True, lora_bias=True),
    ),
    # numbers and flags
    _field("broken-alpha", "lora_alpha is not a number", "lora_alpha", "much"),
    ("alpha-nan", "lora_alpha is NaN, which is not JSON", [CONFIG], fields(CONFIG, lora_alpha=Literal("NaN"))),
    ("alpha-infinity", "lora_alpha is Infinity, which is not JSON", [CONFIG], fields(CONFIG, lora_alpha=Literal("Infinity"))),
    ("alpha-negative-infinity", "lora_alpha is -Infinity", [CONFIG], fields(CONFIG, lora_alpha=Literal("-Infinity"))),
    _field("alpha-1e400", "lora_alpha is 1e400", "lora_alpha", Literal("1e400")),
    _field("alpha-huge", "lora_alpha is 1e300", "lora_alpha", 1e300),
    _field("alpha-list", "lora_alpha is a list", "lora_alpha", [8]),
    _field("bias-unknown", "bias of no known kind", "bias", "some"),
    _field("rslora-text", "use_rslora is the text false, which Python takes for true", "use_rslora", "false"),
    _field("dora-text", "use_dora is the text false, which Python takes for true", "use_dora", "false"),
    # patterns
    _pattern("pattern-open", "a key that is not a regular expression: an open group", r"layers\.(0"),
    _pattern("pattern-nothing", "a key that is not a regular expression: nothing to repeat", "*q_proj"),
    _pattern("pattern-backwards", "a key that is not a regular expression: a range backwards", "[z-a]_proj"),
    _pattern("pattern-repeated", "a key that is not a regular expression: a repeated repetition", "a{1000}{1000}"),
    _pattern("pattern-million", "a key of a million steps", "(a{1000}){1000}"),
    _pattern("pattern-alternatives", "a key of 4000 alternatives, each repeated", "(" + "a|" * 4000 + "a)*$"),
    _pattern("pattern-deep", "a key of 20000 nested groups", "(" * 20000 + "a" + ")" * 20000),
    _pattern("pattern-long", "a key of 100 kB", "attention." * 10000 + "q_proj"),
    _pattern("pattern-text", "an alpha that is text", "q_proj", "much"),
    _field("pattern-infinite", "an alpha of 1e400", "alpha_pattern", Literal('{"q_proj": 1e400}')),
    _field("pattern-list", "alpha_pattern is a list", "alpha_pattern", ["q_proj", 4]),
    # the file
    ("no-adapter-config", "there is no adapter_config.json", [CONFIG], removed(CONFIG)),
    ("config-empty", "adapter_config.json has no bytes", [CONFIG], content(CONFIG, b"")),
    ("config-array", "adapter_config.json is an array", [CONFIG], content(CONFIG, "[]\n")),
    ("config-cut", "adapter_config.json ends halfway", [CONFIG], edited(CONFIG, lambda data: data[: len(data) // 2])),
    ("config-deep", "20000 nested arrays under an unknown key", [CONFIG], fields(CONFIG, friends=DEEP)),
    ("config-lfs", "adapter_config.json is a Git LFS pointer", [CONFIG], content(CONFIG, LFS_POINTER)),
    ("config-directory", "adapter_config.json is a directory", [CONFIG], folder_instead(CONFIG)),
]
