#define LANES 4
#define VECTORS 2
#define QUERIES 6
#include "fp32.h"
#define ATTENTION ast_attention_plain
#define ATTENTION_NAME "plain"
#include "body.h"
