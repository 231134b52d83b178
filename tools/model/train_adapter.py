"""Trains models/alarms: a LoRA adapter on the exported default model, for kinds of alarm.

    train_adapter.py --lab DIR --base models/default --out models/alarms --minutes 6

The alarms are synthesised (synth.py); the backgrounds are recordings. Training and test differ in
pitches, rooms, seeds and background recordings. The base is read as exported, in F16.
"""

import argparse
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import ASTFeatureExtractor, ASTForAudioClassification

import synth
from evaluate import metrics_of, scores, test_set
from features import CLIP_SAMPLES, FLOOR, FRAMES, log_mel
from labels import INDEX
from train import PatchDropout, load_pool, normalised, spec_augment

NAMES = synth.ALARM_KINDS + ["None of these"]
OTHER = len(NAMES) - 1


def overlay():
    return dict(id2label={str(i): n for i, n in enumerate(NAMES)},
                label2id={n: i for i, n in enumerate(NAMES)},
                problem_type="multi_label_classification")


def base_model(directory: Path):
    """The default model with a new head for these labels."""
    return ASTForAudioClassification.from_pretrained(
        directory, dtype=torch.float32, num_labels=len(NAMES), id2label=dict(enumerate(NAMES)),
        label2id={n: i for i, n in enumerate(NAMES)}, ignore_mismatched_sizes=True)


def synthesised(rng, kind, test):
    x = synth.KINDS[kind](rng, CLIP_SAMPLES, test) if kind else synth.beeps(rng, CLIP_SAMPLES, test)
    if rng.random() < 0.7:
        x = synth.room(rng, x)
    if rng.random() < 0.25:
        x = synth.band_limit(rng, x)
    return synth.to_level(x)


def alarm_pool(lab: Path, count, seed):
    """Log-mels f16 [count, 512, 128] and kinds [count]; the last kind is other beeps."""
    cache = lab / f"alarms-{seed}-{count}.npz"
    if not cache.exists():
        rng = np.random.default_rng(seed)
        kinds = rng.integers(0, len(NAMES), count)
        x = [log_mel(synthesised(rng, None if k == OTHER else NAMES[k], False)) for k in kinds]
        np.savez(cache, x=np.stack(x).astype(np.float16), kinds=kinds)
    data = np.load(cache)
    return data["x"], data["kinds"]


def batches(lab: Path, size, seed):
    """Endless training batches: an alarm over a background, a background alone, or other beeps."""
    rng = np.random.default_rng(seed)
    alarms, kinds = alarm_pool(lab, 3000, 11)
    x, frames, y = load_pool(lab)
    plain = np.flatnonzero((y[:, INDEX["Alarm"]] == 0) & (y[:, INDEX["Siren"]] == 0) & (frames >= FRAMES))
    while True:
        rows, targets = [], np.zeros((size, len(NAMES)), np.float32)
        for b in range(size):
            i = rng.choice(plain)
            row = x[i].astype(np.float32)
            if rng.random() < 0.78:
                j = rng.integers(len(alarms))
                targets[b, kinds[j]] = 1
                under = rng.uniform(-3, 40) * np.log(10) / 10
                row = np.logaddexp(row - under, alarms[j].astype(np.float32))
            else:
                targets[b, OTHER] = 1
            rows.append(np.maximum(row + rng.uniform(-38, 6) * np.log(10) / 10, FLOOR))
        yield spec_augment(normalised(np.stack(rows)), rng), torch.from_numpy(targets)


def test_clips(lab: Path, each=50):
    """Held-out pitches, rooms and backgrounds: samples, targets, background sources."""
    clips, _, sources, rows = test_set(lab)
    plain = [i for i, r in enumerate(rows) if not {"Alarm", "Siren"} & set(r["labels"])
             and len(clips[i]) >= CLIP_SAMPLES // 2]
    out, targets, names = [], [], []
    for k, kind in enumerate(NAMES):
        for n in range(each * (2 if k == OTHER else 1)):
            rng = np.random.default_rng(synth.TEST_SEED + 20_000 + 1000 * k + n)
            i = int(rng.choice(plain))
            background = np.resize(clips[i], CLIP_SAMPLES)
            level = rng.uniform(-40, -15)
            if k == OTHER and n % 3:
                x = synth.to_level(background, level)
            else:
                x = synth.to_level(synthesised(rng, None if k == OTHER else kind, True), level)
                x = x + synth.to_level(background, level - rng.uniform(0, 30))
            target = np.zeros(len(NAMES), np.int8)
            target[k] = 1
            out.append(np.clip(x, -1, 1).astype(np.float32))
            targets.append(target)
            names.append(f"{sources[i]}/{n}")
    return out, np.stack(targets), np.array(names)


def save(model, out: Path, base: Path):
    """PEFT's two files with F16 tensors and a base name that is not of this machine, and the overlay."""
    model.save_pretrained(out)
    tensors = load_file(out / "adapter_model.safetensors")
    save_file({k: v.half().contiguous() for k, v in tensors.items()},
              out / "adapter_model.safetensors", metadata={"format": "pt"})
    config = json.loads((out / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = f"models/{base.name}"
    (out / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (out / "config.json").write_text(json.dumps(overlay(), indent=2) + "\n")
    (out / "README.md").unlink(missing_ok=True)  # cards.py writes ours
    (out / "adapter_model.safetensors").chmod(0o644)


def evaluate(lab: Path, base: Path, out: Path):
    """Scores the adapter as saved, and a linear probe's worth of context: AP a label, top-1."""
    model = PeftModel.from_pretrained(base_model(base), out).float()
    clips, y, names = test_clips(lab)
    p = scores(model, ASTFeatureExtractor.from_pretrained(base), clips)
    result = metrics_of(p, y, names, NAMES)
    result["confusion"] = {
        n: {m: int(c) for m, c in zip(NAMES, np.bincount(p[y[:, i] == 1].argmax(1), minlength=len(NAMES))) if c}
        for i, n in enumerate(NAMES)}
    result["false_alarms_at_half"] = round(float((p[y[:, OTHER] == 1][:, :OTHER].max(1) > 0.5).mean()), 3)
    result["base_weights_sha256"] = hashlib.sha256((base / "model.safetensors").read_bytes()).hexdigest()
    result["weights_sha256"] = hashlib.sha256((out / "adapter_model.safetensors").read_bytes()).hexdigest()
    (out / "evaluation.json").write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    print(json.dumps(result, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--evaluate-only", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(5)
    if not options.evaluate_only:
        base = base_model(options.base)
        hook = PatchDropout(176)
        base.audio_spectrogram_transformer.embeddings.register_forward_hook(hook)
        model = get_peft_model(base, LoraConfig(
            r=8, lora_alpha=16, lora_dropout=0.0, target_modules=["q_proj", "v_proj"],
            modules_to_save=["classifier"]))
        model.print_trainable_parameters()
        trained = [p for p in model.parameters() if p.requires_grad]
        optimiser = torch.optim.AdamW(trained, lr=options.rate, weight_decay=0.01)
        model.train()
        stream, shown, started = batches(options.lab, options.batch, 21), [], time.time()
        for step in range(options.steps):
            fraction = max(step / options.steps, (time.time() - started) / (options.minutes * 60))
            if fraction >= 1:
                break
            for group in optimiser.param_groups:
                group["lr"] = options.rate * min(1, (step + 1) / 20) * (0.5 + 0.5 * np.cos(np.pi * fraction))
            x, y = next(stream)
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(x).logits
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), y)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            shown.append(loss.item())
            if step % 25 == 24:
                print(f"step {step + 1} loss {np.mean(shown):.4f} {time.time() - started:.0f} s", flush=True)
                shown = []
        save(model, options.out, options.base)
    evaluate(options.lab, options.base, options.out)


if __name__ == "__main__":
    main()
