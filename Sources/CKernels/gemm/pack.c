#include <stddef.h>
#include <string.h>

#include "gemm.h"
#define LANES 4
#include "vector.h"
#include "bf16.h"

// Each row begins on a cache line.
long ast_row_stride(const ast_gemm_kernels *kernels, long inputs) {
  return rounded_up(inputs * 4 / kernels->group + 3, 64);
}

long ast_padded_outputs(const ast_gemm_kernels *kernels, long outputs) {
  return rounded_up(outputs, kernels->panel);
}

long ast_panel_bytes(const ast_gemm_kernels *kernels, long outputs, long inputs) {
  return rounded_up(outputs, kernels->panel) * rounded_up(inputs, kernels->group) * 4 / kernels->group;
}

static inline float factor(const float *factors, long input) { return factors ? factors[input] : 1.f; }

/// The largest magnitude of a row; NaN when an element is infinite or NaN.
static float magnitude(const float *row, const float *factors, long count) {
  float largest = 0, trace = 0;
  for (long i = 0; i < count; i++) {
    const float value = row[i] * factor(factors, i), a = value < 0 ? -value : value;
    largest = a > largest ? a : largest;
    trace += value * 0.f;
  }
  return largest + trace;
}

/// The largest sum of two adjacent weights of one sign: the pair whose products an instruction adds in 16 bits.
static float largest_pair(const float *row, const float *factors, long count) {
  float largest = 0;
  for (long i = 0; i + 1 < count; i += 2) {
    const float a = row[i] * factor(factors, i), b = row[i + 1] * factor(factors, i + 1);
    const float above = (a > 0 ? a : 0) + (b > 0 ? b : 0), below = (a < 0 ? a : 0) + (b < 0 ? b : 0);
    largest = above > largest ? above : largest;
    largest = -below > largest ? -below : largest;
  }
  return largest;
}

/// The magnitude that 127 stands for in an output's weights.
static float reach(const ast_gemm_kernels *kernels, const float *row, const float *factors, long inputs) {
  const float largest = magnitude(row, factors, inputs);
  if (!kernels->pair_limit) return largest;
  // Rounding may add one half to each of the two weights.
  const float pair = largest_pair(row, factors, inputs) * 127.f / (float)(kernels->pair_limit - 1);
  return pair > largest ? pair : largest;
}

float ast_widening(const ast_gemm_kernels *kernels, const float *weights, long outputs, long inputs,
                   const float *factors) {
  double sum = 0;
  long count = 0;
  for (long n = 0; n < outputs; n++, weights += inputs) {
    const float natural = magnitude(weights, factors, inputs);
    if (!(natural > 0)) continue;
    const double widening = reach(kernels, weights, factors, inputs) / natural;
    sum += widening * widening;
    count++;
  }
  return count ? (float)(sum / (double)count) : 1.f;
}

static void pack_int8(const ast_gemm_kernels *kernels, const float *row, const float *factors, long inputs,
                      int8_t *column, float *scale, int32_t *sum) {
  const float largest = reach(kernels, row, factors, inputs);
  const float inverse = largest > 0 ? 127.f / largest : 0.f;
  // An output with an invalid weight is NaN, as in fp32.
  *scale = largest / 127.f;
  *sum = 0;
  if (largest != largest) return;
  for (long k = 0; k < inputs; k++) {
    // Adding 1.5 * 2^23 rounds to the nearest integer, ties to even.
    const int value = (int)((row[k] * factor(factors, k) * inverse + 12582912.f) - 12582912.f);
    column[k / 4 * kernels->panel * 4 + k % 4] = (int8_t)value;
    *sum += value;
  }
}

static void pack_bf16(const ast_gemm_kernels *kernels, const float *row, long inputs, uint16_t *column) {
  for (long k = 0; k < inputs; k++) column[k / 2 * kernels->panel * 2 + k % 2] = one_to_bf16(row[k]);
}

void ast_pack(const ast_gemm_kernels *kernels, const float *weights, long outputs, long inputs,
              const float *factors, void *panels, float *scales, int32_t *sums) {
  const long padded = ast_padded_outputs(kernels, outputs), groups = rounded_up(inputs, kernels->group) / kernels->group;
  memset(panels, 0, (size_t)ast_panel_bytes(kernels, outputs, inputs));
  for (long n = 0; n < padded; n++) {
    uint8_t *column = (uint8_t *)panels + (n / kernels->panel * groups * kernels->panel + n % kernels->panel) * 4;
    if (kernels->group == 2) {
      if (n < outputs) pack_bf16(kernels, weights + n * inputs, inputs, (uint16_t *)column);
      continue;
    }
    scales[n] = 0;
    sums[n] = 0;
    if (n < outputs) pack_int8(kernels, weights + n * inputs, factors, inputs, (int8_t *)column, scales + n, sums + n);
  }
}
