// One panel of VECTORS * LANES outputs: packs its weights and multiplies all rows. Part of fp32_body.h.
#define PANEL (VECTORS * LANES)
#define SUM vec
#define TILE tile
#include "tile.h"

/// Packs inputs `from` to `from + depth` of the outputs from `first` on into a panel, and prefetches the next panel's
/// weights: their rows are as many streams as the panel has outputs, too many for the hardware prefetcher.
static void pack_panel(const float *weights, long outputs, long inputs, long first, long from, long depth,
                       float *panel) {
  const float *end = weights + outputs * inputs;
  for (long n = 0; n < PANEL; n += LANES) {
    for (long k = 0; k < depth; k += LANES) {
      const long part = depth - k < LANES ? depth - k : LANES;
      vec square[LANES];
#pragma clang loop unroll(full)
      for (int i = 0; i < LANES; i++) {
        const long output = first + n + i;
        const float *row = weights + output * inputs + from + k;
        // What lies behind the part of a row is loaded, too, where it belongs to the weights; it is not stored.
        square[i] = output >= outputs ? (vec)0.f : end - row >= LANES ? load(row) : load_part(row, part, 0.f);
        if (output + PANEL < outputs) __builtin_prefetch(row + PANEL * inputs, 0, 2);
      }
      transpose(square);
      for (int i = 0; i < part; i++) store(panel + (k + i) * PANEL + n, square[i]);
    }
  }
}

/// Adds the products of a part of the inputs to one row's outputs; the last part also applies the epilogue.
INLINE void finish_row(const vec *sums, const float *bias, long count, float *y, int adds, int activates) {
#pragma clang loop unroll(full)
  for (int c = 0; c < VECTORS; c++) {
    const long at = c * LANES, part = count - at < LANES ? count - at : LANES;
    if (part <= 0) return;
    vec v = sums[c];
    if (bias) v += part == LANES ? load(bias + at) : load_part(bias + at, part, 0.f);
    if (adds) v += part == LANES ? load(y + at) : load_part(y + at, part, 0.f);
    if (activates) v = vector_gelu(v);
    if (part == LANES)
      store(y + at, v);
    else
      store_part(y + at, v, part);
  }
}

/// Multiplies all rows by a packed panel. `count`, `adds` and `activates` are constants in most calls: with few inputs the
/// epilogue takes as long as the products.
INLINE void multiply_rows(const float *x, long rows, long inputs, long depth, const float *panel, const float *bias,
                          long count, float *y, long stride, int adds, int activates) {
  for (long row = 0; row < rows; row += ROWS) {
    const uint8_t *own[ROWS];
    // A tile with fewer rows computes its last one repeatedly.
    for (long r = 0; r < ROWS; r++) own[r] = (const uint8_t *)(x + (row + r < rows ? row + r : rows - 1) * inputs);
    vec sums[ROWS][VECTORS];
    tile(ROWS, own, depth, (const uint8_t *)panel, sums);
    if (row + ROWS <= rows) {
#pragma clang loop unroll(full)
      for (long r = 0; r < ROWS; r++) finish_row(sums[r], bias, count, y + (row + r) * stride, adds, activates);
    } else {
      for (long r = 0; r < ROWS && row + r < rows; r++)
        finish_row(sums[r], bias, count, y + (row + r) * stride, adds, activates);
    }
  }
}

static void multiply_panel(const float *x, long rows, const float *weights, long outputs, long inputs, long first,
                           const float *bias, float *y, ast_epilogue epilogue, float *scratch) {
  const long count = outputs - first < PANEL ? outputs - first : PANEL;
  for (long from = 0; from < inputs; from += DEPTH) {
    const long depth = inputs - from < DEPTH ? inputs - from : DEPTH;
    const int adds = epilogue == AST_ADD || from > 0, activates = epilogue == AST_GELU && from + depth == inputs;
    pack_panel(weights, outputs, inputs, first, from, depth, scratch);
    const float *own = bias && from == 0 ? bias + first : NULL;
    if (count == PANEL && adds && !activates && own)
      multiply_rows(x + from, rows, inputs, depth, scratch, own, PANEL, y + first, outputs, 1, 0);
    else if (count == PANEL && adds && !activates)
      multiply_rows(x + from, rows, inputs, depth, scratch, NULL, PANEL, y + first, outputs, 1, 0);
    else if (count == PANEL && !activates && own)
      multiply_rows(x + from, rows, inputs, depth, scratch, own, PANEL, y + first, outputs, 0, 0);
    else
      multiply_rows(x + from, rows, inputs, depth, scratch, own, count, y + first, outputs, adds, activates);
  }
}
