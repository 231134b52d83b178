// The element-wise kernels and the filterbank, written once for all instruction sets.
//
// Parameters, defined before this file is included (beside the target):
//   LANES         floats in a vector: 4, 8 or 16
//   KERNEL_SET    the table
//   KERNEL_NAME   its name as a string
#ifndef LANES
#error "elementwise/kernels_body.h: define LANES, the floats in a vector"
#endif
#ifndef KERNEL_SET
#error "elementwise/kernels_body.h: define KERNEL_SET, the name of the table"
#endif
#ifndef KERNEL_NAME
#error "elementwise/kernels_body.h: define KERNEL_NAME, the table's name as a string"
#endif
#include "CKernels.h"
#include "vector.h"

#include "fbank_body.h"

static void layer_norm(const float *x, const float *gain, const float *bias, float *y, long rows,
                       long width, float eps) {
  const long whole = width - width % LANES, rest = width - whole;
  for (long row = 0; row < rows; row++, x += width, y += width) {
    vec sum = 0.f;
    for (long i = 0; i < whole; i += LANES) sum += load(x + i);
    if (rest) sum += load_part(x + whole, rest, 0.f);
    const float mean = sum_of_lanes(sum) / (float)width;
    // A second pass over the centred values: E[x^2] - mean^2 would lose digits by cancellation.
    vec squares = 0.f;
    for (long i = 0; i < whole; i += LANES) {
      const vec d = load(x + i) - mean;
      squares += d * d;
    }
    if (rest) {
      const vec d = load_part(x + whole, rest, mean) - mean;
      squares += d * d;
    }
    const float variance = sum_of_lanes(squares) / (float)width;
    const float inverse = 1.f / __builtin_sqrtf(variance + eps);
    for (long i = 0; i < whole; i += LANES)
      store(y + i, (load(x + i) - mean) * inverse * load(gain + i) + load(bias + i));
    if (rest) {
      const vec d = (load_part(x + whole, rest, mean) - mean) * inverse;
      store_part(y + whole, d * load_part(gain + whole, rest, 0.f) + load_part(bias + whole, rest, 0.f),
                 rest);
    }
  }
}

static void gelu(float *x, long count) {
  const long whole = count - count % LANES, rest = count - whole;
  for (long i = 0; i < whole; i += LANES) store(x + i, vector_gelu(load(x + i)));
  if (rest) store_part(x + whole, vector_gelu(load_part(x + whole, rest, 0.f)), rest);
}

/// 1 / (1 + exp(-x)).
INLINE vec sigmoid(vec x) { return 1.f / (1.f + vector_exp(-x)); }

static void quick_gelu(float *x, long count) {
  const long whole = count - count % LANES, rest = count - whole;
  for (long i = 0; i < whole; i += LANES) {
    const vec v = load(x + i);
    store(x + i, v * sigmoid(v * 1.702f));
  }
  if (rest) {
    const vec v = load_part(x + whole, rest, 0.f);
    store_part(x + whole, v * sigmoid(v * 1.702f), rest);
  }
}

static void gated(const float *x, float *y, long rows, long width) {
  const long whole = width - width % LANES, rest = width - whole;
  for (long row = 0; row < rows; row++, x += 2 * width, y += width) {
    for (long i = 0; i < whole; i += LANES) store(y + i, load(x + i) * sigmoid(load(x + width + i)));
    if (rest) {
      const vec gate = sigmoid(load_part(x + width + whole, rest, 0.f));
      store_part(y + whole, load_part(x + whole, rest, 0.f) * gate, rest);
    }
  }
}

static void depthwise_silu(const float *x, long tokens, long width, const float *taps, const float *bias, long kernel,
                           long left, long first, long rows, float *y) {
  for (long row = first; row < first + rows; row++, y += width) {
    const long from = row < left ? left - row : 0;
    const long end = tokens - row + left < kernel ? tokens - row + left : kernel;
    for (long i = 0; i < width; i += LANES) {
      const long part = width - i < LANES ? width - i : LANES;
      vec sum = part == LANES ? load(bias + i) : load_part(bias + i, part, 0.f);
      for (long k = from; k < end; k++) {
        const float *value = x + (row + k - left) * width + i, *tap = taps + k * width + i;
        sum += part == LANES ? load(value) * load(tap) : load_part(value, part, 0.f) * load_part(tap, part, 0.f);
      }
      sum *= sigmoid(sum);
      if (part == LANES)
        store(y + i, sum);
      else
        store_part(y + i, sum, part);
    }
  }
}

static void exponentials(float *x, long rows, long width, float *maxima, float *sums) {
  const long whole = width - width % LANES, rest = width - whole;
  for (long row = 0; row < rows; row++, x += width) {
    vec high = -__builtin_inff(), sum = 0.f;
    for (long i = 0; i < whole; i += LANES) {
      const vec v = load(x + i);
      high = v > high ? v : high;
    }
    // Lanes beyond the row become exp of the least argument, 1e-38, which no sum with exp(0) shows.
    const vec last = rest ? load_part(x + whole, rest, -__builtin_inff()) : (vec)-__builtin_inff();
    high = last > high ? last : high;
    const float maximum = highest(high);
    for (long i = 0; i < whole; i += LANES) {
      const vec v = vector_exp(load(x + i) - maximum);
      sum += v;
      store(x + i, v);
    }
    if (rest) {
      const vec v = vector_exp(last - maximum);
      sum += v;
      store_part(x + whole, v, rest);
    }
    maxima[row] = maximum;
    sums[row] = sum_of_lanes(sum);
  }
}

static void softmax(float *x, long rows, long width) {
  for (long row = 0; row < rows; row++, x += width) {
    float maximum, sum;
    exponentials(x, 1, width, &maximum, &sum);
    const float inverse = 1.f / sum;
    for (long i = 0; i < width; i++) x[i] *= inverse;
  }
}

static void normalise_rows(float *x, long rows, long width, float eps) {
  const long whole = width - width % LANES, rest = width - whole;
  for (long row = 0; row < rows; row++, x += width) {
    vec squares = 0.f;
    for (long i = 0; i < whole; i += LANES) squares += load(x + i) * load(x + i);
    if (rest) {
      const vec v = load_part(x + whole, rest, 0.f);
      squares += v * v;
    }
    const float inverse = 1.f / (__builtin_sqrtf(sum_of_lanes(squares)) + eps);
    for (long i = 0; i < width; i++) x[i] *= inverse;
  }
}

static void fill_rows(float *x, const float *bias, long rows, long width) {
  for (long row = 0; row < rows; row++) memcpy(x + row * width, bias, (size_t)width * sizeof(float));
}

static void add_to_rows(float *x, const float *bias, long rows, long width) {
  for (long row = 0; row < rows; row++, x += width)
    for (long i = 0; i < width; i++) x[i] += bias[i];
}

static void half_to_float(const void *source, float *destination, long count) {
  const uint8_t *bytes = source;
  const long whole = count - count % LANES;
  typedef uint16_t half_bits __attribute__((ext_vector_type(LANES)));
  for (long i = 0; i < count; i += LANES) {
    half_bits h = 0;
    const long n = i < whole ? LANES : count - whole;
    memcpy(&h, bytes + 2 * i, (size_t)n * 2);
    const ivec bits = __builtin_convertvector(h, ivec);
    const ivec magnitude = bits & 0x7fff;
    // Move exponent and mantissa into place, then re-bias by a multiplication: exact, also for
    // subnormals. Infinity and NaN need the float's own largest exponent.
    vec value = (vec)(magnitude << 13) * 0x1p112f;
    const ivec special = (magnitude >= 0x7c00) & 0x7f800000;
    const vec result = (vec)((ivec)value | special | ((bits & 0x8000) << 16));
    memcpy(destination + i, &result, (size_t)n * sizeof(float));
  }
}

static void bfloat16_to_float(const void *source, float *destination, long count) {
  const uint8_t *bytes = source;
  for (long i = 0; i < count; i++) {
    uint16_t b;
    memcpy(&b, bytes + 2 * i, 2);
    const uint32_t bits = (uint32_t)b << 16;
    memcpy(destination + i, &bits, 4);
  }
}

static int all_finite(const float *x, long count) {
  const long whole = count - count % LANES;
  ivec bad = 0;
  for (long i = 0; i < whole; i += LANES) bad |= ((ivec)load(x + i) & 0x7f800000) == 0x7f800000;
  if (count > whole) bad |= ((ivec)load_part(x + whole, count - whole, 0.f) & 0x7f800000) == 0x7f800000;
  int any = 0;
  for (int i = 0; i < LANES; i++) any |= bad[i];
  return any == 0;
}

const ast_kernels KERNEL_SET = {
    .name = KERNEL_NAME,
    .layer_norm = layer_norm,
    .gelu = gelu,
    .quick_gelu = quick_gelu,
    .gated = gated,
    .depthwise_silu = depthwise_silu,
    .exponentials = exponentials,
    .softmax = softmax,
    .normalise_rows = normalise_rows,
    .fill_rows = fill_rows,
    .add_to_rows = add_to_rows,
    .half_to_float = half_to_float,
    .bfloat16_to_float = bfloat16_to_float,
    .fbank = fbank,
    .all_finite = all_finite,
};
