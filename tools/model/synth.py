"""Our own sounds: tones, noises, silence, sirens and alarms, rooms and levels. Everything is seeded.

Alarm timings follow the published temporal patterns: temporal-three for smoke (ISO 8201: three 0.5 s
pulses 0.5 s apart, then 1.5 s of quiet) and temporal-four for carbon monoxide (NFPA 720: four 0.1 s
pulses 0.1 s apart, every 5 s). A pitch belongs to the test when its place inside its sixth of an
octave falls in the first quarter, so no test pitch is ever trained on.
"""

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from features import CLIP_SAMPLES, SAMPLE_RATE_HZ as RATE

TEST_SEED = 1_000_000
ALARM_KINDS = ["Smoke alarm", "Carbon monoxide alarm", "Siren", "Reversing beeper", "Telephone"]


def pitch(rng, low, high, test):
    """A pitch drawn evenly in octaves from the bands of the side that asks."""
    while True:
        hz = low * (high / low) ** rng.random()
        if ((np.log2(hz / 100) * 6) % 1 < 0.25) == test:
            return hz


def oscillator(hz, shape="sine", phase=0.0):
    """A tone that follows the frequency track `hz` [n]."""
    angle = 2 * np.pi * np.cumsum(hz) / RATE + phase
    if shape == "sine":
        return np.sin(angle)
    top = max(1, int(7600 / max(hz.max(), 1)))
    odd = range(1, min(top, 15) + 1, 2)
    if shape == "square":
        return sum(np.sin(k * angle) / k for k in odd)
    return sum(np.sin(k * angle) / k for k in range(1, min(top, 15) + 1))


def gate(n, on_off, rng, ramp_seconds=0.004, start=None):
    """An on/off envelope [n] from (on, off) seconds repeated, starting anywhere in its period."""
    period = sum(a + b for a, b in on_off)
    t = (np.arange(n) / RATE + (rng.random() * period if start is None else start)) % period
    out, edge = np.zeros(n), 0.0
    for on, off in on_off:
        out[(t >= edge) & (t < edge + on)] = 1
        edge += on + off
    width = max(1, int(ramp_seconds * RATE))
    return np.convolve(out, np.ones(width) / width, "same")


def smoke_alarm(rng, n, test):
    """Temporal-three at 520 Hz-like square or 2.5-4 kHz piezo tones."""
    square = rng.random() < 0.35
    hz = pitch(rng, 400, 700, test) if square else pitch(rng, 2200, 4200, test)
    stretch = rng.uniform(0.93, 1.07)
    envelope = gate(n, [(0.5 * stretch, 0.5 * stretch)] * 2 + [(0.5 * stretch, 1.5 * stretch)], rng)
    return oscillator(np.full(n, hz), "square" if square else rng.choice(["sine", "saw"])) * envelope


def carbon_monoxide_alarm(rng, n, test):
    """Temporal-four: four short pulses every five seconds; the clip holds one whole group."""
    hz = pitch(rng, 2200, 4200, test)
    stretch = rng.uniform(0.93, 1.07)
    pulse = 0.1 * stretch
    envelope = gate(n, [(pulse, pulse)] * 3 + [(pulse, 4.3 * stretch)], rng,
                    start=rng.uniform(1.0, 4.9) * stretch)
    return oscillator(np.full(n, hz), rng.choice(["sine", "saw"])) * envelope


def siren(rng, n, test):
    """Wail, yelp, hi-lo or a civil defence rise and fall."""
    t = np.arange(n) / RATE + rng.random() * 10
    low = pitch(rng, 380, 800, test)
    high = low * rng.uniform(1.6, 2.6)
    kind = rng.integers(4)
    if kind == 0:  # wail
        x = 0.5 - 0.5 * np.cos(2 * np.pi * t / rng.uniform(2.5, 6))
    elif kind == 1:  # yelp
        x = (t * rng.uniform(2, 5)) % 1
        x = np.where(x < 0.7, x / 0.7, (1 - x) / 0.3)
    elif kind == 2:  # hi-lo
        x = ((t / rng.uniform(0.35, 0.75)) % 2 < 1).astype(float)
        high = low * rng.uniform(1.25, 1.5)
    else:  # slow rise and fall
        x = np.clip(0.6 - 0.6 * np.cos(2 * np.pi * t / rng.uniform(6, 14)), 0, 1)
    return oscillator(low * (high / low) ** x, rng.choice(["square", "saw", "sine"], p=[0.4, 0.45, 0.15]))


def reversing_beeper(rng, n, test):
    """A tone of about a kilohertz, on and off about once a second."""
    on = rng.uniform(0.38, 0.55)
    hz = pitch(rng, 900, 1600, test)
    return oscillator(np.full(n, hz), rng.choice(["square", "sine", "saw"])) * gate(n, [(on, on)], rng)


def telephone(rng, n, test):
    """A struck double bell or an electronic warble in a ringing cadence."""
    cadence = [[(2.0, 4.0)], [(0.4, 0.2), (0.4, 2.0)], [(1.0, 2.0)]][rng.integers(3)]
    envelope = gate(n, cadence, rng, start=rng.uniform(0, cadence[0][0] * 0.3))
    t = np.arange(n) / RATE
    if rng.random() < 0.5:
        rate, out = rng.uniform(18, 28), np.zeros(n)
        base = pitch(rng, 900, 1800, test)
        for partial, level in ((1, 1), (1.19, 0.8), (2.7, 0.5), (3.1, 0.4), (4.9, 0.25)):
            if partial * base < 7500:
                out += level * np.sin(2 * np.pi * partial * base * t)
        return out * (0.35 + 0.65 * np.exp(-((t * rate) % 1) * 3)) * envelope
    low = pitch(rng, 600, 1500, test)
    high = low * rng.uniform(1.15, 1.45)
    return oscillator(np.where((t * rng.uniform(10, 25)) % 1 < 0.5, low, high), "square") * envelope


def beeps(rng, n, test):
    """Alarm clocks, buzzers and monitors: repeated groups of short pulses."""
    hz = pitch(rng, 700, 4200, test)
    count, on = rng.integers(1, 6), rng.uniform(0.04, 0.3)
    groups = [(on, on * rng.uniform(0.6, 1.2))] * (count - 1) + [(on, rng.uniform(0.2, 1.0))]
    if rng.random() < 0.2:
        hz, groups = pitch(rng, 180, 500, test), [(rng.uniform(0.3, 1.2), rng.uniform(0.2, 0.8))]
    return oscillator(np.full(n, hz), rng.choice(["square", "sine", "saw"])) * gate(n, groups, rng)


KINDS = dict(zip(ALARM_KINDS, [smoke_alarm, carbon_monoxide_alarm, siren, reversing_beeper, telephone]))


def alarm(rng, n, test):
    """Any alarm that is not a siren."""
    makers = [smoke_alarm, carbon_monoxide_alarm, reversing_beeper, telephone, beeps]
    return makers[rng.choice(5, p=[0.22, 0.16, 0.16, 0.18, 0.28])](rng, n, test)


def sine_wave(rng, n, test):
    """One steady tone, or two."""
    out = np.sin(2 * np.pi * pitch(rng, 60, 7000, test) * np.arange(n) / RATE)
    if rng.random() < 0.2:
        out += np.sin(2 * np.pi * pitch(rng, 60, 7000, test) * np.arange(n) / RATE)
    return out


def noise(rng, n, test):
    """White to brown noise, band limited or not, steady or slowly changing, at times with mains hum."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    f = np.maximum(np.fft.rfftfreq(n, 1 / RATE), 20)
    out = np.fft.irfft(spectrum * f ** -rng.uniform(-0.2, 1.1), n)
    if rng.random() < 0.5:
        out = band_limit(rng, out)
    if rng.random() < 0.25:
        t = np.arange(n) / RATE
        out *= 1 + 0.6 * np.sin(2 * np.pi * rng.uniform(0.05, 0.6) * t + rng.random() * 6)
    if rng.random() < 0.25:
        t, mains = np.arange(n) / RATE, rng.choice([50, 60])
        hum = sum(np.sin(2 * np.pi * mains * k * t + rng.random() * 6) / k for k in (1, 2, 3, 5))
        out += out.std() * rng.uniform(0.2, 1.0) * hum
    return out


def silence(rng, n, test):
    """Digital silence, a few least significant bits, or noise below -80 dBFS."""
    kind = rng.integers(3)
    if kind == 0:
        return np.zeros(n)
    if kind == 1:
        return np.round(rng.standard_normal(n) * rng.uniform(0, 1.2)) / 32768
    out = noise(rng, n, test)
    return out / (out.std() + 1e-12) * 10 ** (rng.uniform(-110, -80) / 20)


MAKERS = {"Siren": siren, "Alarm": alarm, "Sine wave": sine_wave, "Noise": noise, "Silence": silence}


def band_limit(rng, x):
    """A random low or high pass: a telephone, a wall, a small loudspeaker."""
    kind = rng.integers(3)
    if kind in (0, 2):
        x = sosfilt(butter(4, rng.uniform(1800, 6500), "low", fs=RATE, output="sos"), x)
    if kind in (1, 2):
        x = sosfilt(butter(2, rng.uniform(80, 600), "high", fs=RATE, output="sos"), x)
    return x


def room(rng, x):
    """A small room: the direct sound, a few reflections, and a decaying diffuse tail."""
    decay = rng.uniform(0.12, 0.8)
    n = int(decay * RATE)
    tail = rng.standard_normal(n) * np.exp(-6.9 * np.arange(n) / n)
    tail[: int(rng.uniform(0.002, 0.012) * RATE)] = 0
    tail *= rng.uniform(0.15, 0.9) / (np.sqrt((tail**2).sum()) + 1e-9)
    tail[0] = 1
    for _ in range(rng.integers(2, 7)):
        tail[rng.integers(20, min(n, 900))] += rng.uniform(-0.5, 0.5)
    return fftconvolve(x, tail)[: len(x)]


def to_level(x, dbfs=-20.0):
    """Scales to a root mean square level over the parts that sound, without clipping."""
    total = np.cumsum(np.concatenate([[0.0], np.asarray(x, np.float64) ** 2]))
    power = (total[400:] - total[:-400])[::200] / 400 if len(x) > 400 else np.array([np.mean(x**2)])
    loud = power[power > power.max() * 1e-3]
    rms = np.sqrt(loud.mean()) if len(loud) else 0
    if rms < 1e-6:
        return x
    return x * min(10 ** (dbfs / 20) / rms, 0.98 / np.abs(x).max())


def test_clip(label, seed):
    """A synthesised test clip: its own pitches, seeds and rooms; level -45 to -15 dBFS."""
    rng = np.random.default_rng(seed)
    x = MAKERS[label](rng, CLIP_SAMPLES, True)
    if label in ("Siren", "Alarm") and rng.random() < 0.7:
        x = room(rng, x)
    if label == "Silence":
        return x
    x = to_level(x, rng.uniform(-45, -15))
    if label != "Noise":
        hiss = noise(rng, CLIP_SAMPLES, True)
        x = x + hiss / hiss.std() * x.std() * 10 ** (-rng.uniform(12, 40) / 20)
    return x
