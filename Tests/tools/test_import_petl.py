#!/usr/bin/env python3
"""Tests of tools/import_petl.py: python Tests/tools/test_import_petl.py. Needs torch, safetensors, numpy, scipy.

Every importer runs as a process. Its output, merged into the base as astd does, must give the same numbers as the
training's formulas, which keep LoRA beside the weights.
"""

import dataclasses
import json
import os
import pickle
import unittest

import numpy as np
import torch
from importer_case import BASE, GOLDEN, PLAIN, Importers  # makes tools/ importable
from safetensors.numpy import load_file

from golden.foreign import LABELS, PREFIX, SPEECH_COMMANDS, Petl, petl_checkpoint
from importing.petl_lora import lora_alpha

VARIANTS = [
    PLAIN,
    Petl("q", 402, "q", "CLS", rate=6, alpha=9.0, max_length=50, twin=False),
    Petl("qk", 403, "qk", rate=3, alpha=1.0),
    Petl("qkvo", 404, "qkvo", "CLS", max_length=150),
    Petl("upper-q", 405, "Q", rate=64 // 3, alpha=0.1),
    Petl("upper-qk", 406, "QK", "CLS", twin=False, statistics=SPEECH_COMMANDS),
    Petl("upper-qv", 407, "QV", max_length=99, labels=1),
    Petl("upper-qkvo", 408, "QKVO", rate=1, alpha=3.0, twin=False),
    Petl("shared", 409, "", "CLS", rate=11),
]


class Petls(Importers):
    def test_every_method_gives_the_training_s_logits(self):
        for spec in VARIANTS:
            with self.subTest(spec.name):
                state = petl_checkpoint(BASE, spec)
                self.accepted(self.petl(state, spec, "--force"))
                overlay = self.check_logits(state, spec)
                self.assertEqual(overlay["max_length"], spec.max_length)
                self.assertIs(overlay["classifier_layernorm"], False)
                self.assertEqual(overlay["problem_type"], "single_label_classification")
                self.assertEqual(list(overlay["id2label"].values()), list(LABELS[: spec.labels]))
                self.assertEqual((self.out / "preprocessor_config.json").exists(), spec.statistics is not None)

    def test_wrappings_and_formats_do_not_matter(self):
        state = petl_checkpoint(BASE, PLAIN)
        parallel = {f"module.{name}": tensor for name, tensor in state.items()}
        only_twin = {name: tensor for name, tensor in state.items() if name.startswith(("model.", "classification"))}
        for wrapped in ({"state_dict": state, "epoch": 3}, {"model": parallel}, parallel, only_twin):
            self.accepted(self.petl(wrapped, PLAIN, "--force"))
            self.check_logits(state, PLAIN)
        torch.save(state, self.folder / "old", _use_new_zipfile_serialization=False)
        self.accepted(self.petl(self.folder / "old", PLAIN, "--force"))
        self.check_logits(state, PLAIN)
        half = {name: tensor.half() for name, tensor in state.items()}
        self.accepted(self.petl(half, PLAIN, "--force"))
        adapter = load_file(self.out / "adapter_model.safetensors")
        self.assertEqual({array.dtype.name for array in adapter.values()}, {"float32"})

    def test_the_result_is_the_same_byte_for_byte_and_readable_by_all(self):
        runs = []
        for _ in range(2):
            self.accepted(self.petl(petl_checkpoint(BASE, PLAIN), PLAIN, "--force"))
            runs.append({path.name: path.read_bytes() for path in self.out.iterdir()})
            umask = os.umask(0)
            os.umask(umask)
            for path in self.out.iterdir():
                self.assertEqual(path.stat().st_mode & 0o777, 0o666 & ~umask)
        self.assertEqual(*runs)

    def test_labels_and_problem_type_from_options(self):
        torch.save(petl_checkpoint(BASE, PLAIN), self.folder / "bestmodel")
        options = ["--reduction-rate", 10, "--alpha", 6, "--final-output", "ALL", "--max-length", 96]
        options += ["--labels", "a, b,c,é", "--problem-type", "multi_label_classification"]
        self.accepted(self.run_tool("import_petl.py", self.folder / "bestmodel", *options))
        overlay = json.loads((self.out / "config.json").read_text())
        self.assertEqual(overlay["label2id"], {"a": 0, "b": 1, "c": 2, "é": 3})
        self.assertEqual(overlay["problem_type"], "multi_label_classification")

    def test_a_layer_norm_that_was_trained_is_kept(self):
        state = petl_checkpoint(BASE, dataclasses.replace(PLAIN, twin=False))
        state["encoder.layer.1.layernorm_before.weight"] += 0.3
        self.accepted(self.petl(state))
        self.check_logits(state, PLAIN)
        saved = json.loads((self.out / "adapter_config.json").read_text())["modules_to_save"]
        self.assertIn(PREFIX + "encoder.layer.1.layernorm_before", saved)

    def test_the_wrong_options_are_refused(self):
        state = petl_checkpoint(BASE, PLAIN)
        wrong = {"rate": 8, "labels": 5, "max_length": 106}
        named = {"rate": "10 to 12 would fit", "labels": "5 labels", "max_length": "96 to 105 would"}
        for key, value in wrong.items():
            done = self.petl(state, dataclasses.replace(PLAIN, **{key: value}))
            self.refused(done, named[key])
        self.refused(self.petl(state, PLAIN, base=GOLDEN / "models" / "no-normalize"), "and", "differ")
        self.refused(self.petl(state, PLAIN, base=self.folder / "nowhere"), "nowhere")
        self.refused(self.petl(self.folder / "missing"), "no such file")
        self.assertEqual(self.petl(state, PLAIN, "--mean", "1").returncode, 2)
        self.assertEqual(self.petl(state, PLAIN, "--alpha", "-1").returncode, 2)

    def test_the_wrong_tensors_are_refused(self):
        def changed(change):
            state = petl_checkpoint(BASE, PLAIN)
            change(state)
            return self.petl(state)

        one = "encoder.layer.1.attention.attention.lora_up_v.weight"
        both = (one, f"model.{one}")
        nan = torch.full((32, 3), float("nan"))
        self.refused(changed(lambda s: s.update({f"model.{one}": s[one] + 1e-6})), one, "differ")
        self.refused(changed(lambda s: s.update({"encoder.layer.0.adapter.down.weight": nan})), "adapter.down")
        self.refused(changed(lambda s: s.pop("classification_head.weight")), "classification_head.weight")
        self.refused(changed(lambda s: s.pop("classification_head.bias")), "classification_head.bias")
        self.refused(changed(lambda s: [s.pop(name) for name in both]), "layer 1", "value")
        self.refused(changed(lambda s: s.update({name: nan for name in both})), one, "NaN")
        self.refused(changed(lambda s: (s.update({one: nan}), s.pop(both[1]))), one, "NaN")
        self.refused(changed(lambda s: [s.update({name: s[one][:, :2]}) for name in both]), one, "shape")
        self.refused(changed(lambda s: [s.pop(name) for name in list(s) if "lora" in name]), "LoRA")
        self.refused(changed(lambda s: s.update({one.replace("_v.", "_V."): s[one]})), "same module")

    def test_a_file_that_is_not_a_checkpoint_is_refused(self):
        marker = self.folder / "executed"
        path = self.folder / "bestmodel"

        class Code:
            def __reduce__(self):
                return os.system, (f"touch {marker}",)

        torch.save({"a": Code()}, path)
        self.refused(self.petl(path), "would run", "system")
        path.write_bytes(pickle.dumps(Code()))
        self.refused(self.petl(path), "would run code")
        self.assertFalse(marker.exists())
        path.write_text("version https://git-lfs.github.com/spec/v1\n")
        self.refused(self.petl(path), "is a Git LFS pointer, not the weights: run git lfs pull")
        path.write_bytes(b"")
        self.refused(self.petl(path), "not a checkpoint")
        torch.save(petl_checkpoint(BASE, PLAIN), path)
        path.write_bytes(path.read_bytes()[:20000])
        self.refused(self.petl(path), "truncated")
        self.refused(self.petl({"weights": [1, 2]}), "weights")
        self.refused(self.petl([torch.ones(2)]), "list")

    def test_a_directory_is_not_replaced_unasked(self):
        state = petl_checkpoint(BASE, PLAIN)
        self.accepted(self.petl(state))
        done = self.petl(state)
        self.assertEqual((done.returncode, "exists" in done.stderr), (1, True))
        (self.out / "notes.txt").write_text("mine")
        done = self.petl(state, PLAIN, "--force")
        self.assertEqual((done.returncode, "notes.txt" in done.stderr), (1, True))
        self.assertTrue((self.out / "adapter_model.safetensors").exists())

    def test_the_scale_is_exact(self):
        for alpha in (1, 3, 7, 8, 16, 0.1):
            for rate in range(1, 1537):
                if rank := round(768 / rate):
                    found = lora_alpha(alpha, rate, rank) / rank
                    self.assertEqual(np.float32(found), np.float32(alpha / rate))
                    self.assertLess(abs(found * rate / alpha - 1), 5e-16)


if __name__ == "__main__":
    unittest.main(verbosity=1)
