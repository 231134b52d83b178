#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avxvnni,avx2,fma"))), apply_to = function)
#define DOT_INT8(sums, group, weights) \
  (ivec) _mm256_dpbusd_avx_epi32((__m256i)(sums), _mm256_set1_epi32(group), (__m256i)(weights))
#define ATTENTION ast_attention_avxvnni
#define ATTENTION_NAME "avxvnni"
#include "int8_vnni256.h"
#pragma clang attribute pop
#endif
