"""What a training must reach, beside what the models before it reached. Exit status 1 if a bar is not met.

    bars.py --models DIR                  a table of every bar
    bars.py --models DIR --keep           the figures of these models become before.json

A figure whose measurement is missing is shown as "-" and counts as not met.
"""

import argparse
import json
import sys
from pathlib import Path

BEFORE = Path(__file__).parent / "before.json"
# card, what, file, keys, whether more is better, bar, whether in percent
BARS = [
    ("default", "first test set, mean AP", "default/evaluation.json", ["model_clean", "mean_ap"], True, 0.95, False),
    ("default", "first test set, top-1", "default/evaluation.json", ["model_clean", "top1"], True, 0.95, True),
    ("default", "first test set, AP of Noise", "default/evaluation.json", ["model_clean", "labels", "Noise", "ap"], True, 0.93, False),
    ("default", "rates, resamplers, codecs, room, PulseAudio: same first label", "default/chain-test.json", ["total", "same_label"], True, 0.97, True),
    ("default", "the same: median difference of the score, all", "default/chain-test.json", ["total", "median_difference"], False, 0.1, False),
    ("default", "the same: median difference, noises", "default/chain-test.json", ["labels", "Noise", "median_difference"], False, 0.1, False),
    ("default", "the same: noises with Noise at 0.5 or more", "default/chain-test.json", ["labels", "Noise", "found_at_half"], True, 0.97, True),
    ("default", "white noise made at 48 kHz: score of Noise", "default/chain-test.json", ["variants", "48 kHz, soxr-hq", "white_noise"], True, 0.5, False),
    ("default", "held-out sounds of no label with a score of 0.5 or more", "default/held-out-test.json", ["negatives", "all", "share"], False, 0.05, True),
    ("default", "single words of unseen speakers with Speech at 0.5 or more", "default/held-out-test.json", ["words", "all", "share"], True, 0.85, True),
    ("alarms", "macro F1 at 10 dB", "alarms/evaluation.json", ["adapter", "10 dB", "macro_f1"], True, 0.96, False),
    ("alarms", "macro F1 at 0 dB", "alarms/evaluation.json", ["adapter", "0 dB", "macro_f1"], True, 0.92, False),
    ("alarms", "held-out appliances and reversing beepers called smoke or carbon monoxide", "alarms/appliance-test.json", ["called_smoke_or_co"], False, 0.05, True),
    ("alarms", "begin of a smoke alarm, too little to tell: another kind at 0.5", "alarms/appliance-test.json", ["beginnings", "Smoke alarm", "too little", "as_another"], False, 0.05, True),
    ("alarms", "false alarms an hour of other sounds at 0.5", "alarms/appliance-test.json", ["false_alarms", "per_hour"], False, 3, False),
]


def figures(models: Path):
    """The figure of each bar, None where it was not measured."""
    out = {}
    for card, what, file, keys, *_ in BARS:
        value = json.loads((models / file).read_text()) if (models / file).exists() else None
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        out[f"{card}: {what}"] = value
    return out


def shown(value, percent):
    return "-" if value is None else f"{value:.1%}" if percent else f"{value:g}"


def rows(models: Path, card=None):
    """Rows of the table for a card, or for both: what, bar, before, now, and whether it is met."""
    now, before = figures(models), json.loads(BEFORE.read_text()) if BEFORE.exists() else {}
    for who, what, _, _, more, bar, percent in BARS:
        if card in (None, who):
            value = now[f"{who}: {what}"]
            met = value is not None and (value >= bar if more else value <= bar)
            yield (what, ("at least " if more else "at most ") + shown(bar, percent), shown(before.get(f"{who}: {what}"), percent), shown(value, percent), met)


def table(models: Path, card):
    """The table in Markdown."""
    return "\n".join(["| | bar | before | now |", "|---|---|---|---|"] + [f"| {what} | {bar} | {before} | {now}{'' if met else ' (not met)'} |"
                                                                         for what, bar, before, now, met in rows(models, card)])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    if options.keep:
        BEFORE.write_text(json.dumps(figures(options.models), indent=1) + "\n")
    result = list(rows(options.models))
    print(f"{'':76}{'bar':>16}{'before':>9}{'now':>9}")
    for what, bar, before, now, met in result:
        print(f"{what:76}{bar:>16}{before:>9}{now:>9}  {'met' if met else 'NOT MET'}")
    sys.exit(0 if all(r[-1] for r in result) else 1)


if __name__ == "__main__":
    main()
