"""Scores a model directory on the frozen test set with astd itself, beside a trivial baseline.

    evaluate.py --lab DIR --model models/default --out models/default/evaluation.json --picture models/default/confusion.png

Per label: average precision over the clips where the label is known, a 95 % interval from 1,000 bootstrap draws
of whole *sources*, clips and independent sources. Over all: mean AP and top-1 (the highest score is one of the
clip's labels, over clips that have any), clean and with level -20 dB plus noise 15 dB under the clip. Labels of
the manifest that the model does not have are dropped; their clips stay, as clips of none of the labels.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np

import instruments
import synth
from astd_scores import window_scores, write_clips
from data import MANIFEST, Recordings
from features import CLIP_SAMPLES
from labels import INDEX, LABELS
from metrics import interval, summary


def test_set(lab: Path):
    """The frozen clips: samples, targets over LABELS, sources, manifest rows. Kept in DIR/test-*.npz once made."""
    text = MANIFEST.read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    y = np.zeros((len(rows), len(LABELS)), np.int8)
    for target, row in zip(y, rows):
        target[[INDEX[u] for u in row["unknown"]]] = -1
        target[[INDEX[p] for p in row["labels"]]] = 1
    sources = np.array([r["source"] for r in rows])
    cache = lab / f"test-{hashlib.sha256(text.encode()).hexdigest()[:12]}.npz"
    if cache.exists():
        data = np.load(cache)
        return [data[str(i)] for i in range(len(rows))], y, sources, rows
    recordings, clips = Recordings(lab), []
    for row in rows:
        if row["kind"] == "recording":
            clip = recordings.test_clip(row)
        elif row["kind"] == "synthesis":
            clip = synth.test_clip(row["generator"], row["seed"])
        else:
            clip = instruments.render(lab, "test", row["generator"], row["seed"])[0][:CLIP_SAMPLES]
        clips.append(np.clip(clip, -1, 1).astype(np.float32))
    np.savez(cache, **{str(i): clip for i, clip in enumerate(clips)})
    return clips, y, sources, rows


def harder(clips):
    """The same clips 20 dB down with band-shaped noise 15 dB under each; silence stays silence."""
    out = []
    for i, clip in enumerate(clips):
        rng = np.random.default_rng(synth.TEST_SEED + 9000 + i)
        rms = np.sqrt((clip**2).mean())
        if rms < 3e-4:
            out.append(clip)
            continue
        hiss = synth.noise(rng, max(len(clip), 800), True)[: len(clip)]
        out.append((clip + hiss / hiss.std() * rms * 10 ** (-15 / 20)) * 0.1)
    return [c.astype(np.float32) for c in out]


def train_sources(lab: Path):
    """Independent training sources of recordings, a label (validation sources aside)."""
    from pool import sides
    files = sides(Recordings(lab).entries)["train"]
    entries = [e for sources in files.values() for mine in sources.values() for e in mine]
    return {name: len({e["source"] for e in entries if name in e["labels"]}) for name in LABELS}


def confusion(p, rows, names):
    """Counts [named, taken for]; the last row is clips of no label that the model has."""
    counts = np.zeros((len(names) + 1, len(names)), int)
    for row, score in zip(rows, p):
        mine = [n for n in row["labels"] if n in names]
        counts[names.index(mine[-1]) if mine else len(names), score.argmax()] += 1
    return counts


def picture(counts, row_names, column_names, path: Path):
    """The confusion matrix: shares of each row in colour, counts in figures."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(1.8 + 0.62 * len(column_names), 1.6 + 0.5 * len(row_names)), dpi=90)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(column_names)), column_names, rotation=40, ha="right")
    axes.set_yticks(range(len(row_names)), row_names)
    axes.set_xlabel("label with the highest score")
    axes.set_ylabel("what it is")
    for i, j in np.argwhere(counts):
        axes.text(j, i, counts[i, j], ha="center", va="center", fontsize=9, color="white" if share[i, j] > 0.55 else "black")
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--labels", nargs="*", help="measure only these labels (to compare with another model)")
    parser.add_argument("--no-baseline", action="store_true")
    options = parser.parse_args()
    clips, y, sources, rows = test_set(options.lab)
    config = json.loads((options.model / "config.json").read_text())
    names = options.labels or [config["id2label"][str(i)] for i in range(len(config["id2label"]))]
    y = y[:, [LABELS.index(n) for n in names]]
    sets = dict(clean=clips, quiet_and_noisy=harder(clips))
    p = {k: window_scores(write_clips(c, options.lab / f"test-{k}"), options.model, None, names) for k, c in sets.items()}
    result = dict(
        measured_with="astd classify --precision fp32 --format jsonl --top-k all",
        test_manifest_sha256=hashlib.sha256(MANIFEST.read_bytes()).hexdigest(),
        weights_sha256=hashlib.sha256((options.model / "model.safetensors").read_bytes()).hexdigest(),
        test_clips=len(rows), clips_of_no_label=int((~(y == 1).any(1)).sum()), train_sources=train_sources(options.lab))
    kept = {}
    for k in sets:
        result[f"model_{k}"], *kept[k] = summary(p[k], y, sources, names)
    if not options.no_baseline:
        from baseline import EXAMPLES, baseline_scores
        result["baseline_examples"] = EXAMPLES
        for name, q in baseline_scores(options.lab, list(sets.values()), names).items():
            for k, scores in zip(sets, q):
                value, aps, tops = summary(scores, y, sources, names)
                value["model_is_better_by"] = dict(mean_ap_interval=interval(kept[k][0] - aps),
                                                   top1_interval=interval(kept[k][1] - tops))
                result[f"baseline_{name}_{k}"] = value
    counts = confusion(p["clean"], rows, names)
    row_names = names + ["(other sounds)"]
    result["confusion"] = {n: {m: int(c) for m, c in zip(names, row) if c} for n, row in zip(row_names, counts)}
    if options.picture:
        picture(counts, row_names, names, options.picture)
    if options.out:
        options.out.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    for key, value in result.items():
        if isinstance(value, dict) and "top1" in value:
            print(key, "top-1", value["top1"], value["top1_interval"], "AP", value["mean_ap"], value["mean_ap_interval"],
                  {k: v["ap"] for k, v in value["labels"].items()})


if __name__ == "__main__":
    main()
