"""Synthesises the test clips: 16 kHz mono, seeded, nobody's recording.

Every clip is made here from formulas, so that the files carry no third-party licence. A clip is stored as
16-bit PCM unless its point lies below 16-bit resolution; then it is 32-bit float.
"""

import math
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile

RATE_HZ = 16000

# name: (centre Hz, bandwidth Hz, gain) of the formants of a vowel
VOWELS = {
    "a": ((700, 90, 1.0), (1220, 110, 0.5), (2600, 160, 0.25), (3300, 250, 0.1)),
    "i": ((280, 60, 1.0), (2250, 120, 0.45), (2900, 180, 0.3), (3600, 250, 0.1)),
    "u": ((310, 60, 1.0), (870, 100, 0.4), (2250, 160, 0.1), (3300, 250, 0.05)),
}


def seconds(duration):
    """Sample times in seconds of a clip of `duration` seconds."""
    return np.arange(round(duration * RATE_HZ)) / RATE_HZ


def _formants(source, vowel):
    output = np.zeros_like(source)
    for centre, bandwidth, gain in VOWELS[vowel]:
        radius = math.exp(-math.pi * bandwidth / RATE_HZ)
        denominator = [1, -2 * radius * math.cos(2 * math.pi * centre / RATE_HZ), radius * radius]
        output += gain * scipy.signal.lfilter([1 - radius], denominator, source)
    return output / np.abs(output).max()


def speech(duration, seed=1, peak=0.5):
    """Vowels sung on a moving pitch, with breath noise, syllables, and fricative noise between them."""
    time = seconds(duration)
    generator = np.random.default_rng(seed)
    pitch = 125 * 2 ** (0.35 * np.sin(2 * np.pi * 1.1 * time + seed) + 0.03 * np.sin(2 * np.pi * 5.5 * time))
    phase = np.cumsum(pitch) / RATE_HZ
    breath = generator.uniform(-1, 1, len(time))
    source = np.diff(np.floor(phase), prepend=0) + 0.01 * breath
    voices = [_formants(source, vowel) for vowel in VOWELS]
    syllable = np.floor(time * 4.3).astype(int) % len(voices)
    voiced = np.choose(syllable, voices)
    envelope = np.clip(1.6 * np.sin(np.pi * ((time * 4.3) % 1)), 0, 1)
    hiss = scipy.signal.lfilter([1, -1.6, 0.8], [1], breath) * 0.05
    output = voiced * envelope + hiss * (1 - envelope)
    return peak * output / np.abs(output).max()


def noise(duration, seed=2, amplitude=0.3):
    """Uniform white noise."""
    return np.random.default_rng(seed).uniform(-amplitude, amplitude, round(duration * RATE_HZ))


def dc_sweep(duration, offset=0.3, amplitude=0.5, low_hz=20.0, high_hz=7900.0):
    """A linear sine sweep on a constant offset."""
    time = seconds(duration)
    return offset + amplitude * np.sin(2 * np.pi * (low_hz * time + (high_hz - low_hz) / (2 * duration) * time**2))


def tone(duration, frequency_hz=1000.0, amplitude=0.5):
    """A sine."""
    return amplitude * np.sin(2 * np.pi * frequency_hz * seconds(duration))


def square(duration, frequency_hz=437.0):
    """A full-scale square wave."""
    return np.where((seconds(duration) * frequency_hz) % 1 < 0.5, 1.0, -1.0)


def long_clip(duration=4.3):
    """Speech, a pause, a sweep, noise: something different in every window."""
    parts = [speech(1.4, seed=5), np.zeros(RATE_HZ * 3 // 10), 0.4 * dc_sweep(1.0, offset=0.0), noise(0.7, seed=6, amplitude=0.1)]
    joined = np.concatenate(parts)
    rest = round(duration * RATE_HZ) - len(joined)
    return np.concatenate([joined, speech((rest + 0.5) / RATE_HZ, seed=7)[:rest]])


# name: (samples, subtype). The models of the tests hear 96 frames (0.96 s) unless they say otherwise.
def clips():
    """Every clip by name, with the libsndfile subtype it is stored in."""
    impulse = np.zeros(4000)
    impulse[2000] = 1.0
    quiet = 1e-5 * np.random.default_rng(4).uniform(-1, 1, 4000)
    return {
        "speech": (speech(1.3), "PCM_16"),
        "noise": (noise(1.0), "PCM_16"),
        "silence": (np.zeros(16000), "PCM_16"),
        "dc-sweep": (dc_sweep(1.1), "PCM_16"),
        "short": (speech(0.7, seed=3), "PCM_16"),
        "exact": (speech(0.96, seed=8), "PCM_16"),  # max_length x 10 ms: 94 frames and 2 of padding
        "full": (noise(0.975, seed=9, amplitude=0.05), "PCM_16"),  # the fewest samples with 96 frames
        "long": (long_clip(), "PCM_16"),
        "one-frame": (noise(0.025, seed=10), "PCM_16"),
        "too-short": (noise(0.025, seed=10)[:399], "PCM_16"),
        "empty": (np.zeros(0), "PCM_16"),
        "tone": (tone(0.25), "PCM_16"),
        "quiet": (quiet, "FLOAT"),
        "impulse": (impulse, "FLOAT"),
        "square": (square(0.25), "FLOAT"),
    }


def write_wav(path, samples, subtype="PCM_16"):
    """Writes samples [frames] or [frames, channels] in [-1, 1] as a WAV file."""
    if subtype == "PCM_16":
        samples = np.clip(np.round(np.asarray(samples) * 32768), -32768, 32767).astype(np.int16)
    elif subtype == "FLOAT":
        samples = np.asarray(samples, dtype=np.float32)
    soundfile.write(path, samples, RATE_HZ, subtype=subtype, format="WAV")
    _drop_peak_time(path)


def _drop_peak_time(path):
    """libsndfile stamps float files with the time of writing (chunk PEAK): write zero there."""
    data = bytearray(Path(path).read_bytes())
    at = data.find(b"PEAK")
    if at >= 0:
        data[at + 12 : at + 16] = bytes(4)
        Path(path).write_bytes(data)


def read(path):
    """The samples of a mono 16 kHz file in [-1, 1], float32 [samples]."""
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE_HZ and samples.ndim == 1, path
    return samples


def write_clips(folder):
    """Writes every clip."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (samples, subtype) in clips().items():
        write_wav(folder / f"{name}.wav", samples, subtype)
