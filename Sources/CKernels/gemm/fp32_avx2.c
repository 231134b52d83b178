#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LANES 8
#define VECTORS 2
#define FLOAT_GEMM ast_float_gemm_avx2
#define FLOAT_GEMM_NAME "avx2"
#include "fp32_body.h"
#pragma clang attribute pop
#endif
