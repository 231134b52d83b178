"""The golden cases of imported checkpoints: adapters/petl-* and models/ast-pth, made by the importers themselves."""

import tempfile
from pathlib import Path

import import_ast_pth
import import_petl
import numpy as np
import torch
from transformers import ASTFeatureExtractor

from .foreign import AUDIOSET, GOLDEN, PTH_OPTIONS, petl_checkpoint, petl_options, pth_checkpoint, pth_labels
from .formulas import ast_forward, petl_forward
from .references import References

BASE = "stride10"


class Formula:
    """What References asks of an oracle, answered by a forward pass of formulas.py."""

    def __init__(self, forward, **extractor):
        self.forward = forward
        self.extractor = ASTFeatureExtractor(num_mel_bins=128, **extractor)

    def features(self, samples):
        output = self.extractor(samples, sampling_rate=16000, return_tensors="np")["input_values"][0]
        return np.ascontiguousarray(output, dtype=np.float32)

    def stages(self, features):
        pooled, logits = self.forward(features.astype(np.float64))
        return {"pooled": pooled.astype(np.float32), "logits": logits.astype(np.float32)}


def write_imported(root):
    """Writes adapters/petl-*, models/ast-pth and their reference arrays; returns their cases for the index."""
    writer = References(root)
    cases = []
    base = root / "models" / BASE
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        for spec in GOLDEN:
            state = petl_checkpoint(base, spec)
            torch.save(state, scratch / "bestmodel")
            options = petl_options(spec, scratch / "labels.txt", base)
            _import(import_petl, scratch / "bestmodel", root / "adapters" / spec.name, options)
            formula = Formula(
                lambda features, state=state, spec=spec: petl_forward(
                    state, features, spec.final_output, spec.alpha / spec.rate
                ),
                max_length=spec.max_length,
                **(spec.statistics or AUDIOSET),
            )
            cases += [writer.pair(formula, BASE, spec.name, clip) for clip in spec.clips]
        state = pth_checkpoint()
        torch.save(state, scratch / "ast.pth")
        options = ["--labels", str(pth_labels(scratch / "labels.csv")), *PTH_OPTIONS]
        _import(import_ast_pth, scratch / "ast.pth", root / "models" / "ast-pth", options)
        formula = Formula(lambda features: ast_forward(state, features, 2, (16, 12)), max_length=96, **AUDIOSET)
        cases += [writer.pair(formula, "ast-pth", None, clip) for clip in ("noise", "exact")]
    return cases


def _import(importer, checkpoint, folder, options):
    if importer.main([str(checkpoint), str(folder), *options]) != 0:
        raise SystemExit(f"make_golden: {importer.__name__} refused its own golden checkpoint")
