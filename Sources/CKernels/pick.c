#include <stddef.h>
#include <string.h>

#include "CKernels.h"
#include "attention.h"
#include "int8.h"

extern const ast_kernels ast_kernels_baseline;
extern const ast_int8_kernels ast_int8_kernels_baseline;

#if defined(__x86_64__)
extern const ast_kernels ast_kernels_avx2;
extern const ast_kernels ast_kernels_avx512;
extern const ast_int8_kernels ast_int8_kernels_avx2;
extern const ast_int8_kernels ast_int8_kernels_avx512vnni;
extern const ast_attention_kernels ast_attention_kernels_avx512bf16;

static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

static int has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
}
#endif

const ast_kernels *ast_kernels_for_this_cpu(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (has_avx512()) return &ast_kernels_avx512;
  if (has_avx2()) return &ast_kernels_avx2;
#endif
  return &ast_kernels_baseline;
}

const ast_kernels *ast_kernels_named(const char *name) {
  if (strcmp(name, "baseline") == 0) return &ast_kernels_baseline;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (strcmp(name, "avx512") == 0 && has_avx512()) return &ast_kernels_avx512;
  if (strcmp(name, "avx2") == 0 && has_avx2()) return &ast_kernels_avx2;
#endif
  return NULL;
}

const ast_int8_kernels *ast_int8_kernels_for_this_cpu(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (has_avx512() && __builtin_cpu_supports("avx512vnni")) return &ast_int8_kernels_avx512vnni;
  if (has_avx2()) return &ast_int8_kernels_avx2;
#endif
  return &ast_int8_kernels_baseline;
}

const ast_int8_kernels *ast_int8_kernels_named(const char *name) {
  if (strcmp(name, "baseline") == 0) return &ast_int8_kernels_baseline;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (strcmp(name, "avx512vnni") == 0 && has_avx512() && __builtin_cpu_supports("avx512vnni"))
    return &ast_int8_kernels_avx512vnni;
  if (strcmp(name, "avx2") == 0 && has_avx2()) return &ast_int8_kernels_avx2;
#endif
  return NULL;
}

const ast_attention_kernels *ast_attention_kernels_for_this_cpu(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (has_avx512() && __builtin_cpu_supports("avx512bf16")) return &ast_attention_kernels_avx512bf16;
#endif
  return NULL;
}
