// The plain twin: what every fast set must compute, integer for integer.
#include <stdint.h>

typedef struct {
  int32_t lanes[16];
} sum16;
#define ZERO {{0}}

static inline sum16 dot(sum16 sums, int32_t activations, sum16 weights) {
  for (int i = 0; i < 16; i++)
    for (int k = 0; k < 4; k++) {
      const int32_t a = (int32_t)((uint32_t)activations >> (8 * k) & 255);
      const int32_t w = (int8_t)((uint32_t)weights.lanes[i] >> (8 * k));
      sums.lanes[i] += a * w;
    }
  return sums;
}
#define DOT dot
#define LEVELS 255
#define TILE_ROWS 1
#define INT8_SET ast_int8_kernels_baseline
#define INT8_NAME "baseline"
#include "int8_body.h"
