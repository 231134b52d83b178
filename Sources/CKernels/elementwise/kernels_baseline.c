// The compiler's default target: SSE2 on x86-64, NEON on arm64.
#define LANES 4
#define KERNEL_SET ast_kernels_baseline
#define KERNEL_NAME "baseline"
#include "kernels_body.h"
