"""The small modules that the adapter methods and the mixtures put into the layers: names, shapes, what is left out."""

import re

from .checkpoint import Refused, take

# Tensors of a module by kind; sizes: d hidden, b inner, k kernel, c = 2 b. None: not used when the network computes.
BLOCKS = {
    "bottleneck": {
        "linear_downsample.weight": "bd",
        "linear_downsample.bias": "b",
        "linear_upsample.weight": "db",
        "linear_upsample.bias": "d",
    },
    "conformer": {
        "lnorm.weight": None,  # the published code throws its result away
        "lnorm.bias": None,
        "pwise_conv1.weight": "cd1",
        "pwise_conv1.bias": "c",
        "dwise_conv.weight": "b1k",
        "dwise_conv.bias": "b",
        "bnorm.weight": "b",
        "bnorm.bias": "b",
        "bnorm.running_mean": "b",
        "bnorm.running_var": "b",
        "bnorm.num_batches_tracked": None,
        "pwise_conv2.weight": "db1",
        "pwise_conv2.bias": "d",
    },
    "convpass": {
        "adapter_down.weight": "bd",
        "adapter_down.bias": "b",
        "adapter_conv.weight": None,  # so is this one's
        "adapter_conv.bias": None,
        "adapter_up.weight": "db",
        "adapter_up.bias": "d",
    },
}
# The tensor whose shape states the inner width and where; and the kernel's.
WIDTHS = {
    "bottleneck": ("linear_downsample.weight", 0),
    "conformer": ("dwise_conv.weight", 0),
    "convpass": ("adapter_down.weight", 0),
}
DEAD = "the published code computes it and throws it away"
UNUSED = {"lnorm": DEAD, "adapter_conv": DEAD, "bnorm.num_batches_tracked": "not used when the network computes"}


class Modules:
    """Reads modules, all of which must be of one kind and width."""

    def __init__(self, tensors, hidden):
        self.tensors = tensors
        self.hidden = hidden
        self.own = {}
        self.left_out = {}
        self.block = None
        self.width = None
        self.kernel = None

    def read(self, place):
        """Takes the tensors of the module at `place`, which ends with a dot."""
        names = {name.removeprefix(place) for name in self.tensors if name.startswith(place)}
        kinds = [kind for kind, parts in BLOCKS.items() if names & set(parts)]
        if len(kinds) != 1:
            found = f"is of several kinds: {', '.join(kinds)}" if kinds else "has no tensors of a known kind of adapter"
            raise Refused(f"{place[:-1]} {found}: the checkpoint is incomplete, or of another program")
        kind = kinds[0]
        if strange := sorted(names - set(BLOCKS[kind])):
            raise Refused(f"{place}{strange[0]}: is not a tensor of a {kind} adapter")
        if self.block not in (None, kind):
            raise Refused(f"{place[:-1]} is a {kind} adapter, others are {self.block}: save one method's state_dict")
        if self.block is None:
            self._measure(place, kind)
        sizes = {"d": self.hidden, "b": self.width, "c": 2 * self.width, "k": self.kernel, "1": 1}
        for part, shape in BLOCKS[kind].items():
            if shape is None:
                if part in names:
                    unused = next(name for name in UNUSED if part.startswith(name))
                    self.left_out[unused] = UNUSED[unused]
                continue
            tensor = take(self.tensors, place + part, [sizes[letter] for letter in shape])
            if part == "bnorm.running_var" and (tensor < 0).any():
                raise Refused(f"{place}{part} has negative variances: the checkpoint is damaged")
            self.own[place + part] = tensor

    def _measure(self, place, kind):
        name, axis = WIDTHS[kind]
        tensor = take(self.tensors, place + name, [None] * (3 if kind == "conformer" else 2))
        if 0 in tensor.shape:
            raise Refused(f"{place}{name} has shape {list(tensor.shape)}: an adapter of width 0 computes nothing")
        self.block, self.width = kind, tensor.shape[axis]
        self.kernel = tensor.shape[2] if kind == "conformer" else None

    @property
    def said(self):
        kernel = f", kernel {self.kernel}" if self.kernel else ""
        return f"{self.block} of width {self.width}{kernel}"


def sides(tensors, layers, stem, one, two):
    """Which modules every layer has: `one` (Pfeiffer) or both of `two` (Houlsby), as the names after `stem`."""
    found = {}
    for name in tensors:
        if match := re.match(rf"encoder\.layer\.(\d+)\.{stem}(\w*)\.", name):
            found.setdefault(int(match[1]), set()).add(match[2])
    first = found.get(0, set())
    kinds = {frozenset({one}): (one,), frozenset(two): two}
    if frozenset(first) not in kinds:
        have = ", ".join(stem + name for name in sorted(first)) or "none"
        wanted = f"{stem}{one} (Pfeiffer) or {stem}{two[0]} and {stem}{two[1]} (Houlsby)"
        raise Refused(f"layer 0 has {have}, not {wanted}: the checkpoint is incomplete")
    for layer in range(layers):
        if found.get(layer, set()) != first:
            have = ", ".join(stem + name for name in sorted(found.get(layer, set()))) or f"no {stem}{sorted(first)[0]}"
            raise Refused(f"layer {layer} has {have}, unlike layer 0: the checkpoint is incomplete")
    return kinds[frozenset(first)]


def read_mixture(modules, tensors, place, soft, others):
    """One mixture: its experts and slots. `others`: experts and slots of the mixtures before. Returns its own."""
    numbers = {int(match[1]) for name in tensors if (match := re.match(re.escape(place) + r"moa\.(\d+)\.", name))}
    if numbers != set(range(len(numbers))) or not numbers:
        raise Refused(f"{place}moa has experts {sorted(numbers)}, not 0, 1, 2, ...: the checkpoint is incomplete")
    experts, slots = len(numbers), None
    if soft:
        slots = take(tensors, place + "slot_params", [modules.hidden, experts, None])
        modules.own[place + "slot_params"] = slots
        scale = place + "scale" in tensors
        if scale:
            modules.own[place + "scale"] = take(tensors, place + "scale", [])
        slots = (slots.shape[2], scale)
        if slots[0] == 0:
            raise Refused(f"{place}slot_params has no slots: the checkpoint is damaged")
    if others not in (None, (experts, slots)):
        raise Refused(f"{place[:-1]} has {experts} experts or other slots than those before: the checkpoint is incomplete")
    for expert in range(experts):
        modules.read(f"{place}moa.{expert}.")
    return experts, slots
