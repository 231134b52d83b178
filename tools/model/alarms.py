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
    top = int(np.clip(0.475 * RATE / max(hz.max(), 1), 1, 24))
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


# What a window must hold of a pattern to be of its kind (`evidence`), in seconds; a beep is at least this long.
SHORTEST_BEEP, PAUSE = 0.05, 1.0
# Sounds without pulses: under the first number of seconds the window is of no kind, from the second on it is of the kind.
SECONDS = {"Siren, wail": (1.2, 2.5), "Siren, yelp": (0.5, 1.0), "Siren, hi-lo": (1.0, 2.0), "Telephone": (0.4, 0.8), "Continuous alarm": (0.8, 2.0)}


def sounding(x, frames, hop, width):
    """Whether each frame of a clean sound `[n]` sounds, `[frames]`: within 34 dB of its loudest frame."""
    at = np.minimum(np.arange(frames) * hop + width // 2, len(x) - 1)
    total = np.cumsum(np.concatenate([[0.0], np.square(np.asarray(x, np.float64))]))
    power = (total[np.minimum(at + hop // 2, len(x))] - total[np.maximum(at - hop // 2, 0)]) / hop
    return power > power.max() * 4e-4 + 1e-12


def runs(on):
    """Starts and ends of the stretches where `on` is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(np.int8), [0]])))
    return edges[::2], edges[1::2]


def evidence(kind, on, frame_seconds=0.01):
    """Whether a window holds enough of a pattern to be of its kind: 1 yes, 0 no, -1 it may be.

    Smoke alarm: one whole group of three beeps with a second of its pause before or after it, or a pause between beeps
    of two groups and three beeps in all; no: fewer than three beeps. Carbon monoxide alarm: one whole group of four
    with a second of pause before or after it; no: fewer than three beeps. Reversing beeper: four beeps; no: fewer than
    three. The others by seconds of sound (`SECONDS`).
    """
    if kind in SECONDS:
        low, high = SECONDS[kind]
        seconds = on.sum() * frame_seconds
        return 1 if seconds >= high else 0 if seconds < low else -1
    starts, ends = runs(on)
    whole = (ends - starts) * frame_seconds >= SHORTEST_BEEP
    starts, ends = starts[whole], ends[whole]
    if len(starts) < 3:
        return 0
    if kind == "Reversing beeper":
        return 1 if len(starts) >= 4 else -1
    # Quiet before each beep and after the last one; the window's edges end a quiet.
    quiet = np.diff(np.concatenate([[0], np.stack([starts, ends], 1).ravel(), [len(on)]]))[::2] * frame_seconds
    breaks = np.flatnonzero(quiet >= PAUSE)
    inner = [b for b in breaks if 0 < b < len(starts)]
    size = 3 if kind == "Smoke alarm" else 4
    if kind == "Smoke alarm" and inner:
        return 1
    borders = [0, *inner, len(starts)]
    for a, b in zip(borders, borders[1:]):
        cut = (a == 0 and starts[0] == 0) or (b == len(starts) and ends[-1] == len(on))
        if b - a == size and not cut and (a in breaks or b in breaks):
            return 1
    return -1


def like_reversing(on, frame_seconds=0.01):
    """Whether beeps of a device are timed as a reversing beeper's, so that they may have its label."""
    starts, ends = runs(on)
    if len(starts) < 3:
        return False
    sound, quiet = (ends - starts)[1:-1] * frame_seconds, (starts[1:] - ends[:-1]) * frame_seconds
    return bool((sound > 0.27).all() and (sound < 0.65).all() and (quiet > 0.22).all() and (quiet < 0.7).all())
