#if defined(__x86_64__)
#pragma clang attribute push(                                                                                     \
    __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,avx2,fma,evex512"))), \
    apply_to = function)
#include <immintrin.h>
#include <string.h>

#define LANES 16
#define VECTORS 4
#define QUERIES 6
#define SOFTMAX_STEP 64
#include "vector.h"
#include "dots_avx512.h"

/// 2^x times a constant, exact at 0, relative error under 1.1e-4, small compared with rounding to eight bits. NaN is
/// preserved.
INLINE vec exp2_times(vec x, float factor) {
  const __m512 nearest = _mm512_roundscale_ps((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const vec f = x - (vec)nearest;
  vec p = 0.0550089315f * factor;
  p = p * f + 0.242210965f * factor;
  p = p * f + 0.693282928f * factor;
  p = p * f + factor;
  return (vec)_mm512_scalef_ps((__m512)p, nearest);
}

INLINE vec exp2_of(vec x) { return exp2_times(x, 1.f); }

/// Weights as bytes. Each 16-byte quarter of the result holds four bytes of every vector: the packing instructions work
/// within quarters. `pack_value` puts a token's values at the same place.
INLINE void store_weights(const vec *weights, uint8_t *to) {
  const __m512i a = _mm512_cvtps_epi32((__m512)weights[0]), b = _mm512_cvtps_epi32((__m512)weights[1]);
  const __m512i c = _mm512_cvtps_epi32((__m512)weights[2]), d = _mm512_cvtps_epi32((__m512)weights[3]);
  _mm512_storeu_si512(to, _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d)));
}

/// Stores byte `which` of each of a vector's groups.
INLINE void store_value(ivec levels, uint8_t *groups, int which) {
  const __m512i at = _mm512_sll_epi32((__m512i)levels, _mm_cvtsi32_si128(8 * which));
  _mm512_mask_storeu_epi8(groups, 0x1111111111111111ull << which, at);
}

#include "int8.h"
#define ATTENTION ast_attention_avx512vnni
#define ATTENTION_NAME "avx512vnni"
#include "body.h"
#pragma clang attribute pop
#endif
