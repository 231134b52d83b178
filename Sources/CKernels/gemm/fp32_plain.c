#define LANES 4
#define VECTORS 2
#define FLOAT_GEMM ast_float_gemm_plain
#define FLOAT_GEMM_NAME "plain"
#include "fp32_body.h"
