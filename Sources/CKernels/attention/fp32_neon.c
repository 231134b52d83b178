// NEON has 32 registers of four floats, so the tile is larger than that of fp32_plain.c.
#if defined(__aarch64__)
#define LANES 4
#define VECTORS 4
#define QUERIES 6
#include "fp32.h"
#define ATTENTION ast_attention_neon
#define ATTENTION_NAME "neon"
#include "body.h"
#endif
