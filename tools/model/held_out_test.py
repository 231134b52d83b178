"""Sounds of no label, and single words of unseen speakers, on the second frozen test set, measured with astd.

    held_out_test.py --lab DIR --model models/default [--out FILE.json]

Bars: at most 5 % of the clips of no label reach 0.5 on any label; at least 85 % of the words have a Speech score of 0.5
or more. Intervals: 1,000 bootstrap draws of whole sources. The clips of no label in the first test set are listed too.
"""

import argparse
import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np

from astd_scores import window_scores, write_clips
from evaluate import test_set
from held_out import MANIFEST, WAYS, clips
from labels import LABELS
from metrics import interval

MOST_NEGATIVES, FEWEST_WORDS, THRESHOLD = 0.05, 0.85, 0.5


def share(hits, sources, seed=3):
    """The share of hits, with an interval over whole sources."""
    rng, names = np.random.default_rng(seed), np.unique(sources)
    rows = [np.flatnonzero(sources == s) for s in names]
    draws = [hits[np.concatenate([rows[k] for k in rng.integers(len(rows), size=len(rows))])].mean() for _ in range(1000)]
    return dict(share=round(float(hits.mean()), 3), interval=interval(draws), clips=len(hits), sources=len(names))


def above(p, rows, names):
    """Which clips of no label have a score of 0.5 or more for a label that is not unknown for them, and which label."""
    wrong = p.copy()
    for i, row in enumerate(rows):
        wrong[i, [names.index(u) for u in (*row["unknown"], *row["labels"]) if u in names]] = 0
    return wrong.max(1) >= THRESHOLD, [names[k] for k in wrong.argmax(1)]


def line(key, way, v):
    bar = f"<= {MOST_NEGATIVES:.0%}" if key == "negatives" else f">= {FEWEST_WORDS:.0%}"
    print(f"{key:12}{way:18}{v['share']:8.1%} ({v['interval'][0]:.1%} to {v['interval'][1]:.1%}), {v['clips']} clips, {v['sources']} sources, bar {bar}  "
          f"{v.get('as_label', '')}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    config = json.loads((options.model / "config.json").read_text())
    names = [config["id2label"][str(i)] for i in range(len(config["id2label"]))]
    result = dict(measured_with="astd classify --precision fp32", manifest_sha256=hashlib.sha256(MANIFEST.read_bytes()).hexdigest(),
                  weights_sha256=hashlib.sha256((options.model / "model.safetensors").read_bytes()).hexdigest(),
                  bars=dict(negatives_at_most=MOST_NEGATIVES, words_at_least=FEWEST_WORDS, threshold=THRESHOLD), negatives={}, words={})
    for kind, key in (("negative", "negatives"), ("word", "words")):
        rows, ways = clips(options.lab, kind)
        sources, every = np.array([r["source"] for r in rows]), []
        for way in WAYS:
            p = window_scores(write_clips(ways[way], options.lab / f"held-out-{kind}-{way.replace(' ', '-')}"), options.model, None, names)
            if kind == "word":
                hits = p[:, names.index("Speech")] >= THRESHOLD
                value = share(hits, sources)
            else:
                hits, label = above(p, rows, names)
                value = dict(share(hits, sources), as_label=dict(Counter(l for l, h in zip(label, hits) if h)),
                             of=dict(Counter(r["labels"][-1] for r, h in zip(rows, hits) if h)))
            result[key][way] = value
            line(key, way, value)
            every.append(hits)
        result[key]["all"] = share(np.concatenate(every), np.tile(sources, len(WAYS)))
        line(key, "all", result[key]["all"])
    old, y, sources, rows = test_set(options.lab)
    keep = [i for i in range(len(rows)) if not (y[i, [LABELS.index(n) for n in names]] == 1).any()]
    p = window_scores(write_clips(old, options.lab / "test-clean"), options.model, None, names)[keep]
    hits, label = above(p, [rows[i] for i in keep], names)
    result["negatives"]["first test set"] = dict(share(hits, sources[keep]), as_label=dict(Counter(l for l, h in zip(label, hits) if h)))
    line("negatives", "first test set", result["negatives"]["first test set"])
    result["met"] = dict(negatives=result["negatives"]["all"]["share"] <= MOST_NEGATIVES, words=result["words"]["all"]["share"] >= FEWEST_WORDS)
    print("met:", result["met"])
    if options.out:
        options.out.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
