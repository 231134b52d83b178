/// `quantize` for bfloat16: converts rows of floats, padded with zeros to whole groups.
static void quantize(const float *x, long count, long width, ast_rows rows) {
  for (long row = 0; row < count; row++) {
    uint16_t *y = (uint16_t *)((uint8_t *)rows.values + row * rows.stride);
    to_bf16(x + row * width, width, y);
    memset(y + width, 0, (size_t)(rows.stride - width * 2));
  }
}
