// Nearest-neighbour resizing as Pillow and as OpenCV do it, and OpenCV's bilinear for 8 bits
// (modules/imgproc/src/resize.cpp describes both).

#pragma STDC FP_CONTRACT OFF

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lt_image.h"

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
    ptrdiff_t *columns = malloc((target_width + target_height) * sizeof(ptrdiff_t));
    if (!columns) return -1;
    ptrdiff_t *rows = columns + target_width;
    make(columns, source_width, target_width);
    make(rows, source_height, target_height);
    lt_gather(source, source_width, channels, target, target_width, target_height, columns, rows);
    free(columns);
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

// One target position of OpenCV's bilinear: its two source positions and 11-bit weights.
struct lt_linear {
    size_t low, high;
    int32_t low_weight, high_weight;
};

static int32_t lt_linear_weight(float fraction) { return (int32_t)lrintf(fraction * 2048.0f); }

// Columns beyond an edge get weight 0 for the missing neighbour; rows keep their weights and repeat the edge row.
static void lt_linear_positions(struct lt_linear *positions, size_t source, size_t target, int columns) {
    const double scale = 1.0 / ((double)target / (double)source);
    const ptrdiff_t last = (ptrdiff_t)source - 1;
    for (size_t i = 0; i < target; i++) {
        float fraction = (float)(((double)i + 0.5) * scale - 0.5);
        ptrdiff_t at = (ptrdiff_t)floorf(fraction);
        fraction -= (float)at;
        if (columns && at < 0) {
            at = 0;
            fraction = 0;
        }
        if (columns && at >= last) {
            at = last;
            fraction = 0;
        }
        const ptrdiff_t low = at < 0 ? 0 : at > last ? last : at;
        const ptrdiff_t high = at + 1 < 0 ? 0 : at + 1 > last ? last : at + 1;
        positions[i] = (struct lt_linear){
            (size_t)low, (size_t)high, lt_linear_weight(1.0f - fraction), lt_linear_weight(fraction)};
    }
}

static inline __attribute__((always_inline)) void lt_linear_row(
    const struct lt_linear *columns, size_t count, size_t channels, const uint8_t *source, int16_t *target) {
    for (size_t x = 0; x < count; x++) {
        const uint8_t *low = source + columns[x].low * channels, *high = source + columns[x].high * channels;
        for (size_t c = 0; c < channels; c++)
            // At most 255 * 2048, and the vertical pass starts by dropping 4 bits: 16 bits hold the rest.
            target[x * channels + c] =
                (int16_t)((low[c] * columns[x].low_weight + high[c] * columns[x].high_weight) >> 4);
    }
}

static void lt_halve(const uint8_t *source, size_t width, size_t height, size_t channels, uint8_t *target) {
    const size_t row = 2 * width * channels;
    for (size_t y = 0; y < height; y++, source += 2 * row)
        for (size_t x = 0; x < width; x++)
            for (size_t c = 0; c < channels; c++) {
                const uint8_t *at = source + 2 * x * channels + c;
                *target++ = (uint8_t)((at[0] + at[channels] + at[row] + at[row + channels] + 2) >> 2);
            }
}

int lt_linear_cv2_u8(
    const uint8_t *source, size_t source_width, size_t source_height, size_t channels, uint8_t *target,
    size_t target_width, size_t target_height) {
    if (source_width == target_width && source_height == target_height) {
        memcpy(target, source, source_width * source_height * channels);
        return 0;
    }
    if (source_width == 2 * target_width && source_height == 2 * target_height) {
        lt_halve(source, target_width, target_height, channels, target);
        return 0;
    }
    const size_t row = target_width * channels;
    struct lt_linear *columns = malloc((target_width + target_height) * sizeof(struct lt_linear));
    int16_t *lines = malloc((2 * row + 64) * sizeof(int16_t));
    if (!columns || !lines) {
        free(columns);
        free(lines);
        return -1;
    }
    struct lt_linear *rows = columns + target_width;
    lt_linear_positions(columns, source_width, target_width, 1);
    lt_linear_positions(rows, source_height, target_height, 0);
    // Two lines are kept: which source row each holds.
    size_t held[2] = {SIZE_MAX, SIZE_MAX};
    for (size_t y = 0; y < target_height; y++) {
        const size_t wanted[2] = {rows[y].low, rows[y].high};
        int slots[2];
        for (int i = 0; i < 2; i++) {
            int slot = held[0] == wanted[i] ? 0 : held[1] == wanted[i] ? 1 : -1;
            if (slot < 0) {
                // Not the slot that the other row of this target row is in.
                slot = i == 0 ? (held[0] == wanted[1] ? 1 : 0) : 1 - slots[0];
                const uint8_t *from = source + wanted[i] * source_width * channels;
                int16_t *to = lines + (size_t)slot * row;
                if (channels == 1) lt_linear_row(columns, target_width, 1, from, to);
                else if (channels == 3) lt_linear_row(columns, target_width, 3, from, to);
                else lt_linear_row(columns, target_width, 4, from, to);
                held[slot] = wanted[i];
            }
            slots[i] = slot;
        }
        const int16_t *low = lines + (size_t)slots[0] * row, *high = lines + (size_t)slots[1] * row;
        const int32_t a = rows[y].low_weight, b = rows[y].high_weight;
        uint8_t *to = target + y * row;
        for (size_t x = 0; x < row; x++)
            to[x] = (uint8_t)((((low[x] * a) >> 16) + ((high[x] * b) >> 16) + 2) >> 2);
    }
    free(columns);
    free(lines);
    return 0;
}
