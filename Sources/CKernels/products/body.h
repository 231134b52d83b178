// The products, written once. A file per instruction set and kind of number defines what tile.h needs, ROWS, the rows
// of a tile, PRODUCTS and PRODUCTS_NAME, the table, and for 8 bits LEVELS; it sets the target, and includes this.
#include <stddef.h>
#include <string.h>

#include "products.h"
#define TILE tile
#include "tile.h"

enum { PANEL = VECTORS * LANES };

/// x Phi(x) within 6e-5 and 1.5e-5 of x, which is small beside what narrowing its result does: Phi is 1/2 and an odd
/// polynomial, held at its values at -4.25 and 4.25.
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
  return __builtin_convertvector(__builtin_convertvector(level < (float)LEVELS ? level : (vec)(float)LEVELS, ivec), bytes);
}

static void narrow(const float *x, long count, long width, ast_rows rows) {
  const long whole = width - width % LANES, rest = width - whole;
  for (long row = 0; row < count; row++, x += width) {
    uint8_t *q = (uint8_t *)rows.values + row * rows.stride;
    vec low = x[0], high = x[0];
    ivec bad = 0;
    for (long i = 0; i < whole; i += LANES) {
      const vec v = load(x + i);
      bad |= ((ivec)v & 0x7f800000) == 0x7f800000;
      low = v < low ? v : low;
      high = v > high ? v : high;
    }
    if (rest) {
      const vec v = load_part(x + whole, rest, x[0]);
      bad |= ((ivec)v & 0x7f800000) == 0x7f800000;
      low = v < low ? v : low;
      high = v > high ? v : high;
    }
    float least = low[0], most = high[0];
    int any = bad[0];
    for (int i = 1; i < LANES; i++) {
      least = low[i] < least ? low[i] : least;
      most = high[i] > most ? high[i] : most;
      any |= bad[i];
    }
    const float range = most - least;
    const float inverse = range > 0 ? (float)LEVELS / range : 0.f;
    // What is no number must come out as such: a broken weight is seen in the logits.
    rows.scales[row] = any ? __builtin_nanf("") : range / (float)LEVELS;
    rows.minimums[row] = least;
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

/// One row's sums of a panel become numbers of y.
INLINE void end_row(const SUM *sums, const ast_rows *x, long row, const ast_matrix *weights, const float *bias,
                    long first, float *y, ast_ending ending) {
  const long left = weights->outputs - first;
#ifdef LEVELS
  const float scale = x->scales[row], minimum = x->minimums[row];
#endif
#pragma clang loop unroll(full)
  for (int c = 0; c < VECTORS; c++) {
    const long at = c * LANES, part = left - at < LANES ? left - at : LANES;
    if (part <= 0) return;
    const vec b = bias == NULL ? (vec)0.f : part == LANES ? load(bias + first + at) : load_part(bias + first + at, part, 0.f);
#ifdef LEVELS
    ivec column;
    memcpy(&column, weights->sums + first + at, sizeof column);
    const vec w = load(weights->scales + first + at);
    vec v = (w * scale) * __builtin_convertvector(sums[c], vec) +
            ((w * minimum) * __builtin_convertvector(column, vec) + b);
#else
    (void)x, (void)row;
    vec v = sums[c] + b;
#endif
    float *out = y + first + at;
    if (ending == AST_GELU) v = rough_gelu(v);
    if (part == LANES) {
      if (ending == AST_ADD) v += load(out);
      store(out, v);
    } else {
      if (ending == AST_ADD) v += load_part(out, part, 0.f);
      store_part(out, v, part);
    }
  }
}

/// `rows` rows from `row` on, one panel. Kept apart for each number of rows: a whole tile is one function.
#define ROWS_TIMES_PANEL(COUNT)                                                                                      \
  static __attribute__((noinline)) void rows_##COUNT(const ast_rows *x, long row, const ast_matrix *weights,         \
                                                     const float *bias, long first, const uint8_t *panel,            \
                                                     long groups, float *y, long y_stride, ast_ending ending) {      \
    SUM sums[COUNT][VECTORS];                                                                                        \
    const uint8_t *from[COUNT];                                                                                      \
    for (int r = 0; r < COUNT; r++) from[r] = (const uint8_t *)x->values + (row + r) * x->stride;                    \
    tile(COUNT, from, groups, panel, sums);                                                                          \
    for (int r = 0; r < COUNT; r++)                                                                                  \
      end_row(sums[r], x, row + r, weights, bias, first, y + (row + r) * y_stride, ending);                          \
  }
ROWS_TIMES_PANEL(1)
#if ROWS > 2
ROWS_TIMES_PANEL(2)
#endif
#if ROWS == 6
ROWS_TIMES_PANEL(6)
#endif

static void multiply(ast_rows x, long count, const ast_matrix *weights, const float *bias, float *y, long y_stride,
                     ast_ending ending) {
  const long groups = (weights->inputs + GROUP - 1) / GROUP;
  for (long first = 0; first < weights->outputs; first += PANEL) {
    const uint8_t *panel = (const uint8_t *)weights->panels + first * groups * 4;
    long row = 0;
#if ROWS == 6
    for (; count - row >= 6; row += 6) rows_6(&x, row, weights, bias, first, panel, groups, y, y_stride, ending);
#endif
#if ROWS > 2
    for (; count - row >= 2; row += 2) rows_2(&x, row, weights, bias, first, panel, groups, y, y_stride, ending);
#endif
    for (; row < count; row++) rows_1(&x, row, weights, bias, first, panel, groups, y, y_stride, ending);
  }
}

const ast_product_kernels PRODUCTS = {
    .name = PRODUCTS_NAME,
#ifdef LEVELS
    .levels = LEVELS,
#endif
    .panel = PANEL,
    .group = GROUP,
    .narrow = narrow,
    .multiply = multiply,
};
