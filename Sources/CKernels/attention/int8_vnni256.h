// int8 attention in the sixteen 32-byte registers of AVX2.
//
// Parameters, defined before this file is included: DOT_INT8 (the instruction has two encodings), ATTENTION,
// ATTENTION_NAME.
#include <immintrin.h>
#include <string.h>

#define LANES 8
#define VECTORS 2
#define QUERIES 6
#define SOFTMAX_STEP 32
#include "vector.h"
#include "exp2.h"

INLINE vec exp2_times(vec x, float factor) { return exp2_of(x) * factor; }

/// Weights as bytes. Each 16-byte half of the result holds four bytes of every vector: the packing instructions work
/// within halves. `pack_value` puts a token's values at the same place.
INLINE void store_weights(const vec *weights, uint8_t *to) {
  const __m256i a = _mm256_cvtps_epi32((__m256)weights[0]), b = _mm256_cvtps_epi32((__m256)weights[1]);
  const __m256i c = _mm256_cvtps_epi32((__m256)weights[2]), d = _mm256_cvtps_epi32((__m256)weights[3]);
  const __m256i packed = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
  memcpy(to, &packed, sizeof packed);
}

/// Stores byte `which` of each of a vector's groups.
INLINE void store_value(ivec levels, uint8_t *groups, int which) {
  const bytes packed = __builtin_convertvector(levels, bytes);
  for (int i = 0; i < LANES; i++) groups[4 * i + which] = packed[i];
}

#include "int8.h"
#include "body.h"
