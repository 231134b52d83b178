#!/usr/bin/env python3
"""Quantises an exported model to 8 bits with NNCF, as OpenVINO's documentation recommends for transformers.

    python Benchmarks/quantise_openvino.py model.onnx features.npy model-int8.xml

Calibrated on the window that is timed and seven louder, quieter and noisier versions.
"""

import sys

import nncf
import numpy as np
import openvino


def main():
    source, features, target = sys.argv[1:]
    window = np.load(features)[None]
    rng = np.random.default_rng(0)
    others = [window * rng.uniform(0.5, 1.5) + rng.normal(0, 0.2, window.shape) for _ in range(7)]
    calibration = nncf.Dataset([window, *(other.astype(np.float32) for other in others)])
    quantised = nncf.quantize(
        openvino.Core().read_model(source), calibration, model_type=nncf.ModelType.TRANSFORMER, subset_size=8
    )
    openvino.save_model(quantised, target)


if __name__ == "__main__":
    main()
