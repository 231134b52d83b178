"""Average precision of a checkpoint on the validation sources, label by label: what chooses the shipped labels.

    validate.py --lab DIR [--name run]

Reads the running average in DIR/NAME.pt and DIR/validation*.npz (pool.py --side validation). The test set is not read.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from labels import LABELS, TARGETS
from metrics import precision
from mixer import centre, load_pool, normalised
from train import LABEL_COUNT, NAMES, new_model


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--name", default="run")
    parser.add_argument("--baseline", action="store_true", help="the MLP on band statistics beside it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    (shard,), frames, y, _, _ = load_pool(options.lab, "validation")
    x = np.stack([centre(row, n) for row, n in zip(shard, frames)])
    state = torch.load(options.lab / f"{options.name}.pt", weights_only=True)
    model = new_model(0, NAMES)
    model.load_state_dict({k: v for k, v in state["average"].items() if not k.startswith("patch_head")})
    model.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        logits = torch.cat([model(normalised(torch.from_numpy(part))).logits.float() for part in np.array_split(x, len(x) // 16)])
    p = torch.cat([torch.sigmoid(logits[:, :LABEL_COUNT]), torch.softmax(logits[:, LABEL_COUNT:], 1)], 1).numpy()
    columns = [precision(p, y)]
    if options.baseline:
        from baseline import EXAMPLES, examples, mlp, statistics
        xs, ys = examples(options.lab, EXAMPLES)
        mean, std = xs.mean(0), xs.std(0) + 1e-6
        fit = mlp((xs - mean) / std, ys)
        seen = torch.tensor((np.stack([statistics(row) for row in x]) - mean) / std, dtype=torch.float32)
        with torch.no_grad():
            columns.append(precision(torch.sigmoid(fit(seen)).numpy(), y))
    print(f"step {state['step']}, {len(x)} clips; mean AP", [round(float(np.nanmean(c[:len(LABELS)])), 3) for c in columns])
    for i, name in enumerate(TARGETS):
        print(f"{name:30}{(y[:, i] == 1).sum():5} clips ", "  ".join(f"{c[i]:.3f}" for c in columns))


if __name__ == "__main__":
    main()
