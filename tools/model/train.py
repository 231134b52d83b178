"""Trains the default model from scratch on the pool, one thread, resumable, and exports it.

    train.py --lab DIR --steps 1100 [--minutes 23] [--export models/default]

A run that was stopped continues at its last checkpoint (every 100 steps). Two thirds of the patches
are dropped in training, after their positions are added, which doubles the speed or better. What is exported
is a running average of the weights.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

from features import FRAMES, MELS
from labels import LABELS
from pool import Mixer

MEAN, STD = -8.1, 5.16  # rounded from the training mixtures; the extractor divides by twice the std


def load_pool(lab: Path):
    parts = [(np.load(f.with_name(f.stem + "-x.npy"), mmap_mode="r"), np.load(f))
             for f in sorted(lab.glob("pool-?.npz"))]
    return (np.concatenate([p[0] for p in parts]), np.concatenate([p[1]["frames"] for p in parts]),
            np.concatenate([p[1]["y"] for p in parts]))


def new_model(seed):
    torch.manual_seed(seed)
    return ASTForAudioClassification(ASTConfig(
        hidden_size=192, num_hidden_layers=6, num_attention_heads=3, intermediate_size=768,
        hidden_act="gelu", patch_size=16, frequency_stride=16, time_stride=16, max_length=FRAMES,
        num_mel_bins=MELS, qkv_bias=True, problem_type="multi_label_classification",
        id2label=dict(enumerate(LABELS)), label2id={n: i for i, n in enumerate(LABELS)}))


def normalised(x):
    return torch.from_numpy(((x - MEAN) / (2 * STD)).astype(np.float32))


def spec_augment(x, rng):
    """Blanks a band and a stretch of time at times (to the mean, in place)."""
    for row in x:
        if rng.random() < 0.4:
            width, at = rng.integers(4, 24), rng.integers(0, MELS - 24)
            row[:, at: at + width] = 0
        if rng.random() < 0.4:
            width, at = rng.integers(10, 80), rng.integers(0, FRAMES - 80)
            row[at: at + width] = 0
    return x


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


def export(state, directory: Path):
    """Writes config, preprocessor config and F16 weights under the names transformers saves."""
    copy = new_model(0)
    copy.load_state_dict(state)
    copy.eval().half().save_pretrained(directory)
    ASTFeatureExtractor(max_length=FRAMES, num_mel_bins=MELS, mean=MEAN, std=STD).save_pretrained(directory)
    (directory / "model.safetensors").chmod(0o644)
    config = directory / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()), indent=2, sort_keys=True) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1400)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1.1e-3)
    parser.add_argument("--keep", type=int, default=80, help="patches of 256 kept in training")
    parser.add_argument("--export", type=Path)
    parser.add_argument("--minutes", type=float, default=1e9, help="stop (and export) after this long")
    parser.add_argument("--name", default="run")
    options = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint = options.lab / f"{options.name}.pt"
    model = new_model(7)
    groups = [dict(params=[p for p in model.parameters() if p.ndim > 1], weight_decay=0.05),
              dict(params=[p for p in model.parameters() if p.ndim <= 1], weight_decay=0.0)]
    optimiser = torch.optim.AdamW(groups, lr=options.rate, betas=(0.9, 0.98))
    step = 0
    average = {k: v.clone() for k, v in model.state_dict().items()}
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        step, average = state["step"], state["average"]
    mixer = Mixer(*load_pool(options.lab), seed=100 + step)
    hook = PatchDropout(options.keep)
    model.audio_spectrogram_transformer.embeddings.register_forward_hook(hook)
    model.train()
    started, shown = time.time(), []

    def save():
        part = checkpoint.with_suffix(".part")
        torch.save(dict(model=model.state_dict(), optimiser=optimiser.state_dict(), step=step,
                        average=average), part)
        part.replace(checkpoint)

    while True:
        # The rate falls with whichever runs out first, steps or time.
        fraction = max(step / options.steps, (time.time() - started) / (options.minutes * 60))
        if fraction >= 1:
            break
        warm = min(1, (step + 1) / 100)
        decay = 0.5 + 0.5 * np.cos(np.pi * fraction)
        for group in optimiser.param_groups:
            group["lr"] = float(options.rate * warm * max(decay, 0.01))
        x, y = mixer.batch(options.batch)
        x = spec_augment(normalised(x), mixer.rng)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(x).logits
        loss = masked_bce(logits.float(), torch.from_numpy(y))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        keep = min(0.99, (step + 1) / (step + 10))
        with torch.no_grad():
            for k, v in model.state_dict().items():
                average[k].lerp_(v, 1 - keep)
        shown.append(loss.item())
        if step % 50 == 0:
            print(f"step {step} loss {np.mean(shown):.4f} {time.time() - started:.0f} s", flush=True)
            shown = []
        if step % 100 == 0:
            save()
            if options.export:
                export(average, options.export)
    save()
    if options.export:
        export(average, options.export)


if __name__ == "__main__":
    main()
