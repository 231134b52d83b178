// The reference kernel in 8 bits. From the same rows and weights, every kernel without a pair limit must compute the
// same integer sums; int8_plain_pairs.c is the reference for kernels with one.
#define LANES 4
#include "vector.h"
#define SUM ivec
#define VECTORS 4
#define GROUP 4

INLINE ivec add_dot(ivec sums, int32_t group, ivec weights) {
  for (int k = 0; k < 4; k++) {
    const int32_t x = (int32_t)((uint32_t)group >> (8 * k) & 255);
    for (int i = 0; i < LANES; i++) sums[i] += x * (int8_t)((uint32_t)weights[i] >> (8 * k));
  }
  return sums;
}
#define DOT add_dot
#ifndef LEVELS
#define LEVELS 255
#define GEMM ast_int8_gemm_plain
#define GEMM_NAME "plain"
#endif
#define ROWS 1
#include "body.h"
