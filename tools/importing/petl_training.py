"""The options of a training that its checkpoint does not hold: from the importer's options, train.yaml or defaults."""

import re

from .checkpoint import Refused

# The names of --dataset_name, and how train.yaml abbreviates them.
DATASETS = {"FSC": "FSC", "ESC-50": "ESC", "urbansound8k": "US8K", "GSC": "GSC", "IEMOCAP": "IEMO"}
# max_length of the published train.yaml (FSC and US8K, ESC, GSC, IEMO), and the base's own.
LENGTHS = (400, 500, 100, 800, 1024)
FINAL_OUTPUTS = ("ALL", "CLS", "PROMPTS", "SPEECH", "PROMPTS+SPEECH")

# Defaults of the training's command line, by the importer's option.
DEFAULTS = {
    "seq_or_par": "parallel",
    "apply_residual": False,
    "befafter": "after",
    "reduction_rate": 64,
    "alpha": 8.0,
    "final_output": "ALL",
}
DEFAULT_LOCATIONS = {"adapter-ablation": "FFN", "Dense-MoA": "MHSA", "Soft-MoA": "MHSA"}

# Options that only some methods have.
READ_BY = {
    "seq_or_par": ("adapter", "adapter-ablation", "Dense-MoA", "Soft-MoA"),
    "apply_residual": ("adapter",),
    "location": ("adapter-ablation", "Dense-MoA", "Soft-MoA"),
    "befafter": ("adapter-ablation",),
    "reduction_rate": ("LoRA", "adapter", "adapter-ablation", "Dense-MoA", "Soft-MoA"),
    "alpha": ("LoRA",),
}


class Training:
    """Answers what the tensors do not show, and collects a note for every answer that the user did not give."""

    def __init__(self, options, method):
        self.options = options
        self.method = method
        self.notes = []
        self.yaml = read_yaml(options.train_yaml) if options.train_yaml else {}
        for name, methods in READ_BY.items():
            if method not in methods and getattr(options, name) not in (None, False):
                raise Refused(
                    f"{_flag(name)}: {method} has no such option, {', '.join(methods)} {'has' if len(methods) == 1 else 'have'}: "
                    "leave it out, or name another --method"
                )
        if method in ("Dense-MoA", "Soft-MoA") and options.seq_or_par == "sequential":
            raise Refused(f"--seq-or-par sequential: {method} is always parallel: leave it out")

    def note(self, text):
        self.notes.append(text)

    def get(self, name):
        """An option of the training's command line: the one given, else the training's default."""
        given = getattr(self.options, name)
        if given is not None:
            if name == "apply_residual" and not given:
                self.note(
                    "--apply-residual is false; the training itself reads `--apply_residual False` as true (type=bool), "
                    "so it is false only where that option was not given"
                )
            return given
        value = DEFAULT_LOCATIONS[self.method] if name == "location" else DEFAULTS[name]
        shown = f"{value:g}" if isinstance(value, float) else value
        self.note(f"{_flag(name)} is not given: {shown}, the training's default")
        return value

    def final_output(self):
        """The pooled tokens."""
        key = "final_output_prompt_tuning" if self.method == "prompt-tuning" else "final_output"
        value = self._from_yaml("final_output", key)
        if value is None:
            value = self.get("final_output")
        if value not in FINAL_OUTPUTS:
            raise Refused(f"{self.options.train_yaml}: {key} is {value}, not one of {', '.join(FINAL_OUTPUTS)}")
        if value not in ("ALL", "CLS") and self.method != "prompt-tuning":
            raise Refused(f"--final-output {value}: {self.method} has no prompts: ALL or CLS")
        return value

    def max_length(self, patches, tokens):
        """The window: from the options, else the published length that fits the position embeddings."""
        value = self._from_yaml("max_length", self._key("max_len_AST_") if self.yaml else None)
        if value is None:
            fit = [length for length in LENGTHS if length in patches.lengths(tokens)]
            if len(fit) != 1:
                raise Refused(
                    f"--max-length is not given, and {tokens} position embeddings fit no published length: "
                    "give it (max_len_AST_... of train.yaml)"
                )
            value = fit[0]
            self.note(f"--max-length is not given: {value}, the published length that fits the position embeddings")
        if not isinstance(value, int) or value < 1:
            raise Refused(f"{self.options.train_yaml}: {self._key('max_len_AST_')} is {value}, not a number of frames")
        patches.check(value, tokens)
        return value

    def check_classes(self, classes):
        """Notes a dataset whose number of classes is not the classifier's."""
        if self.yaml and self.options.dataset:
            key = self._key("num_classes_")
            if self.yaml.get(key, classes) != classes:
                self.note(f"train.yaml has {key} {self.yaml[key]}, but the classifier has {classes} classes: is it another --dataset?")

    def _key(self, prefix):
        if not self.options.dataset:
            raise Refused(
                f"--dataset: {self.options.train_yaml} has a length for each of {', '.join(DATASETS)}: name one, or give --max-length"
            )
        return prefix + DATASETS[self.options.dataset]

    def _from_yaml(self, option, key):
        """The option as given, else the file's value; None without both."""
        given = getattr(self.options, option)
        if not self.yaml:
            return given
        if given is None and key not in self.yaml:
            raise Refused(f"{self.options.train_yaml}: has no {key}: give {_flag(option)}")
        if given is not None and self.yaml.get(key, given) != given:
            self.note(f"{_flag(option)} {given} is given, though train.yaml says {self.yaml[key]}")
        return self.yaml[key] if given is None else given


def _flag(name):
    return "--" + name.replace("_", "-")


def dataset(text):
    """An argparse type: a dataset by its name in the command line or in train.yaml, in either case."""
    for name, short in DATASETS.items():
        if text.lower() in (name.lower(), short.lower()):
            return name
    raise ValueError(text)


def read_yaml(path):
    """The entries of hparams/train.yaml: one `key: value` a line, with comments; no nesting."""
    values = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise Refused(f"{path}: is not UTF-8: give hparams/train.yaml of the training") from None
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#") or line.strip() == "---":
            continue
        match = re.fullmatch(r"([A-Za-z_]\w*)\s*:\s+('[^']*'|\"[^\"]*\"|[^#'\"]*?)\s*(#.*)?", line.rstrip())
        if not match:
            raise Refused(f"{path}: line {number} is not `key: value`: give hparams/train.yaml of the training")
        if match[1] in values:
            raise Refused(f"{path}: line {number} sets {match[1]} again: keep one of them")
        values[match[1]] = _scalar(match[2])
    if not values:
        raise Refused(f"{path}: is empty: give hparams/train.yaml of the training")
    return values


def _scalar(text):
    if text[:1] in "'\"" and text:
        return text[1:-1]
    try:
        return int(text)
    except ValueError:
        return text
