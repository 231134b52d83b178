"""Random music from a soundfont (fluidsynth) and random speech (espeak-ng), both seeded.

The scores are drawn here: a key, chords, a simple melody and drums. They are only meant to sound
like the instruments they name.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from features import SAMPLE_RATE_HZ

FONTS = {
    "train": "fluid-soundfont-gm/usr/share/sounds/sf2/FluidR3_GM.sf2",
    "test": "musescore-general-soundfont/usr/share/sounds/sf3/MuseScore_General_Full.sf3",
}
# More kits for training, since one soundfont's drums are one recordist's: fonts, and directories of single strokes.
DRUM_FONTS = ["avldrums.lv2-soundfont/usr/share/sounds/sf2/Black_Pearl_4_LV2.sf2",
              "avldrums.lv2-soundfont/usr/share/sounds/sf2/Red_Zeppelin_4_LV2.sf2"]
DRUM_KITS = [f"hydrogen-drumkits/usr/share/hydrogen/data/drumkits/{kit}"
             for kit in ("BJA_Pacific", "circAfrique v4", "rumpf_kit_z01_h2")]
SCALES = [[0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 8, 10], [0, 2, 4, 7, 9]]
VOICES = "de nl sv pl pt cs hi tr hu ro el fi da id vi sw ca eo".split()
SYLLABLES = [a + b for a in "b d f g k l m n p r s t v z st pr kl".split() for b in "a e i o u ai an er ol".split()]


def variable(value):
    """A MIDI variable-length quantity."""
    out = [value & 127]
    while value := value >> 7:
        out.append(value & 127 | 128)
    return bytes(reversed(out))


def midi(events, tempo_bpm):
    """A one-track MIDI file from (tick, bytes) events at 480 ticks a beat."""
    body = bytes([0, 0xFF, 0x51, 3]) + int(60e6 / tempo_bpm).to_bytes(3, "big")
    now = 0
    for tick, data in sorted(events, key=lambda e: e[0]):
        body += variable(tick - now) + data
        now = tick
    body += bytes([0, 0xFF, 0x2F, 0])
    return (b"MThd" + (6).to_bytes(4, "big") + bytes([0, 0, 0, 1, 1, 0xE0])
            + b"MTrk" + len(body).to_bytes(4, "big") + body)


def part(rng, channel, program, scale, root, beats):
    """Notes of one instrument: chords, arpeggios or a melody."""
    events = [(0, bytes([0xC0 | channel, program]))]
    style, octave, tick = rng.integers(3), rng.integers(-1, 2) * 12, 0
    step = int(rng.choice([120, 240, 240, 480, 960]))
    degree = rng.integers(len(scale))
    while tick < beats * 480:
        degree = (degree + rng.integers(-2, 3)) % len(scale)
        tones = [degree] if style == 0 else [degree, degree + 2, degree + 4][: rng.integers(2, 4)]
        length = int(step * rng.uniform(0.6, 2.0))
        for i, d in enumerate(tones):
            note = int(np.clip(root + octave + scale[d % len(scale)] + 12 * (d // len(scale)), 24, 100))
            at = tick + (i * step // 3 if style == 2 else int(rng.integers(0, 12)))
            velocity = int(rng.integers(45, 120))
            events += [(at, bytes([0x90 | channel, note, velocity])),
                       (at + length, bytes([0x80 | channel, note, 0]))]
        tick += step * int(rng.integers(1, 3)) if rng.random() < 0.85 else step * 4
    return events


def drums(rng, beats):
    """A repeated bar of kick, snare, hats or hand drums, with small variations."""
    events, kits = [], [[36, 38, 42, 46], [35, 40, 44, 49], [60, 61, 62, 64], [45, 47, 50, 36], [54, 70, 76, 77]]
    kit = kits[rng.integers(len(kits))]
    events.append((0, bytes([0xC9, int(rng.choice([0, 8, 16, 24, 40]))])))
    bar = [(s, k) for k in kit for s in range(16) if rng.random() < rng.uniform(0.1, 0.4)]
    for start in range(0, beats * 4, 16):
        for s, k in bar:
            if rng.random() < 0.92:
                at = (start + s) * 120 + int(rng.integers(0, 10))
                events += [(at, bytes([0x99, k, int(rng.integers(50, 125))])), (at + 60, bytes([0x89, k, 0]))]
    return events


def render(lab: Path, side, what, seed, seconds=12.0, font=None):
    """Samples of `what` (piano, percussion, ensemble) and the labels it earns."""
    rng = np.random.default_rng(seed)
    tempo, beats = rng.uniform(65, 165), 36
    root, scale = int(rng.integers(45, 66)), SCALES[rng.integers(3)]
    events, labels = [], ["Music"]
    if what == "piano":
        programs = [int(rng.integers(0, 2))] if side == "test" else [int(rng.choice([0, 0, 1, 2, 3, 4, 5]))]
        labels.append("Piano")
    elif what == "percussion":
        programs = []
    else:
        programs = [int(p) for p in rng.choice(np.arange(6, 96), rng.integers(1, 4), replace=False)]
        if rng.random() < 0.25:
            programs.append(0)
            labels.append("Piano")
    for channel, program in enumerate(programs):
        events += part(rng, channel, program, scale, root, beats)
        if what == "piano":
            events += part(rng, channel, program, scale, root - 12, beats)
    if what == "percussion" or (what == "ensemble" and rng.random() < 0.4):
        events += drums(rng, beats)
        labels.append("Percussion")
    with tempfile.NamedTemporaryFile(suffix=".mid") as score, tempfile.NamedTemporaryFile(suffix=".raw") as raw:
        Path(score.name).write_bytes(midi(events, tempo))
        subprocess.run(["fluidsynth", "-ni", "-q", "-o", "synth.dynamic-sample-loading=1", "-r", str(SAMPLE_RATE_HZ), "-g", "0.6", "-O", "s16",
                        "-T", "raw", "-F", raw.name, str(lab / "pkg" / (font or FONTS[side])), score.name],
                       check=True, capture_output=True)
        stereo = np.fromfile(raw.name, np.int16).reshape(-1, 2)[: int(seconds * SAMPLE_RATE_HZ)]
    return stereo.mean(1).astype(np.float32) / 32768, labels


def stroke_files(kit: Path):
    return sorted(f for f in kit.iterdir() if f.suffix in (".aiff", ".flac", ".wav"))


def stroke(file: Path):
    """One recorded stroke at our sample rate, mono."""
    x, rate = soundfile.read(file, always_2d=True)
    return resample_poly(x.mean(1), SAMPLE_RATE_HZ // 100, rate // 100).astype(np.float32)


def strokes(lab: Path, seed, seconds=10.0):
    """A rhythm, or slow single strokes, of one to five sounds of one drum kit (for training only)."""
    rng = np.random.default_rng(seed)
    kit = lab / "pkg" / DRUM_KITS[rng.integers(len(DRUM_KITS))]
    files = stroke_files(kit)
    sounds = [stroke(files[i]) for i in rng.choice(len(files), rng.integers(1, 6), replace=False)]
    sounds = [x / (np.abs(x).max() + 1e-6) for x in sounds]
    out, beat = np.zeros(int(seconds * SAMPLE_RATE_HZ), np.float32), rng.uniform(0.09, 0.25)
    bar = rng.random((16, len(sounds))) < rng.uniform(0.08, 0.4)
    slow = rng.random() < 0.35
    t = 0.0
    for step in range(400):
        t += rng.uniform(0.7, 3.0) if slow else beat * rng.uniform(0.97, 1.03)
        chosen = [rng.integers(len(sounds))] if slow else np.flatnonzero(bar[step % 16])
        at = int(t * SAMPLE_RATE_HZ)
        for i in chosen:
            x = sounds[i][: max(0, len(out) - at)]
            out[at: at + len(x)] += x * rng.uniform(0.3, 1.0)
    return out, ["Music", "Percussion"]


def on_font(seed):
    """Whether this seed's drums are a soundfont's; the others are strokes of a kit."""
    return seed % 4 >= 2


def percussion(lab: Path, seed):
    """Drums for training: the general font, other drum fonts, or kits of strokes."""
    if not on_font(seed):
        return strokes(lab, seed)
    font = None if seed % 4 == 2 else DRUM_FONTS[seed // 4 % len(DRUM_FONTS)]
    return render(lab, "train", "percussion", seed, font=font)


def speak(seed):
    """Nonsense words in a random language, voice, pitch and pace (for training only)."""
    rng = np.random.default_rng(seed)
    words = ["".join(rng.choice(SYLLABLES, rng.integers(1, 4))) for _ in range(rng.integers(8, 22))]
    voice = f"{rng.choice(VOICES)}+{rng.choice(['m1', 'm2', 'm3', 'm4', 'm5', 'm7', 'f1', 'f2', 'f3', 'f4', 'f5'])}"
    done = subprocess.run(["espeak-ng", "-v", voice, "-p", str(rng.integers(25, 80)), "-s",
                           str(rng.integers(115, 210)), "--stdout", " ".join(words)], capture_output=True)
    audio = np.frombuffer(done.stdout[44:], np.int16).astype(np.float32) / 32768
    return resample_poly(audio, 320, 441).astype(np.float32)
