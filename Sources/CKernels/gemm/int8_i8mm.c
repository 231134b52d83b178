#if defined(__aarch64__)
#include <arm_neon.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("i8mm,dotprod"))), apply_to = function)
#define LANES 4
#include "vector.h"
#define SUM ivec
#define VECTORS 4
#define GROUP 4
#define DOT(sums, group, weights) \
  (ivec) vusdotq_s32((int32x4_t)(sums), (uint8x16_t)vdupq_n_s32(group), (int8x16_t)(weights))
#define LEVELS 255
#define ROWS 6
#define GEMM ast_int8_gemm_i8mm
#define GEMM_NAME "i8mm"
#include "body.h"
#pragma clang attribute pop
#endif
