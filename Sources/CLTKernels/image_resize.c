// Nearest-neighbour resizing as Pillow (libImaging/Geometry.c) and as OpenCV (modules/imgproc/src/resize.cpp) do it.

#pragma STDC FP_CONTRACT OFF

#include <math.h>
#include <string.h>

#include "lt_image.h"
#include "lt_memory.h"

static int lt_gather(
    const uint8_t *source, size_t source_width, size_t channels, uint8_t *target, size_t target_width,
    size_t target_height, const ptrdiff_t *columns, const ptrdiff_t *rows) {
    for (size_t y = 0; y < target_height; y++) {
        uint8_t *to = target + y * target_width * channels;
        if (rows[y] < 0) {
            memset(to, 0, target_width * channels);
            continue;
        }
        const uint8_t *from = source + (size_t)rows[y] * source_width * channels;
        for (size_t x = 0; x < target_width; x++)
            for (size_t c = 0; c < channels; c++)
                to[x * channels + c] = columns[x] < 0 ? 0 : from[(size_t)columns[x] * channels + c];
    }
    return 0;
}

// Positions as Pillow walks them: a running sum. One past the end stays unset (-1), as Pillow leaves it.
static void lt_nearest_pil_positions(ptrdiff_t *positions, size_t source, size_t target) {
    const double scale = (double)source / (double)target;
    double at = scale * 0.5;
    for (size_t i = 0; i < target; i++) {
        positions[i] = at < (double)source ? (ptrdiff_t)at : -1;
        at += scale;
    }
}

static void lt_nearest_cv2_positions(ptrdiff_t *positions, size_t source, size_t target) {
    const double scale = 1.0 / ((double)target / (double)source);
    for (size_t i = 0; i < target; i++) {
        const double at = floor((double)i * scale);
        positions[i] = at < (double)(source - 1) ? (ptrdiff_t)at : (ptrdiff_t)(source - 1);
    }
}

static int lt_nearest(
    const uint8_t *source, size_t source_width, size_t source_height, size_t channels, uint8_t *target,
    size_t target_width, size_t target_height, void (*make)(ptrdiff_t *, size_t, size_t)) {
    ptrdiff_t *columns = lt_allocate((target_width + target_height) * sizeof(ptrdiff_t));
    if (!columns) return -1;
    ptrdiff_t *rows = columns + target_width;
    make(columns, source_width, target_width);
    make(rows, source_height, target_height);
    lt_gather(source, source_width, channels, target, target_width, target_height, columns, rows);
    lt_release(columns);
    return 0;
}

int lt_nearest_pil_u8(
    const uint8_t *source, size_t source_width, size_t source_height, size_t channels, uint8_t *target,
    size_t target_width, size_t target_height) {
    return lt_nearest(
        source, source_width, source_height, channels, target, target_width, target_height, lt_nearest_pil_positions);
}

int lt_nearest_cv2_u8(
    const uint8_t *source, size_t source_width, size_t source_height, size_t channels, uint8_t *target,
    size_t target_width, size_t target_height) {
    return lt_nearest(
        source, source_width, source_height, channels, target, target_width, target_height, lt_nearest_cv2_positions);
}
