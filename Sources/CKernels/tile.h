// The register tile: `rows` rows of x times one panel of weights, accumulated in registers. Every GEMM and both
// products of attention use it.
//
// Parameters, defined before this file is included:
//   TILE                      name of the function
//   SUM                       vector type of the accumulators: vec or ivec
//   VECTORS                   vectors in a panel
//   DOT(sums, group, weights) adds the products of one group (four bytes of x) and the same group of LANES outputs
// `rows` is a constant in every caller, so that the loops unroll and the accumulators stay in registers.
#ifndef LANES
#error "tile.h: define LANES and include vector.h first"
#endif
#ifndef TILE
#error "tile.h: define TILE, the name of the function"
#endif
#ifndef SUM
#error "tile.h: define SUM, the type of an accumulator"
#endif
#ifndef VECTORS
#error "tile.h: define VECTORS, the vectors in a panel"
#endif
#ifndef DOT
#error "tile.h: define DOT(sums, group, weights)"
#endif

INLINE void TILE(int rows, const uint8_t *const *x, long groups, const uint8_t *panel, SUM (*sums)[VECTORS]) {
  const SUM zero = {0};
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int c = 0; c < VECTORS; c++) sums[r][c] = zero;
  for (long g = 0; g < groups; g++) {
    SUM w[VECTORS];
    memcpy(w, panel + g * (long)sizeof w, sizeof w);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      int32_t group;
      memcpy(&group, x[r] + g * 4, 4);
#pragma clang loop unroll(full)
      for (int c = 0; c < VECTORS; c++) sums[r][c] = DOT(sums[r][c], group, w[c]);
    }
  }
}
