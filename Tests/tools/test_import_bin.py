#!/usr/bin/env python3
"""Tests of tools/import_bin.py: python Tests/tools/test_import_bin.py. Needs torch, safetensors, numpy, scipy."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import unittest

import numpy as np
import torch
from importer_case import BASE, GOLDEN, Importers  # makes tools/ importable
from safetensors.numpy import load_file

import import_bin


class Executed:
    """Its pickle would run code."""

    def __reduce__(self):
        return os.system, ("touch executed",)


class Pickled(Importers):
    def setUp(self):
        super().setUp()
        self.model = self.folder / "model"
        shutil.copytree(BASE, self.model)
        (self.model / "model.safetensors").unlink()
        self.arrays = load_file(BASE / "model.safetensors")
        self.state = {name: torch.from_numpy(array) for name, array in self.arrays.items()}

    def convert(self, *arguments):
        """Runs the program in this process: importing torch takes longer than everything else."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = import_bin.main([str(argument) for argument in arguments])
        return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())

    def check_same(self, path):
        found = load_file(path)
        self.assertEqual(found.keys(), self.arrays.keys())
        for name, array in found.items():
            np.testing.assert_array_equal(array, self.arrays[name])

    def check_refused(self, done, *parts):
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for part in ("import_bin: ", *parts):
            self.assertIn(part, done.stderr)

    def save_shards(self, edit=lambda places: None):
        names = sorted(self.state)
        places = {}
        for number, part in enumerate((names[:20], names[20:])):
            shard = f"pytorch_model-{number + 1:05}-of-00002.bin"
            torch.save({name: self.state[name] for name in part}, self.model / shard)
            places |= dict.fromkeys(part, shard)
        edit(places)
        (self.model / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": places}))

    def test_the_weights_are_written_beside_the_pickle(self):
        torch.save(self.state, self.model / "pytorch_model.bin")
        done = self.convert(self.model)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.check_same(self.model / "model.safetensors")
        self.check_refused(self.convert(self.model), "model.safetensors: exists", "--force")
        self.assertEqual(self.convert(self.model, "--force").returncode, 0)
        self.assertEqual([path.name for path in self.model.iterdir() if path.name.startswith(".")], [])

    def test_another_directory_gets_the_configuration_too(self):
        torch.save({"state_dict": {"module." + name: tensor for name, tensor in self.state.items()}}, self.model / "pytorch_model.bin")
        done = self.convert(self.model, self.out)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.check_same(self.out / "model.safetensors")
        self.assertEqual(
            sorted(path.name for path in self.out.iterdir()),
            ["config.json", "model.safetensors", "preprocessor_config.json"],
        )
        self.assertFalse((self.model / "model.safetensors").exists())

    def test_a_file_and_shared_memory(self):
        self.state["classifier.layernorm.bias"] = self.state["audio_spectrogram_transformer.layernorm.bias"]
        self.arrays["classifier.layernorm.bias"] = self.arrays["audio_spectrogram_transformer.layernorm.bias"]
        torch.save(self.state, self.model / "weights.pt")
        self.assertEqual(self.convert(self.model / "weights.pt").returncode, 0)
        self.check_same(self.model / "model.safetensors")

    def test_element_types_stay(self):
        torch.save({name: tensor.half() for name, tensor in self.state.items()}, self.model / "pytorch_model.bin")
        self.convert(self.model)
        self.assertEqual({array.dtype for array in load_file(self.model / "model.safetensors").values()}, {np.dtype("float16")})

    def test_shards_become_one_file(self):
        self.save_shards()
        self.assertEqual(self.convert(self.model).returncode, 0)
        self.check_same(self.model / "model.safetensors")

    def test_an_index_of_other_shards_is_refused(self):
        first, second = "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"
        self.save_shards(lambda places: places.update({"more.weight": second}))
        self.check_refused(self.convert(self.model), "more.weight is not in", second)
        self.save_shards(lambda places: places.pop("classifier.dense.bias"))
        self.check_refused(self.convert(self.model), "classifier.dense.bias")
        self.save_shards(lambda places: places.update({"x": "../x.bin"}))
        self.check_refused(self.convert(self.model), "'../x.bin'")
        self.save_shards()
        (self.model / first).unlink()
        self.check_refused(self.convert(self.model), first, "no such file")
        (self.model / "pytorch_model.bin.index.json").write_text("{")
        self.check_refused(self.convert(self.model), "weight_map")

    def test_an_adapter(self):
        adapter = self.folder / "adapter"
        shutil.copytree(GOLDEN / "adapters/modern-qv", adapter)
        self.arrays = load_file(adapter / "adapter_model.safetensors")
        (adapter / "adapter_model.safetensors").unlink()
        torch.save({name: torch.from_numpy(array) for name, array in self.arrays.items()}, adapter / "adapter_model.bin")
        self.assertEqual(self.convert(adapter).returncode, 0)
        self.check_same(adapter / "adapter_model.safetensors")

    def test_what_cannot_be_converted_is_refused(self):
        path = self.model / "pytorch_model.bin"
        self.check_refused(self.convert(self.model), "no pytorch_model.bin or adapter_model.bin")
        self.check_refused(self.convert(self.folder / "absent"), "no such file or directory")
        torch.save(Executed(), path)
        self.check_refused(self.convert(self.model), "would run", "system")
        path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
        self.check_refused(self.convert(self.model), "is a Git LFS pointer, not the weights: run git lfs pull")
        torch.save({"module.v.blocks.0.attn.qkv.weight": torch.ones(3)}, path)
        self.check_refused(self.convert(self.model), "tools/import_ast_pth.py")
        torch.save({"encoder.layer.0.attention.attention.lora_down_q.weight": torch.ones(3)}, path)
        self.check_refused(self.convert(self.model), "tools/import_petl.py")
        torch.save(self.state | {"classifier.dense.bias": torch.full((12,), float("nan"))}, path)
        self.check_refused(self.convert(self.model), "classifier.dense.bias", "NaN")
        self.assertFalse((self.model / "model.safetensors").exists())


if __name__ == "__main__":
    unittest.main(verbosity=1)
