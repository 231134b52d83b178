#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
// Sixteen sums in two registers.
typedef struct {
  __m256i low, high;
} sum16;
#define ZERO {_mm256_setzero_si256(), _mm256_setzero_si256()}

static inline __attribute__((always_inline)) __m256i add_products(__m256i sums, __m256i activations,
                                                                  __m256i weights) {
  // Pairs of products are added in 16 bits, which hold them only because activations have seven bits here.
  const __m256i pairs = _mm256_maddubs_epi16(activations, weights);
  return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

static inline __attribute__((always_inline)) sum16 dot(sum16 sums, int32_t activations, sum16 weights) {
  const __m256i a = _mm256_set1_epi32(activations);
  sums.low = add_products(sums.low, a, weights.low);
  sums.high = add_products(sums.high, a, weights.high);
  return sums;
}
#define DOT dot
#define LEVELS 127
#define TILE_ROWS 2
#define INT8_SET ast_int8_kernels_avx2
#define INT8_NAME "avx2"
#include "int8_body.h"
#pragma clang attribute pop
#endif
