// Multi-head attention, one head at a time: softmax(scale Q Kᵀ) V with the exact maximum; the only approximation is the
// rounding of the operands.
//
// Queries, keys and values of a head are packed row by row as they are computed; then any thread attends any queries.
#ifndef ASTD_ATTENTION_H
#define ASTD_ATTENTION_H

#include <stdint.h>

typedef struct {
  /// "plain", "neon", "avx2", "avx512" in fp32, "avx512bf16", or, in 8 bits, "avxvnni", "avx512vl", "avx512vnni".
  const char *name;

  /// Bytes of one packed head and of one thread's scratch, both on a cache line.
  long (*head_bytes)(long tokens, long width);
  long (*scratch_bytes)(long tokens, long width);

  /// Packs tokens `first` to `first + rows` of one head: `x` are their rows of `width` floats, `stride` apart. `first`
  /// is even. The call that packs the last token also fills the padding. Queries are multiplied by `scale`.
  void (*pack_queries)(const float *x, long first, long rows, long stride, float scale, long tokens, long width,
                       void *head);
  void (*pack_keys)(const float *x, long first, long rows, long stride, long tokens, long width, void *head);
  void (*pack_values)(const float *x, long first, long rows, long stride, long tokens, long width, void *head);

  /// Attends queries `first` to `first + rows`; `out` is the row of the first, `stride` floats apart.
  void (*attend)(const void *head, long first, long rows, long tokens, long width, void *scratch, float *out,
                 long stride);
} ast_attention_kernels;

/// The fastest fp32 kernels of this processor; never NULL.
const ast_attention_kernels *ast_fp32_attention(void);
/// The bfloat16 kernels, or NULL when this processor has none.
const ast_attention_kernels *ast_bf16_attention(void);
/// The 8-bit kernels, or NULL when this processor has none.
const ast_attention_kernels *ast_int8_attention(void);
/// The kernels of that name, or NULL when this build or this processor has none.
const ast_attention_kernels *ast_attention_named(const char *name);

#endif
