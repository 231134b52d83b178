// DOT of tile.h on AVX-512: bfloat16 pairs, and 8-bit integers in groups of four (VNNI).
#define DOT_BF16(sums, group, weights) \
  (vec) _mm512_dpbf16_ps((__m512)(sums), (__m512bh)_mm512_set1_epi32(group), (__m512bh)(weights))
#define DOT_INT8(sums, group, weights) \
  (ivec) _mm512_dpbusd_epi32((__m512i)(sums), _mm512_set1_epi32(group), (__m512i)(weights))
