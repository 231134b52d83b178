"""Trains models/alarms: a LoRA adapter on the exported default model, for kinds of alarm.

    train_adapter.py --lab DIR --base models/default --out models/alarms --minutes 12 --processes 2
    train_adapter.py --lab DIR --base models/default --out DIR/probe --probe --minutes 4

The alarms are synthesised (alarms.py, in the pool); the backgrounds are training recordings. The base is read as
exported, in F16. With `--head CHECKPOINT` the new head begins as the auxiliary head that the base was trained with.
`--probe` trains the head alone: a linear probe on the frozen base, in the format of an adapter.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import ASTForAudioClassification

from alarm_test import NAMES, OTHER
from features import FLOOR, FRAMES, MELS
from labels import INDEX, TARGETS
from mixer import ALARMING, PER_DB, Mixer, add_powers, column, load_pool, normalised, spec_augment
from train import PatchDropout, average_gradients, write_notes

KEEP = [(0.6, 128), (1.01, 192)]


def overlay():
    return dict(id2label={str(i): n for i, n in enumerate(NAMES)},
                label2id={n: i for i, n in enumerate(NAMES)},
                problem_type="multi_label_classification")


def base_model(directory: Path):
    """The default model with a new head for these labels."""
    torch.manual_seed(5)
    return ASTForAudioClassification.from_pretrained(
        directory, dtype=torch.float32, num_labels=len(NAMES), id2label=dict(enumerate(NAMES)),
        label2id={n: i for i, n in enumerate(NAMES)}, ignore_mismatched_sizes=True)


class AlarmMixer(Mixer):
    """One kind of alarm over a background, a background alone, or another beep over a background."""

    def __init__(self, pool, seed):
        super().__init__(pool, seed)
        kinds = self.y[:, [INDEX["kind: " + n] for n in NAMES[:-1]]]
        told = self.drawn == "Kinds"
        self.of_kind = [np.flatnonzero(told & (kinds[:, k] == 1)) for k in range(OTHER)]
        self.others = np.flatnonzero((self.drawn == "Other") | (self.drawn == "Sine wave"))
        self.plain = np.flatnonzero((self.y[:, ALARMING] == 0).all(1) & ~np.isin(self.drawn, ["Kinds", "Other", "Sine wave", "Silence"]))

    def batch(self, size):
        rng = self.rng
        x, under = torch.full((size, FRAMES, MELS), FLOOR), torch.empty((size, FRAMES, MELS))
        add, level, y = np.zeros(size), rng.uniform(-34, 8, size), np.zeros((size, len(NAMES)), np.float32)
        colour = np.zeros((size, 1, MELS), np.float32)
        for b in range(size):
            draw = rng.random()
            kind = rng.integers(OTHER) if draw < 0.68 else OTHER
            y[b, kind] = 1
            under[b], count = self.crop(rng.choice(self.plain))
            if draw < 0.68 or draw > 0.84:
                i = rng.choice(self.of_kind[kind] if kind < OTHER else self.others)
                x[b] = self.crop(i)[0]
                add[b] = -rng.uniform(-6, 32) if rng.random() < 0.9 else -60
            if rng.random() < 0.5:
                colour[b, 0] = np.interp(np.arange(MELS), np.linspace(0, MELS - 1, 6), rng.normal(0, 4 * PER_DB, 6))
        out = add_powers(x, under.add_(column(add)))
        out = (out + column(level) + torch.from_numpy(colour)).clamp_min_(FLOOR)
        return spec_augment(normalised(out), rng), torch.from_numpy(y)


def take_head(model, checkpoint: Path):
    """The rows of the auxiliary head (the running average of the base's run) for the kinds that it knew."""
    state = torch.load(checkpoint, weights_only=True)["average"]
    with torch.no_grad():
        for part in ("weight", "bias"):
            mine = getattr(model.classifier.dense, part)
            for k, name in enumerate(NAMES[:-1]):
                mine[k] = state[f"classifier.dense.{part}"][TARGETS.index("kind: " + name)]


def save(model, out: Path):
    """PEFT's two files with F16 tensors and a base name that is not of this machine, and the overlay."""
    model.save_pretrained(out)
    tensors = load_file(out / "adapter_model.safetensors")
    save_file({k: v.half().contiguous() for k, v in tensors.items()},
              out / "adapter_model.safetensors", metadata={"format": "pt"})
    config = json.loads((out / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "models/default"
    config["target_modules"] = sorted(config["target_modules"])
    (out / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (out / "config.json").write_text(json.dumps(overlay(), indent=2) + "\n")
    (out / "README.md").unlink(missing_ok=True)  # cards.py writes ours
    (out / "adapter_model.safetensors").chmod(0o644)


def run(rank, options):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{options.lab}/{options.out.name}.rendezvous",
                            rank=rank, world_size=options.processes)
    base = base_model(options.base)
    if options.head and options.head.exists():
        take_head(base, options.head)
    hook = PatchDropout(KEEP[0][1])
    base.audio_spectrogram_transformer.embeddings.register_forward_hook(hook)
    torch.manual_seed(5)
    if options.start:
        model = PeftModel.from_pretrained(base, options.start, is_trainable=True).float()
    else:
        model = get_peft_model(base, LoraConfig(r=8, lora_alpha=16, lora_dropout=0.0, target_modules=["q_proj", "v_proj"],
                                                modules_to_save=["classifier"]))
    if options.probe:
        for name, p in model.named_parameters():
            p.requires_grad = p.requires_grad and "lora_" not in name
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=options.rate, weight_decay=0.01)
    average = [p.detach().clone() for p in trained]
    torch.manual_seed(50 + rank)
    mixer, shown, started, step = AlarmMixer(load_pool(options.lab), options.seed + 1000 * rank), [], time.time(), 0
    model.train()
    while True:
        fraction = torch.tensor([(time.time() - started) / (options.minutes * 60)])
        dist.broadcast(fraction, 0)
        fraction = fraction.item()
        if fraction >= 1:
            break
        hook.keep = next(keep for until, keep in KEEP if fraction < until)
        for group in optimiser.param_groups:
            group["lr"] = options.rate * min(1, (step + 1) / 40) * max(0.5 + 0.5 * np.cos(np.pi * fraction), 0.01)
        x, y = mixer.batch(options.batch)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(x).logits
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), y)
        optimiser.zero_grad()
        loss.backward()
        average_gradients(trained, options.processes)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        step += 1
        with torch.no_grad():
            for a, p in zip(average, trained):
                a.lerp_(p, 1 - min(0.99, (step + 1) / (step + 10)))
        shown.append(loss.item())
        if rank == 0 and step % 25 == 0:
            print(f"step {step} loss {np.mean(shown):.4f} {time.time() - started:.0f} s", flush=True)
            shown = []
    if rank == 0:
        with torch.no_grad():
            for a, p in zip(average, trained):
                p.copy_(a)
        save(model, options.out)
        before = json.loads((options.start / "training.json").read_text())["examples"] if options.start else 0
        write_notes(options.out, examples=before + step * options.processes * options.batch)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=24, help="examples a process and step")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--head", type=Path)
    parser.add_argument("--start", type=Path, help="go on from an adapter that this script saved")
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--probe", action="store_true")
    options = parser.parse_args()
    (options.lab / f"{options.out.name}.rendezvous").unlink(missing_ok=True)
    torch.multiprocessing.spawn(run, (options,), options.processes)


if __name__ == "__main__":
    main()
