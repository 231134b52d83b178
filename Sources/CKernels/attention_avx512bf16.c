#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx512bf16,avx2,fma,evex512"))), apply_to = function)
#define LANES 16
#include "attention.h"
#include "vector.h"

enum { QUERIES = AST_ATTENTION_QUERIES, PANEL = AST_ATTENTION_PANEL };

static long rounded_up(long value, long step) { return (value + step - 1) / step * step; }

/// The nearest bfloat16, ties to even; what is no number stays none.
static uint16_t narrow(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fc0;
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static void narrow_row(const float *x, long count, uint16_t *y) {
  long i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m256bh half = _mm512_cvtneps_pbh(_mm512_loadu_ps(x + i));
    memcpy(y + i, &half, sizeof half);
  }
  for (; i < count; i++) y[i] = narrow(x[i]);
}

static void pack_keys(const float *keys, long tokens, long width, long stride, uint16_t *panels) {
  const long pairs = rounded_up(width, 2) / 2;
  memset(panels, 0, (size_t)ast_attention_key_count(tokens, width) * 2);
  for (long token = 0; token < tokens; token++) {
    uint16_t *panel = panels + token / PANEL * pairs * PANEL * 2 + token % PANEL * 2;
    const float *key = keys + token * stride;
    for (long i = 0; i < width; i++) panel[i / 2 * PANEL * 2 + i % 2] = narrow(key[i]);
  }
}

static void pack_values(const float *values, long tokens, long width, long stride, uint16_t *panels) {
  const long pairs = rounded_up(tokens, PANEL) / 2;
  memset(panels, 0, (size_t)ast_attention_value_count(tokens, width) * 2);
  for (long token = 0; token < tokens; token++) {
    const float *value = values + token * stride;
    uint16_t *row = panels + token / 2 * PANEL * 2 + token % 2;
    for (long i = 0; i < width; i++) row[i / PANEL * pairs * PANEL * 2 + i % PANEL * 2] = narrow(value[i]);
  }
}

/// sums[6][64] = x[6][2 * pairs] times one panel.
INLINE void tile(const uint16_t *x, long stride, const uint16_t *panel, long pairs, float *sums, long sums_stride) {
  __m512 acc[QUERIES][4];
  for (int r = 0; r < QUERIES; r++)
    for (int c = 0; c < 4; c++) acc[r][c] = _mm512_setzero_ps();
  for (long p = 0; p < pairs; p++) {
    __m512bh w[4];
    memcpy(w, panel + p * PANEL * 2, sizeof w);
    for (int r = 0; r < QUERIES; r++) {
      int32_t two;
      memcpy(&two, x + r * stride + p * 2, 4);
      const __m512bh a = (__m512bh)_mm512_set1_epi32(two);
      for (int c = 0; c < 4; c++) acc[r][c] = _mm512_dpbf16_ps(acc[r][c], a, w[c]);
    }
  }
  for (int r = 0; r < QUERIES; r++)
    for (int c = 0; c < 4; c++) _mm512_storeu_ps(sums + r * sums_stride + c * 16, acc[r][c]);
}

/// Scores of one query become bfloat16 weights; returns 1 / their sum.
static float soften(float *scores, long tokens, long columns, float scale, uint16_t *weights) {
  for (long i = tokens; i < columns; i++) scores[i] = -__builtin_inff();
  vec top = load(scores);
  for (long i = 16; i < columns; i += 16) {
    const vec v = load(scores + i);
    top = v > top ? v : top;
  }
  float maximum = top[0];
  for (int i = 1; i < LANES; i++) maximum = top[i] > maximum ? top[i] : maximum;
  vec sum = 0.f;
  for (long i = 0; i < columns; i += 16) {
    vec e = vector_exp((load(scores + i) - maximum) * scale);
    if (i + 16 > tokens) {
      // Keys that are not there weigh nothing; the exponential itself never reaches zero.
      for (int lane = 0; lane < LANES; lane++) e[lane] = i + lane < tokens ? e[lane] : 0.f;
    }
    sum += e;
    store(scores + i, e);
  }
  narrow_row(scores, columns, weights);
  return 1.f / sum_of_lanes(sum);
}

static void attend(const float *queries, long rows, const uint16_t *keys, const uint16_t *values, long tokens,
                   long width, long stride, float scale, void *scratch, float *out) {
  const long columns = rounded_up(tokens, PANEL), pairs = rounded_up(width, 2) / 2, q_stride = rounded_up(width, 32);
  float *scores = scratch;
  uint16_t *weights = (uint16_t *)(scores + QUERIES * columns), *q = weights + QUERIES * columns;
  for (long first = 0; first < rows; first += QUERIES) {
    const long count = rows - first < QUERIES ? rows - first : QUERIES;
    memset(q, 0, (size_t)(QUERIES * q_stride) * 2);
    for (long r = 0; r < count; r++) narrow_row(queries + (first + r) * stride, width, q + r * q_stride);
    for (long panel = 0; panel < columns; panel += PANEL)
      tile(q, q_stride, keys + panel * pairs * 2, pairs, scores + panel, columns);
    float inverse[QUERIES];
    for (long r = 0; r < QUERIES; r++) {
      if (r < count)
        inverse[r] = soften(scores + r * columns, tokens, columns, scale, weights + r * columns);
      else
        memset(weights + r * columns, 0, (size_t)columns * 2);
    }
    for (long column = 0; column < width; column += PANEL) {
      float sums[QUERIES * PANEL];
      tile(weights, columns, values + column * columns, columns / 2, sums, PANEL);
      const long part = width - column < PANEL ? width - column : PANEL;
      for (long r = 0; r < count; r++)
        for (long i = 0; i < part; i++)
          out[(first + r) * stride + column + i] = sums[r * PANEL + i] * inverse[r];
    }
  }
}

const ast_attention_kernels ast_attention_kernels_avx512bf16 = {
    .name = "avx512bf16",
    .pack_keys = pack_keys,
    .pack_values = pack_values,
    .attend = attend,
};
#pragma clang attribute pop
#endif
