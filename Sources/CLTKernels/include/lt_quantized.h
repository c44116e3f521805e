// Kernels on quantised values, x = (q - zero point) scale with q of 8 bits. Bytes stand for uint8; where `is_signed` they stand
// for int8. q = saturate(round(x / scale) + zero point), ties to even, NaN to the least value. They split their work over the
// calling thread's pool and give the same bits for any split.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    float scale;
    int32_t zero_point;
    bool is_signed;
} lt_quantization;

/// y[i] = quantised x[i].
void lt_quantize(const float *x, uint8_t *y, size_t count, lt_quantization to);

/// y[n, i, c] = quantised x[n, c, i].
void lt_quantize_channels_last(const float *x, uint8_t *y, size_t batch, size_t channels, size_t pixels, lt_quantization to);

/// y[i] = (x[i] - zero point) scale.
void lt_dequantize(const uint8_t *x, float *y, size_t count, lt_quantization from);

/// y[i] = quantised sum of two quantised values.
void lt_quantized_add(const uint8_t *a, lt_quantization of_a, const uint8_t *b, lt_quantization of_b, uint8_t *y, size_t count,
                      lt_quantization to);

/// y[n, c] = quantised mean over the pixels of x[n, c, pixels], or x[n, pixels, c] where `is_last`; at most 2^23 pixels.
void lt_quantized_mean(const uint8_t *x, lt_quantization from, uint8_t *y, size_t batch, size_t channels, size_t pixels,
                       bool is_last, lt_quantization to);

#ifdef __cplusplus
}
#endif
