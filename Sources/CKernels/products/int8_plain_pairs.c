// The reference kernel of sets with a pair limit: the plain one, for weights and rows as those sets pack them.
#define LEVELS 221
#define PAIR_LIMIT 148
#define PRODUCTS ast_int8_products_plain_pairs
#define PRODUCTS_NAME "plainpairs"
#include "int8_plain.c"
