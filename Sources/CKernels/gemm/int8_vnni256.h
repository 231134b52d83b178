// 8 bits in sixteen registers of 32 bytes. A file defines DOT: the instruction has two encodings.
#include <immintrin.h>
#define LANES 8
#include "vector.h"
#define SUM ivec
#define VECTORS 2
#define GROUP 4
#define LEVELS 255
#define ROWS 6
#include "body.h"
