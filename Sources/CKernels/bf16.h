// Floats to the nearest bfloat16, ties to even; NaN is preserved. Include vector.h first. With LANES == 16 the target
// must have AVX-512 BF16, whose conversion instruction is used.
#ifndef ASTD_BF16_H
#define ASTD_BF16_H

#ifndef LANES
#error "bf16.h: define LANES and include vector.h first"
#endif

INLINE uint16_t one_to_bf16(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fc0;
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

INLINE void to_bf16(const float *x, long count, uint16_t *y) {
  long i = 0;
#if LANES == 16
  for (; i + 16 <= count; i += 16) {
    const __m256bh half = _mm512_cvtneps_pbh(_mm512_loadu_ps(x + i));
    memcpy(y + i, &half, sizeof half);
  }
#endif
  for (; i < count; i++) y[i] = one_to_bf16(x[i]);
}

#endif
