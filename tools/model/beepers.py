"""Beeps and chimes that are none of the kinds of alarm: kitchen, laundry, vehicles, doorbells, games, birds ("None of these").

Held out for the test: the makers' patterns in `HELD_OUT`, and everything near them (`held_out`). A maker gives samples
`[n]`; most begin somewhere in the clip and end after a few beeps, as appliances do.
"""

import numpy as np

import alarms
import synth
from features import SAMPLE_RATE_HZ as RATE
from synth import pitch

# name, beeps in a group, seconds on, seconds off between them, seconds between groups (0: one group), Hz, shape
HELD_OUT = [
    ("microwave oven, 1 s", 3, 1.0, 1.0, 0, 2048, "sine"),
    ("microwave oven, 0.5 s", 5, 0.5, 0.5, 0, 2000, "square"),
    ("microwave oven, three short", 3, 0.3, 0.3, 60, 2300, "sine"),
    ("coffee machine", 3, 0.15, 0.15, 0, 2700, "square"),
    ("coffee machine, two", 2, 0.12, 0.1, 0, 3100, "sine"),
    ("oven timer", 4, 0.2, 0.2, 1.0, 2400, "square"),
    ("washing machine", 5, 0.25, 0.75, 0, 2600, "square"),
    ("dishwasher", 3, 0.8, 0.6, 0, 2900, "sine"),
    ("refrigerator door", 1, 0.1, 0, 0.9, 3000, "sine"),
    ("induction hob", 1, 0.4, 0, 1.6, 2750, "square"),
    ("thermometer", 10, 0.06, 0.06, 0.5, 3600, "sine"),
    ("uninterruptible power supply", 4, 0.3, 0.7, 27, 2500, "sine"),
    ("seat belt", 1, 0.25, 0, 0.45, 1050, "sine"),
]
REVERSING_HELD_OUT = [(0.5, 0.5, 1000), (0.5, 0.5, 1250), (0.5, 0.5, 2000), (0.5, 0.5, 2500), (0.45, 0.45, 2800), (0.4, 0.4, 1500)]


def held_out(count, on, off):
    """Whether a pattern is near a held-out maker's."""
    return any(count == c and abs(on / o - 1) < 0.15 and (c == 1 or abs(off / f - 1) < 0.2) for _, c, o, f, *_ in HELD_OUT)


def near_alarm(count, on, off, pause):
    """Whether a pattern is within twice the tolerance of temporal-three or temporal-four, which may have this label."""
    three = count == 3 and 0.4 < on < 0.6 and 0.4 < off < 0.6 and pause > 1.0
    four = count == 4 and 0.07 < on < 0.13 and 0.07 < off < 0.13
    return three or four


def groups(n, count, on, off, pause, start, ramp=0.003):
    """The envelope [n] of groups of beeps from `start` seconds on; one group where the pause is 0."""
    out, t, at = np.zeros(n, np.float32), np.arange(n) / RATE, start
    while at < n / RATE:
        for k in range(count):
            begin = at + k * (on + off)
            out[max(0, int(begin * RATE)): max(0, int((begin + on) * RATE))] = 1
        if not pause:
            break
        at += count * on + (count - 1) * off + pause
    width = max(1, int(ramp * RATE))
    return np.convolve(out, np.ones(width, np.float32) / width, "same")


def appliance(rng, n, test):
    """Beeps of a household device. Only training draws here; the test plays HELD_OUT."""
    while True:
        count = int(rng.choice([1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 6, 8, 10]))
        on = float(np.exp(rng.uniform(np.log(0.05), np.log(1.6))))
        off = on * rng.uniform(0.4, 1.6)
        pause = float(rng.choice([0, 0, rng.uniform(0.4, 2), rng.uniform(2, 30)]))
        if not held_out(count, on, off) and not near_alarm(count, on, off, pause):
            break
    hz = pitch(rng, 700, 4200, test)
    out = alarms.tone(rng, n, hz, ["sine", "sine", "square", "pulse"])
    length = count * on + (count - 1) * off
    if pause and rng.random() < 0.6:
        start = -rng.uniform(0, length + pause)
    else:
        start = rng.uniform(-0.6 * length, n / RATE - min(length, 2) * 0.7)
    envelope = groups(n, count, on, off, pause, start, rng.uniform(0.001, 0.01))
    if rng.random() < 0.2:  # every other beep at another pitch
        other = alarms.tone(rng, n, hz * rng.choice([0.75, 0.8, 1.25, 1.33, 1.5]), ["sine", "square"])
        second = (np.arange(n) / RATE / (on + off)).astype(int) % 2 == 1
        out = np.where(second, other, out)
    return out * envelope


def pattern(rng, n, count, on, off, pause, hz, shape):
    """A given pattern whose first group begins 0 to 1 s into the clip."""
    return alarms.tone(rng, n, hz, [shape]) * groups(n, count, on, off, pause, rng.uniform(0, 1))


def reversing_beeper(rng, n, test):
    """Reversing beepers of lorries, loaders and carts: 1 to 2.8 kHz, on and off for 0.3 to 0.6 s each."""
    on = rng.uniform(0.3, 0.6)
    return alarms.tone(rng, n, pitch(rng, 900, 2800, test)) * synth.gate(n, [(on, on * rng.uniform(0.85, 1.15))], rng, rng.uniform(0.002, 0.02))


def struck(n, hz, rng, at, decay, partials):
    """One struck note [n] at `at` seconds."""
    t = np.arange(n) / RATE - at
    live = np.maximum(t, 0)
    out = np.zeros(n)
    for ratio, gain in partials:
        if ratio * hz < 0.47 * RATE:
            out += gain * np.sin(2 * np.pi * ratio * hz * live) * np.exp(-live / decay * ratio**0.5)
    return np.where(t >= 0, out * np.minimum(1, live / 0.002), 0)


def chime(rng, n, test):
    """Doorbells, clocks, announcements: two to eight struck notes."""
    partials = [(1, 1), (rng.choice([2.0, 2.76, 3.0, 3.98]), rng.uniform(0.1, 0.6)), (rng.choice([4.2, 5.4, 6.8]), rng.uniform(0, 0.3))]
    base, gap, decay = pitch(rng, 300, 1600, test), rng.uniform(0.15, 0.9), rng.uniform(0.2, 1.5)
    at, out = rng.uniform(-0.5, n / RATE * 0.7), np.zeros(n)
    for _ in range(rng.integers(2, 9)):
        out += struck(n, base * 2 ** (rng.choice([-5, -4, -3, 0, 0, 2, 4, 5, 7]) / 12), rng, at, decay, partials)
        at += gap * rng.choice([1, 1, 2])
    return out


def game(rng, n, test):
    """Square and triangle waves of old games: arpeggios, jumps, falling sweeps."""
    t, step = np.arange(n) / RATE, rng.uniform(0.04, 0.2)
    places = (t / step).astype(int)
    notes = rng.choice([0, 3, 4, 5, 7, 9, 12, 15, 16, 19], places.max() + 1)
    if rng.random() < 0.5:
        notes = np.tile(notes[: rng.integers(3, 9)], len(notes))[: len(notes)]
    track = pitch(rng, 180, 900, test) * 2.0 ** (notes[places] / 12)
    if rng.random() < 0.4:
        track = track * 2 ** (((t / step) % 1) * rng.uniform(-1, 1))
    out = alarms.oscillator(track, str(rng.choice(["square", "pulse", "saw"])), rng)
    rests = rng.random(places.max() + 1) < rng.uniform(0, 0.4)
    length = rng.uniform(0.5, n / RATE)
    start = rng.uniform(0, n / RATE - length)
    return out * ~rests[places] * ((t >= start) & (t < start + length))


def bird(rng, n, test):
    """Birds that sing in tones: groups of short sweeps at 1.5 to 7 kHz, repeated with variations."""
    out, at = np.zeros(n), rng.uniform(0, 1.0)
    low = pitch(rng, 1500, 5000, test)
    syllable, gap, pause = rng.uniform(0.03, 0.3), rng.uniform(0.03, 0.3), rng.uniform(0.3, 3)
    bend, count, trill = rng.uniform(-0.5, 0.5), int(rng.integers(1, 9)), rng.uniform(0, 0.05)
    while at < n / RATE:
        for _ in range(max(1, count + rng.integers(-1, 2))):
            m = int(syllable * rng.uniform(0.85, 1.15) * RATE)
            x = np.arange(m) / m
            hz = low * 2 ** (bend * x + rng.uniform(-0.08, 0.08)) * (1 + trill * np.sin(2 * np.pi * 30 * x * syllable))
            tone = np.sin(2 * np.pi * np.cumsum(hz / RATE)) * np.sin(np.pi * x) ** 0.5
            i = int(at * RATE)
            out[i: i + m] += tone[: max(0, min(m, n - i))]
            at += syllable + gap
        at += pause * rng.uniform(0.6, 1.4)
    return out


MAKERS = {"appliance": (appliance, 0.55), "chime": (chime, 0.15), "game": (game, 0.15), "bird": (bird, 0.15)}


def other(rng, n, test):
    """Any of these: samples and the name of the maker."""
    names = list(MAKERS)
    name = names[rng.choice(len(names), p=[MAKERS[k][1] for k in names])]
    return MAKERS[name][0](rng, n, test), name
