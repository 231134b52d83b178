"""Every combination of the options of PETL_AST's trainings, for tools/check_adapters.py.

A case is a training: method, options of its class, final_output, and what the importer needs.
"""

from dataclasses import dataclass, field
from itertools import product

CLASSES = 50  # of the full-size cases: enough for a mean error
POOLINGS = ("ALL", "CLS", "PROMPTS", "SPEECH", "PROMPTS+SPEECH")


@dataclass
class Case:
    """One training, on a base of `hidden` channels."""

    family: str
    name: str
    method: str  # as petl_oracle.py names it
    options: dict
    final_output: str = "ALL"
    max_length: int = 96
    importing: dict = field(default_factory=dict)  # options of the importer besides final_output and max_length
    classes: int = 4

    def job(self, seed):
        """What petl_oracle.py reads."""
        return {
            "name": self.name,
            "method": self.method,
            "options": self.options,
            "final_output": self.final_output,
            "classes": self.classes,
            "seed": seed,
            "max_length": self.max_length,
        }


def _adapters(rate, kernels):
    blocks = [("bottleneck", 31), *(("conformer", kernel) for kernel in kernels)]
    for kind, mode, residual, (block, kernel) in product(
        ("Pfeiffer", "Houlsby"), ("sequential", "parallel"), (False, True), blocks
    ):
        options = {"reduction_rate": rate, "adapter_type": kind, "seq_or_par": mode, "apply_residual": residual}
        name = f"{block}-{kind}-{mode}{'-residual' if residual else ''}{f'-{kernel}' if block == 'conformer' else ''}"
        importing = {"--seq-or-par": mode} | ({"--apply-residual": "true"} if residual else {})
        yield block, name, "adapter", options | {"adapter_block": block, "kernel_size": kernel}, importing


def _ablations(rate, kernels):
    blocks = [("bottleneck", 9), *(("conformer", kernel) for kernel in kernels)]
    for location, mode, position, (block, kernel) in product(
        ("MHSA", "FFN"), ("sequential", "parallel"), ("before", "after"), blocks
    ):
        options = {"reduction_rate": rate, "location": location, "seq_or_par": mode, "before_after": position}
        importing = {"--location": location, "--seq-or-par": mode, "--befafter": position}
        name = f"ablation-{block}-{kernel}-{location}-{mode}-{position}"
        yield "ablation", name, "adapter-ablation", options | {"adapter_block": block, "kernel_size": kernel}, importing


def _mixtures(rate, experts):
    places = [("Pfeiffer", "MHSA"), ("Pfeiffer", "FFN"), ("Houlsby", "MHSA")]
    for (kind, location), block, count in product(places, ("bottleneck", "convpass"), experts):
        common = {"reduction_rate": rate, "adapter_type": kind, "location": location, "adapter_module": block}
        common |= {"num_adapters": count}
        importing = {"--location": location} if kind == "Pfeiffer" else {}
        name = f"{kind}-{location}-{block}-{count}"
        yield "dense MoA", f"dense-{name}", "dense-moa", common, importing
        for slots, normalize in product((1, 3), (False, True)):
            options = common | {"num_slots": slots, "normalize": normalize}
            end = f"{slots}{'-normalised' if normalize else ''}"
            yield "soft MoA", f"soft-{name}-{end}", "soft-moa", options, importing


def _loras(rate, alpha):
    importing = {"--reduction-rate": rate, "--alpha": alpha}
    yield "LoRA", "lora", "LoRA", {"rank": rate, "alpha": alpha}, importing
    for matrices in ("Wq", "Wq,Wk", "Wq,Wv", "Wq,Wk,Wv,Wo"):
        options = {"rank": rate, "alpha": alpha, "lora_config": matrices}
        yield "LoRA", f"lora-ablation-{matrices.replace(',', '')}", "LoRA-ablation", options, importing


def _prefix(tokens, hidden):
    options = {"num_tokens": tokens, "patch_size": 16, "hidden_size": hidden}
    return "prefix", f"prefix-{tokens}", "prefix-tuning", options, {}


def small_cases():
    """All of them for the golden base, whose hidden size is 32."""
    rows = [*_adapters(6, (1, 2, 7, 8, 31)), *_adapters(1, (31,)), *_ablations(6, (9, 4)), *_mixtures(6, (1, 7))]
    rows += [*_mixtures(32, (2,)), *_loras(10, 6)]
    rows += [_prefix(tokens, 32) for tokens in (2, 24, 330)]
    rows += [(name, name, name, {}, {"--method": name}) for name in ("linear", "BitFit", "full-FT")]
    cases, seen = [], set()
    for index, (family, name, method, options, importing) in enumerate(rows):
        name += f"-rate{options['reduction_rate']}" if name in seen else ""
        seen.add(name)
        for output in ("ALL", "CLS"):
            length = 50 if (index + (output == "CLS")) % 5 == 0 else 96
            cases.append(Case(family, f"{name}-{output}", method, options, output, length, importing))
    for deep, tokens, output in product((False, True), (1, 5, 25, 120), POOLINGS):
        name = f"prompts-{'deep' if deep else 'shallow'}-{tokens}-{output}"
        options = {"NUM_TOKENS": tokens, "DEEP": deep}
        cases.append(Case("prompts", name, "prompt-tuning", options, output, 96 if tokens % 2 else 50))
    return cases


def base_cases(length):
    """One of each family with the sizes of the published trainings."""

    def adapter(block, kind, mode, residual, rate=96):
        options = {"reduction_rate": rate, "adapter_type": kind, "seq_or_par": mode, "apply_residual": residual}
        importing = {"--seq-or-par": mode} | ({"--apply-residual": "true"} if residual else {})
        return "adapter", options | {"adapter_block": block, "kernel_size": 31}, importing

    def moa(method, kind, location, **more):
        options = {"reduction_rate": 128, "adapter_type": kind, "location": location, "adapter_module": "bottleneck"}
        return method, options | {"num_adapters": 7} | more, {"--location": location} if kind == "Pfeiffer" else {}

    ablation = {"reduction_rate": 96, "location": "MHSA", "seq_or_par": "sequential", "before_after": "before"}
    ablation |= {"adapter_block": "conformer", "kernel_size": 31}
    importing = {"--location": "MHSA", "--seq-or-par": "sequential", "--befafter": "before"}
    rows = {
        "linear": ("linear", {}, {"--method": "linear"}),
        "BitFit": ("BitFit", {}, {"--method": "BitFit"}),
        "LoRA": ("LoRA", {"rank": 64, "alpha": 8}, {"--reduction-rate": 64, "--alpha": 8}),
        "prefix 24": ("prefix-tuning", {"num_tokens": 24, "patch_size": 16, "hidden_size": 768}, {}),
        "prompts 25 shallow": ("prompt-tuning", {"NUM_TOKENS": 25, "DEEP": False}, {}),
        "prompts 25 deep": ("prompt-tuning", {"NUM_TOKENS": 25, "DEEP": True}, {}),
        "bottleneck Pfeiffer": adapter("bottleneck", "Pfeiffer", "parallel", False),
        "bottleneck Houlsby": adapter("bottleneck", "Houlsby", "sequential", True),
        "conformer Pfeiffer": adapter("conformer", "Pfeiffer", "parallel", False),
        "conformer Houlsby": adapter("conformer", "Houlsby", "sequential", True),
        "ablation conformer": ("adapter-ablation", ablation, importing),
        "dense MoA": moa("dense-moa", "Pfeiffer", "MHSA"),
        "soft MoA": moa("soft-moa", "Pfeiffer", "MHSA", num_slots=1, normalize=False),
        "soft MoA Houlsby": moa("soft-moa", "Houlsby", "MHSA", num_slots=2, normalize=True),
    }
    return [
        Case(family, family.replace(" ", "-"), method, options, "ALL", length, importing, CLASSES)
        for family, (method, options, importing) in rows.items()
    ]
