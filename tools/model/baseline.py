"""The trivial baseline: logistic regression and a small MLP that see only the mean and standard deviation of each
mel band, trained on the mixtures that the model is trained on."""

from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from features import log_mel
from labels import TARGETS
from mixer import Mixer, load_pool
from train import masked_bce

EXAMPLES = 40_000


def statistics(mel):
    """Mean and standard deviation of each mel band over the frames that sound, `[256]`."""
    mel = mel[(mel != 0).any(1)]
    return np.concatenate([mel.mean(0), mel.std(0)])


def examples(lab: Path, count):
    cache = lab / f"statistics-{count}.npz"
    if not cache.exists():
        mixer, x, y = Mixer(load_pool(lab), seed=77), [], []
        while len(x) < count:
            batch = mixer.batch(40)
            x += [statistics(m) for m in batch.x.numpy()]
            y += list(batch.y.numpy())
        np.savez(cache, x=np.stack(x), y=np.stack(y))
    data = np.load(cache)
    return data["x"], data["y"]


def mlp(x, y, epochs=40):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(256, 256), torch.nn.GELU(), torch.nn.Dropout(0.2),
                                torch.nn.Linear(256, 128), torch.nn.GELU(), torch.nn.Linear(128, y.shape[1]))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    x, y = torch.tensor(x, dtype=torch.float32), torch.from_numpy(y)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(128):
            loss = masked_bce(model(x[rows]), y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return model.eval()


def baseline_scores(lab: Path, clip_sets, names, count=EXAMPLES):
    """Scores of both baselines on sets of clips: {"logistic" | "mlp": [array]}."""
    x, y = examples(lab, count)
    y = y[:, [TARGETS.index(n) for n in names]]
    mean, std = x.mean(0), x.std(0) + 1e-6
    x = (x - mean) / std
    tests = [(np.stack([statistics(log_mel(c if len(c) >= 400 else np.pad(c, (0, 400)))) for c in clips]) - mean) / std
             for clips in clip_sets]
    linear = [np.zeros((len(t), len(names))) for t in tests]
    for i in range(len(names)):
        known = y[:, i] >= 0
        fit = LogisticRegression(C=0.1, max_iter=200, tol=1e-3).fit(x[known], y[known, i])
        for out, t in zip(linear, tests):
            out[:, i] = fit.predict_proba(t)[:, 1]
    deep = mlp(x, y)
    with torch.no_grad():
        deep = [torch.sigmoid(deep(torch.tensor(t, dtype=torch.float32))).numpy() for t in tests]
    return dict(logistic=linear, mlp=deep)
