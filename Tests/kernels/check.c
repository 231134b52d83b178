// Compares every set of kernels that this processor can run with a computation in double precision. Without Swift, so
// that it can be cross-compiled and run under emulation. Prints a line per set; exits with 1 when one is wrong.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

static uint32_t state = 1;
static float number(void) {
  state = state * 1664525u + 1013904223u;
  return (float)(state >> 8) / (1 << 23) - 1;
}

static float *numbers(long count) {
  float *x = aligned_alloc(64, (size_t)(count * 4 + 127) / 64 * 64);
  for (long i = 0; i < count; i++) x[i] = number();
  return x;
}

static int wrong;

static void report(const char *what, const char *name, double error, double allowed) {
  const int holds = error <= allowed;
  printf("%-10s %-12s %.2e of %.2e %s\n", what, name, error, allowed, holds ? "holds" : "FAILS");
  wrong |= !holds;
}

static float *product(const ast_gemm_kernels *set, const float *x, long rows, const float *w, long outputs,
                      long inputs, const float *bias) {
  const long stride = ast_row_stride(set, inputs), padded = ast_padded_outputs(set, outputs);
  ast_rows quantized = {aligned_alloc(64, (size_t)(rows * stride)), numbers(rows), numbers(rows), stride};
  void *panels = aligned_alloc(64, (size_t)(ast_panel_bytes(set, outputs, inputs) + 63) / 64 * 64);
  float *scales = numbers(padded);
  int32_t *sums = (int32_t *)numbers(padded);
  ast_pack(set, w, outputs, inputs, NULL, panels, scales, sums);
  const ast_matrix matrix = {panels, scales, sums, outputs, inputs};
  float *y = numbers(rows * outputs);
  set->quantize(x, rows, inputs, quantized);
  set->multiply(quantized, rows, &matrix, bias, y, outputs, AST_STORE);
  return y;
}

static void check_gemm(const char *name) {
  const ast_gemm_kernels *set = ast_gemm_named(name);
  if (!set) return;
  double worst = 0;
  const long shapes[][3] = {{1, 1, 1}, {7, 33, 70}, {13, 50, 1}, {20, 5, 200}, {48, 96, 31}, {6, 64, 64}};
  for (int s = 0; s < 6; s++) {
    const long rows = shapes[s][0], inputs = shapes[s][1], outputs = shapes[s][2];
    const float *x = numbers(rows * inputs), *w = numbers(outputs * inputs), *bias = numbers(outputs);
    const float *y = product(set, x, rows, w, outputs, inputs, bias);
    for (long r = 0; r < rows; r++)
      for (long n = 0; n < outputs; n++) {
        double exact = bias[n];
        for (long k = 0; k < inputs; k++) exact += (double)x[r * inputs + k] * w[n * inputs + k];
        worst = fmax(worst, fabs(exact - y[r * outputs + n]));
      }
  }
  report("GEMM", name, worst, 0.1);
}

static void check_float_gemm(const ast_float_gemm *set) {
  double worst = 0;
  const long shapes[][3] = {{1, 1, 1}, {7, 33, 70}, {13, 900, 65}, {20, 5, 200}, {6, 64, 64}};
  for (int s = 0; s < 5; s++) {
    const long rows = shapes[s][0], inputs = shapes[s][1], outputs = shapes[s][2];
    const float *x = numbers(rows * inputs), *w = numbers(outputs * inputs), *bias = numbers(outputs);
    float *y = numbers(rows * outputs), *scratch = numbers(set->scratch_floats);
    set->multiply(x, rows, w, outputs, inputs, bias, y, AST_STORE, scratch);
    for (long r = 0; r < rows; r++)
      for (long n = 0; n < outputs; n++) {
        double exact = bias[n];
        for (long k = 0; k < inputs; k++) exact += (double)x[r * inputs + k] * w[n * inputs + k];
        worst = fmax(worst, fabs(exact - y[r * outputs + n]));
      }
  }
  report("GEMM fp32", set->name, worst, 5e-5);
}

static void check_attention(const char *name) {
  const ast_attention_kernels *set = ast_attention_named(name);
  if (!set) return;
  double worst = 0;
  const long shapes[][2] = {{1, 1}, {65, 20}, {130, 64}, {77, 128}, {49, 7}};
  for (int s = 0; s < 5; s++) {
    const long tokens = shapes[s][0], width = shapes[s][1];
    const float scale = 1 / sqrtf((float)width);
    const float *q = numbers(tokens * width), *k = numbers(tokens * width), *v = numbers(tokens * width);
    void *head = aligned_alloc(64, (size_t)set->head_bytes(tokens, width));
    void *scratch = aligned_alloc(64, (size_t)(set->scratch_bytes(tokens, width) + 63) / 64 * 64);
    float *out = numbers(tokens * width);
    set->pack_queries(q, 0, tokens, width, scale, tokens, width, head);
    set->pack_keys(k, 0, tokens, width, tokens, width, head);
    set->pack_values(v, 0, tokens, width, tokens, width, head);
    set->attend(head, 0, tokens, tokens, width, scratch, out, width);
    for (long t = 0; t < tokens; t++) {
      double weights[256], sum = 0;
      for (long j = 0; j < tokens; j++) {
        double score = 0;
        for (long i = 0; i < width; i++) score += (double)q[t * width + i] * k[j * width + i];
        sum += weights[j] = exp(score * scale);
      }
      for (long i = 0; i < width; i++) {
        double exact = 0;
        for (long j = 0; j < tokens; j++) exact += weights[j] / sum * v[j * width + i];
        worst = fmax(worst, fabs(exact - out[t * width + i]));
      }
    }
  }
  const int is_rounded = strstr(name, "vnni") || strstr(name, "bf16") || strcmp(name, "avx512vl") == 0;
  report("attention", name, worst, is_rounded ? 0.02 : 2e-6);
}

int main(void) {
  const char *gemms[] = {"plain",      "plainpairs", "avx2", "avx2exact", "avxvnni",   "avx512vl",
                         "avx512vnni", "dotprod",    "i8mm", "bf16plain", "avx512bf16"};
  for (int i = 0; i < 11; i++) check_gemm(gemms[i]);
  check_float_gemm(ast_fp32_gemm_by_rows());
  const char *attention[] = {"plain", "neon", "avx2", "avx512", "avx512bf16", "avxvnni", "avx512vl", "avx512vnni"};
  for (int i = 0; i < 8; i++) check_attention(attention[i]);
  return wrong;
}
