#!/usr/bin/env python3
"""Tests of tools/import_ast_pth.py: python Tests/tools/test_import_ast_pth.py. Needs torch, safetensors, numpy, scipy."""

import json
import unittest

import numpy as np
import torch
from importer_case import BASE, GOLDEN, Importers, random_features  # makes tools/ importable
from safetensors.numpy import load_file

from golden.foreign import LABELS, PREFIX, PTH_OPTIONS, pth_checkpoint
from golden.formulas import ast_forward, doubles, linear, norm, petl_tokens
from importing.geometry import Patches


class Originals(Importers):
    def test_the_formulas_are_transformers(self):
        """The golden numbers of a model of transformers, computed by ast_forward under the original names."""
        renamed = {
            "embeddings.cls_token": "v.cls_token",
            "embeddings.distillation_token": "v.dist_token",
            "embeddings.position_embeddings": "v.pos_embed",
            "embeddings.patch_embeddings.projection": "v.patch_embed.proj",
            "encoder.layer": "v.blocks",
            "layernorm_before": "norm1",
            "layernorm_after": "norm2",
            "attention.output.dense": "attn.proj",
            "intermediate.dense": "mlp.fc1",
            "output.dense": "mlp.fc2",
            "classifier.layernorm": "mlp_head.0",
            "classifier.dense": "mlp_head.1",
        }
        state = {}
        for name, array in load_file(BASE / "model.safetensors").items():
            name = name.removeprefix(PREFIX)
            for old, new in renamed.items():
                name = name.replace(old, new)
            state[name.replace("layernorm.", "v.norm.")] = torch.from_numpy(array)
        for layer in range(2):
            for part in ("weight", "bias"):
                inner = f"v.blocks.{layer}.attention.attention."
                rows = [state.pop(f"{inner}{name}.{part}") for name in ("query", "key", "value")]
                state[f"v.blocks.{layer}.attn.qkv.{part}"] = torch.cat(rows)
        features = load_file(GOLDEN / "reference/features/128x96/speech.safetensors")["features"]
        wanted = load_file(GOLDEN / "reference/stride10/speech.safetensors")
        pooled, logits = ast_forward(state, features.astype(np.float64), 2, (10, 10), eps=(1e-12, 1e-12))
        np.testing.assert_allclose(pooled, wanted["pooled"], atol=2e-5)
        np.testing.assert_allclose(logits, wanted["logits"], atol=2e-5)

    def test_the_result_gives_the_original_s_logits(self):
        state = pth_checkpoint()
        self.accepted(self.pth(state, *PTH_OPTIONS))
        config = json.loads((self.out / "config.json").read_text())
        eps, head_eps = config["layer_norm_eps"], config["classifier_layer_norm_eps"]
        self.assertEqual((eps, head_eps), (1e-6, 1e-5))
        tensors = {name: torch.from_numpy(array) for name, array in load_file(self.out / "model.safetensors").items()}
        w = doubles({name.removeprefix(PREFIX): tensor for name, tensor in tensors.items()})
        features = random_features(96)
        x = petl_tokens(w, features, config["num_attention_heads"], strides=(16, 12), eps=eps)
        normed = norm((x[0] + x[1]) / 2, w["classifier.layernorm.weight"], w["classifier.layernorm.bias"], head_eps)
        logits = linear(normed, w["classifier.dense.weight"], w["classifier.dense.bias"])
        wanted = ast_forward(state, features, 2, (16, 12))[1]
        np.testing.assert_allclose(logits, wanted, atol=1e-9)
        # A single eps, as in transformers, would fail here.
        self.assertGreater(np.abs(ast_forward(state, features, 2, (16, 12), (1e-6, 1e-6))[1] - wanted).max(), 1e-3)
        self.assertEqual(list(config["id2label"].values()), list(LABELS[:6]))
        self.assertEqual(config["problem_type"], "multi_label_classification")
        front_end = json.loads((self.out / "preprocessor_config.json").read_text())
        self.assertEqual((front_end["max_length"], front_end["mean"], front_end["std"]), (96, -4.2677393, 4.5689974))

    def test_a_published_geometry_needs_no_options(self):
        for tokens, strides, length in ((1214, (), 1024), (602, (), 512), (146, (), 128), (514, (16, 16), 1024)):
            state = pth_checkpoint(hidden=64, inner=8, layers=1, tokens=tokens)
            options = ("--frequency-stride", strides[0], "--time-stride", strides[1]) if strides else ()
            self.accepted(self.pth(state, "--force", *options))
            config = json.loads((self.out / "config.json").read_text())
            self.assertEqual((config["max_length"], config["num_attention_heads"]), (length, 1))
            patches = Patches(frequency_stride=config["frequency_stride"], time_stride=config["time_stride"])
            self.assertEqual(patches.tokens(length), tokens)

    def test_what_does_not_fit_is_refused(self):
        def changed(change, *options):
            state = pth_checkpoint()
            change(state)
            return self.pth(state, *PTH_OPTIONS, *options)

        def same(state):
            return state

        self.refused(changed(same, "--frequency-stride", "10"), "58 position embeddings")
        self.refused(changed(same, "--max-length", "100"), "88 to 99")
        self.refused(changed(same, "--num-heads", "3"), "--num-heads")
        self.refused(self.pth(pth_checkpoint(), *PTH_OPTIONS, labels=5), "5 labels", "6 classes")
        self.refused(self.pth(pth_checkpoint(), *PTH_OPTIONS[:4], "--num-heads", "2"), "--max-length")
        self.refused(changed(lambda s: s.pop("module.v.dist_token")), "v.dist_token")
        self.refused(changed(lambda s: s.pop("module.mlp_head.1.weight")), "mlp_head.1.weight")
        self.refused(changed(lambda s: s.pop("module.v.blocks.0.norm1.bias")), "v.blocks.0.norm1.bias")
        self.refused(changed(lambda s: s.update({"module.v.blocks.0.gamma_1": torch.ones(2)})), "gamma_1")
        self.refused(changed(lambda s: s.update({"module.v.pos_embed": s["module.v.pos_embed"].int()})), "v.pos_embed")
        (self.folder / "labels.txt").write_text("a\n\nb\nc\nd\ne\n")
        done = self.pth(pth_checkpoint(), *PTH_OPTIONS, "--labels", self.folder / "labels.txt")
        self.refused(done, "blank")


if __name__ == "__main__":
    unittest.main(verbosity=1)
