// Augmentation of 8-bit pixels: colour enhancement with Pillow's arithmetic (results are truncated to bytes), rotation.

#pragma STDC FP_CONTRACT OFF

#include <math.h>
#include <string.h>

#include "CLTKernels.h"
#include "image_resample.h"

#define LT_INLINE static inline __attribute__((always_inline))

enum { lt_block = 256 };

void lt_lookup_u8(const uint8_t *table, const uint8_t *source, size_t count, uint8_t *target) {
    for (size_t i = 0; i < count; i++) target[i] = table[source[i]];
}

LT_INLINE uint32_t lt_luma(const uint8_t *rgb) {
    return (19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 32768u) >> 16;
}

uint64_t lt_luma_sum_u8(const uint8_t *source, size_t pixels) {
    uint64_t sum = 0;
    while (pixels > 0) {
        // A block's sum fits into 32 bits.
        const size_t count = pixels < 65536 ? pixels : 65536;
        uint32_t part = 0;
        for (size_t i = 0; i < count; i++) part += lt_luma(source + 3 * i);
        sum += part;
        source += 3 * count;
        pixels -= count;
    }
    return sum;
}

LT_INLINE void lt_saturate_body(const uint8_t *source, size_t pixels, float factor, uint8_t *target) {
    int32_t planes[3][lt_block], grey[lt_block];
    for (size_t start = 0; start < pixels; start += lt_block) {
        const size_t count = pixels - start < lt_block ? pixels - start : lt_block;
        const uint8_t *from = source + 3 * start;
        uint8_t *to = target + 3 * start;
        for (size_t i = 0; i < count; i++) {
            for (int c = 0; c < 3; c++) planes[c][i] = from[3 * i + c];
            grey[i] = (int32_t)lt_luma(from + 3 * i);
        }
        for (int c = 0; c < 3; c++)
            for (size_t i = 0; i < count; i++) {
                const float value = (float)grey[i] + factor * (float)(planes[c][i] - grey[i]);
                planes[c][i] = (int32_t)(value < 0 ? 0 : value > 255 ? 255 : value);
            }
        for (size_t i = 0; i < count; i++)
            for (int c = 0; c < 3; c++) to[3 * i + c] = (uint8_t)planes[c][i];
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void lt_saturate_avx2(
    const uint8_t *source, size_t pixels, float factor, uint8_t *target) {
    lt_saturate_body(source, pixels, factor, target);
}
#endif

void lt_saturate_u8(const uint8_t *source, size_t pixels, float factor, uint8_t *target) {
#if defined(__x86_64__)
    if (lt_image_isa() >= LT_ISA_AVX2) {
        lt_saturate_avx2(source, pixels, factor, target);
        return;
    }
#endif
    lt_saturate_body(source, pixels, factor, target);
}

// One pixel to HSV bytes (hue and saturation truncated), the hue turned by bytes, and back (rounded).
LT_INLINE void lt_turn_pixel(const uint8_t *source, uint8_t turn, uint8_t *target) {
    const int r = source[0], g = source[1], b = source[2];
    const int high = r > g ? (r > b ? r : b) : (g > b ? g : b), low = r < g ? (r < b ? r : b) : (g < b ? g : b);
    int hue = 0, saturation = 0;
    if (high != low) {
        const float range = (float)(high - low), share = range / (float)high;
        const float red = (float)(high - r) / range, green = (float)(high - g) / range, blue = (float)(high - b) / range;
        const float sector = r == high ? blue - green : (float)(g == high ? 2.0 + red - blue : 4.0 + green - red);
        const double circle = sector / 6.0 + 1.0;
        const float turns = (float)(circle >= 1.0 ? circle - 1.0 : circle);
        hue = (int)(turns * 255.0);
        saturation = (int)(share * 255.0);
    }
    hue = (hue + turn) & 255;
    if (saturation == 0) {
        target[0] = target[1] = target[2] = (uint8_t)high;
        return;
    }
    const float sixths = (float)((float)hue * 6.0 / 255.0), strength = (float)(saturation / 255.0);
    const int sector = (int)sixths;
    const float rest = sixths - (float)sector;
    const uint8_t v = (uint8_t)high, p = (uint8_t)(high * (1.0 - strength) + 0.5),
                  q = (uint8_t)(high * (1.0 - strength * rest) + 0.5),
                  t = (uint8_t)(high * (1.0 - strength * (1.0 - rest)) + 0.5);
    const uint8_t results[6][3] = {{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}};
    memcpy(target, results[sector % 6], 3);
}

void lt_turn_hue_u8(const uint8_t *source, size_t pixels, uint8_t turn, uint8_t *target) {
    for (size_t i = 0; i < pixels; i++) lt_turn_pixel(source + 3 * i, turn, target + 3 * i);
}

// Positions have 32 fractional bits, weights 12.
LT_INLINE void lt_rotate_channels(
    const uint8_t *source, size_t width, size_t height, size_t channels, const double *matrix, const uint8_t *fill,
    uint8_t *target) {
    const double one = 4294967296.0;
    const int64_t step_x = llrint(matrix[0] * one), step_y = llrint(matrix[3] * one);
    const int64_t end_x = (int64_t)width << 32, end_y = (int64_t)height << 32, half = (int64_t)1 << 31,
                  weight = (int64_t)1 << 20;
    const ptrdiff_t last_x = (ptrdiff_t)width - 1, last_y = (ptrdiff_t)height - 1;
    for (size_t row = 0; row < height; row++) {
        int64_t at_x = (int64_t)((0.5 * matrix[0] + ((double)row + 0.5) * matrix[1] + matrix[2]) * one);
        int64_t at_y = (int64_t)((0.5 * matrix[3] + ((double)row + 0.5) * matrix[4] + matrix[5]) * one);
        for (size_t column = 0; column < width; column++, at_x += step_x, at_y += step_y, target += channels) {
            if (at_x < 0 || at_y < 0 || at_x >= end_x || at_y >= end_y) {
                for (size_t c = 0; c < channels; c++) target[c] = fill[c];
                continue;
            }
            // To the nearest weight, so that whole pixels stay whole.
            const int64_t x = at_x - half + weight / 2, y = at_y - half + weight / 2;
            const uint32_t right = (uint32_t)(x >> 20) & 4095, down = (uint32_t)(y >> 20) & 4095;
            const ptrdiff_t x0 = (ptrdiff_t)(x >> 32), y0 = (ptrdiff_t)(y >> 32);
            const size_t left = (size_t)(x0 < 0 ? 0 : x0), next = (size_t)(x0 < last_x ? x0 + 1 : last_x);
            const uint8_t *top = source + (size_t)(y0 < 0 ? 0 : y0) * width * channels;
            const uint8_t *bottom = source + (size_t)(y0 < last_y ? y0 + 1 : last_y) * width * channels;
            for (size_t c = 0; c < channels; c++) {
                const uint32_t above = top[left * channels + c] * (4096 - right) + top[next * channels + c] * right;
                const uint32_t below = bottom[left * channels + c] * (4096 - right) + bottom[next * channels + c] * right;
                target[c] = (uint8_t)((above * (4096 - down) + below * down) >> 24);
            }
        }
    }
}

void lt_rotate_u8(
    const uint8_t *source, size_t width, size_t height, size_t channels, const double *matrix, const uint8_t *fill,
    uint8_t *target) {
    if (channels == 1) lt_rotate_channels(source, width, height, 1, matrix, fill, target);
    else if (channels == 3) lt_rotate_channels(source, width, height, 3, matrix, fill, target);
    else lt_rotate_channels(source, width, height, 4, matrix, fill, target);
}
