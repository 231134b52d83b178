#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"
#include "attention.h"
#include "gemm.h"

extern const ast_kernels ast_kernels_baseline;
extern const ast_gemm_kernels ast_int8_gemm_plain, ast_int8_gemm_plain_pairs, ast_bf16_gemm_plain;
extern const ast_attention_kernels ast_attention_plain;
extern const ast_float_gemm ast_float_gemm_plain;

#if defined(__x86_64__)
extern const ast_kernels ast_kernels_avx2, ast_kernels_avx512;
extern const ast_gemm_kernels ast_int8_gemm_avx2, ast_int8_gemm_avx2_exact, ast_int8_gemm_avxvnni, ast_int8_gemm_avx512vl,
    ast_int8_gemm_avx512vnni, ast_bf16_gemm_avx512bf16;
extern const ast_float_gemm ast_float_gemm_avx2, ast_float_gemm_avx512;
extern const ast_attention_kernels ast_attention_avx2, ast_attention_avx512, ast_attention_avx512bf16,
    ast_attention_avxvnni, ast_attention_avx512vl, ast_attention_avx512vnni;

// What the processor has. Requests by name depend on nothing else.
static int cpu_has_avx2(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static int cpu_has_avx512(void) {
  return cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
}

static int cpu_has_avx512vnni(void) { return cpu_has_avx512() && __builtin_cpu_supports("avx512vnni"); }
static int cpu_has_avx512bf16(void) { return cpu_has_avx512() && __builtin_cpu_supports("avx512bf16"); }
static int cpu_has_avxvnni(void) { return cpu_has_avx2() && __builtin_cpu_supports("avxvnni"); }
#endif

#if defined(__aarch64__)
#include <sys/auxv.h>

extern const ast_gemm_kernels ast_int8_gemm_dotprod, ast_int8_gemm_i8mm;
extern const ast_attention_kernels ast_attention_neon;
extern const ast_float_gemm ast_float_gemm_neon;

// Linux's HWCAP_ASIMDDP and HWCAP2_I8MM.
static int cpu_has_dotprod(void) { return (getauxval(AT_HWCAP) & (1ul << 20)) != 0; }
static int cpu_has_i8mm(void) { return cpu_has_dotprod() && (getauxval(AT_HWCAP2) & (1ul << 13)) != 0; }
#endif

// The levels of this architecture, in the order of `ast_kernel_level`.
enum {
  PLAIN,
#if defined(__x86_64__)
  AVX2,
  AVXVNNI,
  AVX512,
  AVX512VNNI,
#elif defined(__aarch64__)
  NEON,
  DOTPROD,
  I8MM,
#endif
  FASTEST,
};

static const char *const level_names[] = {
    "plain",
#if defined(__x86_64__)
    "avx2", "avxvnni", "avx512", "avx512vnni",
#elif defined(__aarch64__)
    "neon", "dotprod", "i8mm",
#endif
    "fastest",
};

static int cpu_has_level(int level) {
  switch (level) {
#if defined(__x86_64__)
    case AVX2: return cpu_has_avx2();
    // AVX-512 has the same instructions in another encoding.
    case AVXVNNI: return cpu_has_avxvnni() || cpu_has_avx512vnni();
    case AVX512: return cpu_has_avx512();
    case AVX512VNNI: return cpu_has_avx512vnni();
#elif defined(__aarch64__)
    case DOTPROD: return cpu_has_dotprod();
    case I8MM: return cpu_has_i8mm();
#endif
    default: return 1;
  }
}

/// -1 when there is no such level or the processor lacks it.
static int level_named(const char *name) {
  for (int level = PLAIN; level <= FASTEST; level++)
    if (strcmp(name, level_names[level]) == 0 && cpu_has_level(level)) return level;
  return -1;
}

/// The level that ASTD_KERNELS allows. Read each time: kernels are chosen when a network or an engine is created, not
/// while it computes.
static int allowed(void) {
  const char *name = getenv("ASTD_KERNELS");
  const int level = name && *name ? level_named(name) : FASTEST;
  return level < 0 ? FASTEST : level;
}

int ast_kernel_level_exists(const char *name) { return level_named(name) >= 0; }

const char *ast_kernel_level(int index) {
  for (int level = PLAIN; level <= FASTEST; level++)
    if (cpu_has_level(level) && index-- == 0) return level_names[level];
  return NULL;
}

#if defined(__x86_64__)
static int has_avx2(void) { return allowed() >= AVX2 && cpu_has_avx2(); }
static int has_avx512(void) { return allowed() >= AVX512 && cpu_has_avx512(); }
static int has_avx512vnni(void) { return allowed() >= AVX512VNNI && cpu_has_avx512vnni(); }
static int has_avx512bf16(void) { return allowed() == FASTEST && cpu_has_avx512bf16(); }
static int has_avxvnni(void) {
  const int level = allowed();
  return (level == AVXVNNI || level == FASTEST) && cpu_has_avxvnni();
}
static int has_avxvnni_in_avx512_encoding(void) { return allowed() == AVXVNNI && cpu_has_avx512vnni(); }
#endif

#if defined(__aarch64__)
static int has_neon(void) { return allowed() >= NEON; }
static int has_dotprod(void) { return allowed() >= DOTPROD && cpu_has_dotprod(); }
static int has_i8mm(void) { return allowed() >= I8MM && cpu_has_i8mm(); }
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
  if (strcmp(name, "avx512") == 0 && cpu_has_avx512()) return &ast_kernels_avx512;
  if (strcmp(name, "avx2") == 0 && cpu_has_avx2()) return &ast_kernels_avx2;
#endif
  return NULL;
}

// Each function below returns the first set of its list that this processor runs; the fastest come first.

const ast_gemm_kernels *ast_int8_gemm(void) {
#if defined(__x86_64__)
  if (has_avx512vnni()) return &ast_int8_gemm_avx512vnni;
  if (has_avxvnni()) return &ast_int8_gemm_avxvnni;
  if (has_avxvnni_in_avx512_encoding()) return &ast_int8_gemm_avx512vl;
  if (has_avx2()) return &ast_int8_gemm_avx2;
#endif
#if defined(__aarch64__)
  if (has_i8mm()) return &ast_int8_gemm_i8mm;
  if (has_dotprod()) return &ast_int8_gemm_dotprod;
#endif
  return &ast_int8_gemm_plain;
}

const ast_gemm_kernels *ast_gemm_without_pair_limit(const ast_gemm_kernels *kernels) {
#if defined(__x86_64__)
  if (kernels == &ast_int8_gemm_avx2) return &ast_int8_gemm_avx2_exact;
#endif
  return kernels->pair_limit ? &ast_int8_gemm_plain : NULL;
}

const ast_float_gemm *ast_fp32_gemm(void) {
#if defined(__x86_64__)
  if (has_avx512()) return &ast_float_gemm_avx512;
#endif
  return NULL;
}

const ast_float_gemm *ast_fp32_gemm_by_rows(void) {
#if defined(__x86_64__)
  if (has_avx512()) return &ast_float_gemm_avx512;
  if (has_avx2()) return &ast_float_gemm_avx2;
#endif
#if defined(__aarch64__)
  if (has_neon()) return &ast_float_gemm_neon;
#endif
  return &ast_float_gemm_plain;
}

const ast_gemm_kernels *ast_bf16_gemm(void) {
#if defined(__x86_64__)
  if (has_avx512bf16()) return &ast_bf16_gemm_avx512bf16;
#endif
  return NULL;
}

const ast_gemm_kernels *ast_gemm_named(const char *name) {
  if (strcmp(name, "plain") == 0) return &ast_int8_gemm_plain;
  if (strcmp(name, "plainpairs") == 0) return &ast_int8_gemm_plain_pairs;
  if (strcmp(name, "bf16plain") == 0) return &ast_bf16_gemm_plain;
#if defined(__x86_64__)
  if (strcmp(name, "avx2") == 0 && cpu_has_avx2()) return &ast_int8_gemm_avx2;
  if (strcmp(name, "avx2exact") == 0 && cpu_has_avx2()) return &ast_int8_gemm_avx2_exact;
  if (strcmp(name, "avxvnni") == 0 && cpu_has_avxvnni()) return &ast_int8_gemm_avxvnni;
  if (strcmp(name, "avx512vl") == 0 && cpu_has_avx512vnni()) return &ast_int8_gemm_avx512vl;
  if (strcmp(name, "avx512vnni") == 0 && cpu_has_avx512vnni()) return &ast_int8_gemm_avx512vnni;
  if (strcmp(name, "avx512bf16") == 0 && cpu_has_avx512bf16()) return &ast_bf16_gemm_avx512bf16;
#endif
#if defined(__aarch64__)
  if (strcmp(name, "dotprod") == 0 && cpu_has_dotprod()) return &ast_int8_gemm_dotprod;
  if (strcmp(name, "i8mm") == 0 && cpu_has_i8mm()) return &ast_int8_gemm_i8mm;
#endif
  return NULL;
}

const ast_attention_kernels *ast_fp32_attention(void) {
#if defined(__x86_64__)
  if (has_avx512()) return &ast_attention_avx512;
  if (has_avx2()) return &ast_attention_avx2;
#endif
#if defined(__aarch64__)
  if (has_neon()) return &ast_attention_neon;
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
  if (has_avxvnni_in_avx512_encoding()) return &ast_attention_avx512vl;
#endif
  return NULL;
}

const ast_attention_kernels *ast_attention_named(const char *name) {
  if (strcmp(name, "plain") == 0) return &ast_attention_plain;
#if defined(__x86_64__)
  if (strcmp(name, "avx2") == 0 && cpu_has_avx2()) return &ast_attention_avx2;
  if (strcmp(name, "avx512") == 0 && cpu_has_avx512()) return &ast_attention_avx512;
  if (strcmp(name, "avx512bf16") == 0 && cpu_has_avx512bf16()) return &ast_attention_avx512bf16;
  if (strcmp(name, "avxvnni") == 0 && cpu_has_avxvnni()) return &ast_attention_avxvnni;
  if (strcmp(name, "avx512vl") == 0 && cpu_has_avx512vnni()) return &ast_attention_avx512vl;
  if (strcmp(name, "avx512vnni") == 0 && cpu_has_avx512vnni()) return &ast_attention_avx512vnni;
#endif
#if defined(__aarch64__)
  if (strcmp(name, "neon") == 0) return &ast_attention_neon;
#endif
  return NULL;
}
