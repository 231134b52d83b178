#if defined(__x86_64__)
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx512bf16,avx2,fma,evex512"))), apply_to = function)
#define LANES 16
#define VECTORS 4
#define QUERIES 6
#include "bf16_values.h"
#define SCORE_GROUP 2
#define SCORE_SUM vec
#define score_tile value_tile

INLINE void pack_query(const float *x, long width, float factor, uint8_t *q, float *scales, long stride) {
  (void)scales;
  memset(q, 0, (size_t)stride);
  for (long i = 0; i < width; i++) ((uint16_t *)q)[i] = one_to_bf16(x[i] * factor);
}

/// `x` is NULL for a padding key, which is packed as zeros.
INLINE void pack_key(const float *x, long width, uint8_t *column, long stride, float *scales) {
  (void)scales;
  for (long i = 0; i < width; i += 2) {
    const uint16_t pair[2] = {x ? one_to_bf16(x[i]) : 0, x && i + 1 < width ? one_to_bf16(x[i + 1]) : 0};
    memcpy(column + i / 2 * stride, pair, 4);
  }
}
#define ATTENTION ast_attention_avx512bf16
#define ATTENTION_NAME "avx512bf16"
#include "body.h"
#pragma clang attribute pop
#endif
