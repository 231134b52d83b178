// GEMM in fp32 with weights in the layout of the file, written once for all instruction sets.
//
// A result is one sum over the inputs in their order, in one kind of tile, so it does not depend on the rows beside it.
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
#define SUM vec
#define TILE tile
#define DOT(sums, group, weights) ((sums) + (vec)(ivec)(group) * (weights))
#include "tile.h"

enum { PANEL = VECTORS * LANES, DEPTH = 768, ROWS = 6 };

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

/// Packs inputs `from` to `from + depth` of the outputs from `first` on into a panel, and prefetches the next panel's
/// weights: their rows are as many streams as the panel has outputs, too many for the hardware prefetcher.
static void pack_panel(const float *weights, long outputs, long inputs, long first, long from, long depth, float *panel) {
  for (long n = 0; n < PANEL; n += LANES) {
    for (long k = 0; k < depth; k += LANES) {
      const long part = depth - k < LANES ? depth - k : LANES;
      vec square[LANES];
#pragma clang loop unroll(full)
      for (int i = 0; i < LANES; i++) {
        const long output = first + n + i;
        const float *row = weights + output * inputs + from + k;
        square[i] = output >= outputs ? (vec)0.f : part == LANES ? load(row) : load_part(row, part, 0.f);
        if (output + PANEL < outputs) __builtin_prefetch(row + PANEL * inputs, 0, 2);
      }
      transpose(square);
      for (int i = 0; i < part; i++) store(panel + (k + i) * PANEL + n, square[i]);
    }
  }
}

/// Adds the products of a part of the inputs to one row's outputs; the last part also applies the epilogue.
INLINE void finish_row(const vec *sums, const float *bias, long count, float *y, int adds, int activates) {
#pragma clang loop unroll(full)
  for (int c = 0; c < VECTORS; c++) {
    const long at = c * LANES, part = count - at < LANES ? count - at : LANES;
    if (part <= 0) return;
    vec v = sums[c];
    if (bias) v += part == LANES ? load(bias + at) : load_part(bias + at, part, 0.f);
    if (adds) v += part == LANES ? load(y + at) : load_part(y + at, part, 0.f);
    if (activates) v = vector_gelu(v);
    if (part == LANES)
      store(y + at, v);
    else
      store_part(y + at, v, part);
  }
}

static void multiply(const float *x, long rows, const float *weights, long outputs, long inputs, const float *bias,
                     float *y, ast_epilogue epilogue, float *scratch) {
  for (long first = 0; first < outputs; first += PANEL) {
    const long count = outputs - first < PANEL ? outputs - first : PANEL;
    for (long from = 0; from < inputs; from += DEPTH) {
      const long depth = inputs - from < DEPTH ? inputs - from : DEPTH;
      const int adds = epilogue == AST_ADD || from > 0, activates = epilogue == AST_GELU && from + depth == inputs;
      pack_panel(weights, outputs, inputs, first, from, depth, scratch);
      for (long row = 0; row < rows; row += ROWS) {
        const uint8_t *from_rows[ROWS];
        // A tile with fewer rows computes its last one repeatedly.
        for (long r = 0; r < ROWS; r++)
          from_rows[r] = (const uint8_t *)(x + (row + r < rows ? row + r : rows - 1) * inputs + from);
        vec sums[ROWS][VECTORS];
        tile(ROWS, from_rows, depth, (const uint8_t *)scratch, sums);
        for (long r = 0; r < ROWS && row + r < rows; r++)
          finish_row(sums[r], bias && from == 0 ? bias + first : NULL, count, y + (row + r) * outputs + first, adds,
                  activates);
      }
    }
  }
}

const ast_float_gemm FLOAT_GEMM = {
    .name = FLOAT_GEMM_NAME,
    .scratch_floats = PANEL * DEPTH,
    .multiply = multiply,
};
