"""Checkpoints of every method of PETL_AST, as small as the golden models: what its classes save, with random numbers."""

from dataclasses import dataclass, field

import numpy as np
import torch
from safetensors.numpy import load_file

from golden.foreign import PREFIX

CLASSES = 4
WIDTH = 5  # round(32 / 6)


@dataclass
class Training:
    """A training to imitate: its method, its options, and what adapter_config.json must say of it."""

    name: str
    method: str  # as in adapter_config.json
    fields: dict = field(default_factory=dict)
    final_output: str = "ALL"
    block: str = "bottleneck"
    kernel: int = 31
    tokens: int = 6
    experts: int = 3
    slots: int = 1
    frames: int = 96

    @property
    def all_fields(self):
        more = {"block": self.block} if self.method.startswith(("adapter", "dense", "soft")) else {}
        return {"method": self.method} | more | self.fields

    @property
    def options(self):
        """The importer's options for it."""
        options = ["--final-output", self.final_output, "--max-length", str(self.frames), "--labels", "a,b,c,d"]
        if self.method in ("linear", "bitfit"):
            options += ["--method", {"linear": "linear", "bitfit": "BitFit"}[self.method]]
        if "mode" in self.fields:
            options += ["--seq-or-par", self.fields["mode"]]
        if "apply_residual" in self.fields:
            options += ["--apply-residual", str(self.fields["apply_residual"])]
        if "location" in self.fields:
            options += ["--location", self.fields["location"].upper()]
        if "position" in self.fields:
            options += ["--befafter", self.fields["position"]]
        return options


class Checkpoint:
    """Makes one state_dict."""

    def __init__(self, base, training, seed=1):
        self.generator = np.random.default_rng(seed)
        self.training = training
        arrays = load_file(base / "model.safetensors")
        self.state = {
            name.removeprefix(PREFIX): torch.from_numpy(array) for name, array in arrays.items() if name.startswith(PREFIX)
        }
        self.hidden = len(self.state["layernorm.weight"])
        self.layers = sum(name.endswith("layernorm_after.bias") for name in self.state)

    def normal(self, *shape, scale=1.0):
        return torch.from_numpy((scale * self.generator.standard_normal(shape)).astype(np.float32))

    def dense(self, place, outputs, inputs, ones=0):
        shape = (outputs, inputs) + (1,) * ones
        self.state[place + ".weight"] = self.normal(*shape, scale=1.5 * inputs**-0.5)
        self.state[place + ".bias"] = self.normal(outputs, scale=0.2)

    def vary(self, name):
        self.state[name] = self.state[name] + self.normal(*self.state[name].shape, scale=0.2)

    def vary_norms(self, layer, *sides):
        for side in sides:
            for part in ("weight", "bias"):
                self.vary(f"{layer}layernorm_{side}.{part}")

    def module(self, place, block):
        d, b, k = self.hidden, WIDTH, self.training.kernel
        if block == "bottleneck":
            self.dense(place + ".linear_downsample", b, d)
            self.dense(place + ".linear_upsample", d, b)
        elif block == "convpass":
            self.dense(place + ".adapter_down", b, d)
            self.dense(place + ".adapter_up", d, b)
            self.state[place + ".adapter_conv.weight"] = self.normal(b, b, 3)
            self.state[place + ".adapter_conv.bias"] = self.normal(b)
        else:
            self.dense(place + ".pwise_conv1", 2 * b, d, ones=1)
            self.dense(place + ".pwise_conv2", d, b, ones=1)
            self.state[place + ".dwise_conv.weight"] = self.normal(b, 1, k, scale=2 * k**-0.5)
            for name in ("dwise_conv.bias", "bnorm.bias", "bnorm.running_mean"):
                self.state[f"{place}.{name}"] = self.normal(b, scale=0.3)
            for name in ("bnorm.weight", "bnorm.running_var"):
                self.state[f"{place}.{name}"] = torch.from_numpy(self.generator.uniform(0.4, 1.6, b).astype(np.float32))
            self.state[place + ".bnorm.num_batches_tracked"] = torch.tensor(77)
            for name in ("lnorm.weight", "lnorm.bias"):
                self.state[f"{place}.{name}"] = self.normal(d)

    def mixture(self, layer, side):
        for expert in range(self.training.experts):
            self.module(f"{layer}moa{side}.moa.{expert}", self.training.block)
        if self.training.method == "dense-moa":
            self.dense(f"{layer}router{side}.ff", self.training.experts, self.hidden)
            return
        self.state[f"{layer}moa{side}.slot_params"] = self.normal(
            self.hidden, self.training.experts, self.training.slots, scale=0.4
        )
        if self.training.fields["normalize"]:
            self.state[f"{layer}moa{side}.scale"] = torch.tensor(4.5)

    def add_own(self, layer):
        method, fields = self.training.method, self.training.fields
        houlsby = fields.get("architecture") == "houlsby"
        half = self.training.tokens // 2
        if method == "prefix-tuning":
            for part in ("key", "value"):
                self.state[f"{layer}attention.attention.{part}_tokens"] = self.normal(1, half, self.hidden)
        elif method == "adapter":
            for side in ("MHSA", "FFN") if houlsby else ("FFN",):
                self.module(f"{layer}adapter_module_{side}", self.training.block)
            self.vary_norms(layer, *(("before", "after") if houlsby else ("after",)))
        elif method == "adapter-ablation":
            self.module(layer + "adapter_module", self.training.block)
            self.vary_norms(layer, "before" if fields["location"] == "mhsa" else "after")
        elif method in ("dense-moa", "soft-moa"):
            for side in ("_mhsa", "_ffn") if houlsby else ("",):
                self.mixture(layer, side)
            sides = {"mhsa": ("before",), "ffn": ("after",), None: ("before", "after")}
            self.vary_norms(layer, *sides[fields.get("location")])

    def make(self):
        """The state_dict: tensors twice, once or under `model.` only, as the method's class saves them."""
        method = self.training.method
        for layer in range(self.layers):
            self.add_own(f"encoder.layer.{layer}.")
        self.vary("layernorm.bias")
        if method == "bitfit":
            for name in list(self.state):
                if name.endswith(".bias") and "projection" not in name:
                    self.vary(name)
        else:
            self.vary("layernorm.weight")
        if method == "full-ft":
            for name in list(self.state):
                self.vary(name)
        if method == "prompt-tuning":
            self.state["prompt_embeddings"] = self.normal(1, self.training.tokens, self.hidden)
            if self.training.fields["depth"] == "deep":
                self.state["deep_prompt_embeddings"] = self.normal(self.layers - 1, self.training.tokens, self.hidden)
        tokens = 12 * ((self.training.frames - 16) // 10 + 1) + 2
        self.state["embeddings.position_embeddings"] = self.normal(1, tokens, self.hidden, scale=0.5)
        only_twin = method in ("linear", "bitfit", "full-ft")
        twin = {f"model.{name}": tensor for name, tensor in self.state.items()} if method != "prompt-tuning" else {}
        state = twin if only_twin else self.state | twin
        state["classification_head.weight"] = self.normal(CLASSES, self.hidden, scale=2 * self.hidden**-0.5)
        state["classification_head.bias"] = self.normal(CLASSES, scale=0.2)
        return state


def _adapter(architecture, mode, residual):
    return {"architecture": architecture, "mode": mode, "apply_residual": residual}


def _moa(architecture, location=None, **more):
    return {"architecture": architecture} | ({"location": location} if location else {}) | more


TRAININGS = [
    Training("linear", "linear", final_output="CLS"),
    Training("linear-50", "linear", frames=50),
    Training("bitfit", "bitfit"),
    Training("prefix", "prefix-tuning", tokens=24),
    Training("prefix-2", "prefix-tuning", tokens=2, final_output="CLS", frames=150),
    *(
        Training(f"prompts-{depth}-{output}", "prompt-tuning", {"depth": depth}, output, tokens=tokens)
        for depth, tokens in (("shallow", 5), ("deep", 7))
        for output in ("ALL", "CLS", "PROMPTS", "SPEECH", "PROMPTS+SPEECH")
    ),
    *(
        Training(f"{architecture}-{mode}-{residual}-{block}", "adapter", _adapter(architecture, mode, residual), block=block)
        for architecture in ("pfeiffer", "houlsby")
        for mode in ("sequential", "parallel")
        for residual in (False, True)
        for block in ("bottleneck", "conformer")
    ),
    Training("kernel-8", "adapter", _adapter("pfeiffer", "parallel", False), block="conformer", kernel=8),
    Training("kernel-1", "adapter", _adapter("houlsby", "sequential", True), block="conformer", kernel=1),
    Training("convpass", "adapter", _adapter("pfeiffer", "parallel", False), block="convpass"),
    *(
        Training(
            f"ablation-{location}-{mode}-{position}-{block}",
            "adapter-ablation",
            {"location": location, "mode": mode, "position": position},
            "CLS",
            block,
            kernel=7,
        )
        for location in ("mhsa", "ffn")
        for mode in ("sequential", "parallel")
        for position in ("before", "after")
        for block in ("bottleneck", "conformer")
    ),
    Training("dense-mhsa", "dense-moa", _moa("pfeiffer", "mhsa")),
    Training("dense-ffn", "dense-moa", _moa("pfeiffer", "ffn"), block="convpass", experts=2),
    Training("dense-houlsby", "dense-moa", _moa("houlsby"), "CLS", "convpass"),
    Training("soft-mhsa", "soft-moa", _moa("pfeiffer", "mhsa", normalize=False), experts=5),
    Training("soft-ffn", "soft-moa", _moa("pfeiffer", "ffn", normalize=True), block="convpass", slots=2),
    Training("soft-houlsby", "soft-moa", _moa("houlsby", normalize=False), "CLS", slots=4, experts=2),
    Training("soft-houlsby-normalised", "soft-moa", _moa("houlsby", normalize=True), "CLS", experts=12),
]
