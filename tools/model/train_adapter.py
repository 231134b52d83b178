"""Trains models/alarms: a LoRA adapter on the exported default model, for kinds of alarm.

    train_adapter.py --lab DIR --base models/default --out models/alarms --minutes 22 --processes 2 --head DIR/run.pt
    train_adapter.py --lab DIR --base models/default --out DIR/probe --probe --minutes 4 --head DIR/run.pt

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
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import ASTForAudioClassification

from alarm_test import NAMES
from features import MELS
from mixer import PATCH, Mixer, load_pool, normalised, spec_augment
from train import LABEL_COUNT, average_gradients, forward, kept_patches, one_of, write_notes

ROWS = [(0.3, 6), (1.01, 8)]  # until this fraction of the run, rows of patches kept of 8
ALARMS = 0.78  # share of kinds and other beeps over backgrounds; the rest is any training sound without a kind


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


def take_head(model, checkpoint: Path):
    """The rows of the auxiliary head (the running average of the base's run), and the layer norm before it."""
    state = torch.load(checkpoint, weights_only=True)["average"]
    with torch.no_grad():
        for part in ("weight", "bias"):
            getattr(model.classifier.dense, part).copy_(state[f"classifier.dense.{part}"][LABEL_COUNT:])


def kind_loss(logits, allowed):
    """The scores are independent (sigmoid), and the highest one decides: half binary cross entropy, half softmax. Where
    several kinds are allowed, these take no part in the first half."""
    sole = allowed.sum(1, keepdim=True) == 1
    known = (sole | ~allowed).float()
    binary = torch.nn.functional.binary_cross_entropy_with_logits(logits, allowed.float(), reduction="none")
    return 2 * (binary * known).sum() / known.sum().clamp_min(1) + 0.5 * one_of(logits, allowed)


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
    base.set_attn_implementation("eager")
    if options.head:
        take_head(base, options.head)
    model = get_peft_model(base, LoraConfig(r=8, lora_alpha=16, lora_dropout=0.0, target_modules=["q_proj", "v_proj"],
                                            modules_to_save=["classifier"]))
    if options.probe:
        for name, p in model.named_parameters():
            p.requires_grad = p.requires_grad and "lora_" not in name
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=options.rate, weight_decay=0.01)
    average = [p.detach().clone() for p in trained]
    mixer = Mixer(load_pool(options.lab), options.seed + 1000 * rank, ALARMS)
    shown, spent, step = [], 0.0, 0
    model.train()
    while True:
        began = time.time()
        fraction = torch.tensor([spent / (options.minutes * 60)])
        dist.broadcast(fraction, 0)
        fraction = fraction.item()
        if fraction >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = options.rate * min(1, (step + 1) / 40) * max(0.5 + 0.5 * np.cos(np.pi * fraction), 0.01)
        rows = next(rows for until, rows in ROWS if fraction < until)
        batch = mixer.batch(options.batch)
        keep = kept_patches(batch, rows, mixer.rng) if rows < MELS // PATCH else None
        x = normalised(batch.x)
        spec_augment(x, mixer.rng, ~batch.alarming)
        with torch.autocast("cpu", torch.bfloat16):
            logits, _ = forward(model.base_model.model, x, keep)
        loss = kind_loss(logits.float(), batch.allowed)
        optimiser.zero_grad()
        loss.backward()
        average_gradients(trained, options.processes)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        step += 1
        with torch.no_grad():
            for a, p in zip(average, trained):
                a.lerp_(p, 1 - min(0.995, (step + 1) / (step + 10)))
        right = (logits.argmax(1) == batch.kind)[batch.kind >= 0].float().mean()
        shown.append((loss.item(), right.item()))
        spent += min(time.time() - began, 5)
        if rank == 0 and step % 25 == 0:
            print(f"step {step} {rows} rows, loss and share right", np.mean(shown, 0).round(4), f"{spent:.0f} s", flush=True)
            shown = []
    if rank == 0:
        with torch.no_grad():
            for a, p in zip(average, trained):
                p.copy_(a)
        save(model, options.out)
        write_notes(options.out, steps=step, examples=step * options.processes * options.batch)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=32, help="examples a process and step")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--minutes", type=float, default=22)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--head", type=Path)
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--probe", action="store_true")
    options = parser.parse_args()
    (options.lab / f"{options.out.name}.rendezvous").unlink(missing_ok=True)
    torch.multiprocessing.spawn(run, (options,), options.processes)


if __name__ == "__main__":
    main()
