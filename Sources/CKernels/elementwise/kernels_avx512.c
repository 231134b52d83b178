#if defined(__x86_64__)
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,evex512"))), apply_to = function)
#define LANES 16
#define KERNEL_SET ast_kernels_avx512
#define KERNEL_NAME "avx512"
#include "kernels_body.h"
#pragma clang attribute pop
#endif
