#if defined(__x86_64__)
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,evex512"))), apply_to = function)
#define LANES 16
#define VECTORS 4
#define QUERIES 6
#include "fp32.h"
#define ATTENTION ast_attention_avx512
#define ATTENTION_NAME "avx512"
#include "body.h"
#pragma clang attribute pop
#endif
