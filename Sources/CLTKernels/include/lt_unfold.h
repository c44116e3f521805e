// Windows of an image in blocks of channels laid out as rows (im2col), so that a convolution is one matrix product.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// One image and its windows; pairs are (vertical, horizontal).
typedef struct {
    /// [blocks][height][width][block]
    const float *x;
    /// [out height · out width][kernel height · kernel width · blocks · block], zeros where a window leaves the image.
    float *y;
    size_t block, blocks;
    int64_t in[2], out[2], kernel[2], stride[2];
    /// Pixels from one tap to the next, and before the image's first.
    int64_t dilation[2], pad[2];
    int threads;
} lt_unfold_job;

void lt_unfold(const lt_unfold_job *job);

#ifdef __cplusplus
}
#endif
