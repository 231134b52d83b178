"""Computes the reference arrays of every pair of model and clip, and the index of them."""

import json
import math
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

from . import audio
from .adapters import LEGACY_MODULES, change_config, change_tensors, rename
from .models import MODELS, modern
from .oracle import FRAME_SAMPLES, SHIFT_SAMPLES, Oracle, exact_features, exact_log_mels, log_mels
from .peft_kinds import VALID

# Pairs with more than these carry pooled and logits only.
FULL_STAGES_CLIPS = ("speech", "short", "long")
FBANK_CLIPS = ("speech", "noise", "silence", "dc-sweep", "one-frame", "tone", "quiet", "impulse", "square")
FEATURES = 1e-4
LOGITS = 1e-4


def _up(value):
    """The next number above `value` with one significant digit."""
    power = 10.0 ** math.floor(math.log10(value))
    return float(f"{math.ceil(value / power) * power:.0e}")


def tolerance(oracle, samples, features, logits, strict=LOGITS):
    """How far a right answer may lie from the oracle's; `strict` is for the logits of the same features.

    torchaudio computes in fp32 and its FFT's rounding noise shows on strong tones. Where torchaudio itself is further
    than 6e-5 from the exact value, the tolerance is twice that distance; what that does to the logits is measured.
    """
    exact = exact_features(samples, oracle.extractor)
    own = float(np.abs(exact - features).max())
    moved = oracle.stages(exact.astype(np.float32))["logits"]
    effect = float(np.abs(moved - logits).max())
    return {
        "features": FEATURES if own <= 6e-5 else max(FEATURES, _up(2 * own)),
        "logits": strict,
        "endToEnd": strict if 3 * effect <= strict else _up(3 * effect),
        "oracleFeatures": _up(max(own, 1e-9)),
    }


class References:
    """Writes arrays under `root`/reference and collects the index."""

    def __init__(self, root):
        self.root = root
        self.written = set()

    def write(self, path, arrays):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)

    def features_path(self, extractor, clip):
        """One file a (front end, clip): models that share the settings share the file."""
        kind = f"{extractor.num_mel_bins}x{extractor.max_length}"
        if not extractor.do_normalize:
            kind += "-raw"
        elif extractor.mean != -4.2677393:
            kind += f"-{abs(extractor.mean):g}"
        return f"reference/features/{kind}/{clip}.safetensors"

    def pair(self, oracle, model, adapter, clip, inner_stages=True):
        """Writes the stages of one pair and returns its entry in the index."""
        samples = audio.read(self.root / "clips" / f"{clip}.wav")
        features = oracle.features(samples)
        features_path = self.features_path(oracle.extractor, clip)
        if features_path not in self.written:
            self.written.add(features_path)
            self.write(features_path, {"features": features})
        stages = oracle.stages(features)
        if clip not in FULL_STAGES_CLIPS or not inner_stages:
            stages = {name: stages[name] for name in ("pooled", "logits")}
        elif adapter:
            stages.pop("embeddings", None)  # the base model's, but for an adapter on the patch projection
        name = f"{model}+{adapter}" if adapter else model
        path = f"reference/{name}/{clip}.safetensors"
        self.write(path, stages)
        return {
            "id": f"{name}/{clip}",
            "model": f"models/{model}",
            "adapter": f"adapters/{adapter}" if adapter else None,
            "clip": f"clips/{clip}.wav",
            "reference": path,
            "features": features_path,
            "stages": list(stages),
            "tolerance": tolerance(oracle, samples, features, stages["logits"]),
        }

    def models(self):
        """The cases without adapter."""
        cases = []
        for spec in MODELS:
            source = spec.same_as or spec.name
            oracle = Oracle(self.root / "models" / source)
            cases += [self.pair(oracle, spec.name, None, clip) for clip in spec.clips]
        return cases

    def adapters(self):
        """The cases with an adapter."""
        cases = []
        for spec in VALID:
            folder = self.root / "adapters" / spec.name
            with tempfile.TemporaryDirectory() as scratch:
                oracle = Oracle(self.root / "models" / spec.model, readable(folder, spec, Path(scratch)))
                cases += [self.pair(oracle, spec.model, spec.name, clip, spec.inner_stages) for clip in spec.clips]
        return cases

    def fbank(self):
        """Log-mels before padding and normalising: torchaudio's and the exact ones."""
        entries = []
        for clip in FBANK_CLIPS:
            for mel_bins in (128, 80) if clip == "speech" else (128,):
                samples = audio.read(self.root / "clips" / f"{clip}.wav")
                ours, exact = log_mels(samples, mel_bins), exact_log_mels(samples, mel_bins)
                path = f"reference/fbank/{clip}{'' if mel_bins == 128 else f'-{mel_bins}'}.safetensors"
                self.write(path, {"torchaudio": ours, "exact": exact})
                error = max(float(np.abs(ours - exact).max()), 1e-9)
                entry = {"clip": f"clips/{clip}.wav", "reference": path, "melBins": mel_bins}
                entries.append(entry | {"torchaudioError": _up(error)})
        return entries

    def windows(self):
        """Per-window logits of the long clip (and of shorter ones) at some hops, as `astd classify` cuts them, with the
        last window at the file's end or padded: with the extractor's features, and with features without its rounding
        errors."""
        oracle = Oracle(self.root / "models" / "stride10")
        cuts = [("long", 96), ("long", 48), ("long", 37), ("speech", 96), ("short", 96), ("exact", 10), ("full", 96)]
        entries = [self._cut(oracle, clip, hop, last) for last in ("padded", "end") for clip, hop in cuts]
        path = self.root / "reference" / "windows.json"
        path.write_text(json.dumps({"windows": entries}, indent=1) + "\n")

    def vectors(self):
        """Pooled vectors of the windows of clips, as `astd embed` writes them: `pooler_output` of transformers."""
        cases = []
        for adapter in (None, "modern-qv"):
            folder = None if adapter is None else self.root / "adapters" / adapter
            oracle = Oracle(self.root / "models" / "stride10", folder)
            for clip, hop in (("long", 48), ("speech", 37), ("short", 96)):
                rows = []
                for start, end, cut in self._windows(oracle, clip, hop, "end"):
                    features = torch.from_numpy(oracle.features(np.ascontiguousarray(cut)))[None]
                    with torch.inference_mode():
                        pooled = oracle.model.audio_spectrogram_transformer(features).pooler_output[0].numpy()
                    rows.append({"start": start / 100, "end": end, "pooled": [float(value) for value in pooled]})
                head = {"model": "models/stride10", "adapter": adapter and f"adapters/{adapter}"}
                cases.append(head | {"clip": f"clips/{clip}.wav", "hopSeconds": hop / 100, "rows": rows})
        path = self.root / "reference" / "vectors.json"
        path.write_text(json.dumps({"vectors": cases}, indent=1) + "\n")

    def _windows(self, oracle, clip, hop_frames, last):
        """Start in frames, end in seconds, and samples of each window."""
        samples = audio.read(self.root / "clips" / f"{clip}.wav")
        length = oracle.extractor.max_length
        frames = 1 + (len(samples) - FRAME_SAMPLES) // SHIFT_SAMPLES
        start = 0
        while True:
            is_last = start + length >= frames
            end = min(start + length, len(samples) / SHIFT_SAMPLES) / 100
            if is_last and last == "end" and (start + length) * SHIFT_SAMPLES > len(samples):
                start = max(0, frames - length)
            yield start, end, samples[start * SHIFT_SAMPLES :][: (length - 1) * SHIFT_SAMPLES + FRAME_SAMPLES]
            if is_last:
                break
            start += hop_frames

    def _cut(self, oracle, clip, hop_frames, last):
        records = []
        for start, end, cut in self._windows(oracle, clip, hop_frames, last):
            features = oracle.features(np.ascontiguousarray(cut))
            logits = oracle.stages(features)["logits"]
            exact = oracle.stages(exact_features(cut, oracle.extractor).astype(np.float32))["logits"]
            effect = float(np.abs(exact - logits).max())
            record = {"start": start / 100, "end": end, "logits": [float(value) for value in logits]}
            record["exactLogits"] = [float(value) for value in exact]
            records.append(record | {"tolerance": LOGITS if 3 * effect <= LOGITS else _up(3 * effect)})
        head = {"model": "models/stride10", "clip": f"clips/{clip}.wav", "hopSeconds": hop_frames / 100}
        head["lastWindow"] = last
        return head | {"records": records}


def readable(folder, spec, scratch):
    """The adapter as the installed PEFT can read it: legacy names are renamed in a copy."""
    if not spec.legacy and not spec.oracle_config and not spec.renamed:
        return folder
    copy = scratch / folder.name
    shutil.copytree(folder, copy)
    for old, new in spec.renamed:
        rename(copy, new, old)
    if spec.legacy:
        change_tensors(copy, lambda tensors: {modern(name): tensor for name, tensor in tensors.items()})
        names = {old: new for new, old in LEGACY_MODULES.items()}
        old = json.loads((copy / "adapter_config.json").read_text())["target_modules"]
        change_config(copy, target_modules=[names.get(name, name) for name in old])
    change_config(copy, **spec.oracle_config)
    return copy
