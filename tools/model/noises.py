"""More kinds of noise for training than `synth.py` makes for the frozen test set: hiss of any colour, crackle, static."""

import numpy as np
from scipy.signal import butter, sosfilt

from features import SAMPLE_RATE_HZ as RATE


def coloured(rng, n):
    """Noise whose spectrum follows a random smooth curve, from white to brown and up to 12 dB either way."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    f = np.maximum(np.fft.rfftfreq(n, 1 / RATE), 20)
    curve = np.interp(np.log(f), np.linspace(np.log(20), np.log(RATE / 2), 8), rng.normal(0, 5, 8))
    return np.fft.irfft(spectrum * f ** -rng.uniform(-0.2, 1.0) * 10 ** (curve / 20), n)


def crackle(rng, n):
    """Clicks of a worn record over hiss: a few to some hundred a second, few of them loud."""
    clicks = np.zeros(n)
    count = rng.poisson(np.exp(rng.uniform(np.log(3), np.log(300))) * n / RATE)
    clicks[rng.integers(n, size=count)] = rng.exponential(1, count) ** rng.uniform(1, 2) * rng.choice([-1, 1], count)
    low = np.exp(rng.uniform(np.log(200), np.log(2500)))
    clicks = sosfilt(butter(2, [low, min(low * rng.uniform(2, 8), 7800)], "band", fs=RATE, output="sos"), clicks)
    hiss = coloured(rng, n)
    return clicks / (clicks.std() + 1e-9) + hiss / hiss.std() * 10 ** (rng.uniform(-25, 6) / 20)


def static(rng, n):
    """Noise that flutters and breaks up, as between radio stations."""
    x = coloured(rng, n)
    rate = np.exp(rng.uniform(np.log(1), np.log(25)))
    points = max(4, int(n / RATE * rate))
    flutter = np.interp(np.linspace(0, points - 1, n), np.arange(points), rng.normal(0, rng.uniform(2, 9), points))
    x = x / x.std() * 10 ** (flutter / 20)
    if rng.random() < 0.4:
        clicks = crackle(rng, n)
        x = x + clicks / clicks.std() * rng.uniform(0.2, 1.0)
    return x


def noise(rng, n):
    return [coloured, crackle, static][rng.integers(3)](rng, n)
