// Matrix products in narrow numbers: y = x Wᵀ + b, y += x Wᵀ + b, or y = GELU(x Wᵀ + b).
//
// One layout serves every kind of number: a group is four bytes, four 8-bit integers or two bfloat16, and a panel holds
// the groups of so many outputs as a set of kernels computes together, [inputs / group][panel][group].
#ifndef ASTD_GEMM_H
#define ASTD_GEMM_H

#include <stdint.h>

/// Weights [outputs, inputs] as the kernels read them. Missing outputs and inputs are zeros.
typedef struct {
  const void *panels;
  /// 8 bits only, of each output, padded to whole panels: weight = scale * integer.
  const float *scales;
  /// 8 bits only, of each output: the sum of its integers.
  const int32_t *sums;
  long outputs;
  long inputs;
} ast_matrix;

/// Rows of activations as the kernels read them; a row is `stride` bytes, zeros behind its end.
typedef struct {
  void *values;
  /// 8 bits only, of each row: x = scale * q + minimum, q in 0...levels (or as much lower as the set stores them).
  float *scales;
  float *minimums;
  long stride;
} ast_rows;

/// What becomes of a product. GELU is the exact one, x Phi(x).
typedef enum { AST_STORE, AST_ADD, AST_GELU } ast_epilogue;

typedef struct {
  /// The instruction set: "plain", "plainpairs", "avx2", "avx2exact", "avxvnni", "avx512vl", "avx512vnni", "dotprod", "i8mm", or "bf16plain", "avx512bf16"
  const char *name;
  /// Largest q of 8-bit activations, at most 255; 0 in bfloat16.
  int levels;
  /// Largest sum of two adjacent 8-bit weights of one sign, where the sum of two products must fit in 16 bits; 0 where
  /// it has 32. `ast_pack` widens an output's step until its weights keep to this.
  int pair_limit;
  /// Outputs in a panel, inputs in a group.
  long panel;
  long group;

  /// Narrows `count` rows of `width` floats.
  void (*quantize)(const float *x, long count, long width, ast_rows rows);

  /// `count` rows times the weights; `bias` may be NULL; `y_stride` is the distance between rows of y.
  void (*multiply)(ast_rows x, long count, const ast_matrix *weights, const float *bias, float *y, long y_stride,
                   ast_epilogue epilogue);
} ast_gemm_kernels;

/// Kernels for the same layout and the same rows without a pair limit, but slower; NULL where there is no limit.
const ast_gemm_kernels *ast_gemm_without_pair_limit(const ast_gemm_kernels *kernels);

/// The mean square of how much the pair limit widens the steps of these weights: 1 is not at all.
float ast_widening(const ast_gemm_kernels *kernels, const float *weights, long outputs, long inputs,
                   const float *factors);

/// Products of floats, with weights as they lie in the file.
typedef struct {
  /// "avx512".
  const char *name;
  /// What `multiply` needs beside its operands, on a cache line.
  long scratch_floats;
  /// As above; x [rows, inputs], weights [outputs, inputs] and y [rows, outputs] are contiguous.
  void (*multiply)(const float *x, long rows, const float *weights, long outputs, long inputs, const float *bias,
                   float *y, ast_epilogue epilogue, float *scratch);
} ast_float_gemm;

/// Bytes of a narrowed row, and of a matrix's panels.
long ast_row_stride(const ast_gemm_kernels *kernels, long inputs);
long ast_panel_bytes(const ast_gemm_kernels *kernels, long outputs, long inputs);
/// Outputs, whole panels.
long ast_padded_outputs(const ast_gemm_kernels *kernels, long outputs);

/// Packs weights [outputs, inputs], row-major, in 8 bits each input times its factor (NULL: all are 1); `scales` and
/// `sums`, where there are any, hold whole panels.
void ast_pack(const ast_gemm_kernels *kernels, const float *weights, long outputs, long inputs,
              const float *factors, void *panels, float *scales, int32_t *sums);

/// Products of floats that are faster than the product library's, or NULL on a processor where none are known to be.
const ast_float_gemm *ast_fp32_gemm(void);
/// The fastest kernels in 8 bits on this processor; there always are some.
const ast_gemm_kernels *ast_int8_gemm(void);
/// The kernels in bfloat16, or NULL when this processor has none.
const ast_gemm_kernels *ast_bf16_gemm(void);
/// The kernels of that name, or NULL when this build or this processor has none.
const ast_gemm_kernels *ast_gemm_named(const char *name);

#endif
