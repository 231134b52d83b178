#!/usr/bin/env python3
"""Tests of tools/import_petl.py for the methods but LoRA: python Tests/tools/test_import_petl_methods.py.

The imported directory, put into the base, must give the numbers of the training's formulas, which are compared with
those of PETL_AST's own classes in the golden data.
"""

import io
import json
import re
import sys
import unittest
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import torch
from importer_case import BASE, GOLDEN, Importers, random_features  # makes tools/ importable
from petl_checkpoints import TRAININGS, Checkpoint, Training
from safetensors.numpy import load_file

import import_petl
from golden.foreign import PREFIX
from golden.formulas import doubles
from golden.petl_formulas import petl_logits
from importing.petl_methods import POOLINGS

BY_NAME = {training.name: training for training in TRAININGS}
YAML = """# Optimization params.

lr_adapter: 0.005

final_output: 'ALL' # Which tokens are used? Options: ['ALL', 'CLS'].
final_output_prompt_tuning: "PROMPTS+SPEECH"

max_len_AST_FSC: 400
num_classes_FSC: 31
max_len_AST_ESC: 96
num_classes_ESC: 4
"""


def single(state):
    """The arrays of a checkpoint under their names without `model.`, as far as the formulas read them."""
    return doubles({name.removeprefix("model."): tensor for name, tensor in state.items()})


class Methods(Importers):
    def run_tool(self, tool, checkpoint, *options):
        """In this process: torch takes seconds to start."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code = import_petl.main([str(checkpoint), str(self.out), *(str(option) for option in options)])
            except SystemExit as stop:
                code = stop.code
        return type("Done", (), {"returncode": code, "stdout": out.getvalue(), "stderr": err.getvalue()})

    def petl(self, state, *options):
        torch.save(state, self.folder / "bestmodel")
        return self.run_tool("import_petl.py", self.folder / "bestmodel", *options)

    def take(self, training, *more, seed=1, state=None):
        state = state or Checkpoint(BASE, training, seed).make()
        return self.petl(state, *training.options, *more)

    def accepted(self, done):
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for line in done.stdout.splitlines()[1:]:
            self.assertRegex(line, r"^note: ")

    def imported(self, folder):
        """The base with an adapter's tensors, the adapter's fields, and its overlay."""
        arrays = load_file(BASE / "model.safetensors") | {
            name.removeprefix("base_model.model."): array
            for name, array in load_file(folder / "adapter_model.safetensors").items()
        }
        state = {name.removeprefix(PREFIX).replace("classifier.dense", "classification_head"): a for name, a in arrays.items()}
        read = (json.loads((folder / name).read_text()) for name in ("adapter_config.json", "config.json"))
        return {name: array.astype(np.float64) for name, array in state.items()}, *read

    def test_every_method_gives_the_training_s_logits(self):
        for seed, training in enumerate(TRAININGS):
            with self.subTest(training.name):
                state = Checkpoint(BASE, training, seed).make()
                self.accepted(self.take(training, "--force", "--base", BASE, state=state))
                with_base = load_file(self.out / "adapter_model.safetensors")
                self.accepted(self.take(training, "--force", state=state))
                arrays, fields, overlay = self.imported(self.out)
                features = random_features(training.frames)
                wanted = petl_logits(single(state), features, training.all_fields, POOLINGS[training.final_output])
                found = petl_logits(arrays, features, fields, overlay["pooling"])
                np.testing.assert_allclose(found[1], wanted[1], atol=1e-9)
                self.assertEqual(fields.pop("peft_type"), "PETL_AST")
                del fields["base_model_name_or_path"]
                self.assertEqual(fields, training.all_fields)
                # A base only leaves out what is the base's.
                without = load_file(self.out / "adapter_model.safetensors")
                for name in without.keys() - with_base.keys():
                    np.testing.assert_array_equal(without[name], load_file(BASE / "model.safetensors")[name.removeprefix("base_model.model.")])
                self.assertEqual(with_base.keys() - without.keys(), set())

    def test_the_formulas_give_the_numbers_of_petl_ast_itself(self):
        index = json.loads((GOLDEN / "cases.json").read_text())
        cases = [case for case in index["cases"] if "+petl-method-" in case["id"] or "+petl-module-" in case["id"]]
        self.assertGreater(len(cases), 60)
        for case in cases:
            with self.subTest(case["id"]):
                arrays, fields, overlay = self.imported(GOLDEN / case["adapter"])
                features = load_file(GOLDEN / case["features"])["features"].astype(np.float64)
                _, logits = petl_logits(arrays, features, fields, overlay["pooling"])
                np.testing.assert_allclose(logits, load_file(GOLDEN / case["reference"])["logits"], atol=2e-5)

    def test_layer_norms_that_were_trained_besides_the_method_s_are_kept(self):
        for name in ("pfeiffer-parallel-False-bottleneck", "linear", "prefix", "prompts-deep-ALL", "soft-ffn"):
            for base in ((), ("--base", BASE)):
                with self.subTest(name, base=base):
                    checkpoint = Checkpoint(BASE, BY_NAME[name], seed=5)
                    for layer in range(checkpoint.layers):
                        checkpoint.vary_norms(f"encoder.layer.{layer}.", "before", "after")
                    state = checkpoint.make()
                    self.accepted(self.take(BY_NAME[name], "--force", *base, state=state))
                    arrays, _, _ = self.imported(self.out)
                    for tensor, array in single(state).items():
                        if "layernorm_" in tensor:
                            np.testing.assert_array_equal(arrays[tensor], array)

    def test_full_fine_tuning_becomes_a_model(self):
        training = Training("full", "full-ft", final_output="CLS", frames=64)
        state = Checkpoint(BASE, training).make()
        self.accepted(self.take(training, "--method", "full-FT", "--base", BASE, state=state))
        config = json.loads((self.out / "config.json").read_text())
        base = json.loads((BASE / "config.json").read_text())
        for key in ("hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "layer_norm_eps"):
            self.assertEqual(config[key], base[key])
        self.assertEqual((config["max_length"], config["pooling"], config["classifier_layernorm"]), (64, "cls", False))
        self.assertEqual(json.loads((self.out / "preprocessor_config.json").read_text())["max_length"], 64)
        found = {name.removeprefix(PREFIX): a for name, a in load_file(self.out / "model.safetensors").items()}
        for name, array in single(state).items():
            np.testing.assert_array_equal(found[name.replace("classification_head", "classifier.dense")], array)
        self.assertEqual(len(found), len(single(state)))

    def test_the_method_is_found_by_the_tensors_and_by_the_base(self):
        for name in ("linear", "bitfit"):
            options = [word for word in BY_NAME[name].options if word not in ("--method", "linear", "BitFit")]
            state = Checkpoint(BASE, BY_NAME[name]).make()
            self.refused(self.petl(state, *options), "--method", "--base")
            self.accepted(self.petl(state, *options, "--base", BASE, "--force"))
            self.assertEqual(json.loads((self.out / "adapter_config.json").read_text())["method"], name)
            self.drop_output()
        state = Checkpoint(BASE, BY_NAME["bitfit"]).make()
        self.refused(self.petl(state, *BY_NAME["linear"].options, "--base", BASE), "differ", "bias")
        state = Checkpoint(BASE, BY_NAME["prefix"]).make()
        options = BY_NAME["prefix"].options
        self.refused(self.petl(state, *options, "--method", "linear"), "key_tokens", "prefix-tuning")
        self.refused(self.petl(state, *options, "--method", "LoRA"), "key_tokens", "prefix-tuning")
        self.accepted(self.petl(state, *options, "--method", "prefix-tuning"))

    def drop_output(self):
        for path in self.out.iterdir():
            path.unlink()
        self.out.rmdir()

    def test_defaults_of_the_training_are_printed(self):
        state = Checkpoint(BASE, BY_NAME["pfeiffer-parallel-False-conformer"]).make()
        done = self.petl(state, "--max-length", 96, "--labels", "a,b,c,d")
        self.accepted(done)
        for text in ("--seq-or-par", "parallel", "--apply-residual", "--final-output", "ALL", "lnorm", "num_batches"):
            self.assertIn(text, done.stdout)
        state = Checkpoint(BASE, Training("gsc", "linear", frames=100)).make()
        done = self.petl(state, "--method", "linear", "--labels", "a,b,c,d", "--force")
        self.accepted(done)
        self.assertIn("100, the published length", done.stdout)
        state = Checkpoint(BASE, BY_NAME["linear-50"]).make()
        self.drop_output()
        self.refused(self.petl(state, "--method", "linear", "--labels", "a,b,c,d"), "--max-length")

    def test_train_yaml_has_the_options_of_the_dataset(self):
        yaml = self.folder / "train.yaml"
        yaml.write_text(YAML)
        state = Checkpoint(BASE, BY_NAME["prompts-deep-ALL"]).make()
        read = ["--labels", "a,b,c,d", "--train-yaml", yaml]
        self.accepted(self.petl(state, *read, "--dataset", "ESC-50"))
        overlay = json.loads((self.out / "config.json").read_text())
        self.assertEqual((overlay["pooling"], overlay["max_length"]), ("prompts_speech", 96))
        state = Checkpoint(BASE, BY_NAME["prefix"]).make()
        self.accepted(self.petl(state, *read, "--dataset", "esc", "--force"))
        self.assertEqual(json.loads((self.out / "config.json").read_text())["pooling"], "mean")
        done = self.petl(state, *read, "--dataset", "ESC-50", "--final-output", "CLS", "--force")
        self.assertIn("though train.yaml says ALL", done.stdout)
        done = self.petl(state, *read, "--dataset", "FSC", "--max-length", 96, "--force")
        self.assertIn("num_classes_FSC 31", done.stdout)
        self.drop_output()
        self.refused(self.petl(state, *read, "--dataset", "FSC"), "--max-length 400 does not fit")
        self.refused(self.petl(state, *read, "--dataset", "GSC"), "max_len_AST_GSC")
        self.refused(self.petl(state, *read), "--dataset")
        yaml.write_text(YAML + "nested:\n  key: 1\n")
        self.refused(self.petl(state, *read, "--dataset", "ESC-50"), "line 12")
        yaml.write_text(YAML.replace("'ALL' #", "'DIST' #"))
        self.refused(self.petl(state, *read, "--dataset", "ESC-50"), "final_output is DIST")
        self.refused(self.petl(state, "--labels", "a,b,c,d", "--train-yaml", self.folder / "none", "--dataset", "FSC"), "none")
        self.assertEqual(self.petl(state, "--labels", "a,b,c,d", "--dataset", "FSC").returncode, 2)

    def test_options_that_the_tensors_contradict_are_refused(self):
        def state_of(name):
            return Checkpoint(BASE, BY_NAME[name]).make()

        prefix = state_of("prefix"), *BY_NAME["prefix"].options
        self.refused(self.petl(*prefix, "--final-output", "PROMPTS"), "no prompts")
        for flag, value in (("--befafter", "after"), ("--location", "FFN"), ("--alpha", 8), ("--seq-or-par", "parallel")):
            self.refused(self.petl(*prefix, flag, value), flag, "prefix-tuning has no such option")
        self.refused(self.petl(*prefix, "--apply-residual"), "--apply-residual")
        self.accepted(self.petl(*prefix, "--apply-residual", "False"))
        self.drop_output()
        adapter = state_of("convpass"), *BY_NAME["convpass"].options
        self.refused(self.petl(*adapter, "--reduction-rate", 96), "width", "6 to 7 would fit")
        self.accepted(self.petl(*adapter, "--reduction-rate", 6))
        self.drop_output()
        soft = state_of("soft-mhsa"), "--final-output", "ALL", "--max-length", 96, "--labels", "a,b,c,d"
        self.refused(self.petl(*soft, "--seq-or-par", "sequential"), "always parallel")
        self.refused(self.petl(*soft, "--location", "FFN", "--base", BASE), "layernorm_before", "MHSA")
        done = self.petl(state_of("soft-ffn"), *soft[1:], "--base", BASE)
        self.accepted(done)
        self.assertEqual(json.loads((self.out / "adapter_config.json").read_text())["location"], "ffn")
        self.assertIn("FFN, because every layernorm_after was trained", done.stdout)

    def test_incomplete_and_damaged_tensors_are_refused(self):
        def check(name, change, *parts):
            state = Checkpoint(BASE, BY_NAME[name]).make()
            change(state)
            self.refused(self.petl(state, *BY_NAME[name].options), *parts)

        def everywhere(state, end, edit):
            for name in [name for name in state if re.fullmatch(rf"(model\.)?{end}", name)]:
                edit(state, name)

        def drop(end):
            return lambda state: everywhere(state, end, lambda s, name: s.pop(name))

        def changed(end, edit):
            return lambda state: everywhere(state, end, lambda s, name: s.update({name: edit(s[name])}))

        def nan(tensor):
            return torch.full_like(tensor, float("nan"))

        layer = r"encoder\.layer\.1\."
        tokens = layer + r"attention\.attention\.(key|value)_tokens"
        check("prefix", drop(layer + r"attention\.attention\.value_tokens"), "value_tokens")
        check("prefix", changed(tokens, lambda t: t[:, :3]), "key_tokens", "shape")
        check("prefix", changed(tokens, nan), "NaN")
        check("prefix", changed(r".*_tokens", lambda t: t[:, :0]), "no rows")
        check("prompts-deep-ALL", changed("deep_prompt_embeddings", lambda t: t[:, :2]), "deep_prompt_embeddings", "shape")
        check("prompts-deep-ALL", drop("prompt_embeddings"), "prompt_embeddings")
        check("prompts-shallow-CLS", changed("prompt_embeddings", nan), "NaN")
        check("prompts-shallow-CLS", changed("prompt_embeddings", lambda t: t[0]), "prompt_embeddings", "shape")
        houlsby = "houlsby-parallel-True-conformer"
        check(houlsby, drop(layer + r"adapter_module_MHSA\..*"), "layer 1", "unlike layer 0")
        check(houlsby, drop(layer + r"adapter_module_MHSA\.bnorm\.running_var"), "running_var")
        check(houlsby, changed(layer + r".*running_var", lambda t: -t), "negative")
        check(houlsby, changed(layer + r".*dwise_conv\.weight", lambda t: t[:, :, :9]), "dwise_conv.weight", "shape")
        check(houlsby, changed(layer + r".*pwise_conv1\.weight", nan), "NaN")
        check("convpass", changed(layer + r".*adapter_up\.weight", lambda t: t[:, :2]), "adapter_up.weight", "shape")
        check("convpass", lambda s: s.update({"encoder.layer.0.adapter_module_FFN.gate": torch.ones(1)}), "gate")
        check("dense-mhsa", drop(layer + r"moa\.moa\.1\..*"), "experts [0, 2]")
        check("dense-mhsa", drop(layer + r"router\.ff\.bias"), "router.ff.bias")
        check("dense-houlsby", drop(layer + r"router_ffn\..*"), "router_ffn")
        check("soft-mhsa", drop(layer + r"moa\.slot_params"), "slot_params")
        check("soft-mhsa", drop(r".*slot_params"), "without router.ff")
        check("soft-ffn", drop(layer + r"moa\.scale"), "slots")
        check("soft-mhsa", changed(layer + r"moa\.slot_params", lambda t: t[:, :2]), "slot_params", "shape")
        check("soft-mhsa", lambda s: s.update({"prompt_embeddings": torch.ones(1, 2, 32)}), "Soft-MoA", "prompt-tuning")
        check("prefix", lambda s: s.update({"encoder.layer.9.attention.attention.key_tokens": torch.ones(1, 12, 32)}), "layer.2")
        check("linear", lambda s: s.update({"feature_projection.projection.weight": torch.ones(2)}), "Wav2Vec")
        check("bitfit", drop(layer + r"intermediate\.dense\.bias"), "intermediate.dense.bias")
        check("convpass", lambda s: s.update({"model.encoder.layer.0.adapter_module_FFN.adapter_up.bias": torch.ones(32)}), "differ")

    def test_the_result_is_the_same_byte_for_byte(self):
        for name in ("soft-houlsby", "prompts-deep-ALL"):
            runs = []
            for _ in range(2):
                self.accepted(self.take(BY_NAME[name], "--force", "--base", BASE))
                runs.append({path.name: path.read_bytes() for path in self.out.iterdir()})
            self.assertEqual(*runs)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main(verbosity=1)
