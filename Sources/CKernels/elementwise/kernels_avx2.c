#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LANES 8
#define KERNEL_SET ast_kernels_avx2
#define KERNEL_NAME "avx2"
#include "kernels_body.h"
#pragma clang attribute pop
#endif
