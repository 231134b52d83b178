"""Scores an exported model directory on the frozen test set, beside a trivial baseline.

    evaluate.py --lab DIR --model models/default --out models/default/evaluation.json

Per label: average precision over the clips where the label is known, a 95 % interval from 1,000
bootstrap draws of whole *sources*, clips and independent sources. Over all: top-1 (the highest score
is one of the clip's labels), clean and with level -20 dB plus noise 15 dB under the clip. The baseline
sees only the mean and standard deviation of each mel band: logistic regression, and a small MLP.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from transformers import ASTFeatureExtractor, ASTForAudioClassification

import instruments
import synth
from data import MANIFEST, Recordings
from features import CLIP_SAMPLES, SAMPLE_RATE_HZ, log_mel
from labels import LABELS
from pool import Mixer, targets
from train import load_pool, masked_bce


def test_set(lab: Path):
    """The frozen clips: samples, targets, sources, manifest rows. Kept in DIR/test-*.npz once made."""
    text = MANIFEST.read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    y = np.stack([targets(r["labels"], r["unknown"]) for r in rows])
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


def scores(model, extractor, clips):
    model.eval()
    out = []
    for clip in clips:
        inputs = extractor(clip if len(clip) >= 400 else np.pad(clip, (0, 400)),
                           sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt")
        with torch.no_grad():
            out.append(torch.sigmoid(model(**inputs).logits[0]).numpy())
    return np.stack(out)


def metrics(p, y, sources):
    return metrics_of(p, y, sources, LABELS)


def metrics_of(p, y, sources, labels, draws=1000):
    """Average precision a label with intervals over sources, and top-1."""
    rng, per_label = np.random.default_rng(3), {}
    for i, name in enumerate(labels):
        known = y[:, i] >= 0
        truth, score, source = y[known, i] == 1, p[known, i], sources[known]
        if not truth.any():
            continue
        names = np.unique(source)
        rows = {s: np.flatnonzero(source == s) for s in names}
        values = []
        for _ in range(draws):
            pick = np.concatenate([rows[s] for s in rng.choice(names, len(names))])
            if truth[pick].any():
                values.append(average_precision_score(truth[pick], score[pick]))
        per_label[name] = dict(
            ap=round(float(average_precision_score(truth, score)), 3),
            interval=[round(float(v), 3) for v in np.percentile(values, [2.5, 97.5])],
            clips=int(truth.sum()), sources=len(np.unique(source[truth])))
    best = p.argmax(1)
    hit = y[np.arange(len(y)), best] != 0
    return dict(top1=round(float(hit.mean()), 3),
                mean_ap=round(float(np.mean([v["ap"] for v in per_label.values()])), 3),
                labels=per_label)


def statistics(mel):
    """Mean and standard deviation of each mel band, `[256]`."""
    return np.concatenate([mel.mean(0), mel.std(0)])


def baseline(lab: Path, clip_sets, count=9000):
    """Logistic regression and an MLP on band statistics, trained on the same mixtures."""
    mixer = Mixer(*load_pool(lab), seed=77)
    x, y = [], []
    for i in mixer.rng.integers(len(mixer.x), size=count):
        mel, target = mixer.example(i)
        x.append(statistics(mel[(mel != 0).any(1)]))
        y.append(target)
    x, y = np.stack(x), np.stack(y)
    mean, std = x.mean(0), x.std(0) + 1e-6
    x = (x - mean) / std
    tests = [(np.stack([statistics(log_mel(c if len(c) >= 400 else np.pad(c, (0, 400)))) for c in clips])
              - mean) / std for clips in clip_sets]
    linear = [np.zeros((len(t), len(LABELS))) for t in tests]
    for i in range(len(LABELS)):
        known = y[:, i] >= 0
        fit = LogisticRegression(C=0.1, max_iter=300).fit(x[known], y[known, i])
        for out, t in zip(linear, tests):
            out[:, i] = fit.predict_proba(t)[:, 1]
    torch.manual_seed(0)
    mlp = torch.nn.Sequential(torch.nn.Linear(256, 256), torch.nn.GELU(), torch.nn.Dropout(0.2),
                              torch.nn.Linear(256, 128), torch.nn.GELU(), torch.nn.Linear(128, len(LABELS)))
    optimiser = torch.optim.AdamW(mlp.parameters(), lr=1e-3, weight_decay=0.05)
    xt, yt = torch.tensor(x, dtype=torch.float32), torch.from_numpy(y)
    for _ in range(25):
        for rows in torch.randperm(len(xt)).split(128):
            loss = masked_bce(mlp(xt[rows]), yt[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    mlp.eval()
    with torch.no_grad():
        deep = [torch.sigmoid(mlp(torch.tensor(t, dtype=torch.float32))).numpy() for t in tests]
    return dict(logistic=linear, mlp=deep)


def train_sources(lab: Path):
    """Independent training sources of recordings, a label."""
    entries = [e for e in Recordings(lab).entries if e["split"] == "train"]
    return {name: len({e["source"] for e in entries if name in e["labels"]}) for name in LABELS}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--no-baseline", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    clips, y, sources, rows = test_set(options.lab)
    sets = [clips, harder(clips)]
    model = ASTForAudioClassification.from_pretrained(options.model, dtype=torch.float32)
    extractor = ASTFeatureExtractor.from_pretrained(options.model)
    p = [scores(model, extractor, s) for s in sets]
    np.save(options.lab / "test-scores.npy", p[0])
    weights = (options.model / "model.safetensors").read_bytes()
    result = dict(
        test_manifest_sha256=hashlib.sha256(MANIFEST.read_bytes()).hexdigest(),
        weights_sha256=hashlib.sha256(weights).hexdigest(), test_clips=len(rows),
        train_sources=train_sources(options.lab),
        model=metrics(p[0], y, sources), model_quiet_and_noisy=metrics(p[1], y, sources))
    if not options.no_baseline:
        for name, q in baseline(options.lab, sets).items():
            result[f"baseline_{name}"] = metrics(q[0], y, sources)
            result[f"baseline_{name}_quiet_and_noisy"] = metrics(q[1], y, sources)
    if options.out:
        options.out.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    for key, value in result.items():
        if isinstance(value, dict) and "top1" in value:
            print(key, value["top1"], value["mean_ap"],
                  {k: v["ap"] for k, v in value["labels"].items()})
    wrong = {}
    for row, score in zip(rows, p[0]):
        best = LABELS[score.argmax()]
        if best not in row["labels"] + row["unknown"]:
            key = f"{row['labels'][-1]} taken for {best}"
            wrong[key] = wrong.get(key, 0) + 1
    print(dict(sorted(wrong.items(), key=lambda kv: -kv[1])[:20]))


if __name__ == "__main__":
    main()
