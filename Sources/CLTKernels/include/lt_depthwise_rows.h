// Depthwise convolution of channels-last pictures: y[n, i, j, c] = b[c] + Σ w[p, q, c] x[n, i·stride + p − top,
// j·stride + q − left, c], zero outside.
#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    size_t batch, channels;  // at least 16 channels
    size_t height, width, out_height, out_width;
    size_t kernel_height, kernel_width, stride_height, stride_width, top, left;
} lt_depthwise_rows_window;

/// x [batch, height, width, channels], w [kernel_height, kernel_width, channels], bias [channels] or NULL.
void lt_depthwise_rows(const lt_depthwise_rows_window *window, const float *x, const float *w, const float *bias, float *y);

#ifdef __cplusplus
}
#endif
