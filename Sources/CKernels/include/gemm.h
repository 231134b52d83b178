// GEMM (general matrix multiplication) with a fused epilogue: y = x Wᵀ + b, y += x Wᵀ + b, or y = GELU(x Wᵀ + b), with
// quantised operands (8-bit integers), in bfloat16, or in fp32.
//
// Packed weights have one layout for 8 bits and bfloat16. A group is four bytes: four 8-bit integers or two bfloat16
// numbers of one output. A panel holds the groups of as many outputs as a kernel computes together:
// [inputs / group][panel][group].
#ifndef ASTD_GEMM_H
#define ASTD_GEMM_H

#include <stdint.h>

/// Packed weights [outputs, inputs]. Padding outputs and inputs are zeros.
typedef struct {
  const void *panels;
  /// 8 bits only, one per output, padded to whole panels: weight = scale * integer.
  const float *scales;
  /// 8 bits only, one per output: the sum of its integers.
  const int32_t *sums;
  long outputs;
  long inputs;
} ast_matrix;

/// Quantised rows of activations. A row is `stride` bytes, padded with zeros.
typedef struct {
  void *values;
  /// 8 bits only, one per row: x = scale * q + minimum, q in 0...levels (a kernel may store q minus a constant).
  float *scales;
  float *minimums;
  long stride;
} ast_rows;

/// What a GEMM does with a result: store it, add it to y, or store its GELU, x Phi(x).
typedef enum { AST_STORE, AST_ADD, AST_GELU } ast_epilogue;

typedef struct {
  /// The instruction set: "plain", "plainpairs", "avx2", "avx2exact", "avxvnni", "avx512vl", "avx512vnni", "dotprod",
  /// "i8mm", or "bf16plain", "avx512bf16".
  const char *name;
  /// Largest q of 8-bit activations, at most 255; 0 in bfloat16.
  int levels;
  /// For instructions that add two products in 16 bits: the largest sum of two adjacent 8-bit weights of one sign.
  /// `ast_pack` widens an output's step until its weights obey this. 0: no limit.
  int pair_limit;
  /// Outputs in a panel, inputs in a group.
  long panel;
  long group;

  /// Quantises `count` rows of `width` floats, each with its own scale (bfloat16: converts them).
  void (*quantize)(const float *x, long count, long width, ast_rows rows);

  /// `count` rows times the weights; `bias` may be NULL; `y_stride` is the distance between rows of y.
  void (*multiply)(ast_rows x, long count, const ast_matrix *weights, const float *bias, float *y, long y_stride,
                   ast_epilogue epilogue);
} ast_gemm_kernels;

/// Slower kernels without a pair limit for the same layout and the same rows; NULL where `kernels` have no limit.
const ast_gemm_kernels *ast_gemm_without_pair_limit(const ast_gemm_kernels *kernels);

/// The mean square of the factors by which the pair limit widens the steps of these weights; 1: no widening.
float ast_widening(const ast_gemm_kernels *kernels, const float *weights, long outputs, long inputs,
                   const float *factors);

/// GEMM in fp32, with weights in the layout of the file.
typedef struct {
  /// "plain", "avx2", "avx512" or "neon".
  const char *name;
  /// Floats of scratch memory that `multiply` needs, on a cache line.
  long scratch_floats;
  /// As above; x [rows, inputs], weights [outputs, inputs] and y [rows, outputs] are contiguous.
  void (*multiply)(const float *x, long rows, const float *weights, long outputs, long inputs, const float *bias,
                   float *y, ast_epilogue epilogue, float *scratch);
} ast_float_gemm;

/// Bytes of a quantised row, and of a matrix's panels.
long ast_row_stride(const ast_gemm_kernels *kernels, long inputs);
long ast_panel_bytes(const ast_gemm_kernels *kernels, long outputs, long inputs);
/// Outputs, rounded up to whole panels.
long ast_padded_outputs(const ast_gemm_kernels *kernels, long outputs);

/// Packs row-major weights [outputs, inputs]. In 8 bits each input is multiplied by its factor first (NULL: all are
/// 1), and `scales` and `sums`, padded to whole panels, are filled.
void ast_pack(const ast_gemm_kernels *kernels, const float *weights, long outputs, long inputs,
              const float *factors, void *panels, float *scales, int32_t *sums);

/// The fp32 GEMM of this processor, also where the BLAS library's is faster; never NULL. A row's results do not depend on
/// the rows beside it, to the last bit; those of the BLAS library do.
const ast_float_gemm *ast_fp32_gemm_by_rows(void);
/// An fp32 GEMM that is faster than the BLAS library's, or NULL on a processor where none is known.
const ast_float_gemm *ast_fp32_gemm(void);
/// The fastest 8-bit kernels of this processor; never NULL.
const ast_gemm_kernels *ast_int8_gemm(void);
/// The bfloat16 kernels, or NULL when this processor has none.
const ast_gemm_kernels *ast_bf16_gemm(void);
/// The kernels of that name, or NULL when this build or this processor has none.
const ast_gemm_kernels *ast_gemm_named(const char *name);

#endif
