"""The golden cases of PETL_AST's modules in the layers (adapters, mixtures), computed by its own classes.

`$PETL_AST` is a checkout of umbertocappellazzo/PETL_AST, `$PETL_TRANSFORMERS` a folder with transformers 4.38.2 (pip
install --target). Without them the stored adapters and numbers are kept.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from transformers import ASTFeatureExtractor

from . import audio
from .foreign import AUDIOSET, LABELS
from .oracle import exact_features
from .references import References

BASE = "stride10"
CLIPS = ("speech", "short", "dc-sweep", "silence")
STORED = Path(__file__).resolve().parent.parent.parent / "Tests" / "Golden"
KIND = "petl-module-"
RATE = 6  # inner width round(32 / 6) = 5: no multiple of any vector
PREFIX = "base_model.model.audio_spectrogram_transformer."


def _adapter(block, kind, mode, residual, kernel=31):
    return "adapter", {
        "reduction_rate": RATE,
        "adapter_type": kind,
        "seq_or_par": mode,
        "apply_residual": residual,
        "adapter_block": block,
        "kernel_size": kernel,
    }


def _ablation(block, location, mode, position, kernel=9):
    return "adapter-ablation", {
        "reduction_rate": RATE,
        "seq_or_par": mode,
        "location": location,
        "adapter_block": block,
        "before_after": position,
        "kernel_size": kernel,
    }


def _dense(block, kind, location="MHSA", experts=3):
    return "dense-moa", {
        "reduction_rate": RATE,
        "adapter_type": kind,
        "location": location,
        "adapter_module": block,
        "num_adapters": experts,
    }


def _soft(block, kind, location="MHSA", experts=3, slots=1, normalize=False):
    return "soft-moa", _dense(block, kind, location, experts)[1] | {"num_slots": slots, "normalize": normalize}


# name: method, options of its class, final_output
CASES = {
    "bottleneck-seq": (*_adapter("bottleneck", "Pfeiffer", "sequential", False), "ALL"),
    "bottleneck-seq-residual": (*_adapter("bottleneck", "Pfeiffer", "sequential", True), "CLS"),
    "bottleneck-par": (*_adapter("bottleneck", "Pfeiffer", "parallel", False), "CLS"),
    "bottleneck-par-residual": (*_adapter("bottleneck", "Pfeiffer", "parallel", True), "ALL"),
    "bottleneck-houlsby-seq": (*_adapter("bottleneck", "Houlsby", "sequential", False), "CLS"),
    "bottleneck-houlsby-seq-residual": (*_adapter("bottleneck", "Houlsby", "sequential", True), "ALL"),
    "bottleneck-houlsby-par": (*_adapter("bottleneck", "Houlsby", "parallel", False), "ALL"),
    "bottleneck-houlsby-par-residual": (*_adapter("bottleneck", "Houlsby", "parallel", True), "CLS"),
    "conformer-seq": (*_adapter("conformer", "Pfeiffer", "sequential", False), "CLS"),
    "conformer-seq-residual": (*_adapter("conformer", "Pfeiffer", "sequential", True, 8), "ALL"),
    "conformer-par": (*_adapter("conformer", "Pfeiffer", "parallel", False, 1), "ALL"),
    "conformer-par-residual": (*_adapter("conformer", "Pfeiffer", "parallel", True, 110), "CLS"),
    "conformer-houlsby-seq": (*_adapter("conformer", "Houlsby", "sequential", False, 7), "CLS"),
    "conformer-houlsby-par": (*_adapter("conformer", "Houlsby", "parallel", True), "CLS"),
    "ablation-mhsa-par-before": (*_ablation("bottleneck", "MHSA", "parallel", "before"), "CLS"),
    "ablation-mhsa-par-after": (*_ablation("conformer", "MHSA", "parallel", "after"), "CLS"),
    "ablation-mhsa-seq-before": (*_ablation("conformer", "MHSA", "sequential", "before"), "CLS"),
    "ablation-mhsa-seq-before-rows": (*_ablation("bottleneck", "MHSA", "sequential", "before"), "ALL"),
    "ablation-mhsa-seq-after": (*_ablation("bottleneck", "MHSA", "sequential", "after"), "ALL"),
    "ablation-ffn-par-before": (*_ablation("conformer", "FFN", "parallel", "before"), "CLS"),
    "ablation-ffn-par-after": (*_ablation("bottleneck", "FFN", "parallel", "after"), "CLS"),
    "ablation-ffn-seq-before": (*_ablation("bottleneck", "FFN", "sequential", "before"), "ALL"),
    "ablation-ffn-seq-before-mixed": (*_ablation("conformer", "FFN", "sequential", "before"), "CLS"),
    "ablation-ffn-seq-after": (*_ablation("conformer", "FFN", "sequential", "after"), "CLS"),
    "ablation-mhsa-par-before-mixed": (*_ablation("conformer", "MHSA", "parallel", "before"), "ALL"),
    "dense-mhsa": (*_dense("bottleneck", "Pfeiffer"), "ALL"),
    "dense-ffn-convpass": (*_dense("convpass", "Pfeiffer", "FFN", 2), "CLS"),
    "dense-houlsby": (*_dense("convpass", "Houlsby"), "CLS"),
    "soft-mhsa": (*_soft("bottleneck", "Pfeiffer"), "CLS"),
    "soft-mhsa-slots-normalized": (*_soft("convpass", "Pfeiffer", slots=4, normalize=True), "ALL"),
    "soft-ffn": (*_soft("bottleneck", "Pfeiffer", "FFN", 4, 2), "CLS"),
    "soft-houlsby": (*_soft("convpass", "Houlsby", experts=1), "CLS"),
    "soft-houlsby-normalized": (*_soft("bottleneck", "Houlsby", experts=3, slots=2, normalize=True), "ALL"),
}


def write_modules(root):
    """Writes adapters/petl-module-* and their reference arrays; returns their cases for the index."""
    petl, transformers = os.environ.get("PETL_AST"), os.environ.get("PETL_TRANSFORMERS")
    if not petl or not transformers:
        return stored_cases(root, KIND)
    writer = References(root)
    cases = []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        recorded = run_classes(root, scratch, f"{transformers}:{petl}", CASES, seed=500)
        for name, (method, options, final_output) in CASES.items():
            adapter = KIND + name
            state = load_file(scratch / f"{name}.state.safetensors")
            write_directory(root / "adapters" / adapter, state, method, options, final_output)
            cases += [writer.pair(recorded(name), BASE, adapter, clip, inner_stages=False) for clip in CLIPS]
    return cases


def stored_cases(root, kind):
    """Keeps the adapters that the repository has, whose names begin with `kind`."""
    cases = json.loads((STORED / "cases.json").read_text())["cases"]
    cases = [case for case in cases if (case["adapter"] or "").startswith(f"adapters/{kind}")]
    for case in cases:
        for path in (case["adapter"], Path(case["reference"]).parent):
            shutil.copytree(STORED / path, root / path, dirs_exist_ok=True)
        if not (root / case["features"]).exists():
            (root / case["features"]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(STORED / case["features"], root / case["features"])
    return cases


def run_classes(root, scratch, python_path, cases, seed):
    """Runs PETL_AST's classes; returns a function that gives a case's oracle by its name."""
    extractor = ASTFeatureExtractor(num_mel_bins=128, max_length=96, **AUDIOSET)
    inputs = {}
    for clip in CLIPS:
        samples = audio.read(root / "clips" / f"{clip}.wav")
        output = extractor(samples, sampling_rate=16000, return_tensors="np")["input_values"][0]
        for features in (output, exact_features(samples, extractor).astype(np.float32)):
            inputs[_key(features)] = np.ascontiguousarray(features, np.float32)
    save_file(inputs, scratch / "features.safetensors")
    specs = [
        {
            "name": name,
            "method": method,
            "options": options,
            "final_output": final_output,
            "classes": 4,
            "seed": seed + index,
        }
        for index, (name, (method, options, final_output)) in enumerate(cases.items())
    ]
    job = {
        "base": str(root / "models" / BASE),
        "features": str(scratch / "features.safetensors"),
        "out": str(scratch),
        "cases": specs,
    }
    (scratch / "job.json").write_text(json.dumps(job))
    program = Path(__file__).with_name("petl_oracle.py")
    environment = os.environ | {"PYTHONPATH": python_path, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, program, scratch / "job.json"], env=environment, check=True)
    return lambda name: Recorded(extractor, load_file(scratch / f"{name}.results.safetensors"))


def _key(features):
    return hashlib.sha256(np.ascontiguousarray(features, np.float32).tobytes()).hexdigest()[:16]


class Recorded:
    """What References asks of an oracle, answered from the results of the other program."""

    def __init__(self, extractor, results):
        self.extractor = extractor
        self.results = results

    def features(self, samples):
        output = self.extractor(samples, sampling_rate=16000, return_tensors="np")["input_values"][0]
        return np.ascontiguousarray(output, dtype=np.float32)

    def stages(self, features):
        return {stage: self.results[f"{stage}/{_key(features)}"] for stage in ("pooled", "logits")}


def write_directory(folder, state, method, options, final_output):
    """Writes an adapter directory as tools/import_petl.py does, without the position embeddings, which are the base's."""
    left_out = ("num_batches_tracked", "lnorm.weight", "lnorm.bias", "adapter_conv.weight", "adapter_conv.bias")
    tensors = {}
    for name, tensor in state.items():
        if name.startswith("classification_head."):
            tensors["base_model.model.classifier.dense." + name.rsplit(".", 1)[1]] = tensor
        elif name.startswith("model.") or (name.endswith(left_out) and not name.endswith("layernorm.weight")):
            continue
        elif any(part in name for part in ("adapter_module", "moa", "router", "layernorm")):
            tensors[PREFIX + name] = tensor
    config = {"peft_type": "PETL_AST", "method": method, "base_model_name_or_path": BASE}
    if "adapter_type" in options:
        config["architecture"] = options["adapter_type"].lower()
    config["block"] = options.get("adapter_block") or options["adapter_module"]
    if "seq_or_par" in options:
        config["mode"] = options["seq_or_par"]
    if "apply_residual" in options:
        config["apply_residual"] = options["apply_residual"]
    if "location" in options and options.get("adapter_type") != "Houlsby":
        config["location"] = options["location"].lower()
    if "before_after" in options:
        config["position"] = options["before_after"]
    if "normalize" in options:
        config["normalize"] = options["normalize"]
    labels = {str(index): label for index, label in enumerate(LABELS[:4])}
    overlay = {
        "classifier_layernorm": False,
        "id2label": labels,
        "label2id": {label: int(index) for index, label in labels.items()},
        "max_length": 96,
        "pooling": "mean" if final_output == "ALL" else "cls",
        "problem_type": "single_label_classification",
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: np.array(tensor, order="C") for name, tensor in tensors.items()}, folder / "adapter_model.safetensors")
    for name, content in (("adapter_config.json", config), ("config.json", overlay)):
        (folder / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
