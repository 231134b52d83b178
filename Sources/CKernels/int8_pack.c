#include <string.h>

#include "int8.h"

static long rounded_up(long value, long step) { return (value + step - 1) / step * step; }

long ast_int8_row_stride(long inputs) { return rounded_up(inputs, 64); }

long ast_int8_panel_bytes(long outputs, long inputs) {
  return rounded_up(outputs, AST_INT8_PANEL) * rounded_up(inputs, 4);
}

/// The largest magnitude of a row.
static float magnitude(const float *row, long count) {
  float largest = 0;
  for (long i = 0; i < count; i++) {
    const float a = row[i] < 0 ? -row[i] : row[i];
    largest = a > largest ? a : largest;
  }
  return largest;
}

void ast_int8_pack(const float *weights, long outputs, long inputs, int8_t *panels, float *scales,
                   int32_t *sums) {
  const long groups = rounded_up(inputs, 4) / 4;
  memset(panels, 0, (size_t)ast_int8_panel_bytes(outputs, inputs));
  for (long n = 0; n < rounded_up(outputs, AST_INT8_PANEL); n++) {
    scales[n] = 0;
    sums[n] = 0;
    if (n >= outputs) continue;
    const float *row = weights + n * inputs;
    const float largest = magnitude(row, inputs);
    scales[n] = largest / 127.f;
    const float inverse = largest > 0 ? 127.f / largest : 0.f;
    int8_t *column = panels + (n / AST_INT8_PANEL) * groups * AST_INT8_PANEL * 4 + (n % AST_INT8_PANEL) * 4;
    for (long k = 0; k < inputs; k++) {
      // Adding 1.5 * 2^23 rounds to the nearest integer, ties to even.
      const int value = (int)((row[k] * inverse + 12582912.f) - 12582912.f);
      column[(k / 4) * AST_INT8_PANEL * 4 + k % 4] = (int8_t)value;
      sums[n] += value;
    }
  }
}
