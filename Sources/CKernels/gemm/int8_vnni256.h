// int8 GEMM in the sixteen 32-byte registers of AVX2.
//
// Parameters, defined before this file is included: DOT (the instruction has two encodings), GEMM, GEMM_NAME.
#include <immintrin.h>
#define LANES 8
#include "vector.h"
#define SUM ivec
#define VECTORS 2
#define GROUP 4
#define LEVELS 255
#define ROWS 6
#include "body.h"
