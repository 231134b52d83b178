// Parameters of attention/body.h for fp32.
//
// Parameters of this file: LANES, VECTORS.
#include <string.h>

#include "vector.h"
#include "exp2.h"

#define SCORE_GROUP 1
#define VALUE_GROUP 1
#define VALUE_ROWS 1
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

/// `x` is NULL for a padding key, which is packed as zeros.
INLINE void pack_key(const float *x, long width, uint8_t *column, long stride, float *scales) {
  (void)scales;
  for (long i = 0; i < width; i++) {
    const float value = x ? x[i] : 0.f;
    memcpy(column + i * stride, &value, 4);
  }
}

INLINE void pack_value(const float *x, long stride, long left, long width, long token, uint8_t *panels,
                       long panel_bytes, float *logs, float *inverses) {
  (void)stride, (void)logs, (void)inverses;
  const long panel = VECTORS * LANES;
  for (long i = 0; i < width; i += panel) {
    uint8_t *to = panels + i / panel * panel_bytes + token * panel * 4;
    memset(to, 0, (size_t)panel * 4);
    if (left > 0) memcpy(to, x + i, (size_t)(width - i < panel ? width - i : panel) * 4);
  }
}

#define SOFTMAX_STEP LANES
INLINE vec softmax_part(float *scores, long i, float most, const float *inverses) {
  (void)inverses;
  const vec weights = exp2_of(load(scores + i) - most);
  store(scores + i, weights);
  return weights;
}
