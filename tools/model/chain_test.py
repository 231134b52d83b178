"""The same sound made at several rates and sent through resamplers, codecs, a room and PulseAudio, measured with astd.

    chain_test.py --lab DIR --model models/default [--pulse] [--out FILE.json]

Bars: the label with the highest score is that of the sound made at 16 kHz for at least 97 % of the variants, and its
score differs by at most 0.1 in the median, over all and for the sounds of each label. How often the first label is the
right one, and how often the right one reaches 0.5, is shown beside it. Held out of
all training: the resampler `swr`, the codec `vorbis`, rooms by the image method, and PulseAudio (`--pulse`: a private
server, a 48 kHz null sink, recorded at 16 kHz; takes the sounds' length).
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

import alarms
import chains
import synth
from astd_scores import window_scores, write_clips
from features import CLIP_SAMPLES, SAMPLE_RATE_HZ

SAME_LABEL, MEDIAN_DIFFERENCE = 0.97, 0.1
RATES = [8_000, 22_050, 44_100, 48_000, 96_000]
RESAMPLERS = ["soxr-hq", "polyphase", "swr"]
CODECS = [("mp3", 96), ("opus", 24), ("vorbis", 64), ("alaw", 64)]
HIGHEST = 48_000  # what is played and coded
SECONDS = 6.0


def noise(exponent):
    def make(rng, n):
        f = np.maximum(np.fft.rfftfreq(n, 1 / synth.RATE), 20)
        return np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * f**exponent, n)
    return make


def tone(hz):
    return lambda rng, n: np.sin(2 * np.pi * hz * np.arange(n) / synth.RATE)


# name, right label, maker, dBFS
SOUNDS = [("white noise", "Noise", noise(0), -20), ("white noise, quiet", "Noise", noise(0), -40), ("pink noise", "Noise", noise(-0.5), -20),
          ("brown noise", "Noise", noise(-1), -25), ("tone, 440 Hz", "Sine wave", tone(440), -20), ("tone, 1 kHz", "Sine wave", tone(1000), -30),
          ("tone, 3 kHz", "Sine wave", tone(3000), -20), ("digital silence", "Silence", lambda rng, n: np.zeros(n), None),
          ("noise at -90 dBFS", "Silence", noise(0), -90)]
SOUNDS += [(k, "Siren" if k in alarms.SIRENS else "Alarm", (lambda rng, n, maker=maker: maker(rng, n, True)), -20) for k, maker in alarms.MAKERS.items()]


def made(sound, rate, seed):
    """The sound at a rate: the same draws at each, so the same pitch and timing."""
    _, _, maker, dbfs = sound
    rng = np.random.default_rng(synth.TEST_SEED + 70_000 + seed)
    with chains.at_rate(max(rate, SAMPLE_RATE_HZ)):  # harmonics over 4 kHz must not fold back at 8 kHz
        x = maker(rng, int(SECONDS * max(rate, SAMPLE_RATE_HZ)))
    if rate < SAMPLE_RATE_HZ:
        x = chains.resample(x, SAMPLE_RATE_HZ, rate, "soxr-vhq", None)
    return x if dbfs is None else x / (chains.level(x) + 1e-12) * 10 ** (dbfs / 20)


def clipped(x):
    return np.clip(x, -1, 1).astype(np.float32)[:CLIP_SAMPLES]


def variants(seeds):
    """{variant: [clip of each sound]}; the first is 16 kHz."""
    chosen = [(s, k) for k in range(seeds) for s in SOUNDS]
    out = {"16 kHz": [clipped(made(s, SAMPLE_RATE_HZ, k)) for s, k in chosen]}
    for rate in RATES:
        sounds = [made(s, rate, k) for s, k in chosen]
        for name in RESAMPLERS:
            out[f"{rate / 1000:g} kHz, {name}"] = [clipped(chains.resample(np.clip(x, -1, 1), rate, SAMPLE_RATE_HZ, name, None)) for x in sounds]
    for codec, kilobits in CODECS:
        rate = 8_000 if codec == "alaw" else HIGHEST
        sounds = [np.clip(made(s, rate, k), -1, 1).astype(np.float32) for s, k in chosen]
        coded = [x for i in range(0, len(sounds), 12) for x in chains.through_codec(sounds[i: i + 12], codec, kilobits, rate)]
        out[f"{codec}, {kilobits} kbit/s"] = [clipped(chains.resample(x, rate, SAMPLE_RATE_HZ, "soxr-hq", None)) for x in coded]
    sounds = [chains.shoebox(np.random.default_rng(synth.TEST_SEED + i), np.clip(made(s, HIGHEST, k), -1, 1), HIGHEST) for i, (s, k) in enumerate(chosen)]
    out["held-out room"] = [clipped(chains.resample(x / (chains.level(x) + 1e-9) * 10 ** ((s[3] or -20) / 20) if s[3] else x, HIGHEST, SAMPLE_RATE_HZ, "swr", None))
                            for x, (s, _) in zip(sounds, chosen)]
    return chosen, out


def through_pulse(clips, rate=HIGHEST):
    """Plays the clips one after the other into a private PulseAudio server and records its monitor at 16 kHz."""
    home = tempfile.mkdtemp(prefix="chain-test-")
    environment = dict(os.environ, HOME=home, XDG_RUNTIME_DIR=home, PULSE_RUNTIME_PATH=home, PULSE_SERVER=f"unix:{home}/native")
    server = subprocess.Popen(["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", f"--load=module-native-protocol-unix socket={home}/native auth-anonymous=1",
                               f"--load=module-null-sink sink_name=test rate={rate} channels=2"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if subprocess.run(["pactl", "info"], env=environment, capture_output=True, timeout=10).returncode == 0:
                break
            time.sleep(0.1)
        else:
            raise SystemExit("pulseaudio did not start")
        out, file = [], Path(home) / "clip.wav"
        for x in clips:
            soundfile.write(file, x, rate, subtype="FLOAT")
            with open(Path(home) / "recorded", "wb") as recorded:
                recorder = subprocess.Popen(["parec", "--device=test.monitor", "--rate=16000", "--channels=1", "--format=float32le", "--raw",
                                             "--latency-msec=50"], env=environment, stdout=recorded)
                time.sleep(0.5)
                subprocess.run(["paplay", "--device=test", str(file)], env=environment, check=True, timeout=len(x) / rate + 20)
                time.sleep(0.5)
                recorder.terminate()
                recorder.wait(timeout=20)
            samples = np.fromfile(Path(home) / "recorded", np.float32)
            loud = np.flatnonzero(np.abs(samples) > 1e-7)
            start = int(loud[0]) + 4000 if len(loud) else 6400  # past the begin, as for the other variants
            out.append(clipped(samples[start:]))
        return out
    finally:
        server.terminate()
        server.wait(timeout=20)
        shutil.rmtree(home)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pulse", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    config = json.loads((options.model / "config.json").read_text())
    names = [config["id2label"][str(i)] for i in range(len(config["id2label"]))]
    marker = options.lab / f"chain-test-{options.seeds}.npz"
    if marker.exists():
        data = np.load(marker)
        chosen, clips = [(s, k) for k in range(options.seeds) for s in SOUNDS], {name: list(data[name]) for name in data.files}
    else:
        chosen, clips = variants(options.seeds)
        np.savez(marker, **{n: np.stack([np.pad(x, (0, CLIP_SAMPLES - len(x))) for x in c]) for n, c in clips.items()})
    if options.pulse:
        clips["PulseAudio"] = through_pulse([made(s, HIGHEST, k) for s, k in chosen if k == 0])
    truth = [s[1] for s, _ in chosen]
    by_label, found = {n: [] for n in truth}, {n: [] for n in truth}
    scores = {v: window_scores(write_clips(c, options.lab / f"chain-test-{options.seeds}/{v.replace('/', ' ')}"), options.model, None, names) for v, c in clips.items()}
    base, rows, same, differences = scores["16 kHz"], {}, [], []
    first = base.argmax(1)
    print(f"{'variant':28}  same label   right label   median |difference|  white noise: Noise")
    for variant, p in scores.items():
        n = len(p)
        alike = p.argmax(1) == first[:n]
        difference = np.abs(p[np.arange(n), first[:n]] - base[np.arange(n), first[:n]])
        right = np.mean([names[k] == t for k, t in zip(p.argmax(1), truth)])
        rows[variant] = dict(same_label=round(float(alike.mean()), 3), right_label=round(float(right), 3), median_difference=round(float(np.median(difference)), 3),
                             white_noise=round(float(p[0, names.index("Noise")]), 3))
        print(f"{variant:28}  {alike.mean():8.1%}  {right:10.1%}  {np.median(difference):14.3f}  {p[0, names.index('Noise')]:16.3f}")
        if variant != "16 kHz":
            same += list(alike)
            differences += list(difference)
            for i, d in enumerate(difference):
                by_label[truth[i]].append(d)
                found[truth[i]].append(p[i, names.index(truth[i])] >= 0.5)
    by_sound = {}
    for i, (s, _) in enumerate(chosen):
        mine = [p[i].argmax() == first[i] for v, p in scores.items() if v != "16 kHz" and i < len(p)]
        by_sound.setdefault(s[0], []).extend(map(bool, mine))
    by_sound = {k: round(float(np.mean(v)), 3) for k, v in by_sound.items()}
    labels = {n: dict(median_difference=round(float(np.median(by_label[n])), 3), found_at_half=round(float(np.mean(found[n])), 3)) for n in by_label}
    total = dict(same_label=round(float(np.mean(same)), 3), median_difference=round(float(np.median(differences)), 3), variants_of_sounds=len(same),
                 right_label=round(float(np.mean([r["right_label"] for r in rows.values()])), 3))
    met = dict(same_label=total["same_label"] >= SAME_LABEL, median_difference=max(v["median_difference"] for v in (total, *labels.values())) <= MEDIAN_DIFFERENCE)
    print("by label:", labels)
    print("same label by sound:", by_sound)
    print(f"all {total['variants_of_sounds']}: same label {total['same_label']:.1%} (bar {SAME_LABEL:.0%}), median difference {total['median_difference']} "
          f"(bar {MEDIAN_DIFFERENCE}), right label {total['right_label']:.1%}; met: {met}")
    if options.out:
        options.out.write_text(json.dumps(dict(measured_with="astd classify --precision fp32", total=total, labels=labels, variants=rows, same_label_by_sound=by_sound, met=met,
            weights_sha256=hashlib.sha256((options.model / "model.safetensors").read_bytes()).hexdigest()), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
