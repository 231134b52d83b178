// GEMM with packed weights, written once for all instruction sets and number formats.
//
// Parameters, defined before this file is included (beside LANES, the target and vector.h):
//   SUM, VECTORS, DOT     the register tile (tile.h)
//   GROUP                 numbers in a group of four bytes: 4 in 8 bits, 2 in bfloat16
//   ROWS                  rows of the register tile: 1 or 6
//   GEMM, GEMM_NAME       the table and its name
//   LEVELS                8 bits only: largest value of a quantised activation; also defines `quantize`
//   OFFSET                optional, 8 bits: activations are stored as q - OFFSET, for instructions with signed operands
//   CENTRE                optional, 8 bits: the tile multiplies q - CENTRE; stored rows are unchanged
//   PAIR_LIMIT            optional, 8 bits: see ast_gemm_kernels
#ifndef LANES
#error "gemm/body.h: define LANES and include vector.h first"
#endif
#ifndef GROUP
#error "gemm/body.h: define GROUP, the numbers in a group of four bytes"
#endif
#ifndef ROWS
#error "gemm/body.h: define ROWS, the rows of the register tile"
#endif
#ifndef GEMM
#error "gemm/body.h: define GEMM, the name of the table"
#endif
#ifndef GEMM_NAME
#error "gemm/body.h: define GEMM_NAME, the table's name as a string"
#endif
#if defined(PAIR_LIMIT) && !defined(LEVELS)
#error "gemm/body.h: PAIR_LIMIT needs LEVELS: only 8-bit weights have a pair limit"
#endif
#include <stddef.h>
#include <string.h>

#include "gemm.h"
#define TILE tile
#include "tile.h"

enum { PANEL = VECTORS * LANES };

#ifndef OFFSET
#define OFFSET 0
#endif

#ifndef CENTRE
#define CENTRE 0
#endif

/// GELU, x Phi(x), with an error below 6e-5 and 1.5e-5 |x|, small compared with quantising the result. Phi is 1/2
/// plus an odd polynomial, constant outside -4.25...4.25.
INLINE vec rough_gelu(vec x) {
  vec a = x < -4.25f ? (vec)-4.25f : x;
  a = a > 4.25f ? (vec)4.25f : a;
  const vec z = a * a;
  vec p = 4.54707118e-11f;
  p = p * z - 4.51530219e-09f;
  p = p * z + 1.98615838e-07f;
  p = p * z - 5.14751271e-06f;
  p = p * z + 8.84891276e-05f;
  p = p * z - 0.00107907788f;
  p = p * z + 0.0097187784f;
  p = p * z - 0.0661902802f;
  p = p * z + 0.398819218f;
  return x * (a * p + 0.5f);
}

#ifdef LEVELS
INLINE bytes levels_of(vec x, float least, float inverse) {
  const vec level = (x - least) * inverse + 0.5f;
  const ivec q = __builtin_convertvector(level < (float)LEVELS ? level : (vec)(float)LEVELS, ivec);
  return __builtin_convertvector(q - OFFSET, bytes);
}

static void quantize(const float *x, long count, long width, ast_rows rows) {
  const long whole = width - width % LANES, rest = width - whole;
  for (long row = 0; row < count; row++, x += width) {
    uint8_t *q = (uint8_t *)rows.values + row * rows.stride;
    vec low = x[0], high = x[0], trace = 0.f;
    for (long i = 0; i < whole; i += LANES) {
      const vec v = load(x + i);
      trace += v * 0.f;
      low = v < low ? v : low;
      high = v > high ? v : high;
    }
    if (rest) {
      const vec v = load_part(x + whole, rest, x[0]);
      trace += v * 0.f;
      low = v < low ? v : low;
      high = v > high ? v : high;
    }
    const float least = -highest(-low), range = highest(high) - least;
    const float inverse = range > 0 ? (float)LEVELS / range : 0.f;
    // NaN and infinity must stay visible in the logits: they show an invalid weight.
    rows.scales[row] = range / (float)LEVELS + sum_of_lanes(trace);
    rows.minimums[row] = least + OFFSET * range / (float)LEVELS;
    for (long i = 0; i < whole; i += LANES) {
      const bytes levels = levels_of(load(x + i), least, inverse);
      memcpy(q + i, &levels, LANES);
    }
    if (rest) {
      const bytes levels = levels_of(load_part(x + whole, rest, least), least, inverse);
      memcpy(q + whole, &levels, (size_t)rest);
    }
    memset(q + width, 0, (size_t)(rows.stride - width));
  }
}
#endif

/// Terms of one vector of outputs, the same for every row.
typedef struct {
  vec scale, sum, bias;
} output_terms;

INLINE output_terms terms_of(const ast_matrix *weights, const float *bias, long at, long part) {
  output_terms terms = {0};
  if (bias) terms.bias = part >= LANES ? load(bias + at) : load_part(bias + at, part, 0.f);
#ifdef LEVELS
  ivec sum;
  memcpy(&sum, weights->sums + at, sizeof sum);
  terms.scale = load(weights->scales + at);
  terms.sum = terms.scale * __builtin_convertvector(sum, vec);
#else
  (void)weights;
#endif
  return terms;
}

/// Applies the epilogue to one vector of sums and stores it in y.
INLINE void finish_vector(SUM sums, const ast_rows *x, long row, const output_terms *terms, float *out, long part,
                       ast_epilogue epilogue) {
#ifdef LEVELS
  vec v = __builtin_convertvector(sums, vec) * (terms->scale * x->scales[row]) +
          (terms->sum * (x->minimums[row] + CENTRE * x->scales[row]) + terms->bias);
#else
  (void)x, (void)row;
  vec v = sums + terms->bias;
#endif
  if (epilogue == AST_GELU) v = rough_gelu(v);
  if (part >= LANES) {
    if (epilogue == AST_ADD) v += load(out);
    store(out, v);
  } else {
    if (epilogue == AST_ADD) v += load_part(out, part, 0.f);
    store_part(out, v, part);
  }
}

/// `epilogue` is a constant in every caller and all loops unroll, so that the sums never leave the registers.
INLINE void finish_whole_tile(int rows, SUM (*sums)[VECTORS], const ast_rows *x, long row, const ast_matrix *weights,
                           const float *bias, long first, float *y, long y_stride, ast_epilogue epilogue) {
#pragma clang loop unroll(full)
  for (int c = 0; c < VECTORS; c++) {
    const output_terms terms = terms_of(weights, bias, first + c * LANES, LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
      finish_vector(sums[r][c], x, row + r, &terms, y + r * y_stride + first + c * LANES, LANES, epilogue);
  }
}

/// The last panel, which is only partly filled with outputs.
static __attribute__((noinline)) void finish_part(int rows, const SUM *sums, const ast_rows *x, long row,
                                               const ast_matrix *weights, const float *bias, long first, float *y,
                                               long y_stride, ast_epilogue epilogue) {
  for (int c = 0; c < VECTORS; c++) {
    const long at = first + c * LANES, part = weights->outputs - at;
    if (part <= 0) return;
    const output_terms terms = terms_of(weights, bias, at, part);
    for (int r = 0; r < rows; r++)
      finish_vector(sums[r * VECTORS + c], x, row + r, &terms, y + r * y_stride + at, part, epilogue);
  }
}

/// COUNT rows from `row` on, one panel. One function for each number of rows.
#define ROWS_TIMES_PANEL(COUNT)                                                                                      \
  static __attribute__((noinline)) void rows_##COUNT(const ast_rows *x, long row, const ast_matrix *weights,         \
                                                     const float *bias, long first, const uint8_t *panel,            \
                                                     long groups, float *y, long y_stride, ast_epilogue epilogue) {      \
    SUM sums[COUNT][VECTORS];                                                                                        \
    const uint8_t *from[COUNT];                                                                                      \
    for (int r = 0; r < COUNT; r++) from[r] = (const uint8_t *)x->values + (row + r) * x->stride;                    \
    tile(COUNT, from, groups, panel, sums);                                                                          \
    y += row * y_stride;                                                                                             \
    if (weights->outputs - first < PANEL) {                                                                          \
      SUM kept[COUNT][VECTORS];                                                                                      \
      memcpy(kept, sums, sizeof kept);                                                                               \
      finish_part(COUNT, kept[0], x, row, weights, bias, first, y, y_stride, epilogue);                                   \
    } else if (epilogue == AST_GELU) {                                                                                 \
      finish_whole_tile(COUNT, sums, x, row, weights, bias, first, y, y_stride, AST_GELU);                              \
    } else if (epilogue == AST_ADD) {                                                                                  \
      finish_whole_tile(COUNT, sums, x, row, weights, bias, first, y, y_stride, AST_ADD);                               \
    } else {                                                                                                         \
      finish_whole_tile(COUNT, sums, x, row, weights, bias, first, y, y_stride, AST_STORE);                             \
    }                                                                                                                \
  }
ROWS_TIMES_PANEL(1)
#if ROWS > 2
ROWS_TIMES_PANEL(2)
#endif
#if ROWS == 6
ROWS_TIMES_PANEL(6)
#endif

static void multiply(ast_rows x, long count, const ast_matrix *weights, const float *bias, float *y, long y_stride,
                     ast_epilogue epilogue) {
  const long groups = (weights->inputs + GROUP - 1) / GROUP;
  for (long first = 0; first < weights->outputs; first += PANEL) {
    const uint8_t *panel = (const uint8_t *)weights->panels + first * groups * 4;
    long row = 0;
#if ROWS == 6
    for (; count - row >= 6; row += 6) rows_6(&x, row, weights, bias, first, panel, groups, y, y_stride, epilogue);
#endif
#if ROWS > 2
    for (; count - row >= 2; row += 2) rows_2(&x, row, weights, bias, first, panel, groups, y, y_stride, epilogue);
#endif
    for (; row < count; row++) rows_1(&x, row, weights, bias, first, panel, groups, y, y_stride, epilogue);
  }
}

const ast_gemm_kernels GEMM = {
    .name = GEMM_NAME,
#ifdef LEVELS
    .levels = LEVELS,
#endif
#ifdef PAIR_LIMIT
    .pair_limit = PAIR_LIMIT,
#endif
    .panel = PANEL,
    .group = GROUP,
    .quantize = quantize,
    .multiply = multiply,
};
