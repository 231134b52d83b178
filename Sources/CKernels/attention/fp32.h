// What attention_body.h needs where all products are in fp32.
#include <string.h>

#include "vector.h"
#include "exp2.h"

#define SCORE_GROUP 1
#define VALUE_GROUP 1
#define SCORE_SUM vec
#define VALUE_SUM vec
#define SUM vec
#define TILE score_tile
#define DOT(sums, group, weights) ((sums) + (vec)(ivec)(group) * (weights))
#include "tile.h"
#define value_tile score_tile

INLINE void pack_query(const float *x, long width, float factor, uint8_t *q, float *scales, long stride) {
  (void)scales, (void)stride;
  for (long i = 0; i < width; i++) ((float *)q)[i] = x[i] * factor;
}

/// A key that is not there (`x` is NULL) is zeros.
INLINE void pack_key(const float *x, long width, uint8_t *column, long stride, float *scales) {
  (void)scales;
  for (long i = 0; i < width; i++) {
    const float value = x ? x[i] : 0.f;
    memcpy(column + i * stride, &value, 4);
  }
}

INLINE void pack_value_rows(const float *x, long stride, long left, long part, uint8_t *panel) {
  (void)stride;
  memset(panel, 0, VECTORS * LANES * 4);
  if (left > 0) memcpy(panel, x, (size_t)part * 4);
}

INLINE void narrow_weights(vec weights, float *scores, long at) { store(scores + at, weights); }
