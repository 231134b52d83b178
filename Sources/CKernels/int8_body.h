// The 8-bit kernels, written once. A file per instruction set defines INT8_SET, INT8_NAME, LEVELS, TILE_ROWS, the
// accumulator type `sum16` (sixteen sums, one of each of sixteen outputs) and DOT(sums, activations, weights), which
// adds products of four inputs; sets the target, and includes this.
#include <stddef.h>
#include <string.h>

#include "int8.h"

static void quantise(const float *x, long count, long width, ast_int8_rows rows) {
  for (long row = 0; row < count; row++, x += width) {
    uint8_t *q = rows.values + row * rows.stride;
    float low = x[0], high = x[0];
    int32_t bad = 0;
    for (long i = 0; i < width; i++) {
      int32_t bits;
      memcpy(&bits, x + i, 4);
      bad |= (bits & 0x7f800000) == 0x7f800000;
      low = x[i] < low ? x[i] : low;
      high = x[i] > high ? x[i] : high;
    }
    const float range = high - low;
    const float inverse = range > 0 ? (float)LEVELS / range : 0.f;
    rows.scales[row] = range / (float)LEVELS;
    rows.minimums[row] = low;
    // What is no number must come out as such: a broken weight is seen in the logits.
    if (bad) rows.scales[row] = __builtin_nanf("");
    for (long i = 0; i < width; i++) {
      const float level = (x[i] - low) * inverse + 0.5f;
      q[i] = (uint8_t)(level < (float)LEVELS ? (int32_t)level : LEVELS);
    }
    memset(q + width, 0, (size_t)(rows.stride - width));
  }
}

/// `rows` (at most TILE_ROWS) rows times one panel.
#define TILE(ROWS)                                                                                        \
  static void tile_##ROWS(const uint8_t *x, long stride, const int8_t *panel, long groups,               \
                          int32_t *sums) {                                                               \
    const sum16 zero = ZERO;                                                                             \
    sum16 acc[ROWS][4];                                                                                  \
    for (int r = 0; r < ROWS; r++)                                                                       \
      for (int c = 0; c < 4; c++) acc[r][c] = zero;                                               \
    for (long g = 0; g < groups; g++) {                                                                  \
      sum16 w[4];                                                                                        \
      memcpy(w, panel + g * 256, 256);                                                                   \
      for (int r = 0; r < ROWS; r++) {                                                                   \
        int32_t four;                                                                                    \
        memcpy(&four, x + r * stride + g * 4, 4);                                                        \
        for (int c = 0; c < 4; c++) acc[r][c] = DOT(acc[r][c], four, w[c]);                              \
      }                                                                                                  \
    }                                                                                                    \
    memcpy(sums, acc, sizeof acc);                                                                       \
  }
TILE(1)
#if TILE_ROWS > 1
TILE(2)
#endif
#if TILE_ROWS > 2
TILE(6)
#endif

static void finish(const int32_t *sums, float scale, float minimum, const ast_int8_weights *weights, long first,
                   const float *bias, float *y, int accumulate) {
  const long left = weights->outputs - first;
  const long count = left < AST_INT8_PANEL ? left : AST_INT8_PANEL;
  const float *w = weights->scales + first;
  const int32_t *s = weights->sums + first;
  for (long i = 0; i < count; i++) {
    const float value = w[i] * (scale * (float)sums[i] + minimum * (float)s[i]) + (bias ? bias[first + i] : 0.f);
    y[first + i] = accumulate ? y[first + i] + value : value;
  }
}

static void multiply(ast_int8_rows x, long count, const ast_int8_weights *weights, const float *bias, float *y,
                     long y_stride, int accumulate) {
  const long groups = (weights->inputs + 3) / 4;
  int32_t sums[TILE_ROWS * AST_INT8_PANEL];
  for (long first = 0; first < weights->outputs; first += AST_INT8_PANEL) {
    const int8_t *panel = weights->panels + first * groups * 4;
    long row = 0;
    while (row < count) {
      const uint8_t *values = x.values + row * x.stride;
      long rows = 1;
#if TILE_ROWS > 2
      if (count - row >= 6) {
        tile_6(values, x.stride, panel, groups, sums);
        rows = 6;
      } else
#endif
#if TILE_ROWS > 1
          if (count - row >= 2) {
        tile_2(values, x.stride, panel, groups, sums);
        rows = 2;
      } else
#endif
      {
        tile_1(values, x.stride, panel, groups, sums);
      }
      for (long r = 0; r < rows; r++)
        finish(sums + r * AST_INT8_PANEL, x.scales[row + r], x.minimums[row + r], weights, first, bias,
               y + (row + r) * y_stride, accumulate);
      row += rows;
    }
  }
}

const ast_int8_kernels INT8_SET = {
    .name = INT8_NAME,
    .levels = LEVELS,
    .quantise = quantise,
    .multiply = multiply,
};
