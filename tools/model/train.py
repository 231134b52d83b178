"""Trains the default model on the pool, in processes of one thread each, resumable, and exports it.

    train.py --lab DIR --minutes 66 --processes 2 [--export DIR]

Gradients are averaged over the processes (gloo). A run that was stopped continues at its last checkpoint
(every 200 steps). Beside the labels of the clip it learns the kind of alarm, and both for every patch: the
mixer knows which sound a patch belongs to, and that teaches a small transformer far faster than the clip's
labels alone. All auxiliary outputs are removed in the export. Rows of patches are dropped at first, which makes early
steps twice as fast. What is exported is a running average of the weights.
"""

import argparse
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from safetensors.torch import load_file
from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

from features import FRAMES, MELS
from labels import LABELS, SHIPPED, TARGETS
from mixer import MEAN, PATCH, STD, Mixer, load_pool, normalised, spec_augment

LOSS_WEIGHTS = [4.0, 1.0, 2.0, 0.5]  # labels, kind, patches' labels, patches' kind
ROWS = [(0.5, 4), (0.7, 6), (1.01, 8)]  # until this fraction of the run, rows of patches kept of 8
COLUMNS = FRAMES // PATCH
NAMES = TARGETS + ["kind: None of these"]
LABEL_COUNT = len(LABELS)


def new_model(seed, names):
    torch.manual_seed(seed)
    return ASTForAudioClassification(ASTConfig(
        hidden_size=192, num_hidden_layers=6, num_attention_heads=3, intermediate_size=768,
        hidden_act="gelu", patch_size=PATCH, frequency_stride=PATCH, time_stride=PATCH, max_length=FRAMES,
        num_mel_bins=MELS, qkv_bias=True, problem_type="multi_label_classification",
        id2label=dict(enumerate(names)), label2id={n: i for i, n in enumerate(names)}))


def waves(count, width):
    """Sines and cosines of positions, `[count, width]`, from two positions a period to the whole range twice."""
    turns = np.geomspace(0.9 * np.pi, np.pi / (2 * count), width // 2)
    angle = np.arange(count)[:, None] * turns
    return torch.tensor(np.concatenate([np.sin(angle), np.cos(angle)], 1), dtype=torch.float32)


def initialise(model, seed):
    """Initial weights with which a short training learns rhythms.

    Positions begin as waves of row and of time, so that a product of query and key can tell how far apart two patches
    are; queries and keys begin alike, so that a patch looks at those near it in place and content; the product of value
    and output begins as a small minus identity (Trockman and Kolter, "Mimetic initialization of self-attention layers").
    """
    rng = torch.Generator().manual_seed(seed)
    normal = lambda *shape: torch.randn(*shape, generator=rng)
    body = model.audio_spectrogram_transformer
    width = model.config.hidden_size
    rows = MELS // PATCH
    with torch.no_grad():
        positions = torch.cat([waves(rows, width // 2)[:, None].expand(-1, COLUMNS, -1),
                               waves(COLUMNS, width // 2)[None].expand(rows, -1, -1)], 2)
        body.embeddings.position_embeddings[0, 2:] = 0.5 * positions.reshape(rows * COLUMNS, width)
        body.embeddings.position_embeddings[0, :2] = 0.5 * normal(2, width)
        body.embeddings.patch_embeddings.projection.weight.copy_(normal(width, 1, PATCH, PATCH) / PATCH)
        for layer in body.layers:
            attention, heads = layer.attention, model.config.num_attention_heads
            size = width // heads
            for h in range(heads):
                u, s, v = torch.linalg.svd(0.6 * normal(width, width) / width**0.5 + 0.6 * torch.eye(width))
                root = s[:size].sqrt()[:, None]
                attention.q_proj.weight[h * size: (h + 1) * size] = root * u[:, :size].T
                attention.k_proj.weight[h * size: (h + 1) * size] = root * v[:size]
            u, s, v = torch.linalg.svd(0.4 * normal(width, width) / width**0.5 - 0.4 * torch.eye(width))
            attention.v_proj.weight.copy_(s.sqrt()[:, None] * v)
            attention.o_proj.weight.copy_(u * s.sqrt())
            layer.mlp.fc1.weight.copy_(normal(4 * width, width) / width**0.5)
            layer.mlp.fc2.weight.copy_(normal(width, 4 * width) / (4 * width) ** 0.5 / 2)


class Muon:
    """Momentum whose updates are made orthogonal (Jordan et al., 2024), for the matrices inside the layers.

    Matrices of one shape are done together; each process does a share of them and the sum over processes brings them
    together.
    """

    def __init__(self, parameters, count, rank, momentum=0.95, decay=0.05):
        shapes = {}
        for p in parameters:
            shapes.setdefault(p.shape, []).append(p)
        self.stacks, self.rank, self.count, self.momentum, self.decay = list(shapes.values()), rank, count, momentum, decay
        self.velocity = [torch.zeros((len(s), *s[0].shape)) for s in self.stacks]

    @staticmethod
    def orthogonal(x):
        x = x.bfloat16()
        if x.shape[1] > x.shape[2]:
            return Muon.orthogonal(x.mT).mT
        x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
        for _ in range(5):
            a = x @ x.mT
            x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
        return x

    @torch.no_grad()
    def step(self, rate):
        updates = []
        for stack, velocity in zip(self.stacks, self.velocity):
            gradient = torch.stack([p.grad for p in stack])
            velocity.mul_(self.momentum).add_(gradient)
            mine = torch.arange(len(stack)) % self.count == self.rank
            update = torch.zeros_like(velocity)
            update[mine] = self.orthogonal(gradient[mine] + self.momentum * velocity[mine]).float()
            updates.append(update)
        flat = torch.cat([u.flatten() for u in updates])
        dist.all_reduce(flat)
        at = 0
        for stack, velocity in zip(self.stacks, self.velocity):
            scale = 0.2 * max(velocity.shape[1:]) ** 0.5
            for p in stack:
                p.mul_(1 - rate * self.decay).add_(flat[at: at + p.numel()].view_as(p), alpha=-rate * scale)
                at += p.numel()


def kept_patches(batch, rows, rng):
    """Which patches each example keeps, `[size, rows * 32]`: whole rows, so that rhythms stay whole, and among them
    always the row where the first sound is loudest."""
    order = rng.random((len(batch.x), MELS // PATCH))
    order[np.arange(len(batch.x)), batch.loudest_row.numpy()] = -1
    chosen = torch.from_numpy(np.sort(order.argsort(1)[:, :rows], 1))
    return (chosen[:, :, None] * COLUMNS + torch.arange(COLUMNS)).flatten(1)


def forward(model, x, keep=None):
    """Logits of the clip, the last hidden state of the patches; with `keep`, of these patches only."""
    body = model.audio_spectrogram_transformer
    hidden = body.embeddings(x)
    if keep is not None:
        keep = torch.cat([torch.tensor([[0, 1]]).expand(len(x), -1), keep + 2], 1)
        hidden = hidden.gather(1, keep[..., None].expand(-1, -1, hidden.shape[2]))
    for layer in body.layers:
        hidden = layer(hidden)
    hidden = body.layernorm(hidden)
    return model.classifier((hidden[:, 0] + hidden[:, 1]) / 2), hidden[:, 2:]


def losses(logits, dense, batch, keep):
    """Clip: the labels that are known, and the kind of alarm. Patches: the same of the sound that each one belongs to."""
    clip = masked_bce(logits[:, :LABEL_COUNT], batch.y[:, :LABEL_COUNT])
    cross = torch.nn.functional.cross_entropy
    kind = one_of(logits[:, LABEL_COUNT:], batch.allowed)
    owner = batch.owner if keep is None else batch.owner.gather(1, keep)
    size, patches = owner.shape
    y = batch.parts[torch.arange(size)[:, None], owner.clamp_min(0), :LABEL_COUNT]
    y = torch.where(owner[..., None] >= 0, y, -1)
    patch = masked_bce(dense[..., :LABEL_COUNT], y)
    first = torch.where((owner == 0) & torch.from_numpy(batch.alarming)[:, None], batch.first_kind[:, None], -1)
    rhythm = cross(dense[..., LABEL_COUNT:].flatten(0, 1), first.flatten(), ignore_index=-1)
    return torch.stack([clip, kind, patch, rhythm])


def one_of(logits, allowed):
    """Cross entropy of classes of which several may be right: minus the log of their summed probability. Rows where all
    are allowed do not count."""
    known = ~allowed.all(1)
    log_p = logits[known].log_softmax(1)
    right = log_p.masked_fill(~allowed[known], -torch.inf).logsumexp(1)
    return -(0.98 * right + 0.02 * log_p.mean(1)).sum() / known.sum().clamp_min(1)


def masked_bce(logits, y):
    """Binary cross entropy over the labels that are known; with slightly smoothed targets."""
    known = (y >= 0).float()
    target = y.clamp_min(0).float() * 0.98 + 0.005
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (loss * known).sum() / known.sum()


def export(state, directory: Path, names=SHIPPED):
    """Writes config, preprocessor config and F16 weights under the names transformers saves."""
    rows = [NAMES.index(n) for n in names]
    state = {k: v[rows] if k.startswith("classifier.dense") else v for k, v in state.items()}
    copy = new_model(0, names)
    copy.load_state_dict(state)
    copy.eval().half().save_pretrained(directory)
    ASTFeatureExtractor(max_length=FRAMES, num_mel_bins=MELS, mean=MEAN, std=STD).save_pretrained(directory)
    (directory / "model.safetensors").chmod(0o644)
    config = directory / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()), indent=2, sort_keys=True) + "\n")


def write_notes(directory: Path, **notes):
    """The figures of the run for the card."""
    (directory / "training.json").write_text(json.dumps(notes, indent=1) + "\n")


@torch.no_grad()
def start_from(model, directory: Path, adapter: Path | None):
    """The exported weights of an earlier model; rows of its head by their labels, those of the kinds from its adapter."""
    shipped = ASTForAudioClassification.from_pretrained(directory, dtype=torch.float32)  # maps the names in the file
    state, own = shipped.state_dict(), model.state_dict()
    heads = [(state, "classifier.dense.", {int(i): n for i, n in shipped.config.id2label.items()})]
    if adapter:
        labels = json.loads((adapter / "config.json").read_text())["id2label"]
        heads.append((load_file(adapter / "adapter_model.safetensors"), "base_model.model.classifier.dense.",
                      {int(i): "kind: " + n for i, n in labels.items()}))
    for name, value in own.items():
        if not name.startswith(("classifier.dense.", "patch_head.")):
            value.copy_(state[name])
    for tensors, prefix, labels in heads:
        for i, label in labels.items():
            for part in ("weight", "bias"):
                own["classifier.dense." + part][NAMES.index(label)] = tensors[prefix + part][i].float()
    model.load_state_dict(own)


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
    model = new_model(7, NAMES)
    model.set_attn_implementation("eager")  # faster than sdpa on a CPU at this size
    initialise(model, 7)
    model.patch_head = torch.nn.Linear(model.config.hidden_size, len(NAMES))
    inner = [p for n, p in model.named_parameters() if ".layers." in n and p.ndim == 2]
    outer = [p for n, p in model.named_parameters() if not (".layers." in n and p.ndim == 2)]
    muon = Muon(inner, count, rank)
    adam = torch.optim.AdamW(outer, lr=options.rate, betas=(0.9, 0.98), weight_decay=0.01)
    step, spent = 0, 0.0
    if options.start:
        start_from(model, options.start, options.start_head)
    average = {k: v.clone() for k, v in model.state_dict().items()}
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        adam.load_state_dict(state["adam"])
        muon.velocity = state["velocity"]
        step, average, spent = state["step"], state["average"], state["spent"]
    mixer = Mixer(load_pool(options.lab), seed=100 + step + 1_000_000 * rank)
    model.train()
    parameters, shown = inner + outer, []

    def save():
        if rank == 0:
            part = checkpoint.with_suffix(".part")
            torch.save(dict(model=model.state_dict(), adam=adam.state_dict(), velocity=muon.velocity, step=step,
                            average=average, spent=spent), part)
            part.replace(checkpoint)

    while True:
        # All processes follow the first one's clock; the rate falls with time. A delayed step counts 5 s at most.
        began = time.time()
        fraction = torch.tensor([spent / (options.minutes * 60)])
        dist.broadcast(fraction, 0)
        fraction = fraction.item()
        if fraction >= 1:
            break
        rate = options.rate * min(1, (step + 1) / 100) * max(0.5 + 0.5 * np.cos(np.pi * fraction), 0.01)
        rows = next(rows for until, rows in ROWS if fraction < until)
        batch = mixer.batch(options.batch)
        keep = kept_patches(batch, rows, mixer.rng) if rows < MELS // PATCH else None
        x = normalised(batch.x)
        spec_augment(x, mixer.rng, ~batch.alarming)
        with torch.autocast("cpu", torch.bfloat16):
            logits, hidden = forward(model, x, keep)
            dense = model.patch_head(hidden)
        parts = losses(logits.float(), dense.float(), batch, keep)
        loss = (parts * torch.tensor(LOSS_WEIGHTS)).sum()
        for p in parameters:
            p.grad = None
        loss.backward()
        average_gradients(parameters, count)
        torch.nn.utils.clip_grad_norm_(outer, 1.0)
        for group in adam.param_groups:
            group["lr"] = float(rate)
        adam.step()
        muon.step(float(rate))
        step += 1
        keep = min(0.997, (step + 1) / (step + 10))
        with torch.no_grad():
            for k, v in model.state_dict().items():
                average[k].lerp_(v, 1 - keep)
        shown.append(parts.detach().numpy())
        spent += min(time.time() - began, 5)
        if rank == 0 and step % 50 == 0:
            print(f"step {step} {rows} rows, loss of labels, kind, patches' labels, patches' kind", np.mean(shown, 0).round(4),
                  f"{spent:.0f} s", flush=True)
            shown = []
        if step % 200 == 0:
            save()
    save()
    if rank == 0 and options.export:
        export({k: v for k, v in average.items() if not k.startswith("patch_head")}, options.export)
        continued = hashlib.sha256((options.start / "model.safetensors").read_bytes()).hexdigest() if options.start else None
        write_notes(options.export, steps=step, batch=count * options.batch, pool_clips=len(mixer.at), continued_from=continued)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=32, help="examples a process and step")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=66)
    parser.add_argument("--export", type=Path)
    parser.add_argument("--name", default="run")
    parser.add_argument("--from", dest="start", type=Path, help="begin with the weights of this exported model")
    parser.add_argument("--from-head", dest="start_head", type=Path, help="and its kinds of alarm with this adapter's head")
    options = parser.parse_args()
    (options.lab / f"{options.name}.rendezvous").unlink(missing_ok=True)
    torch.multiprocessing.spawn(run, (options,), options.processes)


if __name__ == "__main__":
    main()
