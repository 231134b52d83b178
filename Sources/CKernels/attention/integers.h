// What the packing of integers in 8 and in 16 bits shares. Include vector.h first.
#ifndef ASTD_INTEGERS_H
#define ASTD_INTEGERS_H

INLINE float largest_of(const float *x, long width, float *trace) {
  vec most = 0.f, not_finite = 0.f;
  for (long i = 0; i < width; i += LANES) {
    const vec v = width - i < LANES ? load_part(x + i, width - i, 0.f) : load(x + i), a = v < 0.f ? -v : v;
    most = a > most ? a : most;
    not_finite += v * 0.f;
  }
  // NaN and infinity must stay visible in the result.
  *trace = sum_of_lanes(not_finite);
  return highest(most);
}

/// The nearest integers of numbers below 4 million.
INLINE ivec whole(vec x) { return (ivec)(x + 12582912.f) - (ivec)(vec)12582912.f; }

#endif
