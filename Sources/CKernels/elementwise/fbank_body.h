// The filterbank of FRAMES frames at a time, one frame per lane. See fbank.h. Include vector.h first.
#ifndef LANES
#error "elementwise/fbank_body.h: define LANES and include vector.h first"
#endif
#include <math.h>

#define FRAMES (LANES / 2)

typedef double dvec __attribute__((ext_vector_type(FRAMES)));
typedef int64_t lvec __attribute__((ext_vector_type(FRAMES)));

/// log(x) for positive normal x, error about 1e-15 times the larger of 1 and the result. Infinity and NaN give NaN.
INLINE dvec vector_log(dvec x) {
  // x = m 2^e with m in [sqrt 1/2, sqrt 2): adding the distance from sqrt(1/2) to 1 before cutting the
  // exponent off moves the cut there.
  const lvec bits = (lvec)x + (0x3ff0000000000000 - 0x3fe6a09e667f3bcd);
  const lvec exponent = (bits >> 52) - 1023;
  const dvec m = (dvec)((bits & 0x000fffffffffffff) + 0x3fe6a09e667f3bcd);
  // log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.172.
  const dvec s = (m - 1.0) / (m + 1.0);
  const dvec z = s * s;
  dvec p = 1.0 / 17;
  p = p * z + 1.0 / 15;
  p = p * z + 1.0 / 13;
  p = p * z + 1.0 / 11;
  p = p * z + 1.0 / 9;
  p = p * z + 1.0 / 7;
  p = p * z + 1.0 / 5;
  p = p * z + 1.0 / 3;
  p = p * z + 1.0;
  return __builtin_convertvector(exponent, dvec) * 0.693147180559945309417 + 2.0 * s * p + (x - x);
}

/// Removes the mean, pre-emphasises and windows; even samples go to `re`, odd samples to `im`, as one complex signal.
INLINE void prepare_frames(const ast_fbank_plan *plan, const float *samples, long frames, dvec *re, dvec *im) {
  dvec signal[AST_FRAME_SAMPLES];
  dvec sum = 0.0;
  for (int n = 0; n < AST_FRAME_SAMPLES; n++) {
    dvec v = 0.0;
    for (long lane = 0; lane < frames; lane++) v[lane] = samples[lane * AST_FRAME_SHIFT + n];
    signal[n] = v;
    sum += v;
  }
  const dvec mean = sum / (double)AST_FRAME_SAMPLES;
  dvec previous = signal[0] - mean;  // the first sample is its own predecessor
  for (int n = 0; n < AST_FRAME_SAMPLES; n += 2) {
    const dvec even = signal[n] - mean, odd = signal[n + 1] - mean;
    re[n / 2] = (even - plan->preemphasis * previous) * plan->window[n];
    im[n / 2] = (odd - plan->preemphasis * even) * plan->window[n + 1];
    previous = odd;
  }
  for (int n = AST_FRAME_SAMPLES / 2; n < AST_FFT_POINTS / 2; n++) re[n] = im[n] = 0.0;
}

/// In-place complex FFT of 256 points, radix 4, decimation in frequency. Result k is stored at the index with the
/// base-4 digits of k reversed.
INLINE void transform(const ast_fbank_plan *plan, dvec *re, dvec *im) {
  const int points = AST_FFT_POINTS / 2;
  for (int length = points; length > 1; length /= 4) {
    const int quarter = length / 4, step = AST_FFT_POINTS / length;
    for (int k = 0; k < quarter; k++) {
      const double c1 = plan->cosines[k * step], s1 = plan->sines[k * step];
      const double c2 = plan->cosines[2 * k * step], s2 = plan->sines[2 * k * step];
      const double c3 = plan->cosines[3 * k * step], s3 = plan->sines[3 * k * step];
      for (int base = k; base < points; base += length) {
        dvec *r = re + base, *i = im + base;
        const dvec ar = r[0] + r[2 * quarter], ai = i[0] + i[2 * quarter];
        const dvec br = r[0] - r[2 * quarter], bi = i[0] - i[2 * quarter];
        const dvec cr = r[quarter] + r[3 * quarter], ci = i[quarter] + i[3 * quarter];
        const dvec dr = r[quarter] - r[3 * quarter], di = i[quarter] - i[3 * quarter];
        r[0] = ar + cr;
        i[0] = ai + ci;
        // Multiplied by exp(-i angle).
        const dvec er = br + di, ei = bi - dr;
        r[quarter] = er * c1 + ei * s1;
        i[quarter] = ei * c1 - er * s1;
        const dvec fr = ar - cr, fi = ai - ci;
        r[2 * quarter] = fr * c2 + fi * s2;
        i[2 * quarter] = fi * c2 - fr * s2;
        const dvec gr = br - di, gi = bi + dr;
        r[3 * quarter] = gr * c3 + gi * s3;
        i[3 * quarter] = gi * c3 - gr * s3;
      }
    }
  }
}

INLINE int reversed_digits(int k) {
  return (k & 3) << 6 | (k & 12) << 2 | (k & 48) >> 2 | (k & 192) >> 6;
}

/// |X|^2 of the real signal from the transform of its even and odd halves.
INLINE void power_spectrum(const ast_fbank_plan *plan, const dvec *re, const dvec *im, dvec *power) {
  const int points = AST_FFT_POINTS / 2;
  for (int k = 0; k <= points / 2; k++) {
    const int a = reversed_digits(k & (points - 1)), b = reversed_digits((points - k) & (points - 1));
    const dvec even_r = (re[a] + re[b]) * 0.5, even_i = (im[a] - im[b]) * 0.5;
    const dvec odd_r = (im[a] + im[b]) * 0.5, odd_i = (re[b] - re[a]) * 0.5;
    const double c = plan->cosines[k], s = plan->sines[k];
    const dvec turned_r = odd_r * c + odd_i * s, turned_i = odd_i * c - odd_r * s;
    const dvec xr = even_r + turned_r, xi = even_i + turned_i;
    const dvec yr = even_r - turned_r, yi = turned_i - even_i;
    power[k] = xr * xr + xi * xi;
    power[points - k] = yr * yr + yi * yi;
  }
}

INLINE void mel_features(const ast_fbank_plan *plan, const dvec *power, long frames, float *features) {
  const double *weight = plan->mel_weights;
  for (long bin = 0; bin < plan->mel_bins; bin++) {
    dvec energy = 0.0;
    const dvec *p = power + plan->mel_starts[bin];
    for (int i = 0; i < plan->mel_counts[bin]; i++) energy += p[i] * *weight++;
    const dvec floor = plan->energy_floor;
    // In this order, so that NaN is preserved.
    energy = energy < floor ? floor : energy;
    const dvec value = (vector_log(energy) - plan->mean) * plan->scale;
    for (long lane = 0; lane < frames; lane++) features[lane * plan->mel_bins + bin] = (float)value[lane];
  }
}

static void fbank(const ast_fbank_plan *plan, const float *samples, long count, float *features,
                  double *scratch) {
  dvec *re = (dvec *)scratch, *im = re + AST_FFT_POINTS / 2, *power = im + AST_FFT_POINTS / 2;
  while (count > 0) {
    const long frames = count < FRAMES ? count : FRAMES;
    prepare_frames(plan, samples, frames, re, im);
    transform(plan, re, im);
    power_spectrum(plan, re, im, power);
    mel_features(plan, power, frames, features);
    samples += frames * AST_FRAME_SHIFT;
    features += frames * plan->mel_bins;
    count -= frames;
  }
}
