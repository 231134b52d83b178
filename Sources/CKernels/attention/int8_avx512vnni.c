#if defined(__x86_64__)
#pragma clang attribute push(                                                                                     \
    __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,avx512bf16,avx2,fma,evex512"))), \
    apply_to = function)
#define LANES 16
#define VECTORS 4
#define QUERIES 6
#include "bf16_values.h"
#define SCORE_GROUP 4
#define SCORE_SUM ivec
#define KEY_SCALES
#undef SUM
#undef TILE
#undef DOT
#define SUM ivec
#define TILE score_tile
#define DOT DOT_INT8
#include "tile.h"

/// Lanes of a row from `i`; what is behind its end is its first number again.
INLINE vec load_row(const float *x, long i, long width) {
  return width - i >= LANES ? load(x + i) : load_part(x + i, width - i, x[0]);
}

INLINE vec first_lanes(vec x, long count) {
  return (vec)_mm512_maskz_mov_ps((__mmask16)((1u << count) - 1), (__m512)x);
}

INLINE float lowest(vec x) { return _mm512_reduce_min_ps((__m512)x); }
INLINE float highest(vec x) { return _mm512_reduce_max_ps((__m512)x); }

/// Bytes from whole numbers.
INLINE void store_bytes(vec x, uint8_t *to, long count) {
  const __m128i narrow = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32((__m512)x));
  _mm_mask_storeu_epi8(to, (__mmask16)((1u << count) - 1), narrow);
}

/// x factor = scale q + minimum, q in 0...255.
INLINE void pack_query(const float *x, long width, float factor, uint8_t *q, float *scales, long stride) {
  vec low = x[0], high = x[0], trace = 0.f;
  for (long i = 0; i < width; i += LANES) {
    const vec v = load_row(x, i, width);
    low = v < low ? v : low;
    high = v > high ? v : high;
    trace += v * 0.f;  // what is no number must come out as such
  }
  const float least = lowest(low), range = highest(high) - least;
  const float inverse = range > 0 ? 255.f / range : 0.f;
  memset(q, 0, (size_t)stride);
  for (long i = 0; i < width; i += LANES) {
    const vec level = (load_row(x, i, width) - least) * inverse;
    store_bytes(level < 255.f ? level : (vec)255.f, q + i, width - i < LANES ? width - i : LANES);
  }
  scales[0] = range / 255.f * factor + sum_of_lanes(trace);
  scales[1] = least * factor;
}

/// x = scale k, k in -127...127. A key that is not there (`x` is NULL) is zeros.
INLINE void pack_key(const float *x, long width, uint8_t *column, long stride, float *scales) {
  vec most = 0.f, trace = 0.f;
  for (long i = 0; x && i < width; i += LANES) {
    const vec v = load_row(x, i, width), a = v < 0.f ? -v : v;
    most = a > most ? a : most;
    trace += v * 0.f;
  }
  const float largest = highest(most), inverse = largest > 0 ? 127.f / largest : 0.f;
  vec sum = 0.f;
  for (long i = 0; i < width; i += LANES) {
    const vec level = x ? load_row(x, i, width) * inverse : (vec)0.f;
    const vec whole = (vec)_mm512_roundscale_ps((__m512)level, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    // What stands for lanes behind the row's end is no part of the key.
    const vec kept = width - i < LANES ? first_lanes(whole, width - i) : whole;
    sum += kept;
    uint8_t levels[LANES];
    store_bytes(kept, levels, LANES);
    for (long k = 0; k < LANES && i + k < width; k += 4) memcpy(column + (i + k) / 4 * stride, levels + k, 4);
  }
  scales[0] = largest / 127.f + sum_of_lanes(trace);
  scales[VECTORS * LANES] = scales[0] * sum_of_lanes(sum);
}
#define ATTENTION ast_attention_avx512vnni
#define ATTENTION_NAME "avx512vnni"
#include "body.h"
#pragma clang attribute pop
#endif
