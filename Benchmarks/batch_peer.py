"""A typical batch in Python, for batch_files.py: reads a manifest, prints the logits of every window.

    python Benchmarks/batch_peer.py transformers|openvino THREADS MODEL_DIR MODEL.onnx MANIFEST OUTPUT.jsonl

Files are decoded with soundfile, resampled with torchaudio, cut into the same windows as astd, and converted to features by transformers'
ASTFeatureExtractor. `transformers` computes with PyTorch, `openvino` with the ONNX export of the same model.
"""

import json
import sys


def windows(samples, frames):
    """The same windows as astd's: at 0, the window's length, ...; the last is the first that reaches the last frame."""
    count = 1 + (len(samples) - 400) // 160
    start = 0
    while start < count:
        # 15 ms more than 10 ms a frame: a frame is 25 ms long.
        yield start, samples[start * 160:(start + frames) * 160 + 240]
        start += frames


def engine(name, threads, model, onnx):
    if name == "openvino":
        import openvino

        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
        compiled = openvino.Core().compile_model(openvino.convert_model(onnx), "CPU", settings)
        request = compiled.create_infer_request()
        return lambda features: request.infer([features])[0][0].copy()
    import torch
    from transformers import ASTForAudioClassification

    torch.set_num_threads(threads)
    network = ASTForAudioClassification.from_pretrained(model, dtype=torch.float32, attn_implementation="sdpa").eval()

    def run(features):
        with torch.inference_mode():
            return network(torch.from_numpy(features)).logits[0].numpy()

    return run


def main():
    name, threads, model, onnx, manifest, output = sys.argv[1:]
    import soundfile
    import torch
    import torchaudio
    from transformers import ASTFeatureExtractor

    torch.set_num_threads(int(threads))
    extractor = ASTFeatureExtractor.from_pretrained(model)
    run = engine(name, int(threads), model, onnx)
    with open(manifest) as paths, open(output, "w") as records:
        for path in (line.rstrip("\n") for line in paths):
            samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
            mono = torch.from_numpy(samples.mean(axis=1))
            if rate != 16000:
                mono = torchaudio.functional.resample(mono, rate, 16000)
            for start, part in windows(mono.numpy(), extractor.max_length):
                features = extractor(part, sampling_rate=16000, return_tensors="np")["input_values"]
                logits = [float(value) for value in run(features.astype("float32"))]
                records.write(json.dumps({"file": path, "start": start / 100, "rate": rate, "logits": logits}) + "\n")


if __name__ == "__main__":
    main()
