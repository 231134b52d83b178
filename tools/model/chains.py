"""Random sound chains, as they lie between a sound and a recogniser: room, microphone, gain, codec, resampler.

A chain is drawn with a seeded generator (`draw`). A sound is made at the chain's own rate (`at_rate` for synthesis,
`raised` for recordings), goes through room, microphone, hum, noise floor, gain, clipping and AGC at that rate
(`captured`), then through a codec (`coded`: many clips per call of ffmpeg), and last through the chain's resampler to
16 kHz (`lowered`). Every resampler empties the top of the band in its own way, which is why noise that was made at
16 kHz is not enough: a model trained on it recognises the band edge instead of the noise.

Held out for tests, never drawn for training: the resampler `swr` (ffmpeg) and PulseAudio's, the codec `vorbis`, and
rooms by the image method (training rooms are decaying noise).
"""

import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np
import soundfile
import soxr
from scipy.signal import butter, firwin, firwin2, oaconvolve, resample_poly, sosfilt

import alarms
import beepers
import noises
import synth
from features import SAMPLE_RATE_HZ

# Rate that a sound is made or recorded at, and how often.
RATES = {8_000: 0.05, 16_000: 0.17, 22_050: 0.07, 32_000: 0.04, 44_100: 0.31, 48_000: 0.33, 96_000: 0.03}
RESAMPLERS = {"soxr-vhq": 0.15, "soxr-hq": 0.2, "soxr-mq": 0.1, "soxr-lq": 0.1, "polyphase": 0.15, "kaiser": 0.25, "linear": 0.05}
HELD_OUT_RESAMPLER, HELD_OUT_CODEC = "swr", "vorbis"
# Codec: share among the chains that have one, rates that it takes without resampling, kilobits a second.
CODECS = {"mp3": (0.4, (44_100, 48_000), (32, 160)), "aac": (0.3, (44_100, 48_000), (32, 128)),
          "opus": (0.3, (16_000, 48_000), (10, 64)), "alaw": (0, (8_000,), (64, 65)), "mulaw": (0, (8_000,), (64, 65))}
ENCODERS = {"mp3": ("libmp3lame", "mp3"), "aac": ("aac", "m4a"), "opus": ("libopus", "opus"), "alaw": ("pcm_alaw", "wav"), "mulaw": ("pcm_mulaw", "wav"),
            "vorbis": ("libvorbis", "ogg")}
SPACER_SECONDS = 0.25  # silence between clips in one call of a codec


@dataclass
class Chain:
    rate: int
    resampler: str
    codec: str | None
    kilobits: int
    seed: int  # of everything drawn while the chain is applied
    room: bool
    microphone: bool
    limit_hz: float | None
    hum_db: float | None  # relative to the sound
    floor_db: float | None  # relative to the sound
    clip: float | None  # of the peak
    agc: bool


@contextmanager
def at_rate(hz):
    """Lets the generators of tones, alarms, beeps and noises make sounds at another rate."""
    modules = (synth, alarms, noises, beepers)
    before = [m.RATE for m in modules]
    for m in modules:
        m.RATE = hz
    try:
        yield
    finally:
        for m, rate in zip(modules, before):
            m.RATE = rate


def choice(rng, shares):
    names, weights = list(shares), np.array(list(shares.values()), float)
    return names[rng.choice(len(names), p=weights / weights.sum())]


def draw(rng):
    """A chain. Sound levels are -45 to -8 dBFS and noise floors -80 to -30 dBFS, so a floor lies 10 to 70 dB under."""
    rate, codec, kilobits = int(choice(rng, RATES)), None, 0
    if rate == 8_000:
        codec = str(rng.choice(["alaw", "mulaw"])) if rng.random() < 0.7 else None
    elif rng.random() < 0.35 and rate in (16_000, 44_100, 48_000):
        fits = {n: share for n, (share, rates, _) in CODECS.items() if rate in rates and share}
        codec = choice(rng, fits) if fits else None
    if codec:
        low, high = CODECS[codec][2]
        kilobits = int(np.exp(rng.uniform(np.log(low), np.log(high))))
    under = rng.uniform(-80, -30) - rng.uniform(-45, -8)
    return Chain(rate, choice(rng, RESAMPLERS), codec, kilobits, int(rng.integers(1 << 40)), room=rng.random() < 0.4,
                 microphone=rng.random() < 0.5, limit_hz=rng.uniform(3400, 8000) if rng.random() < 0.25 else None,
                 hum_db=rng.uniform(-60, -15) if rng.random() < 0.15 else None,
                 floor_db=min(under, -10) if rng.random() < 0.6 else None,
                 clip=rng.uniform(0.25, 0.9) if rng.random() < 0.08 else None, agc=rng.random() < 0.12)


def resample(x, rate, to, name, rng):
    """`x` from `rate` to `to` by the named resampler."""
    if rate == to:
        return x.astype(np.float32)
    if name.startswith("soxr"):
        return soxr.resample(x.astype(np.float32), rate, to, quality=name[5:].upper())
    up, down = to // gcd(rate, to), rate // gcd(rate, to)
    if name == "polyphase":
        return resample_poly(x, up, down).astype(np.float32)
    if name == "kaiser":  # filters from short and soft to long and sharp, as speex, SDL and sound cards have them
        half, widest = rng.integers(4, 25), max(up, down)
        window = firwin(2 * half * widest + 1, rng.uniform(0.82, 1.0) / widest, window=("kaiser", rng.uniform(4, 12)))
        return resample_poly(x, up, down, window=window).astype(np.float32)
    if name == "linear":
        return np.interp(np.arange(int(len(x) * to / rate)) * (rate / to), np.arange(len(x)), x).astype(np.float32)
    if name == "swr":
        done = subprocess.run(["ffmpeg", "-v", "error", "-f", "f32le", "-ar", str(rate), "-ac", "1", "-i", "-", "-ar", str(to), "-f", "f32le", "-"],
                              input=x.astype(np.float32).tobytes(), capture_output=True, check=True)
        return np.frombuffer(done.stdout, np.float32).copy()
    raise ValueError(name)


def raised(chain, x):
    """A recording at 16 kHz as it is before the chain, at the chain's rate."""
    return resample(np.asarray(x), SAMPLE_RATE_HZ, chain.rate, "soxr-hq", None)


def microphone(rng, x, rate):
    """A small microphone: a random smooth response over the band, less bass."""
    points = np.linspace(0, 1, 9)
    decibels = rng.normal(0, 3, 9)
    decibels[0] = -rng.uniform(6, 30)
    return oaconvolve(x, firwin2(127, points, 10 ** (decibels / 20)), "same")


def level(x):
    """Root mean square of the parts that sound."""
    block = max(1, len(x) // 300)
    power = np.square(x[: len(x) // block * block]).reshape(-1, block).mean(1)
    loud = power[power > power.max() * 1e-3]
    return float(np.sqrt(loud.mean())) if len(loud) else 0.0


def hum(rng, n, rate):
    t, mains = np.arange(n) / rate, rng.choice([50, 60])
    return sum(rng.uniform(0.2, 1) / k * np.sin(2 * np.pi * mains * k * t + rng.random() * 6) for k in (1, 2, 3, 4, 5, 7))


def floor(rng, n):
    """Noise of a random colour, cheap: filtered white noise."""
    x = rng.standard_normal(n, np.float32)
    slope = rng.choice(4)
    if slope:
        sos = butter(1, [0.002, 0.02, 0.1][slope - 1], "low", output="sos")
        x = sosfilt(sos, x) * rng.uniform(1, 4) / [0.03, 0.15, 0.3][slope - 1] + x * rng.uniform(0, 1)
    return x / x.std()


def controlled(rng, x, rate):
    """Automatic gain: louder within a second when it is quiet, quieter within some ten milliseconds when it is loud."""
    block = rate // 50
    count = max(1, len(x) // block)
    wanted, gain, gains = 0.1 * 10 ** rng.uniform(-0.5, 0.5), 1.0, []
    most, release = 10 ** rng.uniform(0.3, 1.5), rng.uniform(0.005, 0.05)
    for peak in np.abs(x[: count * block]).reshape(count, -1).max(1) if len(x) >= block else [np.abs(x).max()]:
        target = min(most, wanted / (peak + 1e-5))
        gain += (target - gain) * (0.5 if target < gain else release)
        gains.append(gain)
    return x * np.interp(np.arange(len(x)), (np.arange(count) + 0.5) * block, gains)


def captured(chain, x, quiet=False):
    """The sound as the chain's microphone input has it, at the chain's rate. `quiet`: nothing is added (silence)."""
    rng, x = np.random.default_rng(chain.seed), np.asarray(x, np.float32)
    if quiet:
        return x
    with at_rate(chain.rate):
        if chain.room:
            x = room(rng, x)
    loudness = level(x) or 1e-3
    if chain.hum_db is not None:
        x = x + hum(rng, len(x), chain.rate).astype(np.float32) * loudness * 10 ** (chain.hum_db / 20)
    if chain.floor_db is not None:
        x = x + floor(rng, len(x)).astype(np.float32) * loudness * 10 ** (chain.floor_db / 20)
    if chain.microphone:
        x = microphone(rng, x, chain.rate)
    if chain.limit_hz and chain.limit_hz < 0.49 * chain.rate:
        x = sosfilt(butter(int(rng.integers(3, 10)), chain.limit_hz, "low", fs=chain.rate, output="sos"), x)
    x = x / (np.abs(x).max() + 1e-9) * 10 ** rng.uniform(-1.2, -0.1)
    if chain.agc:
        x = controlled(rng, x, chain.rate)
    if chain.clip:
        top = np.abs(x).max() * chain.clip
        x = np.clip(x, -top, top) if rng.random() < 0.7 else np.tanh(x / top) * top
    return np.clip(x, -1, 1).astype(np.float32)


def room(rng, x):
    """synth.room, by blocks."""
    rate = synth.RATE
    n = int(rng.uniform(0.12, 0.8) * rate)
    tail = rng.standard_normal(n, np.float32) * np.exp(-6.9 * np.arange(n, dtype=np.float32) / n)
    tail[: int(rng.uniform(0.002, 0.012) * rate)] = 0
    tail *= rng.uniform(0.15, 0.9) / (np.sqrt((tail**2).sum()) + 1e-9)
    tail[0] = 1
    for _ in range(rng.integers(2, 7)):
        tail[rng.integers(rate // 800, min(n, rate // 18))] += rng.uniform(-0.5, 0.5)
    return oaconvolve(x, tail)[: len(x)]


def shoebox(rng, x, rate):
    """A held-out room: the image method (Allen and Berkley, 1979) in a random box, walls of one absorption."""
    size = rng.uniform([2.5, 2.5, 2.2], [9, 7, 3.5])
    source, ear = rng.uniform(0.3, size - 0.3), rng.uniform(0.3, size - 0.3)
    reflection = rng.uniform(0.55, 0.93)
    out = np.zeros(int(0.5 * rate), np.float32)
    turn, flipped = np.arange(-7, 8)[:, None], np.array([0, 1])
    # Along each axis: where the images of the source are, and how often the sound met a wall on the way, `[30]`.
    places = [((2 * turn * s + np.where(flipped, -o, o)).ravel() - e) ** 2 for s, o, e in zip(size, source, ear)]
    bounces = np.abs(2 * turn - flipped).ravel()
    far = np.sqrt(places[0][:, None, None] + places[1][:, None] + places[2]).ravel()
    count = (bounces[:, None, None] + bounces[:, None] + bounces).ravel()
    at = (far / 343 * rate).astype(int)
    near = at < len(out)
    np.add.at(out, at[near], (reflection ** count / np.maximum(far, 0.1)).astype(np.float32)[near])
    out = out[int(np.flatnonzero(out)[0]):]
    return oaconvolve(x, out / np.abs(out).max())[: len(x)].astype(np.float32)


def through_codec(clips, codec, kilobits, rate):
    """Clips `[n]` of one rate through a codec, in one call of ffmpeg each way; every clip keeps its length."""
    gap = np.zeros(int(SPACER_SECONDS * rate), np.float32)
    joined = np.concatenate([part for clip in clips for part in (gap, clip)] + [gap, gap])
    encoder, suffix = ENCODERS[codec]
    with tempfile.TemporaryDirectory() as work:
        plain, packed = Path(work) / "in.wav", Path(work) / f"coded.{suffix}"
        soundfile.write(plain, joined, rate, subtype="PCM_16")
        rates = [] if encoder.startswith("pcm") else ["-b:a", f"{kilobits}k"]
        if codec == "vorbis":
            rates = ["-q:a", str(min(10, max(-1, kilobits // 16 - 2)))]
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-threads", "1", "-i", plain, "-c:a", encoder, *rates, packed], check=True, capture_output=True)
        done = subprocess.run(["ffmpeg", "-v", "error", "-threads", "1", "-i", packed, "-f", "f32le", "-ac", "1", "-"], check=True, capture_output=True)
        decoded = np.frombuffer(done.stdout, np.float32)
    if codec == "opus" and rate != 48_000:  # libopus always decodes to 48 kHz
        decoded = soxr.resample(decoded, 48_000, rate)
    decoded = np.pad(decoded, (0, max(0, len(joined) - len(decoded))))
    out, at = [], len(gap)
    for clip in clips:
        out.append(decoded[at: at + len(clip)].copy())
        at += len(clip) + len(gap)
    return out


def coded(chains, clips, at_once=12):
    """Each clip through its chain's codec; clips of similar bit rates share a call."""
    out, groups = list(clips), {}
    for i, c in enumerate(chains):
        if c.codec:
            groups.setdefault((c.codec, c.rate), []).append(i)
    for (codec, rate), rows in groups.items():
        rows.sort(key=lambda i: chains[i].kilobits)
        for at in range(0, len(rows), at_once):
            part = rows[at: at + at_once]
            for i, clip in zip(part, through_codec([clips[i] for i in part], codec, chains[part[len(part) // 2]].kilobits, rate)):
                out[i] = clip
    return out


def lowered(chain, x):
    """At 16 kHz, by the chain's resampler."""
    return resample(x, chain.rate, SAMPLE_RATE_HZ, chain.resampler, np.random.default_rng(chain.seed + 1))
