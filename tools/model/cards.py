"""Writes the model cards and the attribution list from the measured evaluation and the index.

    cards.py --lab DIR --models models
"""

import argparse
import fnmatch
import json
import re
from collections import defaultdict
from pathlib import Path

from labels import LABELS, SYNTHETIC

AUTHORS = {
    "0ad-data": "Wildfire Games, https://www.wildfiregames.com/",
    "asterisk-core-sounds-en-wav": "Allison Smith; Digium, Inc.",
    "asterisk-core-sounds-es-wav": "Allison Smith; Digium, Inc.",
    "asterisk-core-sounds-fr-wav": "June Wallack; Digium, Inc. and others",
    "asterisk-core-sounds-it-wav": "Carlo Flora, https://www.segreterietelefoniche.it",
    "asterisk-core-sounds-ru-wav": "Maxim Topal, http://www.ivrvoice.ru",
    "asterisk-moh-opsound-wav": "Paul Shuler (Macroform), Manolo Camp, Reno Project",
    "fluid-soundfont-gm": "Frank Wen and contributors",
    "megaglest-data": "The Glest Team, The MegaGlest Team, Titus Tscharntke and others",
    "musescore-general-soundfont": "S. Christian Collins, Michael Cowgill, Frank Wen and others",
    "singularity-music": "Max McCracken",
    "sonic-pi-samples": "authors at freesound.org, CC0",
}


def table(value, baselines, train):
    lines = ["| label | training sources | test clips (sources) | AP | 95 % interval | logistic | MLP |",
             "|---|---|---|---|---|---|---|"]
    for name, row in sorted(value["labels"].items(), key=lambda kv: LABELS.index(kv[0])):
        made = "synthesis" if name in SYNTHETIC else str(train.get(name, 0))
        lines.append(f"| {name} | {made} | {row['clips']} ({row['sources']}) | **{row['ap']:.2f}** | "
                     f"{row['interval'][0]:.2f} to {row['interval'][1]:.2f} | "
                     + " | ".join(f"{b['labels'][name]['ap']:.2f}" for b in baselines) + " |")
    return "\n".join(lines)


def default_card(directory: Path):
    e = json.loads((directory / "evaluation.json").read_text())
    examples = json.loads((directory / "examples/examples.json").read_text())
    baselines = [e["baseline_logistic"], e["baseline_mlp"]]
    rows = "\n".join(f"| `{x['file']}` | {x['source']} | {x['licence']} | {x['scores']} |" for x in examples)
    summary = "\n".join(
        f"| {title} | {e[key]['top1']:.1%} | {e[key]['mean_ap']:.2f} | {e[key + hard]['top1']:.1%} | {e[key + hard]['mean_ap']:.2f} |"
        for title, key, hard in (("this model", "model", "_quiet_and_noisy"),
                                 ("logistic regression on band statistics", "baseline_logistic", "_quiet_and_noisy"),
                                 ("small MLP on band statistics", "baseline_mlp", "_quiet_and_noisy")))
    size = (directory / "model.safetensors").stat().st_size
    ours, mlp = e["model"]["labels"], e["baseline_mlp"]["labels"]
    weaker = ", ".join(n for n in LABELS if ours[n]["ap"] < mlp[n]["ap"])
    better = ", ".join(n for n in LABELS if ours[n]["ap"] > mlp[n]["ap"])
    card = f"""---
license: cc-by-sa-4.0
library_name: transformers
pipeline_tag: audio-classification
tags: [audio-spectrogram-transformer, audio-classification]
---

# astd default: {len(LABELS)} coarse sounds

A small Audio Spectrogram Transformer (6 layers, 192 wide, 3 heads, patches of 16 x 16, 2.8 M
parameters, F16, {size / 1e6:.1f} MB) that hears 5.12 s at a time. It is here so that astd works when it is
installed; it is not a replacement for a model trained on AudioSet.

Labels: {", ".join(LABELS)}. Names are AudioSet's; the scores are independent (sigmoid).
"Siren" and "Alarm" exclude each other here: Alarm is any beeping, buzzing or ringing alarm that is
not a siren. "Sine wave" is a steady tone, "Silence" digital silence or noise under -80 dBFS.

## What it learnt from

Sounds that Debian 12 packages carry, under CC0, CC-BY, CC-BY-SA or MIT, and our own synthesis;
`ATTRIBUTION.md` lists them. {", ".join(SYNTHETIC)} were only ever synthesised for training. Training
speech is three telephone prompt speakers (8 kHz), four game voices and espeak-ng; training piano and
much of the percussion is one soundfont. No GPL sound was used. Weights: CC-BY-SA-4.0.

Training mixes two clips, changes levels over 46 dB, adds rooms, band limits and noise floors.
The scripts are in `tools/model`; seeds are fixed, but the resumed run cannot be repeated bit by bit.

## How it was tested

Recordings other than speech were fingerprinted (sign of band energy differences, matched at any
offset) and copies joined; the split is by source: a speaker, a track (a composer, where a package is one
composer's), a species, a kit or a recording, never a file. Some composers of supertuxkart tracks are on both
sides, with different tracks.
Fingerprints do not find copies that were changed in speed. Sources in one package may still share a
recordist. The test set of {e['test_clips']} clips (`tools/model/test-manifest.jsonl`, sha256
`{e['test_manifest_sha256'][:16]}`) was frozen before training and first scored after it, and no choice was made
on it. It was one training run, the last weights (a running average), 1,795 steps of 32 examples, which is
short. The run was resumed once, at step 600, with fewer mixtures and fewer quiet clips and a higher
rate, because the training loss fell slowly. Synthesised test clips use pitches that were never trained on. Intervals come from
1,000 bootstrap draws of whole sources; with few sources they are wide, and with one or two they say
nothing.

{table(e["model"], baselines, e["train_sources"])}

"logistic" and "MLP" are the same training mixtures seen only as the mean and standard deviation of
each mel band. Overall, and for the same clips 20 dB quieter with noise 15 dB under them:

| | top-1 | mean AP | top-1, quiet and noisy | mean AP, quiet and noisy |
|---|---|---|---|---|
{summary}

**Over all this model is about as good as the small MLP, not better**: weaker than it on
{weaker}; better on {better}. Treat only labels with a high average precision and
a narrow interval as usable.

Top-1 counts a clip as right when the highest score is one of its labels (or one that is unknown for
it, such as Piano in a music track).

## What it is not

Not AudioSet, not for safety, and untested on real microphones. Sirens, alarms, tones and silence were
tested on synthesis only. A sound that is none of these {len(LABELS)} still gets scores. Labels with
an average precision near or below the baseline's are weak; the table says which.

## Examples

Held-out test clips, chosen as the first of their kind in the test set that this model names rightly.

| file | from | licence | highest scores |
|---|---|---|---|
{rows}

`model.safetensors` sha256: `{e['weights_sha256']}`
"""
    (directory / "README.md").write_text(card)


def adapter_card(directory: Path):
    e = json.loads((directory / "evaluation.json").read_text())
    examples = json.loads((directory / "examples/examples.json").read_text())
    size = (directory / "adapter_model.safetensors").stat().st_size
    names = list(json.loads((directory / "config.json").read_text())["label2id"])
    rows = "\n".join(f"| {n} | {e['labels'][n]['clips']} | **{e['labels'][n]['ap']:.2f}** | "
                     f"{e['labels'][n]['interval'][0]:.2f} to {e['labels'][n]['interval'][1]:.2f} | "
                     + ", ".join(f"{m} {c}" for m, c in e["confusion"][n].items()) + " |" for n in names)
    usable = ", ".join(n for n in names if e["labels"][n]["ap"] >= 0.8) or "nothing"
    shown = "\n".join(f"| `{x['file']}` | our synthesis over `{x['background']}` | {x['licence']} | {x['scores']} |"
                      for x in examples)
    (directory / "README.md").write_text(f"""---
license: cc-by-sa-4.0
library_name: peft
base_model: models/default
tags: [audio-classification, lora]
---

# astd alarms: kinds of alarm, a LoRA adapter on the default model

LoRA (rank 8, alpha 16) on the query and value projections plus its own classifier, F16, {size / 1e3:.0f} kB.
It belongs to exactly one base: `models/default/model.safetensors`, sha256 `{e['base_weights_sha256']}`.

Labels: {", ".join(names)}. Everything it calls an alarm was synthesised: temporal-three smoke alarms
(ISO 8201), temporal-four carbon monoxide alarms, wail, yelp, hi-lo and rising sirens, reversing beepers,
and telephone bells and warbles, over recorded backgrounds 3 dB above to 40 dB under them. "None of
these" is a background alone, or other beeps.

Tested on synthesis too, with other pitches, rooms, seeds and background recordings, backgrounds 0 to
30 dB under the alarm, levels -40 to -15 dBFS. Intervals: 1,000 bootstrap draws of clips.

| label | test clips | AP | 95 % interval | highest score went to |
|---|---|---|---|---|
{rows}

Top-1 {e['top1']:.1%}, mean AP {e['mean_ap']:.2f}; of the clips with none of these, {e['false_alarms_at_half']:.1%} had some alarm above 0.5.

**A demonstration of the adapter format more than a detector: only {usable} is found with an
average precision of 0.8 or more. The highest score of most smoke alarm, carbon monoxide
alarm and reversing beeper clips went elsewhere.**

**Not for safety.** No real alarm and no real microphone was ever involved. A carbon monoxide alarm
sounds once in five seconds, so a window holds one group of pulses, at times cut.

| example | from | licence | highest scores |
|---|---|---|---|
{shown}

Backgrounds come from the default model's sources: see its `ATTRIBUTION.md`.
`adapter_model.safetensors` sha256: `{e['weights_sha256']}`
""")


def authors(lab: Path, entry):
    """Who made one file of a package with a licence a file."""
    package, path = entry["package"], entry["path"]
    if package == "openttd-opensfx":
        from data import opensfx_names
        return opensfx_names(lab)[path]
    text = (lab / "pkg" / package / "usr/share/doc" / package / "copyright").read_text()
    found = ""
    for paragraph in re.split(r"\n\s*\n(?=Files:)", text):
        head = re.match(r"Files:(.*?)\n[A-Z]", paragraph, re.S)
        who = re.search(r"^Copyright:(.*?)\n(?=[A-Z])", paragraph, re.M | re.S)
        if head and who and any(p != "*" and fnmatch.fnmatch(path, "*" + p) for p in head.group(1).split()):
            found = " ".join(who.group(1).split())
    return found


def attribution(lab: Path, out: Path):
    entries = json.loads((lab / "index.json").read_text())
    lines = ["# Whose sounds these are", "",
             "The default model and the alarms adapter were trained and tested on sounds from these Debian 12",
             "packages. They were cut, resampled to 16 kHz mono, mixed and filtered. Thank you.", ""]
    groups = defaultdict(list)
    for e in entries:
        groups[e["package"]].append(e)
    for package in sorted(set(groups) | {"fluid-soundfont-gm", "musescore-general-soundfont"}):
        files = groups.get(package, [])
        licences = sorted({e["licence"] for e in files}) or ["MIT"]
        lines.append(f"- **{package}** ({', '.join(licences)}): {len(files) or 1} files. {AUTHORS.get(package, '')}".rstrip())
        if package not in AUTHORS:
            for e in files:
                lines.append(f"  - `{Path(e['path']).name}`, {e['licence']}: {authors(lab, e)}")
    lines += ["", "Licences: CC0-1.0 <https://creativecommons.org/publicdomain/zero/1.0/>,",
              "CC-BY-3.0 <https://creativecommons.org/licenses/by/3.0/>,",
              "CC-BY-4.0 <https://creativecommons.org/licenses/by/4.0/>,",
              "CC-BY-SA-3.0 <https://creativecommons.org/licenses/by-sa/3.0/>,",
              "CC-BY-SA-4.0 <https://creativecommons.org/licenses/by-sa/4.0/>."]
    out.write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    options = parser.parse_args()
    attribution(options.lab, options.models / "default/ATTRIBUTION.md")
    default_card(options.models / "default")
    adapter_card(options.models / "alarms")


if __name__ == "__main__":
    main()
