#if defined(__x86_64__)
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,evex512"))), apply_to = function)
#define LANES 16
#define VECTORS 4
#define FLOAT_GEMM ast_float_gemm_avx512
#define FLOAT_GEMM_NAME "avx512"
#include "fp32_body.h"
#pragma clang attribute pop
#endif
