#if defined(__aarch64__)
#include <arm_neon.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#define LANES 4
#include "vector.h"
#define SUM ivec
#define VECTORS 4
#define GROUP 4
// Both operands of this instruction are signed, so activations are stored as q - 128.
#define OFFSET 128
#define DOT(sums, group, weights) \
  (ivec) vdotq_s32((int32x4_t)(sums), (int8x16_t)(weights), (int8x16_t)vdupq_n_s32(group))
#define LEVELS 255
#define ROWS 6
#define GEMM ast_int8_gemm_dotprod
#define GEMM_NAME "dotprod"
#include "body.h"
#pragma clang attribute pop
#endif
