"""Thresholds, measures with their intervals, and the card of an adapter."""

import json
import math

import numpy as np

HOP_SECONDS = 1.0
MINIMUM_HITS = 2
MERGE_GAP_SECONDS = 2.0
GRID = np.round(np.concatenate([np.arange(0.05, 0.95, 0.01), np.arange(0.95, 0.996, 0.005)]), 3)
HIGHEST = 0.995


def events(scores, on):
    """How many events the daemon would report for one label's scores, a window a second, with its default rules."""
    count, hits, quiet, active = 0, 0, 0.0, False
    for score in scores:
        if active:
            stays = score >= on or (quiet == 0 and score >= 0.7 * on)
            quiet = 0.0 if stays else quiet + HOP_SECONDS
            if quiet <= MERGE_GAP_SECONDS:
                continue
            active, hits = False, 0
        hits = hits + 1 if score >= on else 0
        if hits >= MINIMUM_HITS:
            count, active, quiet = count + 1, True, 0.0
    return count


def interval(hits, trials):
    """Wilson's 95 % interval of a share; `None` without trials."""
    if trials == 0:
        return None
    z = 1.96
    share, scale = hits / trials, 1 + z * z / trials
    middle = (share + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, middle - half), min(1.0, middle + half)


def average_precision(scores, truth):
    order = np.argsort(-scores, kind="stable")
    right = truth[order]
    if not right.any():
        return float("nan")
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    return float(precision[right].mean())


def mean_average_precision(scores, truth):
    found = [average_precision(scores[:, i], truth[:, i]) for i in range(truth.shape[1])]
    return float(np.nanmean(found)) if found else 0.0


def f1(scores, truth, on):
    hit = scores >= on
    right = (hit & truth).sum()
    return 2 * right / max(1, hit.sum() + truth.sum())


def logit(score):
    return np.log(np.clip(score, 1e-6, 1 - 1e-6) / (1 - np.clip(score, 1e-6, 1 - 1e-6)))


def peaks(scores):
    """The highest score that each event of the background could have, from the highest on: that of `MINIMUM_HITS`
    windows in a row, and none as near to a higher one as the daemon would merge them."""
    if len(scores) < MINIMUM_HITS:
        return np.zeros(0)
    held = np.lib.stride_tricks.sliding_window_view(scores, MINIMUM_HITS).min(1)
    free, found = np.ones(len(held), bool), []
    apart = int(MERGE_GAP_SECONDS / HOP_SECONDS) + MINIMUM_HITS
    for index in np.argsort(-held, kind="stable"):
        if free[index]:
            found.append(held[index])
            free[max(0, index - apart) : index + apart + 1] = False
    return np.array(found)


class Tail:
    """False alarms an hour of one label at a threshold: how often the peaks of the backgrounds exceed it.

    Far above most of them there are too few to count, so the highest tenth of the peaks, ten or more, is fitted by an
    exponential distribution of their logits.
    """

    def __init__(self, scores, hours):
        found = np.sort(logit(np.concatenate([peaks(part) for part in scores] or [np.zeros(0)])))[::-1]
        self.hours = hours
        self.count = min(max(10, len(found) // 10), len(found) - 1)
        if self.count > 0:
            self.start = found[self.count]
            self.scale = max(1e-3, float(np.mean(found[: self.count] - self.start)))

    def rate(self, on, deviations=0.0):
        """False alarms an hour; `None` where nothing is known. `deviations` of the scale's estimate make an interval."""
        if self.count <= 0 or not self.hours:
            return None
        scale = self.scale * math.exp(deviations / math.sqrt(self.count))
        return self.count / self.hours * math.exp(-max(0.0, float(logit(on)) - self.start) / scale)


def most_likely(expected):
    """The highest count that 95 of 100 recordings with this expected count do not exceed."""
    count, share, term = 0, math.exp(-expected), math.exp(-expected)
    while share < 0.95:
        count += 1
        term *= expected / count
        share += term
    return count


def thresholds(labels, scores, truth, backgrounds, alarms_per_hour):
    """For each label: the threshold, and its false alarms on the backgrounds, counted and estimated.

    - scores, truth: Of validation windows, `[windows, labels]`.
    - backgrounds: Scores of recordings without any of the sounds, `[windows, labels]` each.
    """
    hours = sum(len(part) for part in backgrounds) * HOP_SECONDS / 3600
    found = {}
    for index, label in enumerate(labels):
        mine, real = scores[:, index], truth[:, index]
        counts = {on: sum(events(part[:, index], on) for part in backgrounds) for on in GRID}
        tail = Tail([part[:, index] for part in backgrounds], hours)

        def best(rate):
            # The estimate allows it, and the count does not contradict it.
            quiet = [on for on in GRID if (tail.rate(on) or 0) <= rate and counts[on] <= most_likely(rate * hours)] or [HIGHEST]
            rated = [(f1(mine, real, on), on) for on in quiet]
            most = max(value for value, _ in rated)
            # The middle of the best ones: scores of other recordings differ.
            good = [on for value, on in rated if value >= most - 1e-9]
            on = float(good[len(good) // 2])
            recall = float((mine[real] >= on).mean()) if real.any() else None
            return {"rate": rate, "on": on, "false_alarms": int(counts.get(on, 0)), "recall": recall, "f1": float(most),
                    "expected": [tail.rate(on, deviations) for deviations in (0, -1.64, 1.64)]}

        choices = [best(factor * alarms_per_hour) for factor in (1, 5, 25)]
        found[label] = choices[0] | {"choices": choices}
    return found, hours


def measures(labels, scores, truth, on):
    """Precision, recall and F1 of each label, with intervals. One row per clip or background window."""
    rows = {}
    for index, label in enumerate(labels):
        hit, real = scores[:, index] >= on[label]["on"], truth[:, index]
        right, reported, there = int((hit & real).sum()), int(hit.sum()), int(real.sum())
        rows[label] = {
            "clips": there, "right": right, "reported": reported,
            "precision": right / reported if reported else None, "precision_interval": interval(right, reported),
            "recall": right / there if there else None, "recall_interval": interval(right, there),
            "f1": 2 * right / (reported + there) if reported + there else None,
        }
    return rows


def macro_f1(rows):
    found = [row["f1"] or 0 for row in rows.values() if row["clips"]]
    return float(np.mean(found)) if found else 0.0


def confusion(labels, scores, truth, on):
    """Rows: what the clip is, and background; columns: the highest label that reaches its threshold, and none."""
    table = np.zeros((len(labels) + 1, len(labels) + 1), int)
    margin = scores - np.array([on[label]["on"] for label in labels])
    best = np.where((margin >= 0).any(1), np.where(margin >= 0, scores, -1).argmax(1), len(labels))
    for row, is_label in enumerate(truth):
        real = np.flatnonzero(is_label) if is_label.any() else [len(labels)]
        # A clip with several sounds counts for the one that was found.
        table[best[row] if best[row] in real else real[0], best[row]] += 1
    return table.tolist()


def snippet(labels, on):
    """The thresholds as settings of astd; JSON strings are strings of YAML."""
    lines = ["detection:", "  allow: [" + ", ".join(quoted(label) for label in labels) + "]", "  labels:"]
    return "\n".join(lines + [f"    {quoted(label)}: {{on: {on[label]['on']:g}}}" for label in labels]) + "\n"


def quoted(label):
    return json.dumps(label, ensure_ascii=False)


def share(value, span):
    if value is None:
        return "-"
    return f"{value:.2f} ({span[0]:.2f} to {span[1]:.2f})" if span else f"{value:.2f}"


def expectation(choice):
    if choice["expected"][0] is None:
        return ""
    return ", {:.2g} ({:.2g} to {:.2g})".format(*choice["expected"])


def cell(text):
    return str(text).replace("|", "\\|")


def card(name, info):
    """README.md of an adapter, from evaluation.json."""
    labels, on = info["labels"], info["thresholds"]
    test, rate = info["test"], info["background"]
    kind = {"probe": "Linear probe: the base, unchanged, with its own classifier",
            "lora": f"LoRA (rank {info['rank']}) on the matrices of the layers, with its own classifier"}[info["kind"]]
    base = f"It belongs to the base `{info['base']}`"
    if info["base_sha256"]:
        base += f", sha256 of its `model.safetensors`: `{info['base_sha256']}`"
    lines = [
        "---", "library_name: peft", f"base_model: {quoted(info['base'])}", "tags: [audio-classification]", "---", "",
        f"# {name}", "", f"{kind}. {base}.", "",
        f"Labels: {'; '.join(labels)}. {'Independent scores (sigmoid)' if info['multi_label'] else 'One of them (softmax)'}.", "",
    ]
    if info["stopped"]:
        lines += ["**The training was stopped early**; run the same command again to continue it.", ""]
    if info["advice"]:
        lines += ["**Too little data for reliable numbers:**", ""] + [f"- {text}" for text in info["advice"]] + [""]
    lines += ["## Data", "", "| label | clips for training | validation | test | recordings |", "|---|---|---|---|---|"]
    for label in labels:
        lines.append("| " + " | ".join([cell(label)] + [str(count) for count in info["counts"][label]]) + " |")
    lines += [
        "", f"Backgrounds: {info['background_minutes'][0]:.1f} min for training, {info['background_minutes'][1]:.1f} for the "
        f"thresholds, {info['background_minutes'][2]:.1f} for the test. No recording is in more than one part, except "
        "backgrounds of fewer than ten files, which are divided by time.", "",
        "## Test", "",
        f"Clips of recordings that were not trained on, {info['test_decibels']:g} dB over backgrounds that were not "
        f"trained on. Macro F1 **{info['macro_f1']:.2f}**. In brackets: 95 % intervals (Wilson).", "",
        "| label | clips | precision | recall | F1 |", "|---|---|---|---|---|",
    ]
    for label in labels:
        row = test[label]
        number = "-" if row["f1"] is None else f"{row['f1']:.2f}"
        lines.append(f"| {cell(label)} | {row['clips']} | {share(row['precision'], row['precision_interval'])} | "
                     f"{share(row['recall'], row['recall_interval'])} | {number} |")
    lines += ["", "Confusion: rows are what was played, columns the highest label that reached its threshold.", "",
              "| | " + " | ".join(cell(label) for label in labels) + " | none |", "|---|" + "---|" * (len(labels) + 1)]
    for title, row in zip(labels + ["background"], info["confusion"]):
        lines.append("| " + " | ".join([cell(title)] + [str(count) for count in row]) + " |")
    lines += ["", "| | probe | LoRA |", "|---|---|---|"]
    compared = info["compared"]
    for title, key in (("mean average precision, validation", "map"), ("loss, validation", "loss"), ("macro F1, test", "macro_f1")):
        values = [f"{compared[kind][key]:.3f}" if kind in compared else "not trained" for kind in ("probe", "lora")]
        lines.append(f"| {title} | {values[0]} | {values[1]} |")
    lines += ["", "## Thresholds", ""]
    if rate["hours"]:
        lines += [
            f"Chosen on validation for a rate of at most {info['alarms_per_hour']:g} an hour of false alarms of a label, with windows "
            f"every second and the default rules of events. In {rate['hours'] * 60:.0f} min of other sounds that were not "
            f"used for this, there were {rate['false_alarms']} false alarms: {rate_text(rate['false_alarms'], rate['hours'])}.", ""]
    else:
        lines += ["**There was no background to measure false alarms on**: record an hour of the room without these sounds, "
                  "and train again with `--background`.", ""]
    rates = [choice["rate"] for choice in on[labels[0]]["choices"]]
    lines += ["What other rates would cost: the threshold, the share of the validation windows with the sound that reach it (3 to "
              "30 dB over their background), and the false alarms an hour that the scores of the validation backgrounds let expect, with their "
              "90 % interval.", "", "| label | " + " | ".join(f"at most {rate:g} an hour" for rate in rates) + " |", "|---|" + "---|" * len(rates)]
    for label in labels:
        cells = [f"{choice['on']:g}: {100 * (choice['recall'] or 0):.0f} %{expectation(choice)}" for choice in on[label]["choices"]]
        lines.append("| " + " | ".join([cell(label)] + cells) + " |")
    lines.append("")
    return "\n".join(lines + ["```yaml", snippet(labels, on).rstrip(), "```", ""])


def rate_text(count, hours):
    """A rate an hour, with its upper 95 % limit: without an event, three in the time observed."""
    if not hours:
        return "unknown"
    limit = 3 / hours if count == 0 else (count + 1.96 * math.sqrt(count) + 2) / hours
    return f"{count / hours:.1f} an hour, probably less than {limit:.1f}"
