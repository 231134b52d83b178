#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,avx2,fma,evex512"))), apply_to = function)
#define LANES 16
#include "vector.h"
#include "dots_avx512.h"
#define SUM ivec
#define VECTORS 4
#define GROUP 4
#define DOT DOT_INT8
#define LEVELS 255
#define ROWS 6
#define GEMM ast_int8_gemm_avx512vnni
#define GEMM_NAME "avx512vnni"
#include "body.h"
#pragma clang attribute pop
#endif
