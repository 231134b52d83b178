// The reference kernel for kernels with a pair limit: int8_plain.c, with weights and rows packed as they pack them.
#define LEVELS 221
#define PAIR_LIMIT 148
#define GEMM ast_int8_gemm_plain_pairs
#define GEMM_NAME "plainpairs"
#include "int8_plain.c"
