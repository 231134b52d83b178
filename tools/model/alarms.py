"""The kinds of alarm in volume: the training sounds of the base and of the adapter, and the adapter's test.

Each maker gives samples `[n]` of one kind whose phase is random: any window of the sound may be the one that is heard.
`synth.py` makes the sounds of the frozen test set and is left as it is; timing comes from the same standards, with
more variety in shape, tolerance and cadence. Pitches of the test are never trained on (`synth.pitch`).
"""

import numpy as np

import synth
from features import SAMPLE_RATE_HZ as RATE
from synth import pitch

KINDS = ["Smoke alarm", "Carbon monoxide alarm", "Siren, wail", "Siren, yelp", "Siren, hi-lo",
         "Reversing beeper", "Telephone", "Continuous alarm"]
SIRENS = [k for k in KINDS if k.startswith("Siren")]
SHAPES = ["sine", "square", "saw", "pulse"]
TABLE = 4096


def oscillator(hz, shape, rng):
    """A tone that follows the frequency track `hz` [n], from a band-limited table."""
    top = int(np.clip(7600 / max(hz.max(), 1), 1, 24))
    k = np.arange(1, top + 1)
    weights = {"sine": k == 1, "square": (k % 2) / k, "saw": 1 / k,
               "pulse": rng.uniform(0.2, 1.0, top) * k ** -0.5}[shape]
    t = 2 * np.pi * np.arange(TABLE) / TABLE
    table = (weights[:, None] * np.sin(k[:, None] * t)).sum(0).astype(np.float32)
    phase = np.cumsum(hz / RATE) + rng.random()
    return table[(phase * TABLE).astype(np.int64) % TABLE]


def tone(rng, n, hz, shapes=SHAPES):
    """A steady tone, at times with a second partial nearby or a slight drift."""
    track = np.full(n, hz)
    if rng.random() < 0.2:
        track = track * (1 + 0.01 * np.sin(2 * np.pi * rng.uniform(0.1, 6) * np.arange(n) / RATE))
    out = oscillator(track, str(rng.choice(shapes)), rng)
    if rng.random() < 0.15:
        out = out + rng.uniform(0.2, 0.8) * oscillator(track * rng.uniform(1.02, 1.5), "sine", rng)
    return out


def smoke_alarm(rng, n, test):
    """ISO 8201 temporal-three: three 0.5 s pulses 0.5 s apart, 1.5 s of quiet; each within 10 %."""
    hz = pitch(rng, 400, 1000, test) if rng.random() < 0.4 else pitch(rng, 2000, 4200, test)
    on, off, pause = 0.5 * rng.uniform(0.9, 1.1, 3) * [1, 1, 3]
    return tone(rng, n, hz) * synth.gate(n, [(on, off), (on, off), (on, pause)], rng, rng.uniform(0.002, 0.02))


def carbon_monoxide_alarm(rng, n, test):
    """NFPA 720 temporal-four: four 0.1 s pulses 0.1 s apart, every 5 s; each within 10 %."""
    hz = pitch(rng, 400, 1000, test) if rng.random() < 0.1 else pitch(rng, 2000, 4200, test)
    on, off = 0.1 * rng.uniform(0.9, 1.1, 2)
    pause = 5 * rng.uniform(0.95, 1.05) - 4 * on - 3 * off
    return tone(rng, n, hz) * synth.gate(n, [(on, off)] * 3 + [(on, pause)], rng, rng.uniform(0.001, 0.006))


def sweep(rng, n, low, high, x):
    return oscillator(low * (high / low) ** x, str(rng.choice(SHAPES, p=[0.15, 0.35, 0.35, 0.15])), rng)


def wail(rng, n, test):
    """A slow rise and fall: emergency vehicles (2.5 to 6 s) and civil defence (6 to 14 s)."""
    t = np.arange(n) / RATE + rng.random() * 20
    low = pitch(rng, 350, 850, test)
    period, turn = np.exp(rng.uniform(np.log(2.5), np.log(12))), rng.uniform(0.3, 0.7)
    saw = (t / period) % 1
    x = np.where(saw < turn, saw / turn, (1 - saw) / (1 - turn))
    if rng.random() < 0.6:
        x = 0.5 - 0.5 * np.cos(np.pi * x)
    if period > 6 and rng.random() < 0.5:
        x = np.clip(1.2 * x, 0, 1)
    return sweep(rng, n, low, low * rng.uniform(1.6, 2.8), x)


def yelp(rng, n, test):
    """A fast sweep, two to five times a second."""
    t = np.arange(n) / RATE
    low, rate, turn = pitch(rng, 350, 900, test), rng.uniform(1.8, 5.5), rng.choice([0.3, 0.5, 0.7, 0.9])
    saw = (t * rate + rng.random()) % 1
    return sweep(rng, n, low, low * rng.uniform(1.6, 2.8), np.where(saw < turn, saw / turn, (1 - saw) / (1 - turn)))


def hi_lo(rng, n, test):
    """Two steady tones in turn, each for a third of a second to one second."""
    t = np.arange(n) / RATE
    low, hold = pitch(rng, 350, 1000, test), rng.uniform(0.33, 1.0)
    x = ((t / hold + rng.random() * 2) % 2 < 1).astype(float)
    return sweep(rng, n, low, low * rng.uniform(1.18, 1.55), x)


def reversing_beeper(rng, n, test):
    """A tone of about a kilohertz, on and off for about half a second each."""
    hz, on = pitch(rng, 850, 1700, test), rng.uniform(0.36, 0.58)
    return tone(rng, n, hz) * synth.gate(n, [(on, on * rng.uniform(0.88, 1.12))], rng, rng.uniform(0.002, 0.02))


def telephone(rng, n, test):
    """A struck double bell or an electronic warble, in a ringing cadence."""
    cadence = [[(2.0, 4.0)], [(0.4, 0.2), (0.4, 2.0)], [(1.0, 2.0)], [(1.0, 4.0)], [(0.8, 1.2)]][rng.integers(5)]
    period = sum(a + b for a, b in cadence)
    start = rng.random() * period if rng.random() < 0.7 else 0.0
    t, out = np.arange(n) / RATE, np.zeros(n)
    envelope = synth.gate(n, cadence, rng, start=start)
    if rng.random() < 0.5:
        rate, base = rng.uniform(16, 30), pitch(rng, 800, 1900, test)
        for partial, level in ((1, 1), (rng.uniform(1.1, 1.3), 0.8), (2.7, 0.5), (3.1, 0.4), (4.9, 0.25)):
            if partial * base < 7500:
                out += level * rng.uniform(0.6, 1.2) * np.sin(2 * np.pi * partial * base * t)
        ringing = np.convolve(envelope, np.exp(-np.arange(1600) / 500) / 500, "full")[:n]
        return out * (0.35 + 0.65 * np.exp(-((t * rate) % 1) * 3)) * ringing
    low = pitch(rng, 550, 1600, test)
    return sweep(rng, n, low, low * rng.uniform(1.12, 1.5), (t * rng.uniform(8, 28)) % 1 < 0.5) * envelope


def continuous(rng, n, test):
    """A steady buzzer or horn: harmonics, never a pure sine, at times a rattle of 20 to 60 Hz."""
    hz = pitch(rng, 300, 2600, test)
    out = oscillator(np.full(n, hz), str(rng.choice(["square", "saw", "pulse"])), rng)
    if rng.random() < 0.3:
        out = out * (1 + rng.uniform(0.3, 0.9) * np.sin(2 * np.pi * rng.uniform(20, 60) * np.arange(n) / RATE))
    return out


MAKERS = dict(zip(KINDS, [smoke_alarm, carbon_monoxide_alarm, wail, yelp, hi_lo, reversing_beeper, telephone, continuous]))


def chirp(rng, n, test):
    """One sweep or a few, over more than an octave: no alarm of ours."""
    t = (np.arange(n) / RATE / rng.uniform(1.0, 8.0) + rng.random()) % 1
    low = pitch(rng, 100, 1200, test)
    return oscillator(low * rng.uniform(3, 6) ** (t if rng.random() < 0.5 else 1 - t), str(rng.choice(SHAPES)), rng)


def dial(rng, n, test):
    """Touch tones, or a busy signal."""
    t, out = np.arange(n) / RATE, np.zeros(n)
    if rng.random() < 0.3:
        on = rng.uniform(0.2, 0.3)
        return np.sin(2 * np.pi * 425 * t) * synth.gate(n, [(on, on)], rng)
    at, on = int(rng.random() * 8000), int(rng.uniform(0.06, 0.25) * RATE)
    while at + on < n:
        low, high = rng.choice([697, 770, 852, 941]), rng.choice([1209, 1336, 1477])
        out[at: at + on] = np.sin(2 * np.pi * low * t[:on]) + np.sin(2 * np.pi * high * t[:on])
        at += on + int(on * rng.uniform(0.6, 3))
    return out


def other(rng, n, test):
    """A beep or tone that is none of the kinds: groups of pulses, pure tones, chirps, dialling."""
    makers = [synth.beeps, synth.sine_wave, chirp, dial]
    return makers[rng.choice(4, p=[0.5, 0.2, 0.15, 0.15])](rng, n, test)


def finished(rng, x):
    """A room, a small loudspeaker, one level."""
    if rng.random() < 0.6:
        x = synth.room(rng, x)
    if rng.random() < 0.3:
        x = synth.band_limit(rng, x)
    return synth.to_level(x)
