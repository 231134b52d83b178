"""Converts between frames of a spectrogram and tokens."""

from dataclasses import dataclass

from .checkpoint import Refused


@dataclass(frozen=True)
class Patches:
    """Patches and strides; the defaults are those of the published checkpoints."""

    mel_bins: int = 128
    size: int = 16
    frequency_stride: int = 10
    time_stride: int = 10

    @property
    def bands(self):
        """Patches along frequency."""
        return (self.mel_bins - self.size) // self.frequency_stride + 1

    def tokens(self, frames):
        """Tokens of `frames` frames, the cls and the distillation token included."""
        return self.bands * ((frames - self.size) // self.time_stride + 1) + 2

    def lengths(self, tokens):
        """The numbers of frames that give `tokens` tokens: a range, empty when there are none."""
        columns, rest = divmod(tokens - 2, self.bands)
        if rest or columns < 1:
            return range(0)
        first = self.size + (columns - 1) * self.time_stride
        return range(first, first + self.time_stride)

    def check(self, frames, tokens):
        """Rejects a max_length whose number of tokens differs from the position embeddings."""
        if frames >= self.size and self.tokens(frames) == tokens:
            return
        fit = self.lengths(tokens)
        if not fit:
            raise Refused(
                f"{tokens} position embeddings fit no max_length with {self.mel_bins} mel bins, patches of {self.size} "
                f"and strides {self.frequency_stride}, {self.time_stride}: give the model's own"
            )
        raise Refused(
            f"--max-length {frames} does not fit the checkpoint's {tokens} position embeddings: "
            f"{fit[0]} to {fit[-1]} would"
        )
