// Attention, written once. A file per instruction set and kind of numbers defines, beside LANES and vector.h:
//   QUERIES, queries that are computed together, and VECTORS, vectors of keys (or of columns of V) in a panel;
//   score_tile and value_tile, the two register tiles (tile.h), with SCORE_GROUP and VALUE_GROUP, the numbers in a group;
//   pack_query, pack_key and pack_value_rows, which narrow;
//   KEY_SCALES where the scores are integers; exp2_of; narrow_weights;
//   ATTENTION and ATTENTION_NAME, the table.
#include "attention.h"

enum { PANEL = VECTORS * LANES };

/// Where the parts of a packed head are.
typedef struct {
  uint8_t *queries;       // [tokens][query_stride]
  long query_stride;
  float *query_scales;    // [tokens][2]: scale and minimum, 8 bits only
  uint8_t *keys;          // [panels][groups][PANEL] groups of four bytes
  float *key_scales;      // [panels][2][PANEL]: scale, and scale times the sum of the integers, 8 bits only
  uint8_t *values;        // [columns / PANEL][tokens / group][PANEL] groups of four bytes
  long bytes;
} head_parts;

INLINE head_parts parts_of(const void *head, long tokens, long width) {
  uint8_t *at = (uint8_t *)head;
  const long columns = rounded_up(tokens, PANEL), inner = rounded_up(width, SCORE_GROUP) / SCORE_GROUP * 4;
  head_parts parts;
  parts.query_stride = rounded_up(inner, 64);
  parts.queries = at;
  at += tokens * parts.query_stride;
  parts.keys = at;
  at += columns * inner;
  at = (uint8_t *)head + rounded_up(at - (uint8_t *)head, 64);
  parts.values = at;
  at += rounded_up(width, PANEL) * columns / VALUE_GROUP * 4;
  parts.query_scales = (float *)at;
  parts.key_scales = (float *)at;
#ifdef KEY_SCALES
  at += rounded_up(tokens * 8, 64);
  parts.key_scales = (float *)at;
  at += columns * 8;
#endif
  parts.bytes = rounded_up(at - (uint8_t *)head, 64);
  return parts;
}

static long head_bytes(long tokens, long width) { return parts_of((void *)0, tokens, width).bytes; }

static long scratch_bytes(long tokens, long width) {
  (void)width;
  return QUERIES * rounded_up(tokens, PANEL) * (long)sizeof(float);
}

static void pack_queries(const float *x, long first, long rows, long stride, float scale, long tokens, long width,
                         void *head) {
  const head_parts parts = parts_of(head, tokens, width);
  // Scores are exponents of two.
  const float factor = scale * 1.44269504f;
  for (long r = 0; r < rows; r++)
    pack_query(x + r * stride, width, factor, parts.queries + (first + r) * parts.query_stride,
               parts.query_scales + 2 * (first + r), parts.query_stride);
}

static void pack_keys(const float *x, long first, long rows, long stride, long tokens, long width, void *head) {
  const head_parts parts = parts_of(head, tokens, width);
  const long columns = rounded_up(tokens, PANEL), groups = rounded_up(width, SCORE_GROUP) / SCORE_GROUP;
  const long end = first + rows == tokens ? columns : first + rows;
  for (long token = first; token < end; token++) {
    uint8_t *column = parts.keys + (token / PANEL * groups * PANEL + token % PANEL) * 4;
    float *scales = parts.key_scales + token / PANEL * 2 * PANEL + token % PANEL;
    pack_key(token < tokens ? x + (token - first) * stride : (const float *)0, width, column, PANEL * 4, scales);
  }
}

static void pack_values(const float *x, long first, long rows, long stride, long tokens, long width, void *head) {
  const head_parts parts = parts_of(head, tokens, width);
  const long columns = rounded_up(tokens, PANEL);
  const long end = first + rows == tokens ? columns : first + rows;
  for (long column = 0; column < width; column += PANEL) {
    uint8_t *panel = parts.values + column * (columns / VALUE_GROUP) * 4;
    const long part = width - column < PANEL ? width - column : PANEL;
    for (long token = first; token < end; token += VALUE_GROUP) {
      const float *row = x + (token - first) * stride + column;
      pack_value_rows(row, stride, tokens - token, part, panel + token / VALUE_GROUP * PANEL * 4);
    }
  }
}

/// Scores of one tile leave the registers; `top` follows each row's largest.
INLINE void end_scores(SCORE_SUM (*sums)[VECTORS], const float *const *query_scales, const float *key_scales,
                       long panel, long columns, long left, float *scores, vec *top) {
  (void)query_scales, (void)key_scales;
#pragma clang loop unroll(full)
  for (int c = 0; c < VECTORS; c++) {
    const long missing = left - c * LANES;
#ifdef KEY_SCALES
    const vec scale = load(key_scales + c * LANES), sum = load(key_scales + PANEL + c * LANES);
#endif
#pragma clang loop unroll(full)
    for (int r = 0; r < QUERIES; r++) {
#ifdef KEY_SCALES
      vec v = __builtin_convertvector(sums[r][c], vec) * (scale * query_scales[r][0]) + sum * query_scales[r][1];
#else
      vec v = sums[r][c];
#endif
      if (missing < LANES)
        for (int i = 0; i < LANES; i++) v[i] = i < missing ? v[i] : -__builtin_inff();
      top[r] = v > top[r] ? v : top[r];
      store(scores + r * columns + panel + c * LANES, v);
    }
  }
}

/// Scores become weights, in place: a row of weights begins where its row of scores does. Returns their sum.
INLINE float soften(float *scores, long columns, vec top) {
  float most = top[0];
  for (int i = 1; i < LANES; i++) most = top[i] > most ? top[i] : most;
  vec sum = 0.f;
  for (long i = 0; i < columns; i += LANES) {
    const vec weight = exp2_of(load(scores + i) - most);
    sum += weight;
    narrow_weights(weight, scores, i);
  }
  return sum_of_lanes(sum);
}

static void attend(const void *head, long first, long rows, long tokens, long width, void *scratch, float *out,
                   long stride) {
  const head_parts parts = parts_of(head, tokens, width);
  const long columns = rounded_up(tokens, PANEL), groups = rounded_up(width, SCORE_GROUP) / SCORE_GROUP;
  float *scores = scratch;
  for (long row = 0; row < rows; row += QUERIES) {
    const uint8_t *queries[QUERIES], *weights[QUERIES];
    const float *query_scales[QUERIES];
    vec top[QUERIES];
    for (long r = 0; r < QUERIES; r++) {
      // The last tile may have fewer queries: it computes its last one again.
      const long query = first + (row + r < rows ? row + r : rows - 1);
      queries[r] = parts.queries + query * parts.query_stride;
      query_scales[r] = parts.query_scales + 2 * query;
      weights[r] = (const uint8_t *)(scores + r * columns);
      top[r] = -__builtin_inff();
    }
    for (long panel = 0; panel < columns; panel += PANEL) {
      SCORE_SUM sums[QUERIES][VECTORS];
      score_tile(QUERIES, queries, groups, parts.keys + panel * groups * 4, sums);
      if (tokens - panel >= PANEL)
        end_scores(sums, query_scales, parts.key_scales + panel * 2, panel, columns, PANEL, scores, top);
      else
        end_scores(sums, query_scales, parts.key_scales + panel * 2, panel, columns, tokens - panel, scores, top);
    }
    float inverse[QUERIES];
    for (long r = 0; r < QUERIES; r++) inverse[r] = 1.f / soften(scores + r * columns, columns, top[r]);
    for (long column = 0; column < width; column += PANEL) {
      VALUE_SUM sums[QUERIES][VECTORS];
      value_tile(QUERIES, weights, columns / VALUE_GROUP, parts.values + column * (columns / VALUE_GROUP) * 4, sums);
      const long part = width - column < PANEL ? width - column : PANEL;
      for (long r = 0; r < QUERIES && row + r < rows; r++) {
        float *to = out + (row + r) * stride + column;
#pragma clang loop unroll(full)
        for (int c = 0; c < VECTORS; c++) {
          const long rest = part - c * LANES;
          if (rest >= LANES)
            store(to + c * LANES, sums[r][c] * inverse[r]);
          else if (rest > 0)
            store_part(to + c * LANES, sums[r][c] * inverse[r], rest);
        }
      }
    }
  }
}

const ast_attention_kernels ATTENTION = {
    .name = ATTENTION_NAME,
    .head_bytes = head_bytes,
    .scratch_bytes = scratch_bytes,
    .pack_queries = pack_queries,
    .pack_keys = pack_keys,
    .pack_values = pack_values,
    .attend = attend,
};
