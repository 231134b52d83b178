#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LANES 8
#include "vector.h"
#define SUM ivec
#define VECTORS 2
#define GROUP 4

/// The instruction adds pairs of products in 16 bits, so LEVELS * PAIR_LIMIT must be less than 2^15. LEVELS (221) is
/// the largest level of an activation. PAIR_LIMIT (148) is the largest sum of two adjacent weights of one sign. In
/// usual weights the largest such sum is 1.35 times the largest weight. The two constants divide the loss of resolution
/// equally: the steps of activations (255 / 221) and of such weights (1.35 * 127 / 148) are both about 1.15 times as
/// wide as without a limit. With 7-bit activations and no pair limit, their step would be twice as wide.
INLINE ivec add_dot(ivec sums, int32_t group, ivec weights) {
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi32(group), (__m256i)weights);
  return sums + (ivec)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
#define DOT add_dot
#define LEVELS 221
#define PAIR_LIMIT 148
#define ROWS 6
#define GEMM ast_int8_gemm_avx2
#define GEMM_NAME "avx2"
#include "body.h"
#pragma clang attribute pop
#endif
