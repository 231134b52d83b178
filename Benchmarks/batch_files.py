#!/usr/bin/env python3
"""astd classify against batches in Python, on the same 200 files of mixed formats: time with start-up, memory, agreement.

    .venv/bin/python Benchmarks/batch_files.py --model .build/models-full/ast-base

Engines take turns in one run: astd fp32, astd int8, transformers (PyTorch, fp32), OpenVINO (fp32). The files are made from the
default model's examples, seeded: WAV of 8 to 32 bits, FLAC, Ogg Vorbis, MP3 and AIFF, 8 to 96 kHz, mono and stereo, 2 to 30 s.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
KINDS = [("wav", "PCM_16"), ("wav", "PCM_24"), ("wav", "FLOAT"), ("wav", "PCM_U8"), ("flac", "PCM_16"), ("flac", "PCM_24"),
         ("ogg", "VORBIS"), ("mp3", "MPEG_LAYER_III"), ("aiff", "PCM_16"), ("wav", "PCM_32")]
RATES = [16000, 44100, 48000, 8000, 22050, 96000, 32000]


def make_files(folder, count):
    """Writes the files, unless they are there; returns the manifest's path."""
    import soundfile
    import torch
    import torchaudio

    manifest = folder / "manifest.txt"
    if manifest.exists() and len(manifest.read_text().splitlines()) == count:
        return manifest
    folder.mkdir(parents=True, exist_ok=True)
    sounds = [soundfile.read(path, dtype="float32")[0]
              for path in sorted((REPOSITORY / "models/default/examples").glob("*.flac"))]
    random = np.random.default_rng(7)
    paths = []
    for number in range(count):
        extension, subtype = KINDS[number % len(KINDS)]
        rate = RATES[number % len(RATES)]
        if extension == "mp3" and rate > 48000:
            rate = 48000
        wanted = int(random.uniform(2, 30) * 16000)
        parts = []
        while sum(map(len, parts)) < wanted:
            parts.append(sounds[int(random.integers(len(sounds)))])
        samples = np.concatenate(parts)[:wanted] * random.uniform(0.3, 0.9)
        samples = torchaudio.functional.resample(torch.from_numpy(samples.astype("float32")), 16000, rate).numpy()
        if number % 3 == 0:
            samples = np.stack([samples, np.roll(samples, rate // 1000)], axis=1)
        path = folder / f"{number:03}.{extension}"
        soundfile.write(path, samples, rate, subtype=subtype)
        paths.append(str(path))
    manifest.write_text("\n".join(paths) + "\n")
    return manifest


def run(command):
    """Wall-clock and processor seconds, and the peak memory of a process, its start included."""
    hidden = ("OPENBLAS_", "OMP_", "MKL_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    environment["HF_HUB_OFFLINE"] = "1"
    time.sleep(0.5)  # until the previous engine's threads are asleep
    begin = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    complaints = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{command[0]} failed: {complaints[-2000:]}")
    return {"seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024}


def records(path):
    """Logits of every window by file and start."""
    found = {}
    with open(path) as lines:
        for line in lines:
            record = json.loads(line)
            if "error" in record:
                sys.exit(f"{record['file']}: {record['error']['message']}")
            logits = record.get("logits")
            if logits is None:
                logits = [label["score"] for label in sorted(record["labels"], key=lambda label: label["index"])]
            found[record["file"], round(record["start"], 2)] = (np.array(logits), record.get("rate"))
    return found


def agreement(found, reference):
    """Differences of every window from the reference, and separately for files at 16 kHz."""
    if found.keys() != reference.keys():
        sys.exit(f"other windows: {sorted(found.keys() ^ reference.keys())[:4]}")
    differences = {key: np.abs(found[key][0] - reference[key][0]).max() for key in reference}
    plain = [value for key, value in differences.items() if reference[key][1] == 16000]
    same = sum(found[key][0].argmax() == reference[key][0].argmax() for key in reference)
    return {"windows": len(reference), "same_top": same / len(reference), "logit_median": float(np.median(list(differences.values()))),
            "logit_max": float(max(differences.values())), "logit_max_16k": float(max(plain, default=float("nan")))}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="a Hugging Face AST directory, the same for all")
    parser.add_argument("--astd", default=str(REPOSITORY / ".build/release/astd"))
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--engines", default="astd,astd-int8,astd-1-job,transformers,openvino")
    parser.add_argument("--work", default=str(REPOSITORY / ".build/batch"), help="directory for files and results")
    given = parser.parse_args()
    work = Path(given.work)
    work.mkdir(parents=True, exist_ok=True)
    manifest = make_files(work / f"files-{given.files}", given.files)
    onnx = work / f"onnx-{Path(given.model).name}"
    engines = given.engines.split(",")
    if "openvino" in engines and not (onnx / "model.onnx").exists():
        subprocess.run([sys.executable, str(REPOSITORY / "Benchmarks/export_onnx.py"), given.model, str(onnx)], check=True)

    def command(engine, output):
        if engine.startswith("astd"):
            threads = 1 if engine == "astd-1-job" else given.threads
            jobs = ["--jobs", "1"] if engine == "astd-1-job" else []
            return [given.astd, "classify", "--model", given.model, "--files-from", str(manifest), "--threads", str(threads),
                    "--precision", "int8" if engine == "astd-int8" else "fp32", "--activation", "none", "--top-k", "all",
                    "--format", "jsonl", "--no-progress", "--output", str(output)] + jobs
        return [sys.executable, str(REPOSITORY / "Benchmarks/batch_peer.py"), engine, str(given.threads), given.model,
                str(onnx / "model.onnx"), str(manifest), str(output)]

    results = {engine: [] for engine in engines}
    for number in range(given.rounds):
        for engine in engines if number % 2 == 0 else reversed(engines):
            results[engine].append(run(command(engine, work / f"{engine}.jsonl")))
            print(f"{engine}: {results[engine][-1]['seconds']:.1f} s", file=sys.stderr)
    best = {engine: min(rounds, key=lambda one: one["seconds"]) for engine, rounds in results.items()}
    reference = "transformers" if "transformers" in engines else engines[0]
    expected = records(work / f"{reference}.jsonl")
    print(f"{given.files} files, {len(expected)} windows, {given.threads} threads, load {os.getloadavg()[0]:.1f}, against {reference}")
    print(f"{'engine':14} {'seconds':>9} {'cpu s':>8} {'peak MiB':>9} {'ratio':>6} {'same top':>9} {'median':>9} {'max':>9} {'max 16k':>9}")
    for engine in engines:
        one, agreed = best[engine], agreement(records(work / f"{engine}.jsonl"), expected)
        print(f"{engine:14} {one['seconds']:9.1f} {one['cpu_seconds']:8.1f} {one['peak_mib']:9.0f} "
              f"{best[reference]['seconds'] / one['seconds']:6.2f} {agreed['same_top']:9.4f} {agreed['logit_median']:9.2g} "
              f"{agreed['logit_max']:9.2g} {agreed['logit_max_16k']:9.2g}")
    with open(work / "result.json", "w") as file:
        json.dump({"results": results, "load": os.getloadavg(), "threads": given.threads, "files": given.files}, file, indent=1)


if __name__ == "__main__":
    main()
