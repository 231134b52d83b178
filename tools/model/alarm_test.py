"""The test of the adapter: alarms over backgrounds of the frozen test set at 20, 10 and 0 dB, and false alarms.

    alarm_test.py --lab DIR --base models/default --adapter models/alarms [--probe DIR/probe] --out models/alarms/evaluation.json

Held out: pitches, seeds (so rooms, phases, timing within the standards' tolerance), and the backgrounds, which are
clips of test sources. The same alarm, background and level are scored at each ratio. The ratio is between the
levels of what sounds; levels are -40 to -15 dBFS. False alarms are counted on every recording of the test split.
astd itself does the scoring.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np

import alarms
import synth
from astd_scores import window_scores, write_clips
from data import Recordings
from evaluate import picture, test_set
from features import CLIP_SAMPLES, SAMPLE_RATE_HZ
from labels import ADDED_PACKAGES
from metrics import f1_scores, interval, precision

NAMES = alarms.KINDS + ["None of these"]
OTHER = len(NAMES) - 1
RATIOS_DB = [20, 10, 0]
WHOLE = int(7.7 * SAMPLE_RATE_HZ)


def backgrounds(lab: Path):
    """Clips of test recordings and noises, at least half a window long: samples and source."""
    clips, _, sources, rows = test_set(lab)
    skip = {"Alarm", "Siren", "Silence", "Sine wave"}
    return [(np.resize(c, CLIP_SAMPLES), s, r["licence"]) for c, s, r in zip(clips, sources, rows)
            if not skip & set(r["labels"]) and len(c) >= CLIP_SAMPLES // 2]


def test_clips(lab: Path, each=40):
    """Clips [ratios][n], kinds [n], and what lies under each; three times as many of none."""
    under, out, kinds, notes = backgrounds(lab), [[] for _ in RATIOS_DB], [], []
    for k in range(len(NAMES)):
        for n in range(each * (3 if k == OTHER else 1)):
            rng = np.random.default_rng(synth.TEST_SEED + 50_000 + 1000 * k + n)
            background, source, licence = under[rng.integers(len(under))]
            level, start = rng.uniform(-40, -15), rng.integers(WHOLE - CLIP_SAMPLES)
            maker = alarms.other if k == OTHER else alarms.MAKERS[NAMES[k]]
            alone = k == OTHER and n % 3 > 0  # two thirds of "none" are a background alone
            sound = alarms.finished(rng, maker(rng, WHOLE, True))[start: start + CLIP_SAMPLES]
            for clips, ratio in zip(out, RATIOS_DB):
                x = synth.to_level(background, level - ratio)
                clips.append((x if alone else np.clip(x + synth.to_level(sound, level), -1, 1)).astype(np.float32))
            kinds.append(k)
            notes.append(dict(background=source, licence=licence))
    return out, np.array(kinds), notes


def false_alarms(lab: Path, base, adapter, threshold=0.5):
    """Windows with any kind above the threshold, an hour, over the recordings of the test split as it was at first."""
    recordings = Recordings(lab)
    entries = [e for e in recordings.entries
               if e["split"] == "test" and e["length"] >= 1600 and e["package"] not in ADDED_PACKAGES]
    files = write_clips([recordings.samples(e) for e in entries], lab / "test-split")
    p, owners = window_scores(files, base, adapter, NAMES, first_only=False)
    hours = sum(e["length"] for e in entries) / SAMPLE_RATE_HZ / 3600
    above = (p[:, :OTHER] >= threshold).any(1)
    highest = p.argmax(1) != OTHER
    by_label, by_kind = {}, {}
    for w in np.flatnonzero(above):
        label, kind = entries[owners[w]]["labels"][-1], NAMES[p[w, :OTHER].argmax()]
        by_label[label] = by_label.get(label, 0) + 1
        by_kind[kind] = by_kind.get(kind, 0) + 1
    return dict(hours=round(hours, 2), windows=len(p), threshold=threshold, windows_above=int(above.sum()),
                per_hour=round(float(above.sum() / hours), 1), per_hour_at_0_9=round(float((p[:, :OTHER] >= 0.9).any(1).sum() / hours), 1),
                windows_where_an_alarm_is_highest=int(highest.sum()), by_label=by_label, by_kind=by_kind)


def measure(lab: Path, base, adapter, each):
    """F1 and AP a class at each ratio with bootstrap intervals over clips, confusions, false alarms."""
    sets, kinds, _ = test_clips(lab, each)
    y, result = np.eye(len(NAMES), dtype=np.int8)[kinds], {}
    for ratio, clips in zip(RATIOS_DB, sets):
        p = window_scores(write_clips(clips, lab / f"alarm-test-{each}-{ratio}"), base, adapter, NAMES)
        f1, ap, rng = f1_scores(p, kinds, len(NAMES)), precision(p, y), np.random.default_rng(3)
        draws = [f1_scores(p[r], kinds[r], len(NAMES)).mean()
                 for r in (np.concatenate([rng.choice(np.flatnonzero(kinds == k), (kinds == k).sum()) for k in range(len(NAMES))])
                           for _ in range(1000))]
        counts = np.zeros((len(NAMES), len(NAMES)), int)
        np.add.at(counts, (kinds, p.argmax(1)), 1)
        result[f"{ratio} dB"] = dict(
            macro_f1=round(float(f1.mean()), 3), macro_f1_interval=interval(draws), mean_ap=round(float(ap.mean()), 3),
            top1=round(float((p.argmax(1) == kinds).mean()), 3),
            found_at_half=round(float(np.mean([p[i, k] >= 0.5 for i, k in enumerate(kinds) if k != OTHER])), 3),
            labels={n: dict(f1=round(float(f1[i]), 3), ap=round(float(ap[i]), 3), clips=int(y[:, i].sum())) for i, n in enumerate(NAMES)},
            confusion={n: {m: int(c) for m, c in zip(NAMES, row) if c} for n, row in zip(NAMES, counts)})
    result["false_alarms"] = false_alarms(lab, base, adapter)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--adapter", type=Path, required=True)
    parser.add_argument("--probe", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--each", type=int, default=40)
    options = parser.parse_args()
    digest = lambda f: hashlib.sha256(f.read_bytes()).hexdigest()
    result = dict(measured_with="astd classify --precision fp32 --adapter --format jsonl --top-k all",
                  base_weights_sha256=digest(options.base / "model.safetensors"),
                  weights_sha256=digest(options.adapter / "adapter_model.safetensors"),
                  adapter=measure(options.lab, options.base, options.adapter, options.each))
    if options.probe:
        result["linear_probe"] = measure(options.lab, options.base, options.probe, options.each)
    if options.picture:
        rows = result["adapter"]["10 dB"]["confusion"]
        picture(np.array([[rows[n].get(m, 0) for m in NAMES] for n in NAMES]), NAMES, NAMES, options.picture)
    if options.out:
        options.out.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    for who in ("adapter", "linear_probe"):
        for ratio in RATIOS_DB if who in result else []:
            r = result[who][f"{ratio} dB"]
            print(who, ratio, "dB: macro F1", r["macro_f1"], r["macro_f1_interval"], "AP", r["mean_ap"], {n: v["f1"] for n, v in r["labels"].items()})
        if who in result:
            print(who, result[who]["false_alarms"])


if __name__ == "__main__":
    main()
