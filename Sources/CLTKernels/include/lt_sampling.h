// Sampling of float32 images: resizing by taps along both axes, and regions of interest cut into bins. The same bits for any
// number of threads.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What makes the outputs along one axis: output j is the sum over t < taps of weights[j taps + t] times input
/// places[j taps + t].
typedef struct {
    size_t in, out, taps;
    const int32_t *places;
    const float *weights;
} lt_taps;

enum { LT_MOST_TAPS = 4 };

/// y[p, i, j, lane] of x[p, rows.in, columns.in, lanes]: at most LT_MOST_TAPS taps along each axis, lanes 1 or
/// lt_channel_block(). A lone tap of weight 1 copies.
/// Returns 0, or -1 where memory was refused.
int lt_resample(const float *x, size_t planes, lt_taps rows, lt_taps columns, size_t lanes, float *y);

enum { LT_MOST_BINS = 32, LT_MOST_SAMPLES = 8 };

/// ONNX's RoiAlign, mode avg, with samples² samples per bin (1 to LT_MOST_SAMPLES) and at most LT_MOST_BINS bins along each
/// axis. x is [images, blocks, height, width, lt_channel_block()], rois [regions, 4] (x1, y1, x2, y2), y row-major [regions,
/// channels, bins_height, bins_width]; images lie within x. shift: 0.5 for half_pixel, else 0, and regions are at least 1 × 1.
typedef struct {
    size_t channels, height, width, regions, bins_height, bins_width, samples;
    float scale, shift;
} lt_roi_window;

void lt_roi_align(const lt_roi_window *window, const float *x, const float *rois, const int64_t *images, float *y);

#ifdef __cplusplus
}
#endif
