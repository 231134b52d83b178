"""Runs the classes of PETL_AST on small seeded checkpoints. It needs an old transformers, so it is a program of its own:

    PYTHONPATH=DIR_OF_TRANSFORMERS_4_38_2:CHECKOUT_OF_PETL_AST python petl_oracle.py JOB.json

petl_modules.py writes the job and reads the result: a state_dict and the logits of every clip for each case.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from safetensors.torch import save_file
from src.AST import AST
from src.AST_LoRA import AST_LoRA, AST_LoRA_ablation
from src.AST_adapters import AST_adapter, AST_adapter_ablation
from src.AST_prompt_tuning import AST_Prefix_tuning, PromptAST, Prompt_config
from src.MoA import AST_MoA, AST_SoftMoA
from transformers.utils import logging

logging.set_verbosity_error()


def build(case, base):
    """The training's model for a case, on the base in the folder `base`."""
    common = {"max_length": case.get("max_length", 96), "num_classes": case["classes"], "final_output": case["final_output"], "model_ckpt": base}
    if case["method"] == "prompt-tuning":
        del common["final_output"]
        prompts = Prompt_config(FINAL_OUTPUT=case["final_output"], **case["options"])
        return PromptAST(prompt_config=prompts, **common)
    options = common | case["options"]
    classes = {"linear": AST, "BitFit": AST, "full-FT": AST, "prefix-tuning": AST_Prefix_tuning}
    classes |= {"LoRA": AST_LoRA, "LoRA-ablation": AST_LoRA_ablation}
    classes |= {"adapter": AST_adapter, "adapter-ablation": AST_adapter_ablation, "dense-moa": AST_MoA, "soft-moa": AST_SoftMoA}
    return classes[case["method"]](**options)


# What they train; the modules' methods train the modules and the LayerNorms beside them.
_ALWAYS = ("layernorm.", "classification_head")  # "layernorm." is the final one
OTHER_METHODS = {
    "linear": _ALWAYS,
    "BitFit": (".bias", "classification_head"),
    "prefix-tuning": ("_tokens", *_ALWAYS),
    "prompt-tuning": ("prompt_embeddings", *_ALWAYS),
    "LoRA": ("lora_", *_ALWAYS),
    "LoRA-ablation": ("lora_", *_ALWAYS),
    "full-FT": ("",),
}


def fill(model, seed, method, more=()):
    """Sets everything that training changes, far from its start, so that no term can be dropped unnoticed."""
    generator = np.random.default_rng(seed)
    trained = ("adapter_module", "moa", "router", "layernorm", "classification_head")
    if method in OTHER_METHODS:
        trained = OTHER_METHODS[method]
    trained += more
    state = dict(model.named_parameters()) | dict(model.named_buffers())
    with torch.no_grad():
        for name, tensor in sorted(state.items()):
            frozen = ".projection." in name and method != "full-FT"
            if not any(part in name for part in trained) or frozen or not tensor.is_floating_point():
                continue
            shape = tuple(tensor.shape)
            normal = generator.standard_normal(shape)
            if "layernorm" in name or "bnorm" in name or "lnorm" in name:
                is_scale = name.endswith(("weight", "running_var"))
                values = generator.uniform(0.5, 1.5, shape) if is_scale else 0.2 * normal
            elif name.endswith("bias"):
                values = 0.2 * normal
            elif "position_embeddings" in name:
                values = 0.5 * normal
            elif "_tokens" in name or "prompt_embeddings" in name:
                values = 0.7 * normal
            elif name.endswith("slot_params"):
                # Logits of the slots with a deviation of about 2.3 at every width. Training begins with 1.4 (xavier_normal_);
                # from 5 on softmax picks single tokens, and torch's own rounding errors grow in every layer.
                values = 0.4 * (32 / shape[0]) ** 0.5 * normal
            elif name.endswith("scale"):
                values = np.array(5.0)
            else:
                inputs = int(np.prod(shape[1:]))
                values = (3.0 if "router" in name else 1.5) * inputs**-0.5 * normal
            tensor.copy_(torch.from_numpy(np.asarray(values, np.float32)))


def main(path):
    """Computes every case of the job."""
    job = json.loads(Path(path).read_text())
    torch.set_num_threads(job.get("threads", 1))
    out = Path(job["out"])
    inputs = {name: torch.from_numpy(array) for name, array in load_file(job["features"]).items()}
    for case in job["cases"]:
        torch.manual_seed(0)
        model = build(case, job["base"])
        length = case.get("max_length")
        fill(model, case["seed"], case["method"], ("position_embeddings",) if job.get("positions") else ())
        model.eval()
        pooled = []
        model.classification_head.register_forward_hook(lambda _m, i, _o: pooled.append(i[0][0]))
        results = {}
        with torch.inference_mode():
            for name, features in inputs.items():
                results["logits/" + name] = model(features[None, :length])[0].contiguous().clone()
                results["pooled/" + name] = pooled.pop().contiguous().clone()
        save_file(results, out / (case["name"] + ".results.safetensors"))
        state = {name: tensor.contiguous().clone() for name, tensor in model.state_dict().items()}
        save_file(state, out / (case["name"] + ".state.safetensors"))


if __name__ == "__main__":
    main(sys.argv[1])
