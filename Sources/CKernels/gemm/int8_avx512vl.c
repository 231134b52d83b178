// The same kernel as int8_avxvnni.c with the AVX-512 encoding of its instruction, so that it also runs, and is
// tested, on processors with AVX-512 VNNI but without AVX-VNNI.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512vnni,avx2,fma"))), apply_to = function)
#define DOT(sums, group, weights) \
  (ivec) _mm256_dpbusd_epi32((__m256i)(sums), _mm256_set1_epi32(group), (__m256i)(weights))
#define GEMM ast_int8_gemm_avx512vl
#define GEMM_NAME "avx512vl"
#include "int8_vnni256.h"
#pragma clang attribute pop
#endif
