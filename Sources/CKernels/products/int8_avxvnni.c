#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avxvnni,avx2,fma"))), apply_to = function)
#define LANES 8
#include "vector.h"
#define SUM ivec
#define VECTORS 2
#define GROUP 4
#define DOT(sums, group, weights) \
  (ivec) _mm256_dpbusd_avx_epi32((__m256i)(sums), _mm256_set1_epi32(group), (__m256i)(weights))
#define LEVELS 255
#define ROWS 6
#define PRODUCTS ast_int8_products_avxvnni
#define PRODUCTS_NAME "avxvnni"
#include "body.h"
#pragma clang attribute pop
#endif
