#if defined(__x86_64__)
// Attention in 16-bit integers, for AVX2 without VNNI: one instruction multiplies 16 pairs and adds neighbours in 32 bits,
// twice as many products as in fp32. Bytes would need 7 bits and a third instruction, and would be eight times less exact.
//
// A query is scale * q, a key scale * k and a token's values scale * v. The weight of a token's values is multiplied by
// their scale: the logarithm of that scale is added to the score, and the sum of weights divides it out again.
#include <immintrin.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LANES 8
#define VECTORS 2
#define QUERIES 6
#include "vector.h"
#include "exp2.h"
#include "integers.h"

#define INTEGERS
#define SCORE_GROUP 2
#define VALUE_GROUP 2
#define VALUE_ROWS 1
#define SOFTMAX_STEP 16
#define SCORE_SUM ivec
#define VALUE_SUM ivec
#define SUM ivec
#define TILE score_tile
#define DOT(sums, group, weights) \
  ((sums) + (ivec)_mm256_madd_epi16(_mm256_set1_epi32(group), (__m256i)(weights)))
#include "tile.h"
#define value_tile score_tile

/// The largest weight and the largest value. A sum of CHUNK (640) products stays below 2^31.
enum { MOST_WEIGHT = 1023, MOST_VALUE = 3279 };

/// The largest number of a query or key of `width` numbers: a sum of `width` products stays below 2^31.
INLINE float most_of_score(long width) {
  const float most = __builtin_floorf(__builtin_sqrtf(2147000000.f / (float)width));
  return most < 8191.f ? most : 8191.f;
}

INLINE void store_shorts(ivec x, int16_t *to, long count) {
  for (long i = 0; i < count; i++) to[i] = (int16_t)x[i];
}

INLINE void pack_query(const float *x, long width, float factor, uint8_t *q, float *scales, long stride) {
  float trace = 0;
  const float largest = largest_of(x, width, &trace), most = most_of_score(width);
  const float inverse = largest > 0 ? most / largest : 0.f;
  memset(q, 0, (size_t)stride);
  for (long i = 0; i < width; i += LANES) {
    const vec v = width - i < LANES ? load_part(x + i, width - i, 0.f) : load(x + i);
    store_shorts(whole(v * inverse), (int16_t *)q + i, width - i < LANES ? width - i : LANES);
  }
  scales[0] = largest / most * factor + trace;
  scales[1] = 0;
}

/// `x` is NULL for a padding key, which is packed as zeros.
INLINE void pack_key(const float *x, long width, uint8_t *column, long stride, float *scales) {
  float trace = 0;
  const float largest = x ? largest_of(x, width, &trace) : 0.f, most = most_of_score(width);
  const float inverse = largest > 0 ? most / largest : 0.f;
  for (long i = 0; i < width; i += LANES) {
    const vec v = !x ? (vec)0.f : width - i < LANES ? load_part(x + i, width - i, 0.f) : load(x + i);
    int16_t row[LANES];
    store_shorts(whole(v * inverse), row, LANES);
    for (long k = 0; k < LANES && i + k < width; k += 2) memcpy(column + (i + k) / 2 * stride, row + k, 4);
  }
  scales[0] = largest / most + trace;
  // Queries have no minimum, so the sum of the key's integers does not matter.
  scales[VECTORS * LANES] = 0;
}

/// `x` is NULL for a padding token; only its scales matter, since its weights are 0.
INLINE void pack_value(const float *x, long stride, long left, long width, long token, uint8_t *panels,
                       long panel_bytes, float *logs, float *inverses) {
  (void)stride, (void)left;
  logs[token] = inverses[token] = 0;
  if (!x) return;
  float trace = 0;
  // At least 1e-30, so that the reciprocal, and a sum of many reciprocals, is finite.
  const float least = 1e-30f, found = largest_of(x, width, &trace) / (float)MOST_VALUE;
  const float scale = found > least ? found : least;
  logs[token] = __builtin_log2f(scale) + trace;
  inverses[token] = 1.f / scale;
  // The place at which softmax_part stores the token's weight.
  const long step = token / SOFTMAX_STEP * SOFTMAX_STEP, of_step = token % SOFTMAX_STEP;
  const long place = step + of_step % LANES / 4 * 8 + of_step / LANES * 4 + of_step % 4;
  const long panel = VECTORS * LANES;
  for (long i = 0; i < width; i += LANES) {
    const vec v = width - i < LANES ? load_part(x + i, width - i, 0.f) : load(x + i);
    const ivec levels = whole(v * inverses[token]);
    int16_t *to = (int16_t *)(panels + i / panel * panel_bytes + (place / 2 * panel + i % panel) * 4) + place % 2;
    for (long k = 0; k < LANES; k++) to[2 * k] = (int16_t)levels[k];
  }
}

/// Converts 16 scores to weights of at most MOST_WEIGHT. Returns their sum without the values' scales. The packing
/// instruction works within 16-byte halves: each holds four weights of either vector.
INLINE vec softmax_part(float *scores, long i, float most, const float *inverses) {
  // 1023 as 2^10 * 1023/1024: subtracting 10 from the largest score is exact.
  const float factor = (float)MOST_WEIGHT / 1024.f;
  const vec low = exp2_of(load(scores + i) - (most - 10.f)) * factor;
  const vec high = exp2_of(load(scores + i + LANES) - (most - 10.f)) * factor;
  const __m256i packed =
      _mm256_packs_epi32(_mm256_cvtps_epi32((__m256)low), _mm256_cvtps_epi32((__m256)high));
  memcpy((int16_t *)scores + i, &packed, sizeof packed);
  return low * load(inverses + i) + high * load(inverses + i + LANES);
}

#define ATTENTION ast_attention_avx2int16
#define ATTENTION_NAME "avx2int16"
#include "body.h"
#pragma clang attribute pop
#endif
