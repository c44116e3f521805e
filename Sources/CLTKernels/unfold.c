// Windows as rows: copies of whole blocks of channels, threads over output pixels.
#include "CLTKernels.h"
#include <string.h>

static void unfold_share(void *context, int index, int count) {
    const lt_unfold_job *j = context;
    int64_t pixels = j->out[0] * j->out[1], height = j->in[0], width = j->in[1];
    size_t bytes = j->block * sizeof(float), plane = (size_t)(height * width) * j->block;
    size_t row = (size_t)(j->kernel[0] * j->kernel[1]) * j->blocks * j->block;
    for (int64_t p = pixels * index / count; p < pixels * (index + 1) / count; p++) {
        float *y = j->y + (size_t)p * row;
        int64_t top = p / j->out[1] * j->stride[0] - j->pad[0], left = p % j->out[1] * j->stride[1] - j->pad[1];
        for (int64_t ky = 0; ky < j->kernel[0]; ky++)
            for (int64_t kx = 0; kx < j->kernel[1]; kx++) {
                int64_t line = top + ky * j->dilation[0], column = left + kx * j->dilation[1];
                if (line < 0 || line >= height || column < 0 || column >= width) {
                    memset(y, 0, j->blocks * bytes);
                    y += j->blocks * j->block;
                    continue;
                }
                const float *x = j->x + (size_t)(line * width + column) * j->block;
                for (size_t b = 0; b < j->blocks; b++, x += plane, y += j->block) {
                    if (j->block == 16) memcpy(y, x, 64);
                    else memcpy(y, x, bytes);
                }
            }
    }
}

void lt_unfold(const lt_unfold_job *job) {
    int64_t pixels = job->out[0] * job->out[1];
    int threads = lt_threads() < job->threads ? lt_threads() : job->threads;
    lt_parallel(pixels < threads ? (int)pixels : threads, unfold_share, (void *)job);
}
