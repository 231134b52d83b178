"""Exports an AST checkpoint to ONNX and makes one window of input: the input of compare_peers.py's peers.

    python Benchmarks/export_onnx.py MODEL_DIR OUTPUT_FOLDER

Writes model.onnx, clip.wav and features.npy. A separate process, so that torch's memory does not count as an engine's.
"""

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
sys.dont_write_bytecode = True

import numpy as np  # noqa: E402
import torch  # noqa: E402

from golden import audio  # noqa: E402
from golden.oracle import Oracle  # noqa: E402


class Logits(torch.nn.Module):
    """The model as one function from features to logits."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, features):
        return self.model(features).logits


def main():
    model_folder, output = sys.argv[1], Path(sys.argv[2])
    warnings.filterwarnings("ignore")
    output.mkdir(parents=True, exist_ok=True)
    oracle = Oracle(model_folder)
    frames = oracle.extractor.max_length
    audio.write_wav(output / "clip.wav", audio.speech((frames + 2) / 100, seed=11))
    features = oracle.features(audio.read(output / "clip.wav"))
    np.save(output / "features.npy", features)
    with torch.inference_mode():
        torch.onnx.export(
            Logits(oracle.model),
            (torch.from_numpy(features)[None],),
            str(output / "unfinished.onnx"),
            input_names=["features"],
            output_names=["logits"],
            opset_version=17,
            dynamo=False,
        )
    (output / "unfinished.onnx").rename(output / "model.onnx")


if __name__ == "__main__":
    main()
