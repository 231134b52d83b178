"""Average precision, top-1, F1 and bootstrap intervals over whole sources."""

import numpy as np
from sklearn.metrics import average_precision_score


def draws_of_sources(y, sources, count, seed=3):
    """Bootstrap draws of row indices: whole sources, as many of each main label as there are."""
    rng = np.random.default_rng(seed)
    rows = {s: np.flatnonzero(sources == s) for s in np.unique(sources)}
    strata = {}
    for s, r in rows.items():
        strata.setdefault(bytes(y[r[0]]), []).append(s)
    for _ in range(count):
        yield np.concatenate([rows[s] for names in strata.values() for s in rng.choice(names, len(names))])


def precision(p, y):
    """AP of each label over the rows where it is known; NaN where nothing is positive."""
    out = np.full(y.shape[1], np.nan)
    for i in range(y.shape[1]):
        known = y[:, i] >= 0
        if (y[known, i] == 1).any():
            out[i] = average_precision_score(y[known, i] == 1, p[known, i])
    return out


def hits(p, y):
    """Whether the highest score is a right or an unknown label, for the rows with any right label."""
    rows = (y == 1).any(1)
    return (y[np.arange(len(y)), p.argmax(1)] != 0)[rows]


def interval(values):
    return [round(float(v), 3) for v in np.nanpercentile(values, [2.5, 97.5])]


def summary(p, y, sources, names, draws=1000):
    """AP a label, mean AP and top-1, each with a 95 % interval; also the draws, to compare two models."""
    aps, tops = [], []
    for rows in draws_of_sources(y, sources, draws):
        aps.append(precision(p[rows], y[rows]))
        tops.append(hits(p[rows], y[rows]).mean())
    aps, ap = np.array(aps), precision(p, y)
    labels = {n: dict(ap=round(float(ap[i]), 3), interval=interval(aps[:, i]), clips=int((y[:, i] == 1).sum()),
                      sources=len(np.unique(sources[y[:, i] == 1]))) for i, n in enumerate(names)}
    return dict(top1=round(float(hits(p, y).mean()), 3), top1_interval=interval(tops),
                mean_ap=round(float(np.nanmean(ap)), 3), mean_ap_interval=interval(np.nanmean(aps, 1)),
                labels=labels), np.nanmean(aps, 1), np.array(tops)


def f1_scores(p, truth, count):
    """F1 of each class of a single-label task, by the highest score."""
    best, out = p.argmax(1), []
    for k in range(count):
        right = ((best == k) & (truth == k)).sum()
        out.append(2 * right / max(1, (best == k).sum() + (truth == k).sum()))
    return np.array(out)
