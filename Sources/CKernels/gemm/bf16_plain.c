// The reference kernel in bfloat16: every fast kernel must match it, up to the order of its sums.
#define LANES 4
#include "vector.h"
#include "gemm.h"
#define SUM vec
#define VECTORS 4
#define GROUP 2

/// The two bfloat16 numbers of a group are the upper halves of floats.
INLINE vec add_dot(vec sums, int32_t group, vec weights) {
  const ivec x = group, w = (ivec)weights;
  return sums + (vec)(x << 16) * (vec)(w << 16) + (vec)(x & -65536) * (vec)(w & -65536);
}
#define DOT add_dot
#define ROWS 1
#define GEMM ast_bf16_gemm_plain
#define GEMM_NAME "bf16plain"
#include "bf16.h"
#include "bf16_rows.h"
#include "body.h"
