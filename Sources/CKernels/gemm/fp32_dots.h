// Few outputs, as modules of adapters have: a dot product for each, with the lanes of a vector along the inputs, so that
// the weights need not be packed and no lane is wasted. Part of fp32_body.h.

// Outputs of a tile: with its rows as many accumulators as the registers hold.
enum { DOT_ROWS = 3, DOT_OUTPUTS = VECTORS == 4 ? 8 : 4 };

/// The dot products of DOT_ROWS rows and DOT_OUTPUTS rows of weights.
INLINE void dot_tile(const float *const *x, const float *const *weights, long inputs, float (*results)[DOT_OUTPUTS]) {
  vec sums[DOT_ROWS][DOT_OUTPUTS];
#pragma clang loop unroll(full)
  for (int r = 0; r < DOT_ROWS; r++)
#pragma clang loop unroll(full)
    for (int o = 0; o < DOT_OUTPUTS; o++) sums[r][o] = 0.f;
  for (long k = 0; k < inputs; k += LANES) {
    const long part = inputs - k < LANES ? inputs - k : LANES;
    vec own[DOT_ROWS];
#pragma clang loop unroll(full)
    for (int r = 0; r < DOT_ROWS; r++) own[r] = part == LANES ? load(x[r] + k) : load_part(x[r] + k, part, 0.f);
#pragma clang loop unroll(full)
    for (int o = 0; o < DOT_OUTPUTS; o++) {
      const vec w = part == LANES ? load(weights[o] + k) : load_part(weights[o] + k, part, 0.f);
#pragma clang loop unroll(full)
      for (int r = 0; r < DOT_ROWS; r++) sums[r][o] += own[r] * w;
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < DOT_ROWS; r++)
#pragma clang loop unroll(full)
    for (int o = 0; o < DOT_OUTPUTS; o++) results[r][o] = sum_of_lanes(sums[r][o]);
}

/// Multiplies all rows by the outputs from `first` on, at most LANES.
static void multiply_dots(const float *x, long rows, const float *weights, long outputs, long inputs, long first,
                          const float *bias, float *y, ast_epilogue epilogue) {
  const long count = outputs - first;
  for (long row = 0; row < rows; row += DOT_ROWS) {
    // A tile with fewer rows or outputs computes its last one repeatedly.
    const float *own[DOT_ROWS];
    for (long r = 0; r < DOT_ROWS; r++) own[r] = x + (row + r < rows ? row + r : rows - 1) * inputs;
    float results[DOT_ROWS][LANES + DOT_OUTPUTS];
    for (long from = 0; from < count; from += DOT_OUTPUTS) {
      const float *columns[DOT_OUTPUTS];
      for (long o = 0; o < DOT_OUTPUTS; o++)
        columns[o] = weights + (first + (from + o < count ? from + o : count - 1)) * inputs;
      float tile[DOT_ROWS][DOT_OUTPUTS];
      dot_tile(own, columns, inputs, tile);
      for (long r = 0; r < DOT_ROWS; r++) memcpy(results[r] + from, tile[r], DOT_OUTPUTS * sizeof(float));
    }
    for (long r = 0; r < DOT_ROWS && row + r < rows; r++) {
      float *to = y + (row + r) * outputs + first;
      vec v = load(results[r]);
      if (bias) v += load_part(bias + first, count, 0.f);
      if (epilogue == AST_ADD) v += load_part(to, count, 0.f);
      if (epilogue == AST_GELU) v = vector_gelu(v);
      store_part(to, v, count);
    }
  }
}
