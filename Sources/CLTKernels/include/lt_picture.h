// Convolutions of pictures and clips, which come with few channels: their windows as rows of bfloat16 that a matrix product reads.
#pragma once
#include "lt_gemm.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LT_PICTURE_AXES = 3,
    /// The most of channels · kernel depth · kernel height.
    LT_PICTURE_LINES = 512,
};

/// Axes are depth, height, width; pictures have a depth of 1.
typedef struct {
    size_t images, channels;
    int64_t in[LT_PICTURE_AXES], out[LT_PICTURE_AXES], kernel[LT_PICTURE_AXES], stride[LT_PICTURE_AXES], pad[LT_PICTURE_AXES];
    /// [images][channels][depth][height][width]
    const float *x;
    /// The product of one image's rows, each a window's channels · kernel values in the weights' order and, where they are odd, a
    /// zero, with packed weights: `pairs`, `a` and `scratch` not set, C in blocks.
    lt_gemm_job product;
    /// Elements of C between images.
    size_t image_step;
    int threads;
    /// lt_picture_scratch bytes, 64-byte aligned.
    void *scratch;
} lt_picture_job;

size_t lt_picture_scratch(const lt_picture_job *job);

/// Only with LT_BF16_FAST. The same bits for any number of threads.
void lt_picture(const lt_picture_job *job);

#ifdef __cplusplus
}
#endif
