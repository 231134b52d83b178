// For weights that the pair limit of int8_avx2.c would round too coarsely. Two fifths slower; reads the same rows.
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LANES 8
#include "vector.h"
#define SUM ivec
#define VECTORS 2
#define GROUP 4

/// (q - 110) w = |w| * (q - 110 with the sign of w): two such products, 127 * 111 at most, fit in 16 bits.
INLINE ivec add_dot(ivec sums, int32_t group, ivec weights) {
  const __m256i centred = _mm256_sub_epi8(_mm256_set1_epi32(group), _mm256_set1_epi8(110));
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8((__m256i)weights),
                                             _mm256_sign_epi8(centred, (__m256i)weights));
  return sums + (ivec)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
#define DOT add_dot
#define LEVELS 221
#define CENTRE 110
#define ROWS 6
#define GEMM ast_int8_gemm_avx2_exact
#define GEMM_NAME "avx2exact"
#include "body.h"
#pragma clang attribute pop
#endif
