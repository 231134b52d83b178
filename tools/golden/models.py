"""Small seeded AST checkpoints, one for each thing a checkpoint may differ in."""

import json
import math
from dataclasses import dataclass, field

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

AUDIOSET = {"mean": -4.2677393, "std": 4.5689974}
SPEECH_COMMANDS = {"mean": -6.845978, "std": 5.5654526}

# Labels as they occur in the wild: commas, quotes, apostrophes, non-ASCII, a newline never.
LABELS = [
    "Speech",
    "Male speech, man speaking",
    'The "Hum" of mains',
    "Bird vocalization, bird call, bird song",
    "Käuzchen",
    "猫の声",
    "Dog's bark; growl",
    "Music",
    "Zipper (clothing)",
    "Silence",
    "Whoosh, swoosh, swish",
    "Sweep 20 Hz – 7.9 kHz",
]


@dataclass
class Model:
    """A checkpoint to make: the fields of its configuration that differ from the small default."""

    name: str
    seed: int
    config: dict = field(default_factory=dict)
    extractor: dict = field(default_factory=dict)
    labels: int = len(LABELS)
    dtype: torch.dtype = torch.float32
    same_as: str | None = None  # weights and configuration of that model, stored in another way
    clips: tuple = ("speech", "noise")


SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "max_length": 96}
TINY = {
    "hidden_size": 24,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 40,
    "max_length": 32,
    "num_mel_bins": 32,
    "frequency_stride": 16,
    "time_stride": 16,
}
ODD = {
    "hidden_size": 36,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "intermediate_size": 50,
    "max_length": 77,
    "num_mel_bins": 80,
    "patch_size": 8,
    "frequency_stride": 7,
    "time_stride": 5,
    "layer_norm_eps": 1e-6,
}
# What the directories that must be refused are made from: as small as a checkpoint gets.
SMALLEST = TINY | {"hidden_size": 8, "intermediate_size": 16, "patch_size": 8}
EVERY_CLIP = ("speech", "noise", "silence", "dc-sweep", "short", "exact", "full", "long", "one-frame")

MODELS = [
    Model("stride10", 101, clips=EVERY_CLIP),
    Model("speech-commands", 102, {"max_length": 128}, SPEECH_COMMANDS, labels=9, clips=("speech", "short", "silence")),
    Model("sixteen", 103, {"frequency_stride": 16, "time_stride": 16, "hidden_size": 64, "num_attention_heads": 1}),
    Model("odd", 104, ODD, {"mean": -5.5, "std": 3.25}, labels=7, clips=("speech", "noise", "dc-sweep", "short")),
    Model("no-qkv-bias", 105, {"qkv_bias": False}),
    Model("no-normalize", 106, {}, {"do_normalize": False}, clips=("speech", "short")),
    Model("f16", 107, dtype=torch.float16),
    Model("bf16", 108, dtype=torch.bfloat16),
    Model("long", 109, {"hidden_size": 24, "max_length": 512, "frequency_stride": 12}, labels=5, clips=("long",)),
    Model("single-label", 110, TINY | {"problem_type": "single_label_classification"}, labels=5),
    Model("multi-label", 110, TINY | {"problem_type": "multi_label_classification"}, labels=5),
    Model("no-problem-type", 110, TINY, labels=5),
    Model("modern-names", 101, same_as="stride10"),
    Model("misaligned", 101, same_as="stride10"),
]


def fill(model, seed, logit_scale=2.0, attention_scale=1.5):
    """Sets every parameter from a seed so that no term can be dropped unnoticed: gains and biases far from 1 and 0,
    attention that prefers some tokens, logits of magnitude 1 to 5."""
    generator = np.random.default_rng(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            shape = tuple(parameter.shape)
            normal = generator.standard_normal(shape)
            if "layernorm" in name:
                values = generator.uniform(0.5, 1.5, shape) if name.endswith("weight") else 0.2 * normal
            elif name.endswith("bias"):
                values = 0.2 * normal
            elif name.endswith(("_token", "position_embeddings")):
                values = 0.5 * normal
            else:
                scale = 1.0
                if "q_proj" in name or "k_proj" in name:
                    scale = attention_scale
                elif name == "classifier.dense.weight":
                    scale = logit_scale
                values = scale * normal / math.sqrt(math.prod(shape[1:]))
            parameter.copy_(torch.from_numpy(np.asarray(values, dtype=np.float32)))


def _labels(count):
    return {"id2label": dict(enumerate(LABELS[:count])), "label2id": {text: i for i, text in enumerate(LABELS[:count])}}


def write_model(folder, spec):
    """Writes one checkpoint with save_pretrained."""
    config = ASTConfig(**(SMALL | spec.config | _labels(spec.labels)))
    extractor = {"num_mel_bins": config.num_mel_bins, "max_length": config.max_length} | AUDIOSET | spec.extractor
    model = ASTForAudioClassification(config).eval()
    fill(model, spec.seed)
    model.to(spec.dtype).save_pretrained(folder)
    ASTFeatureExtractor(**extractor).save_pretrained(folder)


def write_models(root):
    """Writes every checkpoint under `root`."""
    by_name = {spec.name: spec for spec in MODELS}
    for spec in MODELS:
        source = by_name[spec.same_as] if spec.same_as else spec
        write_model(root / spec.name, source)
    rename_to_modern(root / "modern-names" / "model.safetensors")
    misalign(root / "misaligned" / "model.safetensors")


MODERN = [
    (".encoder.layer.", ".layers."),
    (".attention.attention.query.", ".attention.q_proj."),
    (".attention.attention.key.", ".attention.k_proj."),
    (".attention.attention.value.", ".attention.v_proj."),
    (".attention.output.dense.", ".attention.o_proj."),
    (".intermediate.dense.", ".mlp.fc1."),
    (".output.dense.", ".mlp.fc2."),
]


def modern(name):
    """The name that transformers 5 has in memory for a tensor as stored."""
    for old, new in MODERN:
        name = name.replace(old, new)
    return name


def legacy(name):
    """The opposite of `modern`."""
    for old, new in MODERN:
        name = name.replace(new, old)
    return name


def rename_to_modern(path):
    """Stores the tensors under the names that transformers 5 has in memory."""
    save_file({modern(name): tensor for name, tensor in load_file(path).items()}, path, metadata={"format": "pt"})


def misalign(path):
    """Makes the header's length odd, so that no tensor lies on a multiple of its size. Still a valid file."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8 : 8 + length]), separators=(",", ":")).encode()
    header += b" " * (1 + len(header) % 2)
    assert len(header) % 2 == 1
    path.write_bytes(len(header).to_bytes(8, "little") + header + data[8 + length :])
