"""Clips of one sound at a known place over a background, and their events by `astd classify`."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools" / "model"))
import synth  # noqa: E402

RATE = 16_000
WINDOW = 5.135  # seconds of sound in a window of the default model
EXAMPLES = {"Speech": "speech-en", "Music": "music", "Percussion": "percussion"}
LABELS = [*EXAMPLES, "Siren", "Alarm", "Sine wave"]


def sound_of(label, seconds, rng):
    """A piece of a recording of models/default/examples, or of a synthesised sound that was not trained on."""
    n = int(seconds * RATE)
    if label in EXAMPLES:
        samples, _ = soundfile.read(ROOT / "models" / "default" / "examples" / f"{EXAMPLES[label]}.flac")
        begin = rng.integers(0, len(samples) - n)
        return samples[begin:begin + n]
    return synth.MAKERS[label](rng, n, True)[:n]


def clip_of(sound, at, seconds, level_db, snr_db, rng):
    """`sound` with faded ends at `at` seconds of a clip, over noise that is `snr_db` quieter."""
    n = min(int(0.005 * RATE), len(sound) // 4)
    fade = np.minimum(1, np.minimum(np.arange(len(sound)), np.arange(len(sound))[::-1]) / n)
    sound = sound / (np.sqrt(np.mean(sound ** 2)) + 1e-9) * fade * 10 ** (level_db / 20)
    spectrum = np.fft.rfft(rng.standard_normal(int(seconds * RATE)))
    f = np.maximum(np.fft.rfftfreq(int(seconds * RATE), 1 / RATE), 50)
    clip = np.fft.irfft(spectrum * f ** -rng.uniform(0, 0.8), int(seconds * RATE))
    clip *= 10 ** ((level_db - snr_db) / 20) / clip.std()
    begin = int(at * RATE)
    clip[begin:begin + len(sound)] += sound
    return np.clip(clip, -1, 1)


def events_of(astd, folder, settings, hop, *options):
    """The events of a folder's clips, by file name."""
    command = [astd, "classify", folder, "--events", "--format", "jsonl", "--hop", str(hop), "--no-progress", *options]
    for setting in settings:
        command += ["--set", setting]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {result.stderr}")
    events = {}
    for line in result.stdout.splitlines():
        event = json.loads(line)
        events.setdefault(Path(event["file"]).name, []).append(event)
    return events
