#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LANES 8
#include "vector.h"
#define SUM ivec
#define VECTORS 2
#define GROUP 4

/// Pairs of products are added in 16 bits: 221 levels times 148, the most that two weights of one sign add up to, are
/// less than 2^15. Pairs of usual weights reach 1.35 times the largest weight, so the steps of both are wider than
/// eight bits by about the same factor, 1.15. Seven bits for activations alone would make theirs 2.
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
