#!/usr/bin/env python3
"""Times one window in astd, ONNX Runtime and OpenVINO, in turn, on the same machine and model.

    python Benchmarks/compare_peers.py --model DIR                # 7 rounds, 2 threads, fp32
    python Benchmarks/compare_peers.py --model DIR --precision int8 --threads 1
    python Benchmarks/compare_peers.py --model DIR --record       # and appends the result to Benchmarks/history.jsonl
    python Benchmarks/compare_peers.py --model DIR --engines onnxruntime,openvino,torch --rounds 1

Every engine is a process. In each round each computes the same number of windows, and the fastest counts.
The machine must be idle. Benchmarks/README.md explains how to read the numbers.
"""

import argparse
import datetime
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

# Nothing large is imported here: a child's peak memory as the kernel counts it starts from its parent's.
HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PEERS = {"fp32": ["onnxruntime", "openvino"], "bf16": ["openvino"], "int8": ["onnxruntime", "openvino"]}
# These variables change a library's behaviour silently.
UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "KMP_AFFINITY")


class Failed(Exception):
    """An engine that cannot be measured, and why."""


def environment():
    """The environment of every child."""
    kept = {key: value for key, value in os.environ.items() if key not in UNSET and not key.startswith("ASTD_")}
    return kept | {"TRANSFORMERS_OFFLINE": "1"}


class Peer:
    """A peer, loaded once and asked for windows."""

    def __init__(self, name, options, inputs, precision=None):
        self.name = name
        self.windows = options.windows
        path = options.model if name == "torch" else inputs / "model.onnx"
        precision = precision or options.precision
        command = [sys.executable, HERE / "peer_engine.py", name, precision, options.threads, path]
        self.process = subprocess.Popen(
            [*map(str, command), str(inputs / "features.npy")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        ready = self._line()
        self.version, self.logits = ready["version"], ready["logits"]
        self.times = []

    def _line(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise Failed(f"{self.name}: ended with status {self.process.wait()}")

    def _ask(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self._line()

    def round(self):
        """Computes the windows of one round and keeps the fastest."""
        self.times.append(min(self._ask("run")["ms"] for _ in range(self.windows)))

    def end(self):
        """Ends the process; returns its peak memory in MiB."""
        peak = self._ask("end")["peak_mib"]
        self.process.wait()
        return peak


class Astd:
    """astd, restarted in each round."""

    def __init__(self, options, inputs):
        self.name = "astd"
        self.program = str(options.astd)
        self.bench = ["bench", "--model", options.model, "--threads", options.threads, "--windows", options.windows]
        self.bench += ["--precision", options.precision, "--json"]
        self.times = []
        self.stages = {}
        self.peak = 0.0
        self.version = self._run("--version").strip()
        self.logits = self._logits(options, inputs)

    def _run(self, *arguments):
        command = [self.program, *map(str, arguments)]
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
        except OSError as error:
            raise Failed(f"{self.program}: {error.strerror}") from error
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise Failed(f"{' '.join(command)}: exit {process.returncode}")
        if "bench" in arguments:
            self.peak = max(self.peak, usage.ru_maxrss / 1024)
        return output

    def _logits(self, options, inputs):
        arguments = ["classify", "--model", options.model, "--precision", options.precision, "--activation", "none"]
        output = self._run(*arguments, "--top-k", "all", "--format", "jsonl", "--no-progress", inputs / "clip.wav")
        labels = json.loads(output.splitlines()[0])["labels"]
        return [entry["score"] for entry in sorted(labels, key=lambda entry: entry["index"])]

    def round(self):
        """Starts `astd bench`, keeps its fastest window and the stages of its fastest round."""
        result = json.loads(self._run(*self.bench))
        fastest = min(result["window_ms"])
        if not self.times or fastest < min(self.times):
            self.stages = result.get("stages", {})
        self.times.append(fastest)

    def end(self):
        """The peak memory in MiB of all its runs."""
        return self.peak


def inputs_folder(options):
    """Paths of the exported model and the window; writes them if missing."""
    weights = (options.model / "model.safetensors").resolve()
    state = weights.stat()
    identity = hashlib.sha256(f"{weights}:{state.st_size}:{state.st_mtime_ns}".encode()).hexdigest()[:16]
    folder = options.cache / identity
    if not (folder / "model.onnx").exists():
        print(f"exporting {options.model} to {folder}", file=sys.stderr)
        command = [sys.executable, str(HERE / "export_onnx.py"), str(options.model), str(folder)]
        subprocess.run(command, check=True, env=environment(), stdout=sys.stderr)
    return folder


def cpu_model():
    """The processor's name in /proc/cpuinfo."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def commit():
    """The commit of the checkout, with a plus when files differ from it."""
    try:
        text = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--abbrev=12"], capture_output=True, text=True
        )
    except OSError:
        return "unknown"
    return text.stdout.strip() or "unknown"


def measure(engines, options):
    """Runs the rounds, each engine in its turn; every other round runs in reverse order."""
    for number in range(options.rounds):
        for engine in engines if number % 2 == 0 else reversed(engines):
            time.sleep(options.pause)  # until the previous engine's threads are asleep
            engine.round()
        line = "  ".join(f"{engine.name} {engine.times[-1]:.1f}" for engine in engines)
        print(f"round {number + 1}: {line} ms", file=sys.stderr, flush=True)


def exact_logits(options, inputs):
    """ONNX Runtime's logits of the window in fp32."""
    engine = Peer("onnxruntime", options, inputs, precision="fp32")
    engine.end()
    return engine.logits


def summary(engines, exact):
    """Numbers of each engine, and astd's ratios to each peer from the pairs of a round."""
    result = {}
    for engine in engines:
        errors = [abs(a - b) for a, b in zip(engine.logits, exact, strict=True)]
        result[engine.name] = {
            "version": engine.version,
            "min_ms": round(min(engine.times), 2),
            "median_ms": round(statistics.median(engine.times), 2),
            "rounds_ms": [round(value, 2) for value in engine.times],
            "peak_mib": round(engine.end(), 1),
            "logits_largest_error": max(errors),
            "logits_mean_error": statistics.fmean(errors),
        }
        if engine.name == "astd":
            result["astd"]["stages"] = engine.stages
    ours = next((engine for engine in engines if engine.name == "astd"), None)
    ratios = {}
    for engine in engines if ours else []:
        if engine is not ours:
            pairs = [mine / theirs for mine, theirs in zip(ours.times, engine.times)]
            ratios[engine.name] = {
                "min": round(min(ours.times) / min(engine.times), 3),
                "paired_median": round(statistics.median(pairs), 3),
            }
    return result, ratios


def show(result, ratios):
    print(f"{'engine':<14}{'version':<16}{'min ms':>10}{'median ms':>11}{'peak MiB':>10}{'error':>10}{'mean':>10}")
    for name, numbers in result.items():
        print(
            f"{name:<14}{numbers['version'][:15]:<16}{numbers['min_ms']:>10.1f}{numbers['median_ms']:>11.1f}"
            f"{numbers['peak_mib']:>10.0f}{numbers['logits_largest_error']:>10.1e}{numbers['logits_mean_error']:>10.1e}"
        )
    for name, ratio in ratios.items():
        print(f"astd / {name}: {ratio['min']:.3f} of the minima, {ratio['paired_median']:.3f} median of the rounds")


def record(options, result, ratios):
    """Appends one line to the history."""
    line = {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": commit(),
        "cpu": cpu_model(),
        "threads": options.threads,
        "precision": options.precision,
        "rounds": options.rounds,
        "windows": options.windows,
        "load": os.getloadavg()[0],
        "engines": result,
        "ratios": ratios,
    }
    with open(HERE / "history.jsonl", "a") as history:
        history.write(json.dumps(line) + "\n")


def arguments():
    parser = argparse.ArgumentParser(description="Time one window in astd and its peers, in turn.")
    parser.add_argument("--model", type=Path, required=True, help="a Hugging Face AST directory")
    parser.add_argument("--astd", type=Path, default=ROOT / ".build" / "release" / "astd")
    parser.add_argument("--engines", help="separated by commas; default: astd and the peers of this precision")
    parser.add_argument("--precision", choices=list(PEERS), default="fp32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--windows", type=int, default=2, help="in a round; the fastest counts")
    parser.add_argument("--pause", type=float, default=0.5, metavar="SECONDS", help="before each engine's turn")
    parser.add_argument("--cache", type=Path, default=ROOT / ".build" / "peers", help="for exported models")
    parser.add_argument("--record", action="store_true", help="append to Benchmarks/history.jsonl")
    return parser.parse_args()


def main():
    options = arguments()
    for name in UNSET:
        if name in os.environ:
            print(f"{name} is set: measuring without it", file=sys.stderr)
    engines = []
    try:
        names = options.engines.split(",") if options.engines else ["astd", *PEERS[options.precision]]
        inputs = inputs_folder(options)
        exact = exact_logits(options, inputs)
        for name in names:
            engines.append(Astd(options, inputs) if name == "astd" else Peer(name, options, inputs))
        measure(engines, options)
        result, ratios = summary(engines, exact)
    except (Failed, OSError, subprocess.CalledProcessError) as error:
        print(f"compare_peers: {error}", file=sys.stderr)
        return 1
    finally:
        for engine in engines:
            if isinstance(engine, Peer) and engine.process.poll() is None:
                engine.process.kill()
    show(result, ratios)
    if options.record:
        record(options, result, ratios)
    return 0


if __name__ == "__main__":
    sys.exit(main())
