"""What transformers, PEFT and torchaudio compute, stage by stage."""

import json
import warnings
from pathlib import Path

import numpy as np
import torch
import torchaudio.compliance.kaldi
import transformers
from peft import PeftModel, PeftType, set_peft_model_state_dict
from peft.tuners.boft import layer as boft_layer
from safetensors.torch import load_file
from transformers import ASTFeatureExtractor, ASTForAudioClassification

warnings.filterwarnings("ignore")
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
torch.set_num_threads(1)
torch.manual_seed(0)



class BlockDiagonal:
    """What BOFT's CUDA extension computes; without one PEFT cannot load more than one butterfly factor."""

    @staticmethod
    def forward(blocks):
        return [torch.stack([torch.block_diag(*factor) for factor in blocks])]


boft_layer._FBD_CUDA = BlockDiagonal()

FRAME_SAMPLES = 400
SHIFT_SAMPLES = 160


class Oracle:
    """One model, with an adapter or without, computing in fp32 whatever its file stores."""

    def __init__(self, model_folder, adapter_folder=None):
        overlay = _overlay(adapter_folder)
        self.pooling = overlay.get("pooling", "cls_dist_mean")
        self.extractor = _extractor(model_folder, adapter_folder, overlay.get("max_length"))
        self.model = load(model_folder, overlay.get("max_length"))
        if "id2label" in overlay:
            replace_head(self.model, len(overlay["id2label"]))
        if not overlay.get("classifier_layernorm", True):
            self.model.classifier.layernorm = torch.nn.Identity()
        if adapter_folder is not None:
            apply(self.model, Path(adapter_folder))
        self.model.eval()

    def features(self, samples):
        """[max_length, mels] as ASTFeatureExtractor gives them."""
        output = self.extractor(samples, sampling_rate=16000, return_tensors="np")["input_values"][0]
        return np.ascontiguousarray(output, dtype=np.float32)

    def stages(self, features):
        """embeddings [tokens, hidden], block0 [tokens, hidden], pooled [hidden], logits [classes]."""
        network = self.model
        body = network.audio_spectrogram_transformer
        seen = {}
        hooks = [
            body.embeddings.register_forward_hook(lambda _m, _i, o: seen.update(embeddings=o[0])),
            body.layers[0].register_forward_hook(
                lambda _m, _i, o: seen.update(block0=(o[0] if isinstance(o, tuple) else o)[0])
            ),
            body.layernorm.register_forward_hook(lambda _m, _i, o: seen.update(last=o[0])),
        ]
        with torch.inference_mode():
            dtype = next(body.parameters()).dtype
            logits = network(torch.from_numpy(features)[None].to(dtype)).logits[0]
            pooled = self._pooled(seen.pop("last"))
            if self.pooling != "cls_dist_mean":
                logits = network.classifier(pooled[None])[0]
        for hook in hooks:
            hook.remove()
        seen.update(pooled=pooled, logits=logits)
        return {name: seen[name].numpy().copy() for name in ("embeddings", "block0", "pooled", "logits")}

    def _pooled(self, tokens):
        if self.pooling == "cls":
            return tokens[0]
        if self.pooling == "mean":
            return tokens.mean(0)
        return (tokens[0] + tokens[1]) / 2


def _overlay(adapter_folder):
    path = Path(adapter_folder or "") / "config.json"
    return json.loads(path.read_text()) if adapter_folder is not None and path.exists() else {}


def _extractor(model_folder, adapter_folder, max_length):
    own = adapter_folder is not None and (Path(adapter_folder) / "preprocessor_config.json").exists()
    changes = {} if max_length is None else {"max_length": max_length}
    return ASTFeatureExtractor.from_pretrained(adapter_folder if own else model_folder, **changes)


def load(folder, max_length=None):
    """The model, its weights widened to fp32, eager attention; with another `max_length`, position embeddings to replace."""
    changes = {} if max_length is None else {"max_length": max_length, "ignore_mismatched_sizes": True}
    return ASTForAudioClassification.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", local_files_only=True, **changes
    )


def apply(model, folder):
    """Puts PEFT's layers into `model`, whose modules it replaces in place."""
    tensors = load_file(folder / "adapter_model.safetensors")
    bare = not any("audio_spectrogram_transformer." in name for name in tensors)
    adapted = PeftModel.from_pretrained(model.audio_spectrogram_transformer if bare else model, folder)
    kind = adapted.active_peft_config.peft_type
    if kind != PeftType.LORA:
        adapted.merge_adapter(safe_merge=kind != PeftType.LN_TUNING)
        return
    # PEFT only warns of a tensor that it has no place for; then this would not be the adapter's oracle.
    result = set_peft_model_state_dict(adapted, tensors)
    assert not result.unexpected_keys, result.unexpected_keys
    unread = [key for key in result.missing_keys if "lora_" in key or "modules_to_save" in key]
    assert not unread, unread


def replace_head(model, classes):
    """Gives the classifier another number of classes, as an adapter's saved head wants."""
    dense = model.classifier.dense
    model.classifier.dense = torch.nn.Linear(dense.in_features, classes)
    model.config.num_labels = classes


def log_mels(samples, mel_bins):
    """torchaudio's log-mels before padding and normalising, float32 [frames, mels]."""
    return torchaudio.compliance.kaldi.fbank(
        torch.from_numpy(samples)[None], sample_frequency=16000, window_type="hanning", num_mel_bins=mel_bins
    ).numpy()


def exact_log_mels(samples, mel_bins):
    """The same from the definition, in float64 from the samples on, float64 [frames, mels]."""
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), FRAME_SAMPLES)[::SHIFT_SAMPLES]
    frames = frames - frames.mean(axis=1, keepdims=True)
    frames = frames - 0.97 * np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME_SAMPLES) / (FRAME_SAMPLES - 1))
    power = np.abs(np.fft.rfft(frames * window, 512)) ** 2

    def mel(hertz):
        return 1127.0 * np.log(1 + hertz / 700.0)

    edges = np.linspace(mel(20.0), mel(8000.0), mel_bins + 2)
    bins = mel(np.arange(256) * 31.25)
    rise = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    bank = np.maximum(0, np.minimum(rise, fall))
    return np.log(np.maximum(power[:, :256] @ bank.T, 2.0**-23))


def exact_features(samples, extractor):
    """What the feature extractor would give if it made no rounding errors, float64 [max_length, mels]."""
    log_mel = exact_log_mels(samples, extractor.num_mel_bins)[: extractor.max_length]
    padded = np.zeros((extractor.max_length, extractor.num_mel_bins))
    padded[: len(log_mel)] = log_mel
    return (padded - extractor.mean) / (2 * extractor.std) if extractor.do_normalize else padded
