// OpenCV's INTER_LINEAR for 8 bits (modules/imgproc/src/resize.cpp): weights of 11 bits; the horizontal sums drop 4 bits,
// the vertical products 16, the sum of both is rounded from 2 more.

#pragma STDC FP_CONTRACT OFF

#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "CLTKernels.h"
#include "lt_memory.h"
#include "image_resample.h"

// One target position of OpenCV's bilinear: its two source positions and 11-bit weights.
struct lt_linear {
    size_t low, high;
    int32_t low_weight, high_weight;
    int32_t packed; // both weights as 16-bit halves
};

static int32_t lt_linear_weight(float fraction) { return (int32_t)lrintf(fraction * 2048.0f); }

// Columns beyond an edge get weight 0 for the missing neighbour; rows keep their weights and repeat the edge row.
// `area`: the variant that INTER_AREA enlarges with, where a source pixel's edge falls inside a target pixel.
static void lt_linear_positions(struct lt_linear *positions, size_t source, size_t target, int columns, int area) {
    const double inverse = (double)target / (double)source, scale = 1.0 / inverse;
    const ptrdiff_t last = (ptrdiff_t)source - 1;
    for (size_t i = 0; i < target; i++) {
        float fraction = (float)(((double)i + 0.5) * scale - 0.5);
        ptrdiff_t at = (ptrdiff_t)floorf(fraction);
        fraction -= (float)at;
        if (area) {
            at = (ptrdiff_t)floor((double)i * scale);
            fraction = (float)((double)(i + 1) - (double)(at + 1) * inverse);
            fraction = fraction <= 0 ? 0 : fraction - floorf(fraction);
        }
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
        const int32_t a = lt_linear_weight(1.0f - fraction), b = lt_linear_weight(fraction);
        positions[i] = (struct lt_linear){(size_t)low, (size_t)high, a, b, b << 16 | a};
    }
}

static inline __attribute__((always_inline)) void lt_linear_row(
    const struct lt_linear *columns, size_t begin, size_t count, size_t channels, const uint8_t *source,
    int16_t *target) {
    for (size_t x = begin; x < count; x++) {
        const uint8_t *low = source + columns[x].low * channels, *high = source + columns[x].high * channels;
        for (size_t c = 0; c < channels; c++)
            // At most 255 * 2048, and the vertical pass starts by dropping 4 bits: 16 bits hold the rest.
            target[x * channels + c] =
                (int16_t)((low[c] * columns[x].low_weight + high[c] * columns[x].high_weight) >> 4);
    }
}

static void lt_across(
    const struct lt_linear *columns, size_t begin, size_t count, size_t channels, const uint8_t *source,
    int16_t *target) {
    if (channels == 1) lt_linear_row(columns, begin, count, 1, source, target);
    else if (channels == 3) lt_linear_row(columns, begin, count, 3, source, target);
    else lt_linear_row(columns, begin, count, 4, source, target);
}

static void lt_down(
    const int16_t *low, const int16_t *high, int32_t a, int32_t b, size_t begin, size_t count, uint8_t *target) {
    for (size_t x = begin; x < count; x++)
        target[x] = (uint8_t)((((low[x] * a) >> 16) + ((high[x] * b) >> 16) + 2) >> 2);
}

#if defined(__x86_64__)
#define LT_AVX2 __attribute__((target("avx2")))

// Two positions at a time: one per half, their two pixels as 16-bit pairs by channel (1 channel takes four at a time).
LT_AVX2 static size_t lt_across_avx2(
    const struct lt_linear *columns, size_t count, size_t channels, const uint8_t *source, int16_t *target) {
    size_t x = 0;
    if (channels == 1) {
        for (; x + 4 <= count; x += 4) {
            uint16_t pixels[4];
            for (size_t i = 0; i < 4; i++) memcpy(&pixels[i], source + columns[x + i].low, 2);
            const __m128i weights = _mm_set_epi32(
                columns[x + 3].packed, columns[x + 2].packed, columns[x + 1].packed, columns[x].packed);
            const __m128i pairs = _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)pixels));
            const __m128i sums = _mm_srai_epi32(_mm_madd_epi16(pairs, weights), 4);
            _mm_storel_epi64((__m128i *)(target + x), _mm_packs_epi32(sums, sums));
        }
        return x;
    }
    const __m128i layout = channels == 3 ? _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1)
                                         : _mm_setr_epi8(0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, 3, -1, 7, -1);
    // An RGB position stores a fourth value that the next one overwrites; the last is left to the portable loop.
    for (; x + 3 <= count; x += 2) {
        const __m128i first = _mm_loadl_epi64((const __m128i *)(source + columns[x].low * channels));
        const __m128i second = _mm_loadl_epi64((const __m128i *)(source + columns[x + 1].low * channels));
        const __m128i a = _mm_madd_epi16(_mm_shuffle_epi8(first, layout), _mm_set1_epi32(columns[x].packed));
        const __m128i b = _mm_madd_epi16(_mm_shuffle_epi8(second, layout), _mm_set1_epi32(columns[x + 1].packed));
        const __m128i both = _mm_packs_epi32(_mm_srai_epi32(a, 4), _mm_srai_epi32(b, 4));
        _mm_storel_epi64((__m128i *)(target + x * channels), both);
        _mm_storel_epi64((__m128i *)(target + (x + 1) * channels), _mm_unpackhi_epi64(both, both));
    }
    return x;
}

LT_AVX2 static size_t lt_down_avx2(
    const int16_t *low, const int16_t *high, int32_t a, int32_t b, size_t count, uint8_t *target) {
    const __m256i low_weight = _mm256_set1_epi16((int16_t)a), high_weight = _mm256_set1_epi16((int16_t)b);
    const __m256i two = _mm256_set1_epi16(2);
    size_t x = 0;
    for (; x + 32 <= count; x += 32) {
        __m256i sums[2];
        for (int i = 0; i < 2; i++) {
            const __m256i first = _mm256_loadu_si256((const __m256i *)(low + x + 16 * i));
            const __m256i second = _mm256_loadu_si256((const __m256i *)(high + x + 16 * i));
            const __m256i sum =
                _mm256_add_epi16(_mm256_mulhi_epi16(first, low_weight), _mm256_mulhi_epi16(second, high_weight));
            sums[i] = _mm256_srai_epi16(_mm256_add_epi16(sum, two), 2);
        }
        const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packus_epi16(sums[0], sums[1]), 0xD8);
        _mm256_storeu_si256((__m256i *)(target + x), bytes);
    }
    return x;
}
#endif

static void lt_halve(const uint8_t *source, size_t width, size_t height, size_t channels, uint8_t *target) {
    const size_t row = 2 * width * channels;
    for (size_t y = 0; y < height; y++, source += 2 * row)
        for (size_t x = 0; x < width; x++)
            for (size_t c = 0; c < channels; c++) {
                const uint8_t *at = source + 2 * x * channels + c;
                *target++ = (uint8_t)((at[0] + at[channels] + at[row] + at[row + channels] + 2) >> 2);
            }
}

static int lt_linear_resize(
    const uint8_t *source, size_t source_width, size_t source_height, size_t channels, uint8_t *target,
    size_t target_width, size_t target_height, int area) {
    if (source_width == target_width && source_height == target_height) {
        memcpy(target, source, source_width * source_height * channels);
        return 0;
    }
    if (source_width == 2 * target_width && source_height == 2 * target_height) {
        lt_halve(source, target_width, target_height, channels, target);
        return 0;
    }
    const size_t row = target_width * channels;
    struct lt_linear *columns = lt_allocate((target_width + target_height) * sizeof(struct lt_linear));
    int16_t *lines = lt_allocate((2 * row + 64) * sizeof(int16_t));
    if (!columns || !lines) {
        lt_release(columns);
        lt_release(lines);
        return -1;
    }
    struct lt_linear *rows = columns + target_width;
#if defined(__x86_64__)
    const int avx2 = lt_image_isa() >= LT_ISA_AVX2;
#endif
    lt_linear_positions(columns, source_width, target_width, 1, area);
    lt_linear_positions(rows, source_height, target_height, 0, area);
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
                size_t done = 0;
#if defined(__x86_64__)
                if (avx2) done = lt_across_avx2(columns, target_width, channels, from, to);
#endif
                lt_across(columns, done, target_width, channels, from, to);
                held[slot] = wanted[i];
            }
            slots[i] = slot;
        }
        const int16_t *low = lines + (size_t)slots[0] * row, *high = lines + (size_t)slots[1] * row;
        const int32_t a = rows[y].low_weight, b = rows[y].high_weight;
        uint8_t *to = target + y * row;
        size_t done = 0;
#if defined(__x86_64__)
        if (avx2) done = lt_down_avx2(low, high, a, b, row, to);
#endif
        lt_down(low, high, a, b, done, row, to);
    }
    lt_release(columns);
    lt_release(lines);
    return 0;
}

int lt_linear_cv2_u8(
    const uint8_t *source, size_t source_width, size_t source_height, size_t channels, uint8_t *target,
    size_t target_width, size_t target_height) {
    return lt_linear_resize(source, source_width, source_height, channels, target, target_width, target_height, 0);
}

int lt_enlarge_area_cv2_u8(
    const uint8_t *source, size_t source_width, size_t source_height, size_t channels, uint8_t *target,
    size_t target_width, size_t target_height) {
    return lt_linear_resize(source, source_width, source_height, channels, target, target_width, target_height, 1);
}
