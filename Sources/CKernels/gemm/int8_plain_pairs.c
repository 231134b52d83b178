// The reference kernel of sets with a pair limit: the plain one, for weights and rows as those sets pack them.
#define LEVELS 221
#define PAIR_LIMIT 148
#define GEMM ast_int8_gemm_plain_pairs
#define GEMM_NAME "plainpairs"
#include "int8_plain.c"
