// Attention of one head with bfloat16 products: exp(scale q Kᵀ - maximum) V / sum, exact softmax in fp32 between them.
#ifndef ASTD_ATTENTION_H
#define ASTD_ATTENTION_H

#include <stdint.h>

/// Queries that are computed together, and keys (or columns of V) in a panel.
enum { AST_ATTENTION_QUERIES = 6, AST_ATTENTION_PANEL = 64 };

typedef struct {
  /// "avx512bf16".
  const char *name;

  /// Packs `tokens` rows of `width` floats, `stride` apart: keys as panels [width / 2][64 keys][2], values as panels
  /// [tokens / 2][64 columns][2]. What is missing is zero.
  void (*pack_keys)(const float *keys, long tokens, long width, long stride, uint16_t *panels);
  void (*pack_values)(const float *values, long tokens, long width, long stride, uint16_t *panels);

  /// Attends `rows` queries to all keys; queries and `out` are rows of `width` floats, `stride` apart. `scratch` holds
  /// `ast_attention_scratch_bytes` on a cache line.
  void (*attend)(const float *queries, long rows, const uint16_t *keys, const uint16_t *values, long tokens, long width,
                 long stride, float scale, void *scratch, float *out);
} ast_attention_kernels;

/// Elements of the packed keys and of the packed values of one head.
long ast_attention_key_count(long tokens, long width);
long ast_attention_value_count(long tokens, long width);
long ast_attention_scratch_bytes(long tokens, long width);

/// NULL when this processor has no such instructions.
const ast_attention_kernels *ast_attention_kernels_for_this_cpu(void);

#endif
