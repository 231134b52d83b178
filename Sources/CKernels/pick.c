#include <stddef.h>
#include <string.h>

#include "CKernels.h"
#include "attention.h"
#include "products.h"

extern const ast_kernels ast_kernels_baseline;
extern const ast_product_kernels ast_int8_products_plain, ast_bf16_products_plain;
extern const ast_attention_kernels ast_attention_plain;

#if defined(__x86_64__)
extern const ast_kernels ast_kernels_avx2, ast_kernels_avx512;
extern const ast_product_kernels ast_int8_products_avx2, ast_int8_products_avxvnni, ast_int8_products_avx512vl,
    ast_int8_products_avx512vnni, ast_bf16_products_avx512bf16;
extern const ast_float_products ast_float_products_avx512;
extern const ast_attention_kernels ast_attention_avx2, ast_attention_avx512, ast_attention_avx512bf16,
    ast_attention_avxvnni, ast_attention_avx512vl, ast_attention_avx512vnni;

static int has_avx2(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static int has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
}

static int has_avx512vnni(void) { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }
static int has_avx512bf16(void) { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }
static int has_avxvnni(void) { return has_avx2() && __builtin_cpu_supports("avxvnni"); }
#endif

#if defined(__aarch64__)
#include <sys/auxv.h>

extern const ast_product_kernels ast_int8_products_dotprod, ast_int8_products_i8mm;
extern const ast_attention_kernels ast_attention_neon;

// Linux's HWCAP_ASIMDDP and HWCAP2_I8MM.
static int has_dotprod(void) { return (getauxval(AT_HWCAP) & (1ul << 20)) != 0; }
static int has_i8mm(void) { return has_dotprod() && (getauxval(AT_HWCAP2) & (1ul << 13)) != 0; }
#endif

const ast_kernels *ast_kernels_for_this_cpu(void) {
#if defined(__x86_64__)
  if (has_avx512()) return &ast_kernels_avx512;
  if (has_avx2()) return &ast_kernels_avx2;
#endif
  return &ast_kernels_baseline;
}

const ast_kernels *ast_kernels_named(const char *name) {
  if (strcmp(name, "baseline") == 0) return &ast_kernels_baseline;
#if defined(__x86_64__)
  if (strcmp(name, "avx512") == 0 && has_avx512()) return &ast_kernels_avx512;
  if (strcmp(name, "avx2") == 0 && has_avx2()) return &ast_kernels_avx2;
#endif
  return NULL;
}

/// The first of the sets, the fastest first, that this processor runs.
const ast_product_kernels *ast_int8_products(void) {
#if defined(__x86_64__)
  if (has_avx512vnni()) return &ast_int8_products_avx512vnni;
  if (has_avxvnni()) return &ast_int8_products_avxvnni;
  if (has_avx2()) return &ast_int8_products_avx2;
#endif
#if defined(__aarch64__)
  if (has_i8mm()) return &ast_int8_products_i8mm;
  if (has_dotprod()) return &ast_int8_products_dotprod;
#endif
  return &ast_int8_products_plain;
}

const ast_float_products *ast_fp32_products(void) {
#if defined(__x86_64__)
  if (has_avx512()) return &ast_float_products_avx512;
#endif
  return NULL;
}

const ast_product_kernels *ast_bf16_products(void) {
#if defined(__x86_64__)
  if (has_avx512bf16()) return &ast_bf16_products_avx512bf16;
#endif
  return NULL;
}

const ast_product_kernels *ast_products_named(const char *name) {
  if (strcmp(name, "plain") == 0) return &ast_int8_products_plain;
  if (strcmp(name, "bf16plain") == 0) return &ast_bf16_products_plain;
#if defined(__x86_64__)
  if (strcmp(name, "avx2") == 0 && has_avx2()) return &ast_int8_products_avx2;
  if (strcmp(name, "avxvnni") == 0 && has_avxvnni()) return &ast_int8_products_avxvnni;
  if (strcmp(name, "avx512vl") == 0 && has_avx512vnni()) return &ast_int8_products_avx512vl;
  if (strcmp(name, "avx512vnni") == 0 && has_avx512vnni()) return &ast_int8_products_avx512vnni;
  if (strcmp(name, "avx512bf16") == 0 && has_avx512bf16()) return &ast_bf16_products_avx512bf16;
#endif
#if defined(__aarch64__)
  if (strcmp(name, "dotprod") == 0 && has_dotprod()) return &ast_int8_products_dotprod;
  if (strcmp(name, "i8mm") == 0 && has_i8mm()) return &ast_int8_products_i8mm;
#endif
  return NULL;
}

const ast_attention_kernels *ast_fp32_attention(void) {
#if defined(__x86_64__)
  if (has_avx512()) return &ast_attention_avx512;
  if (has_avx2()) return &ast_attention_avx2;
#endif
#if defined(__aarch64__)
  return &ast_attention_neon;
#endif
  return &ast_attention_plain;
}

const ast_attention_kernels *ast_bf16_attention(void) {
#if defined(__x86_64__)
  if (has_avx512bf16()) return &ast_attention_avx512bf16;
#endif
  return NULL;
}

const ast_attention_kernels *ast_int8_attention(void) {
#if defined(__x86_64__)
  if (has_avx512vnni()) return &ast_attention_avx512vnni;
  if (has_avxvnni()) return &ast_attention_avxvnni;
#endif
  return NULL;
}

const ast_attention_kernels *ast_attention_named(const char *name) {
  if (strcmp(name, "plain") == 0) return &ast_attention_plain;
#if defined(__x86_64__)
  if (strcmp(name, "avx2") == 0 && has_avx2()) return &ast_attention_avx2;
  if (strcmp(name, "avx512") == 0 && has_avx512()) return &ast_attention_avx512;
  if (strcmp(name, "avx512bf16") == 0 && has_avx512bf16()) return &ast_attention_avx512bf16;
  if (strcmp(name, "avxvnni") == 0 && has_avxvnni()) return &ast_attention_avxvnni;
  if (strcmp(name, "avx512vl") == 0 && has_avx512vnni()) return &ast_attention_avx512vl;
  if (strcmp(name, "avx512vnni") == 0 && has_avx512vnni()) return &ast_attention_avx512vnni;
#endif
#if defined(__aarch64__)
  if (strcmp(name, "neon") == 0) return &ast_attention_neon;
#endif
  return NULL;
}
