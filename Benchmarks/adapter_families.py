#!/usr/bin/env python3
"""Times a window of a full-size model with an adapter of each family beside none, in turns, and switches between them.

    python3 Benchmarks/adapter_families.py --model models/ast-finetuned-audioset-10-10-0.4593
    python3 Benchmarks/adapter_families.py --model DIR --swaps 200     # also switches under a running daemon
    python3 Benchmarks/adapter_families.py --model DIR --pooling mean --only soft --rounds 3

Needs no Python packages. The adapters have random numbers, the sizes of PETL_AST's published trainings (reduction rate 96,
mixtures 128, 7 experts, kernel 31, 25 prompts, 24 prefixes, LoRA of rank 12) and a head of 50 labels. "none" is an adapter
without any of it, with the same head and pooling: mean pooling reads all tokens in the last layer, which costs as much with
every adapter. Each round runs `astd bench` once for each adapter, every other round in reverse order. Run it on an idle
machine; the ratio of the minima counts.
"""

import argparse
import array
import json
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import adapter_swap

ROOT = Path(__file__).resolve().parent.parent
LABELS = 50
BODY = "base_model.model.audio_spectrogram_transformer."
# Greatest ratio of a window's time that each is to have.
AIMS = {"lora": 1.0, "bottleneck": 1.05, "conformer": 1.10, "soft": 1.10, "prompts": 1.03}


class Adapter:
    """Tensors and configuration of one adapter, in the form of tools/import_petl.py."""

    def __init__(self, model, pooling, seed):
        self.hidden, self.layers = model["hidden_size"], model["num_hidden_layers"]
        self.pooling = pooling
        self.random = random.Random(seed)
        self.tensors = {}
        self.add("classifier.dense", [LABELS, self.hidden], prefix="base_model.model.")
        self.set(BODY + "layernorm.weight", [self.hidden], 0, 1)
        self.set(BODY + "layernorm.bias", [self.hidden], 0)

    def set(self, name, shape, scale, mean=0.0):
        count = 1
        for size in shape:
            count *= size
        self.tensors[name] = shape, array.array("f", (self.random.gauss(mean, scale) for _ in range(count)))

    def add(self, name, shape, prefix=BODY):
        """A weight and its bias."""
        self.set(f"{prefix}{name}.weight", shape, 0.5 * shape[1] ** -0.5)
        self.set(f"{prefix}{name}.bias", shape[:1], 0.01)

    def bottleneck(self, place, rate):
        width = round(self.hidden / rate)
        self.add(place + "linear_downsample", [width, self.hidden])
        self.add(place + "linear_upsample", [self.hidden, width])

    def conformer(self, place, rate, kernel=31):
        width = round(self.hidden / rate)
        self.add(place + "pwise_conv1", [2 * width, self.hidden, 1])
        self.add(place + "dwise_conv", [width, 1, kernel])
        self.add(place + "pwise_conv2", [self.hidden, width, 1])
        self.add(place + "bnorm", [width, 1])
        self.set(f"{BODY}{place}bnorm.weight", [width], 0, 1)
        self.set(f"{BODY}{place}bnorm.running_mean", [width], 0.1)
        self.set(f"{BODY}{place}bnorm.running_var", [width], 0, 1)

    def mixture(self, place, experts=7, rate=128):
        for expert in range(experts):
            self.bottleneck(f"{place}moa.{expert}.", rate)

    def each_layer(self, build):
        for layer in range(self.layers):
            build(f"encoder.layer.{layer}.")

    def write(self, folder, config):
        folder.mkdir()
        header, data = {}, b""
        for name, (shape, values) in self.tensors.items():
            raw = values.tobytes()
            header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
            data += raw
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        (folder / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
        (folder / "adapter_config.json").write_text(json.dumps(config))
        overlay = {"classifier_layernorm": False, "pooling": self.pooling, "problem_type": "single_label_classification"}
        overlay["id2label"] = {str(index): f"label {index}" for index in range(LABELS)}
        (folder / "config.json").write_text(json.dumps(overlay))
        return folder


def petl(method, **more):
    return {"peft_type": "PETL_AST", "method": method, "base_model_name_or_path": "base"} | more


def families():
    """Name: (configuration, function that adds the tensors to an adapter)."""
    adapter = {"architecture": "pfeiffer", "mode": "parallel", "apply_residual": False}
    houlsby = adapter | {"architecture": "houlsby"}
    moa = {"architecture": "pfeiffer", "location": "mhsa", "block": "bottleneck"}

    def lora(one):
        for layer in range(one.layers):
            for part in ("query", "value"):
                place = f"{BODY}encoder.layer.{layer}.attention.attention.{part}."
                one.set(place + "lora_A.weight", [12, one.hidden], 0.02)
                one.set(place + "lora_B.weight", [one.hidden, 12], 0.02)

    def modules(block, *names):
        return lambda one: one.each_layer(lambda layer: [getattr(one, block)(layer + name, 96) for name in names])

    def dense(one):
        one.each_layer(lambda layer: one.add(layer + "router.ff", [7, one.hidden]))
        one.each_layer(lambda layer: one.mixture(layer + "moa."))

    def soft(normalize):
        def build(one):
            def slots(layer):
                one.set(f"{BODY}{layer}moa.slot_params", [one.hidden, 7, 1], 0.02)
                if normalize:
                    one.set(f"{BODY}{layer}moa.scale", [], 0, 1)
                one.mixture(layer + "moa.")

            one.each_layer(slots)

        return build

    def prefix(one):
        for part in ("key", "value"):
            one.each_layer(lambda layer: one.set(f"{BODY}{layer}attention.attention.{part}_tokens", [1, 12, one.hidden], 0.5))

    def prompts(deep):
        def build(one):
            one.set(BODY + "prompt_embeddings", [1, 25, one.hidden], 0.5)
            if deep:
                one.set(BODY + "deep_prompt_embeddings", [one.layers - 1, 25, one.hidden], 0.5)

        return build

    ffn, both = ("adapter_module_FFN.",), ("adapter_module_MHSA.", "adapter_module_FFN.")
    saved = ["audio_spectrogram_transformer.layernorm", "classifier.dense"]
    return {
        "none": (petl("linear"), lambda one: None),
        "lora": ({"peft_type": "LORA", "r": 12, "lora_alpha": 24, "modules_to_save": saved}, lora),
        "bottleneck": (petl("adapter", block="bottleneck", **adapter), modules("bottleneck", *ffn)),
        "bottleneck-houlsby": (petl("adapter", block="bottleneck", **houlsby), modules("bottleneck", *both)),
        "conformer": (petl("adapter", block="conformer", **adapter), modules("conformer", *ffn)),
        "conformer-houlsby": (petl("adapter", block="conformer", **houlsby), modules("conformer", *both)),
        "dense": (petl("dense-moa", **moa), dense),
        "soft": (petl("soft-moa", normalize=False, **moa), soft(False)),
        "soft-normalised": (petl("soft-moa", normalize=True, **moa), soft(True)),
        "prefix": (petl("prefix-tuning"), prefix),
        "prompts": (petl("prompt-tuning", depth="shallow"), prompts(False)),
        "prompts-deep": (petl("prompt-tuning", depth="deep"), prompts(True)),
    }


def bench(options, adapter):
    """The fastest window of one process, in ms."""
    command = [options.astd, "bench", "--model", options.model, "--precision", options.precision, "--json"]
    command += ["--threads", options.threads, "--windows", options.windows, "--cache-dir", options.cache]
    command += ["--adapter", adapter] if adapter else []
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "OPENBLAS_"))}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"adapter_families: {done.stderr.strip()}")
    time.sleep(0.5)  # until its threads are gone
    return min(json.loads(done.stdout)["window_ms"])


def time_windows(options, folders):
    turns = {"no adapter": None} | folders
    found = {name: [] for name in turns}
    for round_number in range(options.rounds):
        for name in list(turns) if round_number % 2 == 0 else reversed(turns):
            found[name].append(bench(options, turns[name]))
    print(f"{options.model.name}, {options.precision}, {options.threads} threads, pooling {options.pooling}, load {os.getloadavg()[0]:.1f}")
    print(f"{'':<20}{'ms':>8}{'/ none':>8}{'median':>8}   aim")
    none = found["none"]
    for name, values in found.items():
        ratio = min(values) / min(none)
        pairs = statistics.median(a / b for a, b in zip(values, none))
        aim = AIMS.get(name)
        note = f"{aim:.2f}{'' if ratio <= aim + 0.005 else '  ABOVE'}" if aim else ""
        print(f"{name:<20}{min(values):>8.1f}{ratio:>8.3f}{pairs:>8.3f}   {note}", flush=True)


def time_swaps(options, folders):
    """Switches between LoRA, a conformer adapter, a soft mixture, prompts and the base under a running daemon."""
    names = ["lora", "conformer", "soft", "prompts", "base"]
    with tempfile.TemporaryDirectory(prefix="astd-swap-") as scratch:
        sound = Path(scratch) / "noise.wav"
        adapter_swap.write_noise(sound, options.hop, max(600, 30 + options.swaps * 2))
        daemon = adapter_swap.Daemon(options, Path(scratch) / "run", sound)
        before = daemon.scores()
        for name in names[:-1]:
            daemon.ask("adapter.load", path=str(folders[name]))
        took, merges = {name: [] for name in names}, {name: [] for name in names}
        memory = []
        for number in range(options.swaps):
            name = names[number % len(names)]
            milliseconds, merge = adapter_swap.swap(daemon, [name])
            took[name].append(milliseconds)
            merges[name].append(merge)
            if name == "base":
                memory.append(daemon.memory()["Anonymous"])
        same = daemon.scores() == before
        status = daemon.ask("status")
        print(f"{options.swaps} switches, {options.precision}, {options.threads} threads, ms without the current window")
        for name in names:
            print(f"  to {name:<12} {adapter_swap.spread(took[name])}   of which merging {statistics.median(merges[name]):.1f}")
        print(f"  anonymous memory with the base, MB: after {len(names)} switches {memory[0] / 1000:.2f}, at most "
              f"{max(memory) / 1000:.2f}, at the end {memory[-1] / 1000:.2f}")
        print(f"  scores of the base afterwards: {'equal to the last bit' if same else 'DIFFERENT'}")
        print(f"  overrun samples {status.get('overrun_samples')}, lost samples {status.get('lost_samples')}")
        daemon.stop()
    return same


def arguments():
    parser = argparse.ArgumentParser(description="Time a window with an adapter of each family.")
    parser.add_argument("--astd", type=Path, default=ROOT / ".build" / "release" / "astd")
    parser.add_argument("--model", type=Path, required=True, help="a full-size model")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--windows", type=int, default=3, help="windows per turn; the fastest counts")
    parser.add_argument("--pooling", choices=("mean", "cls"), default="cls", help="final_output ALL or CLS (default: cls)")
    parser.add_argument("--only", metavar="TEXT", help="only families with this in their names, and none")
    parser.add_argument("--swaps", type=int, default=0, help="also time this number of switches")
    parser.add_argument("--hop", type=float, default=3.0, help="of the switches' daemon: longer than a forward pass takes")
    return parser.parse_args()


def main():
    options = arguments()
    model = json.loads((options.model / "config.json").read_text())
    with tempfile.TemporaryDirectory(prefix="astd-families-") as scratch:
        options.cache = Path(scratch) / "cache"
        folders = {}
        for seed, (name, (config, build)) in enumerate(families().items()):
            one = Adapter(model, options.pooling, seed)
            build(one)
            folders[name] = one.write(Path(scratch) / name, config)
        chosen = {name: path for name, path in folders.items() if name == "none" or (options.only or "") in name}
        if options.rounds:
            time_windows(options, chosen)
        return 0 if options.swaps == 0 or time_swaps(options, folders) else 1


if __name__ == "__main__":
    sys.exit(main())
