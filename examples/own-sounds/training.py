"""The two trainings: a linear probe, and LoRA; what is kept to continue them; measuring and writing."""

import json
import math
import os
import shutil
import time

import numpy as np
import torch

import network
import others
import report
from clips import RATE_HZ
from console import Stop, progress, say, stopping
from data import stacked
from mixing import active_level, gain

BATCH = 24
MISTAKES_EVERY = 100  # steps


class Work:
    """What is kept beside OUTPUT to continue an interrupted training. Each file appears when it is complete."""

    def __init__(self, output, fingerprint):
        self.folder = output.parent / f"{output.name}.work"
        note = self.folder / "fingerprint"
        if self.folder.exists() and (not note.exists() or note.read_text() != fingerprint):
            say(f"{self.folder} is of other clips or options: starting over")
            shutil.rmtree(self.folder)
        self.continues = self.folder.exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        note.write_text(fingerprint)

    def load(self, name):
        path = self.folder / f"{name}.pt"
        return torch.load(path, weights_only=True) if path.exists() else None

    def store(self, name, value):
        path = self.folder / f"{name}.pt"
        torch.save(value, f"{path}.part")
        os.replace(f"{path}.part", path)


class Training:
    def __init__(self, options, data, work, base_sha256):
        self.options, self.data, self.work, self.base_sha256 = options, data, work, base_sha256
        self.features = data.features
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.base = self.fresh()
        self.compared, self.stopped = {}, False

    def fresh(self):
        return network.base_model(self.options.base, self.data.labels, self.options.seed).to(self.device)

    def vectors(self, name, items, total):
        """Pooled vectors of windows by the base, and their labels, kept in the work folder."""
        found = self.work.load(name) or {"vectors": torch.zeros(0, self.base.config.hidden_size), "truth": []}
        done = len(found["truth"])
        batch, names = [], []

        def flush():
            nonlocal batch, names
            found["vectors"] = torch.cat([found["vectors"], network.pooled(self.base, torch.stack(batch), self.device)])
            found["truth"] += [self.data.truth(each) for each in names]
            batch, names = [], []

        stored = time.monotonic()
        for index, make in enumerate(items):
            if index < done:
                continue
            samples, labels = make() if callable(make) else make
            batch.append(self.features(samples))
            names.append(labels)
            if len(batch) == 16:
                flush()
                progress(name, min(len(found["truth"]), total - 1), total)
                if time.monotonic() - stored > 20:
                    self.work.store(name, found)
                    stored = time.monotonic()
        if batch:
            flush()
        self.work.store(name, found)
        progress(name, total, total)
        return found["vectors"], torch.tensor(found["truth"], dtype=torch.bool).reshape(-1, len(self.data.labels))

    def loss(self, logits, truth):
        if self.options.single:
            return torch.nn.functional.cross_entropy(logits, truth.int().argmax(1))
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, truth.float())

    def balanced_loss(self, logits, truth):
        """The loss on validation: windows of the classes count as much as all others together."""
        of_class = truth[:, : len(self.data.sounds)].any(1)
        parts = [self.loss(logits[mask], truth[mask]) for mask in (of_class, ~of_class) if mask.any()]
        return sum(parts) / len(parts)

    # ---- Other sounds

    def add_made_sounds(self):
        """Adds made sounds to the training's others, but for those that could be of a class, by the base."""
        found = [others.made(np.random.default_rng([self.options.seed, 13, index])) for index in range(others.MADE)]
        clips = self.data.parts[0]

        def alone(sound):
            return np.concatenate([np.zeros(RATE_HZ // 4, np.float32), gain(-20 - active_level(sound)) * sound])

        items = [(alone(sound), ()) for sound in found + [clip.samples for clip in clips]]
        vectors = self.vectors("made sounds", items, len(items))[0].numpy()
        keep = others.unlike(vectors[: len(found)], vectors[len(found) :], [clip.labels[0] for clip in clips],
                             np.array([clip.recording for clip in clips]))
        self.data.others[0] += [sound for sound, kept in zip(found, keep) if kept]
        say(f"other sounds: {len(self.data.others[0]) - keep.sum()} cut out of the backgrounds, {keep.sum()} made; "
            f"{len(found) - keep.sum()} made ones could be of a class and are not used")

    def find_hard(self, scores):
        """Remembers the tenth of the training backgrounds that is most taken for a class; returns their numbers."""
        scores = scores[:, : len(self.data.sounds)]
        # Each class has its own.
        most = max(8, len(scores) // 10 // len(self.data.sounds))
        chosen = sorted({int(index) for column in scores.T for index in np.argsort(-column, kind="stable")[:most]})
        self.data.hard = [self.places[index] for index in chosen]
        return chosen

    def scores_of_places(self, model):
        """Scores of the training backgrounds by LoRA as it is now."""
        found = []
        for first in range(0, len(self.places), 16):
            windows = [np.resize(samples[start : start + self.features.samples], self.features.samples)
                       for samples, start in self.places[first : first + 16]]
            found.append(self.logits(model, stacked(self.features, windows)))
            progress("LoRA's mistakes", min(first + 16, len(self.places)), len(self.places))
        return network.scores(torch.cat(found), not self.options.single)

    # ---- The probe

    def probe(self):
        """Trains the head on vectors of the base, which is quick; the best on validation."""
        seed, window = self.options.seed, self.features.samples
        self.add_made_sounds()
        count = self.options.windows or int(np.clip(20 * len(self.data.parts[0]), 400, 3000))
        items = [lambda i=i: self.data.draw(np.random.default_rng([seed, 7, i])) for i in range(count)]
        x, truth = self.vectors("training windows", items, len(items))
        # The more there is, the more kinds of sounds: all of the backgrounds, if it is not much more than the clips.
        self.places = self.data.places(0, 2 * count)
        items = [lambda s=s, start=start: (np.resize(s[start : start + window], window), self.data.nothing()) for s, start in self.places]
        bx, btruth = self.vectors("training backgrounds", items, len(items))
        x, truth = torch.cat([x, bx]), torch.cat([truth, btruth])
        held = list(self.data.held(1, 4, None))
        vx, vtruth = self.vectors("validation windows", held, len(held))
        torch.manual_seed(seed)
        head = self.fresh().classifier.float().cpu()
        head.layernorm.weight.requires_grad_(False)
        head.layernorm.bias.requires_grad_(False)
        optimiser = torch.optim.AdamW(head.dense.parameters(), lr=5e-3, weight_decay=0.05)
        best, state, bad = float("inf"), None, 0
        for step in range(1500):
            loss = self.loss(head(x), truth)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                found = self.balanced_loss(head(vx), vtruth).item()
            if found < best - 1e-5:
                best, state, bad = found, {k: v.clone() for k, v in head.state_dict().items()}, 0
            else:
                bad += 1
                if bad == 60:
                    break
        head.load_state_dict(state)
        with torch.no_grad():
            scores = network.scores(head(vx), not self.options.single)
        self.compared["probe"] = {"map": report.mean_average_precision(scores, vtruth.numpy()), "loss": best}
        self.head = state
        if self.places:
            with torch.no_grad():
                self.find_hard(network.scores(head(bx), not self.options.single))
        return head

    # ---- LoRA

    def lora(self):
        """Trains LoRA and the head from the probe on; returns the best model on validation, or `None`."""
        options = self.options
        held = list(self.data.held(1, 4, None))
        x = stacked(self.features, [samples for samples, _ in held])
        truth = torch.tensor([self.data.truth(names) for _, names in held])
        model = network.adapted(self.fresh(), options.rank).to(self.device)
        network.set_head(model, self.head)
        trained = [p for p in model.parameters() if p.requires_grad]
        names = [name for name, p in model.named_parameters() if p.requires_grad]
        optimiser = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.01)
        step, spent, bad, best = 0, 0.0, 0, None
        state = self.work.load("lora")
        if state:
            with torch.no_grad():
                for name, p in zip(names, trained):
                    p.copy_(state["now"][name])
            optimiser.load_state_dict(state["optimiser"])
            step, spent, bad, best = state["step"], state["spent"], state["bad"], state["best"]
            self.data.hard = [self.places[index] for index in state["hard"]] or self.data.hard
        hard = state["hard"] if state else []
        patience, every = 6, 25
        try:
            while step < options.steps and spent < 60 * options.minutes and bad < patience:
                began = time.monotonic()
                rng = np.random.default_rng([options.seed, 11, step])
                drawn = [self.data.draw(rng) for _ in range(BATCH)]
                fraction = max(step / options.steps, spent / (60 * options.minutes))
                for group in optimiser.param_groups:
                    group["lr"] = 1e-3 * min(1, (step + 1) / 10) * max(0.02, 0.5 + 0.5 * math.cos(math.pi * fraction))
                logits = model(stacked(self.features, [s for s, _ in drawn]).to(self.device)).logits.cpu()
                loss = self.loss(logits, torch.tensor([self.data.truth(n) for _, n in drawn]))
                optimiser.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(trained, 1.0)
                optimiser.step()
                step += 1
                spent += time.monotonic() - began
                progress("LoRA steps", step, options.steps)
                if step % every and step < options.steps:
                    continue
                if step % MISTAKES_EVERY == 0 and self.places:
                    hard = self.find_hard(self.scores_of_places(model))
                logits = self.logits(model, x)
                found = {"map": report.mean_average_precision(network.scores(logits, not options.single), truth.numpy()),
                         "loss": self.balanced_loss(logits, truth).item()}
                bad += 1
                if best is None or better(found, best, 0.98):
                    best = found | {"weights": {n: p.detach().cpu().clone() for n, p in zip(names, trained)}}
                    bad = 0
                now = {n: p.detach().cpu() for n, p in zip(names, trained)}
                self.work.store("lora", {"now": now, "optimiser": optimiser.state_dict(), "step": step, "spent": spent, "bad": bad, "best": best, "hard": hard})
        except Stop:
            # What is left is short: measure what there is.
            self.stopped = True
            stopping.clear()
            say("\nstopping: measuring what was trained (again Ctrl-C: stop at once)")
        if best is None:
            return None
        with torch.no_grad():
            for name, p in zip(names, trained):
                p.copy_(best["weights"][name])
        self.compared["lora"] = {"map": best["map"], "loss": best["loss"]}
        say(f"LoRA: {step} steps in {spent / 60:.1f} min; mean average precision {best['map']:.3f}, loss {best['loss']:.3f}")
        return model

    def logits(self, model, features):
        found = []
        with torch.inference_mode():
            for part in features.split(16):
                found.append(model(part.to(self.device)).logits.float().cpu())
        return torch.cat(found) if found else torch.zeros(0, len(self.data.labels))

    # ---- Measuring and writing

    def scorer(self, kind, model):
        """A function from windows of samples to scores, of the probe by the vectors that are kept."""
        multi = not self.options.single

        def of_probe(name, windows):
            items = [(samples, ()) for samples in windows]
            with torch.no_grad():
                return network.scores(model(self.vectors(name, items, len(items))[0]), multi)

        def of_lora(name, windows):
            found = []
            for first in range(0, len(windows), 16):
                found.append(self.logits(model, stacked(self.features, windows[first : first + 16])))
                progress(name, min(first + 16, len(windows)), len(windows))
            return network.scores(torch.cat(found) if found else torch.zeros(0, len(self.data.labels)), multi)

        return of_probe if kind == "probe" else of_lora

    def measure(self, kind, model):
        """Thresholds from validation, everything else from the test."""
        data, score = self.data, self.scorer(kind, model)
        sounds = range(len(data.sounds))

        def scored(name, part, each, decibels):
            held = list(data.held(part, each, decibels))
            return score(name, [samples for samples, _ in held])[:, sounds], np.array([data.truth(n) for _, n in held])[:, sounds]

        streams = [[score(f"{name} background {number + 1}", windows)[:, sounds] for number, windows in enumerate(data.streams(part))]
                   for part, name in ((1, "validation"), (2, "test"))]
        on, hours = report.thresholds(data.sounds, *scored("validation windows", 1, 4, None), streams[0], self.options.alarms_per_hour)
        scores, truth = scored("test windows", 2, 1, self.options.test_decibels)
        rows = report.measures(data.sounds, scores, truth, on)
        alarms = {label: sum(report.events(part[:, index], on[label]["on"]) for part in streams[1]) for index, label in enumerate(data.sounds)}
        self.compared[kind]["macro_f1"] = report.macro_f1(rows)
        return {
            "kind": kind, "labels": data.sounds, "thresholds": on, "test": rows, "macro_f1": report.macro_f1(rows),
            "confusion": report.confusion(data.sounds, scores, truth, on),
            "background": {"hours": sum(len(part) for part in streams[1]) / 3600, "false_alarms": sum(alarms.values()), "by_label": alarms},
            "validation_hours": hours,
        }

    def write(self, kind, model, measured):
        """Writes the adapter in one step."""
        options, data = self.options, self.data
        info = measured | {
            "base": options.base.resolve().name, "base_sha256": self.base_sha256, "rank": options.rank,
            "multi_label": not options.single, "stopped": self.stopped, "advice": data.advice, "counts": data.counts,
            "background_minutes": [data.minutes(part) for part in range(3)], "test_decibels": options.test_decibels,
            "alarms_per_hour": options.alarms_per_hour, "compared": self.compared,
        }
        if kind == "probe":
            adapter = network.probed(self.fresh())
            network.set_head(adapter, self.head)
        else:
            adapter = model
        with network.directory_in_place(options.output) as folder:
            network.save(adapter, folder, options.base, self.base_sha256, data.labels, not options.single)
            (folder / "evaluation.json").write_text(json.dumps(info, indent=1, ensure_ascii=False) + "\n")
            (folder / "detection.yaml").write_text(report.snippet(data.sounds, info["thresholds"]))
            (folder / "README.md").write_text(report.card(options.output.name, info))
        return info


def better(found, than, factor=0.9):
    """By average precision; equal ones by a loss below `factor` of the other's."""
    return found["map"] > than["map"] + 0.005 or (found["map"] > than["map"] - 0.005 and found["loss"] < factor * than["loss"])
