// Parameters of attention/body.h for 8-bit integers.
//
// Parameters of this file, defined before it is included:
//   LANES, VECTORS, SOFTMAX_STEP
//   DOT_INT8(sums, group, weights)   unsigned times signed bytes, groups of four
//   exp2_of(x), exp2_times(x, factor)
//   store_weights, store_value       how this instruction set packs bytes
//
// A query is scale * q + minimum; a key and a token's values are scale * k. The weight of a token's values is
// multiplied by their scale: the logarithm of that scale is added to the score, and the sum of weights divides it out
// again.
#ifndef SOFTMAX_STEP
#error "attention/int8.h: define SOFTMAX_STEP, the scores that softmax_part converts together"
#endif
#ifndef DOT_INT8
#error "attention/int8.h: define DOT_INT8(sums, group, weights)"
#endif
#define EIGHT_BITS
#define SCORE_GROUP 4
#define VALUE_GROUP 4
#define VALUE_ROWS 1
#define SCORE_SUM ivec
#define VALUE_SUM ivec
#define SUM ivec
#define TILE score_tile
#define DOT DOT_INT8
#include "tile.h"
#define value_tile score_tile

INLINE float largest_of(const float *x, long width, float *trace) {
  vec most = 0.f, not_finite = 0.f;
  for (long i = 0; i < width; i += LANES) {
    const vec v = width - i < LANES ? load_part(x + i, width - i, 0.f) : load(x + i), a = v < 0.f ? -v : v;
    most = a > most ? a : most;
    not_finite += v * 0.f;
  }
  // NaN and infinity must stay visible in the result.
  *trace = sum_of_lanes(not_finite);
  return highest(most);
}

/// The nearest integers of numbers below 4 million.
INLINE ivec whole(vec x) { return (ivec)(x + 12582912.f) - (ivec)(vec)12582912.f; }

INLINE void store_bytes(ivec x, uint8_t *to, long count) {
  const bytes packed = __builtin_convertvector(x, bytes);
  if (count >= LANES)
    memcpy(to, &packed, LANES);
  else
    memcpy(to, &packed, (size_t)count);
}

/// x * factor = scale * q + minimum, q in 0...255.
INLINE void pack_query(const float *x, long width, float factor, uint8_t *q, float *scales, long stride) {
  vec low = x[0], high = x[0], not_finite = 0.f;
  for (long i = 0; i < width; i += LANES) {
    const vec v = width - i < LANES ? load_part(x + i, width - i, x[0]) : load(x + i);
    low = v < low ? v : low;
    high = v > high ? v : high;
    not_finite += v * 0.f;
  }
  const float least = -highest(-low), range = highest(high) - least;
  const float inverse = range > 0 ? 255.f / range : 0.f;
  if (stride > width) memset(q + width, 0, (size_t)(stride - width));
  for (long i = 0; i < width; i += LANES) {
    const vec v = width - i < LANES ? load_part(x + i, width - i, x[0]) : load(x + i), level = (v - least) * inverse;
    store_bytes(whole(level < 255.f ? level : (vec)255.f), q + i, width - i);
  }
  scales[0] = range / 255.f * factor + sum_of_lanes(not_finite);
  scales[1] = least * factor;
}

/// x = scale * k, k in -127...127. `x` is NULL for a padding key, which is packed as zeros.
INLINE void pack_key(const float *x, long width, uint8_t *column, long stride, float *scales) {
  float trace = 0;
  const float largest = x ? largest_of(x, width, &trace) : 0.f, inverse = largest > 0 ? 127.f / largest : 0.f;
  ivec sum = 0;
  for (long i = 0; i < width; i += LANES) {
    const vec v = !x ? (vec)0.f : width - i < LANES ? load_part(x + i, width - i, 0.f) : load(x + i);
    const ivec levels = whole(v * inverse);
    sum += levels;
    uint8_t row[LANES];
    store_bytes(levels, row, LANES);
    for (long k = 0; k < LANES && i + k < width; k += 4) memcpy(column + (i + k) / 4 * stride, row + k, 4);
  }
  scales[0] = largest / 127.f + trace;
  scales[VECTORS * LANES] = scales[0] * sum_of_lanes(__builtin_convertvector(sum, vec));
}

/// x = scale * v, v in -127...127. `x` is NULL for a padding token; only its scales matter, since its weights are 0.
INLINE void pack_value(const float *x, long stride, long left, long width, long token, uint8_t *panels,
                       long panel_bytes, float *logs, float *inverses) {
  (void)stride, (void)left;
  logs[token] = inverses[token] = 0;
  if (!x) return;
  float trace = 0;
  // At least 1e-30, so that the reciprocal, and a sum of many reciprocals, is finite.
  const float least = 1e-30f, found = largest_of(x, width, &trace) / 127.f, scale = found > least ? found : least;
  logs[token] = __builtin_log2f(scale) + trace;
  inverses[token] = 1.f / scale;
  // The place at which softmax_part stores the token's weight.
  const long step = token / SOFTMAX_STEP * SOFTMAX_STEP, of_step = token % SOFTMAX_STEP;
  const long group = step / 4 + of_step % LANES / 4 * 4 + of_step / LANES;
  for (long i = 0; i < width; i += LANES) {
    const vec v = width - i < LANES ? load_part(x + i, width - i, 0.f) : load(x + i);
    const long panel = VECTORS * LANES;
    store_value(whole(v * inverses[token]), panels + i / panel * panel_bytes + (group * panel + i % panel) * 4, (int)(token % 4));
  }
}

/// Converts SOFTMAX_STEP scores to weights of at most 255. Returns their sum without the values' scales.
INLINE vec softmax_part(float *scores, long i, float most, const float *inverses) {
  vec weights[SOFTMAX_STEP / LANES], sum = 0.f;
#pragma clang loop unroll(full)
  for (int j = 0; j < SOFTMAX_STEP / LANES; j++) {
    // 255 as 2^8 * 255/256: subtracting 8 from the largest score is exact.
    weights[j] = exp2_times(load(scores + i + j * LANES) - (most - 8.f), 255.f / 256.f);
    sum += weights[j] * load(inverses + i + j * LANES);
  }
  store_weights(weights, (uint8_t *)scores + i);
  return sum;
}
