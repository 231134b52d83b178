#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx512bf16,avx2,fma,evex512"))), apply_to = function)
#define LANES 16
#include "vector.h"
#include "dots_avx512.h"
#include "gemm.h"
#define SUM vec
#define VECTORS 4
#define GROUP 2
#define DOT DOT_BF16
#define ROWS 6
#define GEMM ast_bf16_gemm_avx512bf16
#define GEMM_NAME "avx512bf16"
#include "bf16.h"
#include "bf16_rows.h"
#include "body.h"
#pragma clang attribute pop
#endif
