#!/usr/bin/env python3
"""Shows which steps of torchaudio's filterbank make its rounding errors (docs/exactness.md).

    python tools/fbank_rounding.py [FILE.wav ...]     # default: the DC-shifted sweep and speech of Tests/Golden

Computes the log-mels in float64, and again with one step or several in fp32. Errors are normalised as ASTFeatureExtractor
does. With all steps in fp32 the result has torchaudio's bits.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torchaudio.compliance.kaldi as kaldi

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

from golden import audio  # noqa: E402
from golden.oracle import FRAME_SAMPLES, SHIFT_SAMPLES, exact_log_mels  # noqa: E402

CLIPS = Path(__file__).resolve().parent.parent / "Tests" / "Golden" / "clips"
MELS = 128
TWICE_DEVIATION = 2 * 4.5689974
STEPS = ("mean", "pre-emphasis", "window", "FFT", "power", "mel", "log")


def mel_bank(is_fp32):
    """[257, MELS], computed in fp32 as torchaudio does, or in float64."""
    if is_fp32:
        bank = kaldi.get_mel_banks(MELS, 512, 16000.0, 20.0, 0.0, 100.0, -500.0, 1.0)[0]
    else:
        edges = np.linspace(*(1127 * np.log(1 + hertz / 700) for hertz in (20.0, 8000.0)), MELS + 2)
        bins = 1127 * np.log(1 + np.arange(256) * 31.25 / 700)
        rise = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
        fall = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
        bank = torch.from_numpy(np.maximum(0, np.minimum(rise, fall)))
    return torch.nn.functional.pad(bank, (0, 1)).T


def log_mels(samples, fp32):
    """float64 [frames, MELS]; the steps in `fp32` are computed in fp32, the others in float64."""

    def kind(step):
        return torch.float32 if step in fp32 else torch.float64

    frames = torch.from_numpy(samples).to(kind("mean")).unfold(0, FRAME_SAMPLES, SHIFT_SAMPLES)
    frames = (frames - frames.mean(1, keepdim=True)).to(kind("pre-emphasis"))
    before = torch.nn.functional.pad(frames[None], (1, 0), mode="replicate")[0, :, :-1]
    frames = (frames - 0.97 * before).to(kind("window"))
    frames = frames * torch.hann_window(FRAME_SAMPLES, periodic=False, dtype=kind("window"))
    spectrum = torch.fft.rfft(torch.nn.functional.pad(frames, (0, 512 - FRAME_SAMPLES)).to(kind("FFT")))
    power = spectrum.to(torch.complex64 if "power" in fp32 else torch.complex128).abs().pow(2.0).to(kind("mel"))
    energies = torch.clamp(power @ mel_bank("mel" in fp32), min=2.0**-23)
    return energies.to(kind("log")).log().double()


def main(paths):
    """Prints a table for each file."""
    rows = [(step,) for step in STEPS] + [STEPS[:3], STEPS]
    for path in paths or [CLIPS / "dc-sweep.wav", CLIPS / "speech.wav"]:
        samples = np.asarray(audio.read(Path(path)), np.float32)
        exact = torch.from_numpy(exact_log_mels(samples, MELS))
        theirs = kaldi.fbank(
            torch.from_numpy(samples)[None], sample_frequency=16000, window_type="hanning", num_mel_bins=MELS
        )
        print(Path(path).name)
        for fp32 in rows:
            found = log_mels(samples, fp32)
            name = ", ".join(fp32) if len(fp32) < len(STEPS) else "all"
            bits = "   torchaudio's bits" if torch.equal(found.float(), theirs) else ""
            print(f"  {name:<28} {float((found - exact).abs().max()) / TWICE_DEVIATION:.1e}{bits}")
        wrong = (theirs - exact).abs() / TWICE_DEVIATION > 1e-4
        share = (exact - exact.max(1, keepdim=True).values).exp()[wrong]
        largest = f", of at most {float(share.max()):.0e} of their frame's largest energy" if len(share) else ""
        print(f"  {int(wrong.sum())} of {wrong.numel()} values of torchaudio differ by more than 1e-4{largest}")


if __name__ == "__main__":
    main(sys.argv[1:])
