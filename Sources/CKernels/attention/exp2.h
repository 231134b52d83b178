// 2^x for softmax, in any instruction set. Include vector.h first.
#ifndef ASTD_EXP2_H
#define ASTD_EXP2_H

/// 2^x, relative error under 2e-7; x is clamped to at least -126. NaN is preserved.
INLINE vec exp2_of(vec x) {
  x = x < -126.f ? (vec)-126.f : x;
  // Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low mantissa bits.
  const vec magic = 12582912.f;
  const vec shifted = x + magic;
  const vec f = x - (shifted - magic);
  vec p = 0.00132764706f;
  p = p * f + 0.00967554132f;
  p = p * f + 0.0555071328f;
  p = p * f + 0.240221197f;
  p = p * f + 0.693146967f;
  p = p * f + 1.00000007f;
  // Multiply by 2^n instead of adding to the exponent's bits: those of NaN would overflow.
  const ivec exponent = ((ivec)shifted - (ivec)magic + 127) << 23;
  return p * (vec)exponent;
}

#endif
