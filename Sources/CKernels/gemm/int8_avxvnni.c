#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avxvnni,avx2,fma"))), apply_to = function)
#define DOT(sums, group, weights) \
  (ivec) _mm256_dpbusd_avx_epi32((__m256i)(sums), _mm256_set1_epi32(group), (__m256i)(weights))
#define GEMM ast_int8_gemm_avxvnni
#define GEMM_NAME "avxvnni"
#include "int8_vnni256.h"
#pragma clang attribute pop
#endif
