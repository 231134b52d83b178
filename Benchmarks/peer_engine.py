"""One engine in a process, so that its memory can be measured; compare_peers.py sends it lines.

    python Benchmarks/peer_engine.py ENGINE PRECISION THREADS MODEL_FILE FEATURES.npy

Prints a JSON line when ready; then computes one window for every line `run` on stdin and prints its time; `end` prints
the peak memory. The first window warms up and provides the logits.
"""

import json
import sys
import time

import numpy as np


def onnx_runtime(path, precision, threads):
    """ONNX Runtime; int8 is its dynamic quantisation of the same file."""
    import onnxruntime

    if precision == "int8":
        path = _quantised(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return onnxruntime.__version__, lambda features: session.run(None, {name: features})[0][0]


def _quantised(path):
    import os
    import subprocess

    target = path.replace(".onnx", "-int8.onnx")
    if not os.path.exists(target):
        # in a separate process, so that quantising does not count as the engine's memory
        code = "import sys; from onnxruntime.quantization import quantize_dynamic as q; q(sys.argv[1], sys.argv[2])"
        subprocess.run([sys.executable, "-c", code, path, target], check=True, stdout=sys.stderr)
    return target


def openvino(path, precision, threads):
    """OpenVINO, tuned for latency; int8 is NNCF's quantisation of the same file, the rest in the fastest precision."""
    import openvino

    if precision == "int8":
        path = _quantised_by_nncf(path)
    settings = {
        "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16", "int8": "bf16"}[precision],
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = openvino.Core().compile_model(path, "CPU", settings)
    request = compiled.create_infer_request()
    return openvino.__version__.split("-")[0], lambda features: request.infer([features])[0][0].copy()


def _quantised_by_nncf(path):
    import os
    import subprocess
    from pathlib import Path

    target = path.replace(".onnx", "-nncf.xml")
    if not os.path.exists(target):
        script = Path(__file__).with_name("quantise_openvino.py")
        features = Path(path).with_name("features.npy")
        subprocess.run([sys.executable, str(script), path, str(features), target], check=True, stdout=sys.stderr)
    return target


def torch(path, precision, threads):
    """PyTorch as transformers runs it: path is the model's folder."""
    import torch
    from transformers import ASTForAudioClassification

    torch.set_num_threads(threads)
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    model = ASTForAudioClassification.from_pretrained(path, dtype=dtype, attn_implementation="sdpa").eval()

    def run(features):
        with torch.inference_mode():
            return model(torch.from_numpy(features).to(dtype)).logits[0].float().numpy()

    return torch.__version__, run


ENGINES = {"onnxruntime": onnx_runtime, "openvino": openvino, "torch": torch}


def peak_mib():
    """The largest resident size of this process."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def say(**fields):
    print(json.dumps(fields), flush=True)


def main():
    engine, precision, threads, path, features_path = sys.argv[1:]
    features = np.load(features_path)[None]
    version, run = ENGINES[engine](path, precision, int(threads))
    say(version=version, logits=[float(value) for value in run(features)])
    for line in sys.stdin:
        if line.strip() == "end":
            break
        begin = time.perf_counter()
        run(features)
        say(ms=(time.perf_counter() - begin) * 1000)
    say(peak_mib=peak_mib())


if __name__ == "__main__":
    main()
