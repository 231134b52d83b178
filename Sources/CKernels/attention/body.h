// Attention of one head, written once for all instruction sets and number formats.
//
// Parameters, defined before this file is included (beside LANES and vector.h):
//   QUERIES                      rows of the register tile: queries computed together
//   VECTORS                      vectors in a panel of keys, or of columns of V
//   score_tile, value_tile       the two register tiles (tile.h)
//   SCORE_GROUP, VALUE_GROUP     numbers in a group of four bytes
//   SCORE_SUM, VALUE_SUM         accumulator types of the tiles
//   VALUE_ROWS                   tokens that one call of pack_value packs
//   SOFTMAX_STEP                 scores that one call of softmax_part converts
//   pack_query, pack_key, pack_value   quantise, convert or copy one row (VALUE_ROWS rows)
//   softmax_part, exp2_of        scores to weights; 2^x
//   EIGHT_BITS                   defined where the numbers are integers with scales
//   ATTENTION, ATTENTION_NAME    the table and its name
//
// Memory of one packed head; queries, keys and values each begin on a cache line:
//
//   queries       [tokens][query_stride bytes]
//   keys          [panels of PANEL tokens][groups of the head's width][PANEL] x 4 bytes
//                     token:    0     1         PANEL-1   0     1
//                   group 0  | 4 B | 4 B | ... | 4 B | group 1: 4 B | 4 B | ...
//   values        [panels of PANEL columns][groups of tokens][PANEL] x 4 bytes
//                     column:   0     1         PANEL-1
//                   tokens 0 | 4 B | 4 B | ... | 4 B | next tokens ...        (1, 2 or 4 tokens in a group)
//   8 bits only:  query_scales [tokens][2], key_scales [panels][2][PANEL], value_logs [tokens], value_inverses [tokens]
//
// The keys are processed in chunks, so that scores and weights stay in the first-level cache:
//
//             chunk 0              chunk 1
//   scores  [QUERIES, CHUNK]  ->  weights, in place  ->  results += weights V      (flash attention's scheme)
//
// Each chunk has its own maximum and, in 8 bits, so its own scale; the results of earlier chunks are rescaled to the
// maximum so far.
#ifndef LANES
#error "attention/body.h: define LANES and include vector.h first"
#endif
#ifndef QUERIES
#error "attention/body.h: define QUERIES, the queries computed together"
#endif
#ifndef VECTORS
#error "attention/body.h: define VECTORS, the vectors in a panel"
#endif
#ifndef SCORE_GROUP
#error "attention/body.h: define SCORE_GROUP, the numbers of a query in a group"
#endif
#ifndef VALUE_GROUP
#error "attention/body.h: define VALUE_GROUP, the tokens in a group of values"
#endif
#ifndef VALUE_ROWS
#error "attention/body.h: define VALUE_ROWS, the tokens that pack_value packs"
#endif
#ifndef SCORE_SUM
#error "attention/body.h: define SCORE_SUM, the accumulator of scores"
#endif
#ifndef VALUE_SUM
#error "attention/body.h: define VALUE_SUM, the accumulator of results"
#endif
#ifndef SOFTMAX_STEP
#error "attention/body.h: define SOFTMAX_STEP, the scores that softmax_part converts"
#endif
#ifndef ATTENTION
#error "attention/body.h: define ATTENTION, the name of the table"
#endif
#ifndef ATTENTION_NAME
#error "attention/body.h: define ATTENTION_NAME, the table's name as a string"
#endif
#include "attention.h"

enum { PANEL = VECTORS * LANES, CHUNK = 640 };

/// Addresses of the parts of a packed head.
typedef struct {
  uint8_t *queries;       // [tokens][query_stride]
  long query_stride;
  float *query_scales;    // [tokens][2]: scale and minimum, 8 bits only
  uint8_t *keys;          // [panels][groups][PANEL] groups of four bytes
  float *key_scales;      // [panels][2][PANEL]: scale, and scale times the sum of the integers, 8 bits only
  uint8_t *values;        // [columns / PANEL][tokens / group][PANEL] groups of four bytes
  float *value_logs;      // [tokens]: log2 of the scale, 8 bits only
  float *value_inverses;  // [tokens]: 1 / scale, 8 bits only
  long bytes;
} head_parts;

/// Tokens of a packed head, rounded up to whole panels and whole steps of softmax.
INLINE long padded_keys(long tokens) { return rounded_up(tokens, SOFTMAX_STEP > PANEL ? SOFTMAX_STEP : PANEL); }

INLINE head_parts parts_of(const void *head, long tokens, long width) {
  uint8_t *at = (uint8_t *)head;
  const long columns = padded_keys(tokens), inner = rounded_up(width, SCORE_GROUP) / SCORE_GROUP * 4;
  head_parts parts;
  parts.query_stride = rounded_up(inner, 64);
  parts.queries = at;
  at += tokens * parts.query_stride;
  parts.keys = at;
  at += columns * inner;
  at = (uint8_t *)head + rounded_up(at - (uint8_t *)head, 64);
  parts.values = at;
  at += rounded_up(width, PANEL) * columns / VALUE_GROUP * 4;
  parts.query_scales = parts.key_scales = parts.value_logs = parts.value_inverses = (float *)at;
#ifdef EIGHT_BITS
  at += rounded_up(tokens * 8, 64);
  parts.key_scales = (float *)at;
  parts.value_logs = parts.key_scales + 2 * columns;
  parts.value_inverses = parts.value_logs + columns;
  at += columns * 16;
#endif
  parts.bytes = rounded_up(at - (uint8_t *)head, 64);
  return parts;
}

static long head_bytes(long tokens, long width) { return parts_of((void *)0, tokens, width).bytes; }

/// Scores [QUERIES][CHUNK], then results [QUERIES][padded width].
static long scratch_bytes(long tokens, long width) {
  (void)tokens;
  return QUERIES * (CHUNK + rounded_up(width, PANEL)) * (long)sizeof(float);
}

static void pack_queries(const float *x, long first, long rows, long stride, float scale, long tokens, long width,
                         void *head) {
  const head_parts parts = parts_of(head, tokens, width);
  // Scores are exponents of 2, not of e: log2(e) is part of the factor.
  const float factor = scale * 1.44269504f;
  for (long r = 0; r < rows; r++)
    pack_query(x + r * stride, width, factor, parts.queries + (first + r) * parts.query_stride,
               parts.query_scales + 2 * (first + r), parts.query_stride);
}

static void pack_keys(const float *x, long first, long rows, long stride, long tokens, long width, void *head) {
  const head_parts parts = parts_of(head, tokens, width);
  const long groups = rounded_up(width, SCORE_GROUP) / SCORE_GROUP;
  const long end = first + rows == tokens ? padded_keys(tokens) : first + rows;
  for (long token = first; token < end; token++) {
    uint8_t *column = parts.keys + (token / PANEL * groups * PANEL + token % PANEL) * 4;
    float *scales = parts.key_scales + token / PANEL * 2 * PANEL + token % PANEL;
    pack_key(token < tokens ? x + (token - first) * stride : (const float *)0, width, column, PANEL * 4, scales);
  }
}

static void pack_values(const float *x, long first, long rows, long stride, long tokens, long width, void *head) {
  const head_parts parts = parts_of(head, tokens, width);
  const long columns = padded_keys(tokens);
  const long end = first + rows == tokens ? columns : first + rows;
  for (long token = first; token < end; token += VALUE_ROWS)
    pack_value(token < tokens ? x + (token - first) * stride : (const float *)0, stride, tokens - token, width, token,
               parts.values, columns / VALUE_GROUP * PANEL * 4, parts.value_logs, parts.value_inverses);
}

/// Stores the scores of one tile and updates `top`, each row's maximum. Scores from `left` on are padding: minus
/// infinity.
INLINE void finish_scores(SCORE_SUM (*sums)[VECTORS], const float *const *query_scales, const float *key_scales,
                       const float *value_logs, long left, float *scores, vec *top) {
  (void)query_scales, (void)key_scales, (void)value_logs;
#pragma clang loop unroll(full)
  for (int c = 0; c < VECTORS; c++) {
    const long missing = left - c * LANES;
#ifdef EIGHT_BITS
    const vec scale = load(key_scales + c * LANES), sum = load(key_scales + PANEL + c * LANES);
    const vec log = load(value_logs + c * LANES);
#endif
#pragma clang loop unroll(full)
    for (int r = 0; r < QUERIES; r++) {
#ifdef EIGHT_BITS
      vec v = __builtin_convertvector(sums[r][c], vec) * (scale * query_scales[r][0]) + (sum * query_scales[r][1] + log);
#else
      vec v = sums[r][c];
#endif
      if (missing < LANES)
        for (int i = 0; i < LANES; i++) v[i] = i < missing ? v[i] : -__builtin_inff();
      top[r] = v > top[r] ? v : top[r];
      store(scores + r * CHUNK + c * LANES, v);
    }
  }
}

/// Converts a row's scores of a chunk to weights, in place: they begin at the same address. Returns their sum.
INLINE float softmax(float *scores, long columns, float most, const float *value_inverses) {
  vec sum = 0.f;
  for (long i = 0; i < columns; i += SOFTMAX_STEP) sum += softmax_part(scores, i, most, value_inverses);
  return sum_of_lanes(sum);
}

/// One row's state after some chunks: `most` is the largest score, `total` the sum of weights relative to it.
typedef struct {
  float most, total;
} row_state;

static void attend(const void *head, long first, long rows, long tokens, long width, void *scratch, float *out,
                   long stride) {
  const head_parts parts = parts_of(head, tokens, width);
  const long columns = padded_keys(tokens), groups = rounded_up(width, SCORE_GROUP) / SCORE_GROUP;
  const long padded_width = rounded_up(width, PANEL);
  float *scores = scratch, *results = scores + QUERIES * CHUNK;
  for (long row = 0; row < rows; row += QUERIES) {
    const uint8_t *queries[QUERIES], *weights[QUERIES];
    const float *query_scales[QUERIES];
    row_state state[QUERIES];
    for (long r = 0; r < QUERIES; r++) {
      // A tile with fewer queries computes its last one repeatedly.
      const long query = first + (row + r < rows ? row + r : rows - 1);
      queries[r] = parts.queries + query * parts.query_stride;
      query_scales[r] = parts.query_scales + 2 * query;
      weights[r] = (const uint8_t *)(scores + r * CHUNK);
      state[r] = (row_state){-__builtin_inff(), 0};
    }
    memset(results, 0, (size_t)(QUERIES * padded_width) * sizeof *results);
    for (long chunk = 0; chunk < columns; chunk += CHUNK) {
      const long keys = columns - chunk < CHUNK ? columns - chunk : CHUNK;
      vec top[QUERIES];
      for (long r = 0; r < QUERIES; r++) top[r] = -__builtin_inff();
      for (long panel = chunk; panel < chunk + keys; panel += PANEL) {
        SCORE_SUM sums[QUERIES][VECTORS];
        score_tile(QUERIES, queries, groups, parts.keys + panel * groups * 4, sums);
        const float *scales = parts.key_scales + panel * 2, *logs = parts.value_logs + panel;
        if (tokens - panel >= PANEL)
          finish_scores(sums, query_scales, scales, logs, PANEL, scores + (panel - chunk), top);
        else
          finish_scores(sums, query_scales, scales, logs, tokens - panel, scores + (panel - chunk), top);
      }
      vec before[QUERIES], now[QUERIES];
      for (long r = 0; r < QUERIES; r++) {
        const float most = highest(top[r]), larger = most > state[r].most ? most : state[r].most;
        const float sum = softmax(scores + r * CHUNK, keys, most, parts.value_inverses + chunk);
        before[r] = exp2_of((vec)(state[r].most - larger));
        now[r] = exp2_of((vec)(most - larger));
        state[r] = (row_state){larger, state[r].total * before[r][0] + sum * now[r][0]};
      }
      for (long column = 0; column < width; column += PANEL) {
        VALUE_SUM sums[QUERIES][VECTORS];
        value_tile(QUERIES, weights, keys / VALUE_GROUP,
                   parts.values + (column * columns + chunk * PANEL) / VALUE_GROUP * 4, sums);
#pragma clang loop unroll(full)
        for (int r = 0; r < QUERIES; r++)
#pragma clang loop unroll(full)
          for (int c = 0; c < VECTORS; c++) {
            float *to = results + r * padded_width + column + c * LANES;
            store(to, load(to) * before[r] + __builtin_convertvector(sums[r][c], vec) * now[r]);
          }
      }
    }
    for (long r = 0; r < QUERIES && row + r < rows; r++) {
      const float inverse = 1.f / state[r].total;
      for (long i = 0; i < width; i += LANES) {
        const vec v = load(results + r * padded_width + i) * inverse;
        float *to = out + (row + r) * stride + i;
        if (width - i >= LANES)
          store(to, v);
        else
          store_part(to, v, width - i);
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
