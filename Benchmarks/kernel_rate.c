// Measures the kernels that this processor runs, with data in its caches: cycles of an iteration of each GEMM's inner
// loop, and operations per cycle of attention. One JSON object a line. throughput.py compiles and runs it.
//
// A cycle is the time of one addition that depends on the one before. Times are minima of many short repetitions, so
// that other programs on the machine do not matter.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "CKernels.h"

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double clock_ghz(void) {
  double best = 1e18;
  for (int repetition = 0; repetition < 100; repetition++) {
    unsigned long x = 1;
    const double start = now();
    for (int i = 0; i < 20000; i++)
      __asm__ volatile(
#if defined(__x86_64__)
          ".rept 20\n add %0, %0\n .endr"
#else
          ".rept 20\n add %0, %0, %0\n .endr"
#endif
          : "+r"(x));
    const double time = now() - start;
    best = time < best ? time : best;
  }
  return 20000 * 20 / best;
}

static float *numbers(long count) {
  float *x = aligned_alloc(64, (size_t)(count * 4 + 127) / 64 * 64);
  for (long i = 0; i < count; i++) x[i] = (float)(i * 2654435761u % 65536) / 65536 - 0.5f;
  return x;
}

/// Nanoseconds of one tile of rows times one panel, with so many inputs.
static double tile_time(const ast_gemm_kernels *set, long inputs) {
  const long rows = 6, outputs = set->panel, stride = ast_row_stride(set, inputs);
  float *x = numbers(rows * inputs), *w = numbers(outputs * inputs), *y = numbers(rows * outputs);
  const ast_rows quantized = {aligned_alloc(64, (size_t)(rows * stride)), numbers(rows), numbers(rows), stride};
  void *panels = aligned_alloc(64, (size_t)(ast_panel_bytes(set, outputs, inputs) + 63) / 64 * 64);
  float *scales = numbers(outputs);
  int32_t *sums = (int32_t *)numbers(outputs);
  ast_pack(set, w, outputs, inputs, NULL, panels, scales, sums);
  const ast_matrix matrix = {panels, scales, sums, outputs, inputs};
  set->quantize(x, rows, inputs, quantized);
  double best = 1e18;
  for (int repetition = 0; repetition < 200; repetition++) {
    const double start = now();
    for (int i = 0; i < 200; i++) set->multiply(quantized, rows, &matrix, NULL, y, outputs, AST_STORE);
    const double time = (now() - start) / 200;
    best = time < best ? time : best;
  }
  return best;
}

static void measure_gemm(const char *kind, const char *name, const ast_gemm_kernels *set, double ghz) {
  if (!set) return;
  // The difference of two depths is that of the loop alone. Both fit the first-level cache.
  const long few = 96, many = 288, groups = (many - few) / set->group;
  const double cycles = (tile_time(set, many) - tile_time(set, few)) * ghz / (double)groups;
  printf("{\"kernel\": \"gemm %s %s\", \"cycles\": %.3f, \"operations_per_cycle\": %.2f}\n", kind, name, cycles,
         2.0 * 6 * (double)(set->panel * set->group) / cycles);
}

static void measure_float_gemm(const ast_float_gemm *set, double ghz) {
  const long rows = 96, inputs = 768, outputs = 256;
  float *x = numbers(rows * inputs), *w = numbers(outputs * inputs), *y = numbers(rows * outputs);
  float *scratch = numbers(set->scratch_floats);
  double best = 1e18;
  for (int repetition = 0; repetition < 200; repetition++) {
    const double start = now();
    set->multiply(x, rows, w, outputs, inputs, NULL, y, AST_STORE, scratch);
    const double time = now() - start;
    best = time < best ? time : best;
  }
  printf("{\"kernel\": \"gemm fp32 %s\", \"operations_per_cycle\": %.2f}\n", set->name,
         2.0 * (double)(rows * inputs * outputs) / best / ghz);
}

static void measure_attention(const char *kind, const char *name, double ghz) {
  const ast_attention_kernels *set = ast_attention_named(name);
  if (!set) return;
  const long tokens = 1214, width = 64, rows = 48;
  float *x = numbers(tokens * width), *y = numbers(rows * width);
  void *head = aligned_alloc(64, (size_t)set->head_bytes(tokens, width));
  void *scratch = aligned_alloc(64, (size_t)(set->scratch_bytes(tokens, width) + 63) / 64 * 64);
  set->pack_queries(x, 0, tokens, width, 0.125f, tokens, width, head);
  set->pack_keys(x, 0, tokens, width, tokens, width, head);
  set->pack_values(x, 0, tokens, width, tokens, width, head);
  double best = 1e18;
  for (int repetition = 0; repetition < 300; repetition++) {
    const double start = now();
    set->attend(head, 0, rows, tokens, width, scratch, y, width);
    const double time = now() - start;
    best = time < best ? time : best;
  }
  printf("{\"kernel\": \"attention %s %s\", \"operations_per_cycle\": %.2f}\n", kind, name,
         4.0 * (double)(rows * tokens * width) / best / ghz);
}

int main(void) {
  const double before = clock_ghz();
  const char *int8[] = {"avx2", "avx2exact", "avxvnni", "avx512vl", "avx512vnni", "dotprod", "i8mm"};
  // The names of throughput.py are those of the files.
  const char *files[] = {"avx2", "avx2_exact", "avxvnni", "avx512vl", "avx512vnni", "dotprod", "i8mm"};
  for (int i = 0; i < 7; i++) measure_gemm("int8", files[i], ast_gemm_named(int8[i]), before);
  measure_gemm("bf16", "avx512bf16", ast_gemm_named("avx512bf16"), before);
  measure_float_gemm(ast_fp32_gemm_by_rows(), before);
  const char *attention[][2] = {{"fp32", "avx2"},    {"fp32", "avx512"},   {"fp32", "neon"},      {"bf16", "avx512bf16"},
                                {"int8", "avxvnni"}, {"int8", "avx512vl"}, {"int8", "avx512vnni"}};
  for (int i = 0; i < 7; i++) measure_attention(attention[i][0], attention[i][1], before);
  // Other numbers would mean that the clock changed meanwhile.
  printf("{\"clock_ghz\": [%.3f, %.3f]}\n", before, clock_ghz());
  return 0;
}
