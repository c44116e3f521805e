// Loops over quantised values, compiled once per instruction set (LT_SUFFIX); plain C that the compiler turns into vectors.
// A byte b of an int8 value is b ^ 0x80 - 128: `flip` and the zero point's offset hide the sign.
#define LT_JOIN(a, b) a##_##b
#define LT_PASTE(a, b) LT_JOIN(a, b)
#define LT_NAME(name) LT_PASTE(name, LT_SUFFIX)

/// round(v) + zero in 0 … 255; ties to even. NaN compares false and becomes 0.
static inline __attribute__((always_inline)) uint8_t LT_NAME(byte)(float v, float zero, uint8_t flip) {
    v = __builtin_rintf(v) + zero;
    v = v > 0.f ? v : 0.f;
    v = v < 255.f ? v : 255.f;
    return (uint8_t)((int32_t)v) ^ flip;
}

static void LT_NAME(quantize)(const float *restrict x, uint8_t *restrict y, size_t n, float scale, float zero, uint8_t flip) {
    for (size_t i = 0; i < n; i++) y[i] = LT_NAME(byte)(x[i] / scale, zero, flip);
}

static void LT_NAME(dequantize)(const uint8_t *restrict x, float *restrict y, size_t n, float scale, int32_t zero,
                                uint8_t flip) {
    for (size_t i = 0; i < n; i++) y[i] = (float)((int32_t)(uint8_t)(x[i] ^ flip) - zero) * scale;
}

static void LT_NAME(add)(const uint8_t *a, float a_scale, int32_t a_zero, uint8_t a_flip, const uint8_t *b, float b_scale,
                         int32_t b_zero, uint8_t b_flip, uint8_t *y, size_t n, float scale, float zero, uint8_t flip) {
    for (size_t i = 0; i < n; i++) {
        float sum = (float)((int32_t)(uint8_t)(a[i] ^ a_flip) - a_zero) * a_scale +
                    (float)((int32_t)(uint8_t)(b[i] ^ b_flip) - b_zero) * b_scale;
        y[i] = LT_NAME(byte)(sum / scale, zero, flip);
    }
}

/// total[c] += x[c] of some channels over `pixels`, `step` bytes apart.
static void LT_NAME(sum_pixels)(const uint8_t *restrict x, int32_t *restrict total, size_t n, size_t pixels, size_t step,
                                uint8_t flip) {
    for (size_t c = 0; c < n; c++) total[c] = 0;
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < n; c++) total[c] += (uint8_t)(x[p * step + c] ^ flip);
}

static int32_t LT_NAME(sum_row)(const uint8_t *x, size_t n, uint8_t flip) {
    int32_t total = 0;
    for (size_t i = 0; i < n; i++) total += (uint8_t)(x[i] ^ flip);
    return total;
}

static const lt_quantized_table LT_NAME(table) = {LT_NAME(quantize), LT_NAME(dequantize), LT_NAME(add), LT_NAME(sum_pixels),
                                                  LT_NAME(sum_row)};
#undef LT_NAME
#undef LT_PASTE
#undef LT_JOIN
#undef LT_SUFFIX
