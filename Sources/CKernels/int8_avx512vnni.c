#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,avx2,fma,evex512"))), apply_to = function)
typedef __m512i sum16;
#define ZERO _mm512_setzero_si512()
#define DOT(sums, activations, weights) _mm512_dpbusd_epi32(sums, _mm512_set1_epi32(activations), weights)
#define LEVELS 255
#define TILE_ROWS 6
#define INT8_SET ast_int8_kernels_avx512vnni
#define INT8_NAME "avx512vnni"
#include "int8_body.h"
#pragma clang attribute pop
#endif
