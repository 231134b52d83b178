// A vector of LANES floats, and the two transcendental functions that the kernels need.
//
// Parameter, defined before this file is included: LANES, 4, 8 or 16. Included once per instruction set; the compiler
// maps the vector type to the registers that the target has.
#ifndef ASTD_VECTOR_H
#define ASTD_VECTOR_H

#ifndef LANES
#error "vector.h: define LANES, the floats in a vector"
#elif LANES != 4 && LANES != 8 && LANES != 16
#error "vector.h: LANES must be 4, 8 or 16"
#endif

#include <stdint.h>
#include <string.h>

typedef float vec __attribute__((ext_vector_type(LANES)));
typedef int32_t ivec __attribute__((ext_vector_type(LANES)));
typedef uint8_t bytes __attribute__((ext_vector_type(LANES)));

#define INLINE static inline __attribute__((always_inline))

INLINE long rounded_up(long value, long step) { return (value + step - 1) / step * step; }

INLINE vec load(const float *p) {
  vec v;
  memcpy(&v, p, sizeof v);
  return v;
}

INLINE void store(float *p, vec v) { memcpy(p, &v, sizeof v); }

/// The first `count` floats at `p`, the other lanes filled with `rest`.
INLINE vec load_part(const float *p, long count, float rest) {
  vec v = rest;
  memcpy(&v, p, (size_t)count * sizeof(float));
  return v;
}

INLINE void store_part(float *p, vec v, long count) { memcpy(p, &v, (size_t)count * sizeof(float)); }

typedef float vec4 __attribute__((ext_vector_type(4)));
typedef float vec8 __attribute__((ext_vector_type(8)));

INLINE float sum_of_lanes(vec v) {
#if LANES == 16
  const vec8 half = v.lo + v.hi;
  const vec4 quarter = half.lo + half.hi;
#elif LANES == 8
  const vec4 quarter = v.lo + v.hi;
#else
  const vec4 quarter = v;
#endif
  return (quarter.x + quarter.z) + (quarter.y + quarter.w);
}

/// The largest lane. NaN lanes may be ignored.
INLINE float highest(vec v) {
#if LANES == 16
  const vec8 half = v.lo > v.hi ? v.lo : v.hi;
  const vec4 quarter = half.lo > half.hi ? half.lo : half.hi;
#elif LANES == 8
  const vec4 quarter = v.lo > v.hi ? v.lo : v.hi;
#else
  const vec4 quarter = v;
#endif
  const float even = quarter.x > quarter.z ? quarter.x : quarter.z;
  const float odd = quarter.y > quarter.w ? quarter.y : quarter.w;
  return even > odd ? even : odd;
}

/// exp(x), relative error under 2e-7. x is clamped to -87.3...88.3, so the result is never 0.
/// NaN is preserved: it makes an invalid weight visible in the logits.
INLINE vec vector_exp(vec x) {
  x = x < -87.3f ? (vec)-87.3f : x;
  x = x > 88.3f ? (vec)88.3f : x;
  // Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low mantissa bits.
  const vec magic = 12582912.f;
  const vec shifted = x * 1.44269504f + magic;
  const vec n = shifted - magic;
  const vec r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  vec p = 0.00138144671f;
  p = p * r + 0.00836878056f;
  p = p * r + 0.0416683942f;
  p = p * r + 0.166665201f;
  p = p * r + 0.499999934f;
  p = p * r * r + r + 1.f;
  // Multiply by 2^n instead of adding to the exponent's bits: those of NaN would overflow.
  const ivec exponent = ((ivec)shifted - (ivec)magic + 127) << 23;
  return p * (vec)exponent;
}

/// x * Phi(x). Phi(-|x|) = exp(-R(|x|)), R a polynomial of degree 8 fitted to
/// -ln(erfc(|x| / sqrt 2) / 2) with the error weighted by its effect on GELU: under 6e-8 everywhere.
INLINE vec vector_gelu(vec x) {
  vec a = x < 0.f ? -x : x;
  a = a > 12.f ? (vec)12.f : a;
  vec r = 1.18250951e-06f;
  r = r * a - 1.75400321e-05f;
  r = r * a + 8.02300971e-05f;
  r = r * a + 0.000221394819f;
  r = r * a - 0.00507833384f;
  r = r * a + 0.0365338631f;
  r = r * a + 0.318237277f;
  r = r * a + 0.797897098f;
  r = r * a + 0.693146475f;
  const vec tail = vector_exp(-r);
  return x * (x < 0.f ? tail : 1.f - tail);
}

#endif
