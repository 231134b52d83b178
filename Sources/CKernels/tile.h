// The register tile: `rows` rows of x times one panel, summed in registers. Every product of this library ends here.
//
// Before including this, a file defines TILE, the function's name; SUM, the type of a vector of sums; VECTORS, how many
// of them make a panel; and DOT(sums, group, weights), which adds the products of one group, four bytes of x, with the
// groups of as many outputs. `rows` is a constant in every caller: the loops unroll and the sums stay in registers.
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
