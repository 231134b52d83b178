// GEMM in fp32 with weights in the layout of the file, written once for all instruction sets.
//
// The order in which a result's products are added does not depend on the rows beside it.
//
// Parameters, defined before this file is included (beside the target and <string.h>):
//   LANES, VECTORS                the register tile: 6 rows times VECTORS vectors of LANES outputs
//   FLOAT_GEMM, FLOAT_GEMM_NAME   the table and its name
#ifndef LANES
#error "gemm/fp32_body.h: define LANES, the floats in a vector"
#endif
#ifndef VECTORS
#error "gemm/fp32_body.h: define VECTORS, the vectors in a panel"
#endif
#ifndef FLOAT_GEMM
#error "gemm/fp32_body.h: define FLOAT_GEMM, the name of the table"
#endif
#ifndef FLOAT_GEMM_NAME
#error "gemm/fp32_body.h: define FLOAT_GEMM_NAME, the table's name as a string"
#endif
#include <stddef.h>
#include <string.h>

#include "gemm.h"
#include "vector.h"
#define DOT(sums, group, weights) ((sums) + (vec)(ivec)(group) * (weights))

enum { DEPTH = 768, ROWS = 6 };

// A perfect shuffle of two vectors: the first and the second half of the result.
#if LANES == 16
#define FIRST_HALF(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define SECOND_HALF(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif LANES == 8
#define FIRST_HALF(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define SECOND_HALF(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define FIRST_HALF(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define SECOND_HALF(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#endif

/// Transposes a square of LANES x LANES with log2(LANES) perfect shuffles.
INLINE void transpose(vec *rows) {
#pragma clang loop unroll(full)
  for (int stage = 1; stage < LANES; stage *= 2) {
    vec next[LANES];
#pragma clang loop unroll(full)
    for (int i = 0; i < LANES / 2; i++) {
      next[2 * i] = FIRST_HALF(rows[i], rows[i + LANES / 2]);
      next[2 * i + 1] = SECOND_HALF(rows[i], rows[i + LANES / 2]);
    }
    memcpy(rows, next, sizeof next);
  }
}

#include "fp32_dots.h"
#include "fp32_panel.h"

static void multiply(const float *x, long rows, const float *weights, long outputs, long inputs, const float *bias,
                     float *y, ast_epilogue epilogue, float *scratch) {
  long first = 0;
  for (; outputs - first > LANES; first += PANEL)
    multiply_panel(x, rows, weights, outputs, inputs, first, bias, y, epilogue, scratch);
  if (first < outputs) multiply_dots(x, rows, weights, outputs, inputs, first, bias, y, epilogue);
}

const ast_float_gemm FLOAT_GEMM = {
    .name = FLOAT_GEMM_NAME,
    .scratch_floats = VECTORS * LANES * DEPTH,
    .multiply = multiply,
};
