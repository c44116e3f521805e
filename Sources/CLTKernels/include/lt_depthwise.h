// Depthwise convolution (one filter per channel) of float32 images in blocks of lt_channel_block() channels, nChw16c or nChw8c:
// y[c, i, j] = f(b[c] + Σ w[c, p, q] x[c, i s - t + p d, j s' - l + q d']). The same bits for any number of threads.
#pragma once
#include <stddef.h>

#include "lt_math.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Channels that lie side by side in the blocked layouts of this machine: 16 with AVX-512, else 8.
size_t lt_channel_block(void);

typedef struct {
    /// Images times blocks of channels, and blocks of one image.
    size_t planes, blocks;
    size_t in_height, in_width, out_height, out_width;
    size_t kernel_height, kernel_width;
    size_t stride_height, stride_width;
    size_t dilation_height, dilation_width;
    /// Padding above and left of the image; what lies beyond its end counts as zero, too.
    size_t top, left;
} lt_depthwise_window;

/// - w: [blocks, kernel_height, kernel_width, block]; bias: [blocks, block] or NULL.
/// f is applied to padding channels, too (zero weights and bias): f(0) has to be 0 where there are any.
void lt_depthwise(const lt_depthwise_window *window, const float *x, const float *w, const float *bias, lt_unary_op f,
                  float f_a, float f_b, float *y);

/// x[plane, i, lane] *= scale[plane, lane] into y: a factor per channel of each image, in blocks. y may be x.
void lt_channel_scale(const float *x, const float *scale, float *y, size_t planes, size_t pixels);

/// sums[plane, lane] = factor Σ_i x[plane, i, lane].
void lt_channel_sums(const float *x, double factor, float *sums, size_t planes, size_t pixels);

#ifdef __cplusplus
}
#endif
