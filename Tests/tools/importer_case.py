"""Helpers of the importers' tests: run an importer, and apply its output as astd does."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True

from golden.foreign import PREFIX, Petl, petl_options, pth_labels  # noqa: E402
from golden.formulas import petl_forward  # noqa: E402

GOLDEN = ROOT / "Tests" / "Golden"
BASE = GOLDEN / "models" / "stride10"
TOLERANCE = 2e-6  # merged in float64, because only lora_A and lora_B were rounded

PLAIN = Petl("plain", 401, "qv")


def random_features(frames, seed=1):
    """[frames, 128], as loud as normalised log-mels."""
    return 0.5 * np.random.default_rng(seed).standard_normal((frames, 128))


class Importers(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        self.out = self.folder / "out"

    def run_tool(self, tool, checkpoint, *options):
        command = [sys.executable, "-B", ROOT / "tools" / tool, checkpoint, self.out, *options]
        return subprocess.run([str(part) for part in command], capture_output=True, text=True)

    def petl(self, state, spec=PLAIN, *more, base=BASE):
        path = state if isinstance(state, Path) else self.folder / "bestmodel"
        if path is not state:
            torch.save(state, path)
        return self.run_tool("import_petl.py", path, *petl_options(spec, self.folder / "labels.txt", base), *more)

    def pth(self, state, *options, labels=6):
        torch.save(state, self.folder / "ast.pth")
        csv = pth_labels(self.folder / "labels.csv", labels)
        return self.run_tool("import_ast_pth.py", self.folder / "ast.pth", "--labels", csv, *options)

    def accepted(self, done):
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.count("\n"), 1)
        leftovers = [path.name for path in self.folder.iterdir() if path.name.startswith(".")]
        self.assertEqual(leftovers, [])

    def refused(self, done, *parts, status=1):
        """One line that names every one of `parts`, and nothing written."""
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertRegex(done.stderr, r"^import_(petl|ast_pth): .+: .+")
        for part in parts:
            self.assertIn(part, done.stderr)
        self.assertFalse(self.out.exists())
        self.assertEqual([path.name for path in self.folder.iterdir() if path.name.startswith(".")], [])

    def merged(self, folder=None):
        """The adapter merged into the base, under PETL_AST's names: W + alpha / r B A."""
        folder = folder or self.out
        config = json.loads((folder / "adapter_config.json").read_text())
        state = {name.removeprefix(PREFIX): array for name, array in load_file(BASE / "model.safetensors").items()}
        tensors = {
            name.removeprefix("base_model.model."): array.astype(np.float64)
            for name, array in load_file(folder / "adapter_model.safetensors").items()
        }
        for name, array in tensors.items():
            short = name.removeprefix(PREFIX).replace("classifier.dense", "classification_head")
            if name.endswith(".lora_A.weight"):
                self.assertEqual(len(array), config["r"])
                delta = tensors[name.replace("lora_A", "lora_B")] @ array
                weight = short.replace(".lora_A", "")
                state[weight] = state[weight] + config["lora_alpha"] / config["r"] * delta
            elif not name.endswith(".lora_B.weight"):
                state[short] = array
        return {name: torch.from_numpy(np.asarray(array, np.float64)) for name, array in state.items()}

    def check_logits(self, state, spec):
        overlay = json.loads((self.out / "config.json").read_text())
        features = random_features(spec.max_length)
        final_output = {"mean": "ALL", "cls": "CLS"}[overlay["pooling"]]
        pooled, logits = petl_forward(self.merged(), features, final_output, 0.0)
        wanted_pooled, wanted = petl_forward(state, features, spec.final_output, spec.alpha / spec.rate)
        np.testing.assert_allclose(pooled, wanted_pooled, atol=TOLERANCE)
        np.testing.assert_allclose(logits, wanted, atol=TOLERANCE)
        without = petl_forward(state, features, spec.final_output, 0.0)[1]
        self.assertGreater(np.abs(without - wanted).max(), 100 * TOLERANCE)  # otherwise the test would check nothing
        return overlay
