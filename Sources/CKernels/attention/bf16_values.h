// Parameters of attention/body.h for values in bfloat16: exp2_of, pack_value, softmax_part, value_tile.
//
// Parameters of this file: LANES (16), VECTORS.
#include <immintrin.h>
#include <string.h>

#include "vector.h"
#include "dots_avx512.h"
#include "bf16.h"

/// 2^x, relative error under 3e-6, small compared with bfloat16's 2e-3. NaN is preserved.
INLINE vec exp2_of(vec x) {
  const __m512 whole = _mm512_roundscale_ps((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const vec f = x - (vec)whole;
  vec p = 0.00957010055f;
  p = p * f + 0.0559178602f;
  p = p * f + 0.240247449f;
  p = p * f + 0.693121815f;
  p = p * f + 0.999999261f;
  return (vec)_mm512_scalef_ps((__m512)p, whole);
}

/// Packs the values of two tokens, interleaved. Padding tokens and columns are zero.
INLINE void pack_value(const float *x, long stride, long left, long width, long token, uint8_t *panels,
                       long panel_bytes, float *logs, float *inverses) {
  (void)logs, (void)inverses;
  for (long i = 0; i < rounded_up(width, VECTORS * LANES); i += LANES) {
    const long lanes = width - i < 0 ? 0 : width - i < LANES ? width - i : LANES;
    const __mmask16 mask = (__mmask16)((1u << lanes) - 1);
    const __m512 first = _mm512_maskz_loadu_ps(left > 0 ? mask : 0, x + i);
    const __m512 second = _mm512_maskz_loadu_ps(left > 1 ? mask : 0, (left > 1 ? x + stride : x) + i);
    const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(first));
    const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(second));
    uint8_t *to = panels + i / (VECTORS * LANES) * panel_bytes + (token / 2 * VECTORS * LANES + i % (VECTORS * LANES)) * 4;
    _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
  }
}

#define SOFTMAX_STEP LANES
INLINE vec softmax_part(float *scores, long i, float most, const float *inverses) {
  (void)inverses;
  const vec weights = exp2_of(load(scores + i) - most);
  const __m256bh half = _mm512_cvtneps_pbh((__m512)weights);
  memcpy((uint16_t *)scores + i, &half, sizeof half);
  return weights;
}

#define VALUE_GROUP 2
#define VALUE_ROWS 2
#define VALUE_SUM vec
#define SUM vec
#define TILE value_tile
#define DOT DOT_BF16
#include "tile.h"
