// The log-mel filterbank of one block of frames, in double precision.
//
// Frames of 400 samples every 160, zero-padded to 512, as Kaldi's at 16 kHz. A block has one frame per lane of a
// vector, so that the transform needs no shuffles.
#ifndef ASTD_FBANK_H
#define ASTD_FBANK_H

enum {
  AST_FRAME_SAMPLES = 400,
  AST_FRAME_SHIFT = 160,
  AST_FFT_POINTS = 512,
  AST_FFT_BINS = AST_FFT_POINTS / 2 + 1,
};

/// Everything that does not depend on the samples. The caller owns the arrays.
typedef struct {
  /// [AST_FRAME_SAMPLES]
  const double *window;
  /// cos and sin of 2 pi k / AST_FFT_POINTS, [AST_FFT_POINTS] each.
  const double *cosines;
  const double *sines;
  double preemphasis;
  long mel_bins;
  /// Bin m sums mel_counts[m] weighted powers from FFT bin mel_starts[m]; its weights follow those of bin m-1.
  const int *mel_starts;
  const int *mel_counts;
  const double *mel_weights;
  /// Energies below this are raised to it before the logarithm.
  double energy_floor;
  /// output = (log energy - mean) * scale
  double mean;
  double scale;
} ast_fbank_plan;

#endif
