// Products of 8-bit integers: y = x Wᵀ + b with a weight scale for each output and a scale and offset for each row.
#ifndef ASTD_INT8_H
#define ASTD_INT8_H

#include <stdint.h>

/// Outputs that are computed together: weights are packed in panels of so many.
enum { AST_INT8_PANEL = 64 };

/// Weights as the kernels read them: panels of 64 outputs, each [inputs / 4][64][4], so that one instruction takes
/// four inputs of sixteen outputs. Missing outputs and inputs are zeros.
typedef struct {
  const int8_t *panels;
  /// Of each output, padded to whole panels: weight = scale * integer.
  const float *scales;
  /// Of each output: the sum of its integers.
  const int32_t *sums;
  long outputs;
  long inputs;
} ast_int8_weights;

/// Rows of activations: x = scale * q + minimum, q in 0...levels. A row is `stride` bytes, zeros behind its end.
typedef struct {
  uint8_t *values;
  float *scales;
  float *minimums;
  long stride;
} ast_int8_rows;

typedef struct {
  /// "baseline", "avx2" or "avx512vnni".
  const char *name;
  /// Largest q: 127 where a sum of two products must fit 16 bits.
  int levels;

  /// Quantises `count` rows of `width` floats.
  void (*quantise)(const float *x, long count, long width, ast_int8_rows rows);

  /// y[r, :] = (or, with `accumulate`, +=) x[r, :] Wᵀ + bias for `count` rows; `bias` may be NULL. `y_stride` is
  /// the distance between rows of y.
  void (*multiply)(ast_int8_rows x, long count, const ast_int8_weights *weights, const float *bias, float *y,
                   long y_stride, int accumulate);
} ast_int8_kernels;

/// Bytes of a row of `inputs`, and of the panels of a matrix.
long ast_int8_row_stride(long inputs);
long ast_int8_panel_bytes(long outputs, long inputs);

/// Packs weights [outputs, inputs], row-major; `scales` and `sums` have room for whole panels.
void ast_int8_pack(const float *weights, long outputs, long inputs, int8_t *panels, float *scales,
                   int32_t *sums);

/// The fastest set that this processor runs.
const ast_int8_kernels *ast_int8_kernels_for_this_cpu(void);

/// The set of that name, or NULL when this build or this processor has none.
const ast_int8_kernels *ast_int8_kernels_named(const char *name);

#endif
