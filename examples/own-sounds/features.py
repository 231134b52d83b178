"""Log-mel features as transformers' ASTFeatureExtractor computes them, without torchaudio and many windows at once.

`features.py MODEL` compares them with the extractor.
"""

import sys

import numpy as np
import torch

RATE_HZ, HOP, WINDOW, FFT = 16_000, 160, 400, 512


def mel_banks(bins):
    """Kaldi's triangles between 20 Hz and 8 kHz, `[257, bins]`; the last row, 8 kHz, is zero."""

    def mel(hertz):
        return 1127 * np.log(1 + np.asarray(hertz, np.float64) / 700)

    edges = np.linspace(mel(20), mel(RATE_HZ / 2), bins + 2)
    points = mel(np.arange(FFT // 2) * RATE_HZ / FFT)
    rise = (points - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - points) / np.diff(edges)[1:, None]
    bank = np.maximum(0, np.minimum(rise, fall))
    return torch.from_numpy(np.concatenate([bank, np.zeros((bins, 1))], 1).T.copy())


class Features:
    """The features of one model: `preprocessor_config.json` says which."""

    def __init__(self, extractor):
        self.frames, self.bins = extractor.max_length, extractor.num_mel_bins
        self.mean, self.deviation = extractor.mean, extractor.std
        self.normalises = extractor.do_normalize
        self._banks = mel_banks(self.bins)
        self._window = torch.hann_window(WINDOW, periodic=False, dtype=torch.float64)

    @property
    def samples(self):
        """Samples of a window: 10 ms a frame, and 15 ms of the last frame."""
        return (self.frames - 1) * HOP + WINDOW

    def __call__(self, samples):
        """Samples `[n]`, at least one frame, to normalised features `[frames, bins]`, cut or padded."""
        x = torch.from_numpy(np.ascontiguousarray(samples[: self.samples], np.float64))
        frames = x.unfold(0, WINDOW, HOP)
        frames = frames - frames.mean(1, keepdim=True)
        frames = (frames - 0.97 * torch.cat([frames[:, :1], frames[:, :-1]], 1)) * self._window
        power = torch.fft.rfft(frames, n=FFT).abs().square()
        log_mel = (power @ self._banks).clamp_min(1.1920928955078125e-07).log()
        padded = torch.zeros(self.frames, self.bins, dtype=torch.float64)
        padded[: len(log_mel)] = log_mel
        if self.normalises:
            padded = (padded - self.mean) / (2 * self.deviation)
        return padded.float()


def largest_difference(extractor):
    """Between these features and the extractor's, for a window of noise and a shorter one."""
    features = Features(extractor)
    rng = np.random.default_rng(1)
    worst = 0.0
    for count in (features.samples, features.samples // 3):
        samples = (0.1 * rng.standard_normal(count)).astype(np.float32)
        wanted = extractor(samples, sampling_rate=RATE_HZ, return_tensors="np").input_values[0]
        worst = max(worst, float(np.abs(wanted - features(samples).numpy()).max()))
    return worst


if __name__ == "__main__":
    from transformers import ASTFeatureExtractor

    print("largest difference:", largest_difference(ASTFeatureExtractor.from_pretrained(sys.argv[1])))
