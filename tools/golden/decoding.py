"""Small files in common formats, and their expected content after conversion to 16 kHz mono."""

import json
from pathlib import Path

import numpy as np
import soundfile

# name: (rate Hz, container, subtype, tone Hz, amplitude of each channel, seconds)
FILES = {
    "stereo-44100.wav": (44100, "WAV", "PCM_16", 1000.0, (0.6, 0.2), 0.25),
    "tone-48000.flac": (48000, "FLAC", "PCM_16", 1500.0, (0.5,), 0.3),
    "tone-24-bit.flac": (44100, "FLAC", "PCM_24", 440.0, (0.25, 0.25), 0.2),
    "tone.ogg": (22050, "OGG", "VORBIS", 800.0, (0.5,), 0.4),
    "tone.opus": (48000, "OGG", "OPUS", 900.0, (0.5,), 0.4),
    "tone.mp3": (44100, "MP3", "MPEG_LAYER_III", 700.0, (0.5,), 0.4),
    "eightk-ulaw.wav": (8000, "WAV", "ULAW", 600.0, (0.5,), 0.4),
    "float-96000.wav": (96000, "WAV", "FLOAT", 2000.0, (0.4,), 0.1),
    "above-nyquist-44100.wav": (44100, "WAV", "PCM_16", 12000.0, (0.5,), 0.25),
}
LOSSY = ("VORBIS", "OPUS", "MPEG_LAYER_III")


def _ogg_crc(page):
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)
            crc &= 0xFFFFFFFF
    return crc


def _fix_ogg_serial(path):
    """An Ogg stream has a random serial number: set it to 1 and recompute the pages' checksums."""
    data = bytearray(Path(path).read_bytes())
    at = 0
    while at < len(data):
        assert data[at : at + 4] == b"OggS"
        segments = data[at + 26]
        size = 27 + segments + sum(data[at + 27 : at + 27 + segments])
        data[at + 14 : at + 18] = (1).to_bytes(4, "little")
        data[at + 22 : at + 26] = bytes(4)
        data[at + 22 : at + 26] = _ogg_crc(data[at : at + size]).to_bytes(4, "little")
        at += size
    Path(path).write_bytes(data)


def _drop_peak_time(path):
    data = bytearray(Path(path).read_bytes())
    at = data.find(b"PEAK")
    if at >= 0:
        data[at + 12 : at + 16] = bytes(4)
        Path(path).write_bytes(data)


def write_decoding(folder):
    """Writes the files and decoding.json beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for name, (rate, container, subtype, frequency, amplitudes, duration) in FILES.items():
        time = np.arange(round(rate * duration)) / rate
        wave = np.sin(2 * np.pi * frequency * time)
        samples = np.stack([amplitude * wave for amplitude in amplitudes], axis=1)
        soundfile.write(folder / name, samples, rate, format=container, subtype=subtype)
        if container == "OGG":
            _fix_ogg_serial(folder / name)
        _drop_peak_time(folder / name)
        info = soundfile.info(folder / name)
        audible = frequency < min(rate, 16000) / 2
        mean = float(np.mean(amplitudes))
        entries.append(
            {
                "file": f"decoding/{name}",
                "rateHz": info.samplerate,
                "channels": info.channels,
                "frames": info.frames,
                # A lossy codec may add or take away a block at the ends.
                "framesTolerance": 2400 if subtype in LOSSY else 0,
                "toneHz": frequency if audible else None,
                "toneToleranceHz": 2.0 / duration,
                "rms": round(mean / np.sqrt(2), 6) if audible else 0.0,
                "rmsTolerance": 0.05 if subtype in LOSSY else 0.02,
            }
        )
    text = json.dumps({"files": entries}, indent=1)
    (folder / "decoding.json").write_text(text + "\n")
