"""Trains the default model on the pool, in processes of one thread each, resumable, and exports it.

    train.py --lab DIR --minutes 24 --processes 2 [--start models/default] [--export DIR]

Gradients are averaged over the processes (gloo). A run that was stopped continues at its last checkpoint
(every 200 steps). Most patches are dropped at first and fewer and fewer later, after their positions are
added: early steps are three times as fast, late ones see whole rhythms. What is exported is a running
average of the weights, without the auxiliary targets. `--start` takes over the weights of an exported model.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

from features import FRAMES, MELS
from labels import SHIPPED, TARGETS
from mixer import MEAN, STD, Mixer, load_pool, normalised, spec_augment

KEEP = [(0.5, 88), (0.8, 128), (1.01, 208)]  # until this fraction of the run, patches of 256 kept


def new_model(seed, names):
    torch.manual_seed(seed)
    return ASTForAudioClassification(ASTConfig(
        hidden_size=192, num_hidden_layers=6, num_attention_heads=3, intermediate_size=768,
        hidden_act="gelu", patch_size=16, frequency_stride=16, time_stride=16, max_length=FRAMES,
        num_mel_bins=MELS, qkv_bias=True, problem_type="multi_label_classification",
        id2label=dict(enumerate(names)), label2id={n: i for i, n in enumerate(names)}))


class PatchDropout:
    """Keeps two special tokens and a random subset of the patches, while training."""

    def __init__(self, keep):
        self.keep = keep

    def __call__(self, module, _, out):
        if not module.training or not self.keep:
            return out
        count = out.shape[1] - 2
        order = torch.rand(out.shape[0], count).argsort(1)[:, : self.keep] + 2
        patches = out.gather(1, order[..., None].expand(-1, -1, out.shape[2]))
        return torch.cat([out[:, :2], patches], 1)


def masked_bce(logits, y):
    """Binary cross entropy over the labels that are known; targets are softened a little."""
    known = (y >= 0).float()
    target = y.clamp_min(0).float() * 0.98 + 0.005
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (loss * known).sum() / known.sum()


def take_over(model, directory: Path):
    """Copies an exported model's weights, and the head's rows of labels that both know."""
    old = ASTForAudioClassification.from_pretrained(directory, dtype=torch.float32)
    state, mine = old.state_dict(), model.state_dict()
    for key, value in state.items():
        if not key.startswith("classifier.dense"):
            mine[key].copy_(value)
    for name, row in old.config.label2id.items():
        for part in ("weight", "bias"):
            mine[f"classifier.dense.{part}"][TARGETS.index(name)] = state[f"classifier.dense.{part}"][row]


def export(state, directory: Path, names=SHIPPED):
    """Writes config, preprocessor config and F16 weights under the names transformers saves."""
    rows = [TARGETS.index(n) for n in names]
    state = {k: v[rows] if k.startswith("classifier.dense") else v for k, v in state.items()}
    copy = new_model(0, names)
    copy.load_state_dict(state)
    copy.eval().half().save_pretrained(directory)
    ASTFeatureExtractor(max_length=FRAMES, num_mel_bins=MELS, mean=MEAN, std=STD).save_pretrained(directory)
    (directory / "model.safetensors").chmod(0o644)
    config = directory / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()), indent=2, sort_keys=True) + "\n")


def write_notes(directory: Path, **notes):
    """What the card says of the run."""
    (directory / "training.json").write_text(json.dumps(notes, indent=1) + "\n")


def average_gradients(parameters, count):
    flat = torch.cat([p.grad.flatten() for p in parameters])
    dist.all_reduce(flat)
    at = 0
    for p in parameters:
        p.grad.copy_(flat[at: at + p.numel()].view_as(p) / count)
        at += p.numel()


def run(rank, options):
    torch.set_num_threads(1)
    count = options.processes
    dist.init_process_group("gloo", init_method=f"file://{options.lab}/{options.name}.rendezvous", rank=rank, world_size=count)
    checkpoint = options.lab / f"{options.name}.pt"
    model = new_model(7, TARGETS)
    if options.start:
        take_over(model, options.start)
    groups = [dict(params=[p for p in model.parameters() if p.ndim > 1], weight_decay=0.05),
              dict(params=[p for p in model.parameters() if p.ndim <= 1], weight_decay=0.0)]
    optimiser = torch.optim.AdamW(groups, lr=options.rate, betas=(0.9, 0.98))
    step, spent = 0, 0.0
    average = {k: v.clone() for k, v in model.state_dict().items()}
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        step, average, spent = state["step"], state["average"], state["spent"]
    torch.manual_seed(1000 * rank + step)
    mixer = Mixer(load_pool(options.lab), seed=100 + step + 1_000_000 * rank)
    hook = PatchDropout(KEEP[0][1])
    model.audio_spectrogram_transformer.embeddings.register_forward_hook(hook)
    model.train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    started, shown = time.time() - spent, []

    def save():
        if rank == 0:
            part = checkpoint.with_suffix(".part")
            torch.save(dict(model=model.state_dict(), optimiser=optimiser.state_dict(), step=step,
                            average=average, spent=time.time() - started), part)
            part.replace(checkpoint)

    while True:
        # All processes follow the first one's clock; the rate falls with time.
        fraction = torch.tensor([(time.time() - started) / (options.minutes * 60)])
        dist.broadcast(fraction, 0)
        fraction = fraction.item()
        if fraction >= 1:
            break
        hook.keep = next(keep for until, keep in KEEP if fraction < until)
        rate = options.rate * min(1, (step + 1) / 150) * max(0.5 + 0.5 * np.cos(np.pi * fraction), 0.01)
        for group in optimiser.param_groups:
            group["lr"] = float(rate)
        x, y = mixer.batch(options.batch)
        x = spec_augment(normalised(x), mixer.rng)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(x).logits
        loss = masked_bce(logits.float(), y)
        optimiser.zero_grad()
        loss.backward()
        average_gradients(parameters, count)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        step += 1
        keep = min(0.995, (step + 1) / (step + 10))
        with torch.no_grad():
            for k, v in model.state_dict().items():
                average[k].lerp_(v, 1 - keep)
        shown.append(loss.item())
        if rank == 0 and step % 50 == 0:
            print(f"step {step} loss {np.mean(shown):.4f} {time.time() - started:.0f} s", flush=True)
            shown = []
        if step % 200 == 0:
            save()
    save()
    if rank == 0 and options.export:
        export(average, options.export)
        write_notes(options.export, steps=step, batch=count * options.batch, pool_clips=len(mixer.at))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=32, help="examples a process and step")
    parser.add_argument("--rate", type=float, default=8e-4)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=24)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--export", type=Path)
    parser.add_argument("--name", default="run")
    options = parser.parse_args()
    (options.lab / f"{options.name}.rendezvous").unlink(missing_ok=True)
    torch.multiprocessing.spawn(run, (options,), options.processes)


if __name__ == "__main__":
    main()
