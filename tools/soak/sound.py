"""Hours of audio for a daemon: noise, tones and pauses, identical in every run."""
import array
import math
import os
import random
import tempfile
import wave

RATE = 16_000


def minute(seed: int) -> bytes:
    """A minute of 16 kHz mono 16-bit samples: another sound every five seconds."""
    chance = random.Random(seed)
    samples = array.array("h")
    for _ in range(12):
        kind = chance.choice(["noise", "tone", "pause", "sweep"])
        level = chance.uniform(1_000, 12_000)
        low, high = sorted(chance.uniform(100, 4_000) for _ in range(2))
        phase = 0.0
        for position in range(5 * RATE):
            share = position / (5 * RATE)
            frequency = low + (high - low) * share if kind == "sweep" else low
            phase += 2 * math.pi * frequency / RATE
            if kind == "noise":
                value = chance.uniform(-level, level)
            elif kind == "pause":
                value = chance.uniform(-2, 2)
            else:
                value = level * math.sin(phase)
            samples.append(int(value))
    return samples.tobytes()


def interleaved(left: bytes, right: bytes) -> bytes:
    """Two channels of 16-bit samples as frames."""
    frames = array.array("h", bytes(len(left) + len(right)))
    frames[0::2], frames[1::2] = array.array("h", left), array.array("h", right)
    return frames.tobytes()


def write(path: str, hours: float, channels: int = 1, seed: int = 1) -> None:
    """Writes a WAV file of this many hours by repeating ten different minutes; of two channels, each has its own order."""
    minutes = [minute(seed + number) for number in range(10)]
    if channels == 2:
        minutes = [interleaved(left, right) for left, right in zip(minutes, reversed(minutes))]
    with wave.open(path, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for number in range(math.ceil(hours * 60)):
            file.writeframesraw(minutes[number % 10])


class File:
    """A temporary WAV file."""

    def __init__(self, hours: float, folder: str | None = None, channels: int = 1):
        descriptor, self.path = tempfile.mkstemp(prefix="astd-soak-", suffix=".wav", dir=folder)
        os.close(descriptor)
        write(self.path, hours, channels)

    def __enter__(self) -> str:
        return self.path

    def __exit__(self, *_):
        os.unlink(self.path)
