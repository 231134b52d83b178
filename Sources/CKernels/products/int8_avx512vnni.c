#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,avx2,fma,evex512"))), apply_to = function)
#define LANES 16
#include "vector.h"
#define SUM ivec
#define VECTORS 4
#define GROUP 4
#define DOT(sums, group, weights) (ivec) _mm512_dpbusd_epi32((__m512i)(sums), _mm512_set1_epi32(group), (__m512i)(weights))
#define LEVELS 255
#define ROWS 6
#define PRODUCTS ast_int8_products_avx512vnni
#define PRODUCTS_NAME "avx512vnni"
#include "body.h"
#pragma clang attribute pop
#endif
