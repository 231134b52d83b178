"""Log-mel features as ASTFeatureExtractor computes them, fast and in batches.

torchaudio's Kaldi filterbank is the reference: `python features.py` compares against it.
"""

import numpy as np
import torch
from torchaudio.compliance.kaldi import get_mel_banks

SAMPLE_RATE_HZ = 16_000
FRAMES = 512
MELS = 128
HOP, WINDOW, FFT = 160, 400, 512
CLIP_SAMPLES = WINDOW + (FRAMES - 1) * HOP  # 82,160: exactly 512 whole frames
FLOOR = float(np.log(np.float32(1.1920928955078125e-07)))

_mel = get_mel_banks(MELS, FFT, float(SAMPLE_RATE_HZ), 20.0, 0.0, 100.0, -500.0, 1.0)[0]
_MEL = torch.nn.functional.pad(_mel, (0, 1)).T.contiguous()  # [257, 128]
_HANN = torch.hann_window(WINDOW, periodic=False)


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Samples `[n]` in [-1, 1] to log-mel energies `[frames, 128]`, not normalised."""
    x = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))
    frames = x.unfold(0, WINDOW, HOP)
    frames = frames - frames.mean(1, keepdim=True)
    previous = torch.cat([frames[:, :1], frames[:, :-1]], 1)
    frames = (frames - 0.97 * previous) * _HANN
    power = torch.fft.rfft(frames, n=FFT).abs().square()
    return (power @ _MEL).clamp_min(1.1920928955078125e-07).log().numpy()


def padded(features: np.ndarray) -> np.ndarray:
    """Truncates to 512 frames or appends rows of zeros, as the extractor does."""
    out = np.zeros((FRAMES, MELS), np.float32)
    count = min(len(features), FRAMES)
    out[:count] = features[:count]
    return out


if __name__ == "__main__":
    from transformers import ASTFeatureExtractor

    rng = np.random.default_rng(1)
    clip = (0.1 * rng.standard_normal(50_000)).astype(np.float32)
    reference = ASTFeatureExtractor(max_length=FRAMES, do_normalize=False)(
        clip, sampling_rate=SAMPLE_RATE_HZ, return_tensors="np"
    ).input_values[0]
    print("largest difference", np.abs(reference - padded(log_mel(clip))).max())
