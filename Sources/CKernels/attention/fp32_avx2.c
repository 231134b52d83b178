#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LANES 8
#define VECTORS 2
#define QUERIES 6
#include "fp32.h"
#define ATTENTION ast_attention_avx2
#define ATTENTION_NAME "avx2"
#include "body.h"
#pragma clang attribute pop
#endif
