// NEON has 32 registers of four floats, so the tile is larger than that of fp32_plain.c.
#if defined(__aarch64__)
#define LANES 4
#define VECTORS 4
#define FLOAT_GEMM ast_float_gemm_neon
#define FLOAT_GEMM_NAME "neon"
#include "fp32_body.h"
#endif
