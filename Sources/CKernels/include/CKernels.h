// SIMD kernels that a BLAS library lacks, one set per instruction set.
//
// All arrays are row-major, lengths are in elements, and no kernel allocates memory. `ast_kernels_for_this_cpu`
// selects the set at run time.
#ifndef ASTD_CKERNELS_H
#define ASTD_CKERNELS_H

#include <stdint.h>

#include "attention.h"
#include "fbank.h"
#include "gemm.h"

enum { AST_FBANK_SCRATCH = 8 * (AST_FFT_POINTS + AST_FFT_BINS) };

typedef struct {
  /// "baseline", "avx2" or "avx512".
  const char *name;

  /// y[r, :] = (x[r, :] - mean) / sqrt(variance + eps) * gain + bias, for `rows` rows of `width`.
  void (*layer_norm)(const float *x, const float *gain, const float *bias, float *y, long rows,
                     long width, float eps);

  /// x = x * Phi(x) in place, Phi the normal distribution's cumulative function ("exact" GELU).
  void (*gelu)(float *x, long count);

  /// x = x * sigmoid(1.702 x) in place: an approximation of GELU that some networks are trained with.
  void (*quick_gelu)(float *x, long count);

  /// Gated linear unit: y[r, i] = x[r, i] * sigmoid(x[r, width + i]), for `rows` rows of 2 `width`.
  void (*gated)(const float *x, float *y, long rows, long width);

  /// Convolution along the rows of x [tokens, width], each column for itself, then SiLU (v * sigmoid(v)):
  /// y[r, i] = SiLU(bias[i] + sum over k of taps[k, i] * x[first + r + k - left, i]), for `rows` rows; rows beyond x are 0.
  void (*depthwise_silu)(const float *x, long tokens, long width, const float *taps, const float *bias, long kernel,
                         long left, long first, long rows, float *y);

  /// Replaces each row of x [rows, width] by exp(x - m), m its maximum; `maxima` and `sums` (of the new values) are [rows].
  void (*exponentials)(float *x, long rows, long width, float *maxima, float *sums);

  /// Softmax of each row in place.
  void (*softmax)(float *x, long rows, long width);

  /// Divides each row by its length (L2 norm) plus `eps`, in place.
  void (*normalise_rows)(float *x, long rows, long width, float eps);

  /// x[r, :] = bias, for `rows` rows of `width`.
  void (*fill_rows)(float *x, const float *bias, long rows, long width);

  /// x[r, :] += bias, for `rows` rows of `width`.
  void (*add_to_rows)(float *x, const float *bias, long rows, long width);

  /// IEEE half and bfloat16, in any alignment, to float, exactly. Do not call on a thread that flushes
  /// denormals: the smallest halves become denormal on the way.
  void (*half_to_float)(const void *source, float *destination, long count);
  void (*bfloat16_to_float)(const void *source, float *destination, long count);

  /// `count` frames from the first of `samples` (16 kHz, (count - 1) * 160 + 400 of them) to
  /// features [count, mel_bins]. `scratch` holds AST_FBANK_SCRATCH doubles, aligned to 64 bytes.
  void (*fbank)(const ast_fbank_plan *plan, const float *samples, long count, float *features,
                double *scratch);

  /// 1 when no element is infinite or not a number.
  int (*all_finite)(const float *x, long count);
} ast_kernels;

/// The fastest set of this processor.
const ast_kernels *ast_kernels_for_this_cpu(void);

/// The set of that name, or NULL when this build or this processor has none.
const ast_kernels *ast_kernels_named(const char *name);

/// The levels of instructions that this processor has, from index 0 on; NULL after the last: "plain", "avx2", "avxvnni"
/// (VNNI on 32-byte vectors, no AVX-512), "avx512" (without VNNI), "avx512vnni" (without bfloat16), or "plain", "neon",
/// "dotprod", "i8mm"; "fastest" is everything that the processor has. `ASTD_KERNELS` in the environment names the one
/// that kernels are chosen from.
const char *ast_kernel_level(int index);
/// 1 when the processor has the level of that name. Other names are ignored where kernels are chosen.
int ast_kernel_level_exists(const char *name);
#endif
