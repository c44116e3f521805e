// Resampling passes for AVX2. Weights have 23 bits and a sign, pixels 8: each weight is split as high * 2^11 + low, so
// that two 16-bit multiply-adds take two taps at once and stay exact; the two sums are joined at the end.

#include "image_resample.h"
#include "lt_memory.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define LT_AVX2 __attribute__((target("avx2")))
#define LT_SPLIT 11
#define LT_LOW ((1 << LT_SPLIT) - 1)

// Weights by position and group of 4 (or, for 1 channel, 8) taps: the high parts, then the low parts.
static int lt_pack(struct lt_weights *weights, size_t group) {
    const size_t groups = (weights->most + group - 1) / group;
    int16_t *packed = lt_allocate_zeroed(weights->count * groups, group * 2 * sizeof(int16_t));
    if (!packed) return -1;
    for (size_t i = 0; i < weights->count; i++)
        for (size_t tap = 0; tap < weights->taps[i]; tap++) {
            const int32_t value = weights->values[i * weights->stride + tap];
            int16_t *at = packed + ((i * groups) + tap / group) * group * 2 + tap % group;
            at[0] = (int16_t)(value >> LT_SPLIT);
            at[group] = (int16_t)(value & LT_LOW);
        }
    weights->packed = packed;
    weights->packed_stride = groups * group * 2;
    return 0;
}

int lt_pack_avx2(struct lt_weights *weights, size_t channels) { return lt_pack(weights, channels == 1 ? 8 : 4); }

// (high << 11) + low + half, >> 22
LT_AVX2 static inline __m128i lt_finish128(__m128i high, __m128i low) {
    __m128i sum = _mm_add_epi32(_mm_slli_epi32(high, LT_SPLIT), low);
    return _mm_srai_epi32(_mm_add_epi32(sum, _mm_set1_epi32(1 << (LT_WEIGHT_BITS - 1))), LT_WEIGHT_BITS);
}

LT_AVX2 static inline __m128i lt_fold(__m256i high, __m256i low) {
    return lt_finish128(
        _mm_add_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1)),
        _mm_add_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1)));
}

// One position of interleaved pixels of 3 or 4 channels, 4 taps and up to LT_ROWS rows at a time. The layout puts taps
// 0 and 1 of each channel as 16-bit pairs in the lower half, taps 2 and 3 in the upper. `size` bytes are stored.
LT_AVX2 static inline __attribute__((always_inline)) void lt_horizontal_pixel(
    const struct lt_weights *weights, size_t i, const uint8_t *const *sources, size_t channels, uint8_t *const *targets,
    size_t rows, __m256i layout, size_t size) {
    const __m256i spread = _mm256_setr_epi8(
        0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7);
    const size_t offset = weights->first[i] * channels, taps = weights->taps[i];
    const int16_t *packed = weights->packed + i * weights->packed_stride;
    __m256i high[LT_ROWS], low[LT_ROWS];
    for (size_t row = 0; row < LT_ROWS; row++) high[row] = low[row] = _mm256_setzero_si256();
    for (size_t tap = 0; tap < taps; tap += 4, packed += 8) {
        const __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)packed));
        const __m256i high_weights = _mm256_shuffle_epi8(both, spread);
        const __m256i low_weights = _mm256_shuffle_epi8(_mm256_srli_si256(both, 8), spread);
        for (size_t row = 0; row < rows; row++) {
            const __m128i *at = (const __m128i *)(sources[row] + offset + tap * channels);
            const __m256i pixels = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(at)), layout);
            high[row] = _mm256_add_epi32(high[row], _mm256_madd_epi16(pixels, high_weights));
            low[row] = _mm256_add_epi32(low[row], _mm256_madd_epi16(pixels, low_weights));
        }
    }
    const __m128i front = _mm_packs_epi32(lt_fold(high[0], low[0]), lt_fold(high[1], low[1]));
    const __m128i back = _mm_packs_epi32(lt_fold(high[2], low[2]), lt_fold(high[3], low[3]));
    uint32_t bytes[LT_ROWS];
    _mm_storeu_si128((__m128i *)bytes, _mm_packus_epi16(front, back));
    for (size_t row = 0; row < rows; row++) memcpy(targets[row] + i * channels, &bytes[row], size);
}

LT_AVX2 static inline __attribute__((always_inline)) void lt_horizontal_pixels(
    const struct lt_weights *weights, const uint8_t *const *sources, size_t channels, uint8_t *const *targets,
    size_t rows) {
    const __m256i layout =
        channels == 3
            ? _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, 6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11,
                  -1, -1, -1, -1, -1)
            : _mm256_setr_epi8(0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, 3, -1, 7, -1, 8, -1, 12, -1, 9, -1, 13, -1, 10, -1, 14,
                  -1, 11, -1, 15, -1);
    // The fourth byte of an RGB pixel is overwritten by the next pixel; the last one must not spill.
    const size_t last = weights->count - 1;
    for (size_t i = 0; i < last; i++) lt_horizontal_pixel(weights, i, sources, channels, targets, rows, layout, 4);
    lt_horizontal_pixel(weights, last, sources, channels, targets, rows, layout, channels);
}

// One channel: 8 taps of one position at a time.
LT_AVX2 static inline __attribute__((always_inline)) void lt_horizontal_grey(
    const struct lt_weights *weights, const uint8_t *const *sources, uint8_t *const *targets, size_t rows) {
    for (size_t i = 0; i < weights->count; i++) {
        const size_t offset = weights->first[i], taps = weights->taps[i];
        const int16_t *packed = weights->packed + i * weights->packed_stride;
        __m128i high[LT_ROWS], low[LT_ROWS];
        for (size_t row = 0; row < LT_ROWS; row++) high[row] = low[row] = _mm_setzero_si128();
        for (size_t tap = 0; tap < taps; tap += 8, packed += 16) {
            const __m128i high_weights = _mm_loadu_si128((const __m128i *)packed);
            const __m128i low_weights = _mm_loadu_si128((const __m128i *)(packed + 8));
            for (size_t row = 0; row < rows; row++) {
                const __m128i pixels = _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)(sources[row] + offset + tap)));
                high[row] = _mm_add_epi32(high[row], _mm_madd_epi16(pixels, high_weights));
                low[row] = _mm_add_epi32(low[row], _mm_madd_epi16(pixels, low_weights));
            }
        }
        const __m128i highs = _mm_hadd_epi32(_mm_hadd_epi32(high[0], high[1]), _mm_hadd_epi32(high[2], high[3]));
        const __m128i lows = _mm_hadd_epi32(_mm_hadd_epi32(low[0], low[1]), _mm_hadd_epi32(low[2], low[3]));
        const __m128i words = _mm_packs_epi32(lt_finish128(highs, lows), _mm_setzero_si128());
        const uint32_t bytes = (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(words, words));
        for (size_t row = 0; row < rows; row++) targets[row][i] = (uint8_t)(bytes >> (8 * row));
    }
}

LT_AVX2 void lt_horizontal_avx2(
    const struct lt_weights *weights, const uint8_t *const *sources, size_t rows, size_t channels,
    uint8_t *const *targets) {
    if (rows == LT_ROWS) {
        if (channels == 1) lt_horizontal_grey(weights, sources, targets, LT_ROWS);
        else if (channels == 3) lt_horizontal_pixels(weights, sources, 3, targets, LT_ROWS);
        else lt_horizontal_pixels(weights, sources, 4, targets, LT_ROWS);
        return;
    }
    for (size_t row = 0; row < rows; row++) {
        if (channels == 1) lt_horizontal_grey(weights, sources + row, targets + row, 1);
        else if (channels == 3) lt_horizontal_pixels(weights, sources + row, 3, targets + row, 1);
        else lt_horizontal_pixels(weights, sources + row, 4, targets + row, 1);
    }
}

LT_AVX2 static inline __m256i lt_finish256(__m256i high, __m256i low) {
    __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, LT_SPLIT), low);
    return _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(1 << (LT_WEIGHT_BITS - 1))), LT_WEIGHT_BITS);
}

// 32 columns: the bytes of two rows are interleaved into 16-bit pairs, in an order that packing undoes.
LT_AVX2 static inline __attribute__((always_inline)) void lt_vertical_32(
    const uint8_t *const *rows, const int32_t *values, size_t taps, uint8_t *target, size_t at) {
    const __m256i zero = _mm256_setzero_si256();
    __m256i high[4] = {zero, zero, zero, zero}, low[4] = {zero, zero, zero, zero};
    for (size_t tap = 0; tap < taps; tap += 2) {
        const size_t next = tap + 1 < taps ? tap + 1 : tap;
        const int32_t first = values[tap], second = next > tap ? values[next] : 0;
        const __m256i high_weights =
            _mm256_set1_epi32((int32_t)((uint32_t)(second >> LT_SPLIT) << 16 | ((uint32_t)(first >> LT_SPLIT) & 0xFFFF)));
        const __m256i low_weights = _mm256_set1_epi32((second & LT_LOW) << 16 | (first & LT_LOW));
        const __m256i a = _mm256_loadu_si256((const __m256i *)(rows[tap] + at));
        const __m256i b = _mm256_loadu_si256((const __m256i *)(rows[next] + at));
        const __m256i left = _mm256_unpacklo_epi8(a, b), right = _mm256_unpackhi_epi8(a, b);
        const __m256i pairs[4] = {
            _mm256_unpacklo_epi8(left, zero), _mm256_unpackhi_epi8(left, zero), _mm256_unpacklo_epi8(right, zero),
            _mm256_unpackhi_epi8(right, zero)};
        for (int i = 0; i < 4; i++) {
            high[i] = _mm256_add_epi32(high[i], _mm256_madd_epi16(pairs[i], high_weights));
            low[i] = _mm256_add_epi32(low[i], _mm256_madd_epi16(pairs[i], low_weights));
        }
    }
    const __m256i front = _mm256_packs_epi32(lt_finish256(high[0], low[0]), lt_finish256(high[1], low[1]));
    const __m256i back = _mm256_packs_epi32(lt_finish256(high[2], low[2]), lt_finish256(high[3], low[3]));
    _mm256_storeu_si256((__m256i *)(target + at), _mm256_packus_epi16(front, back));
}

LT_AVX2 void lt_vertical_avx2(
    const uint8_t *const *rows, const int32_t *values, size_t taps, uint8_t *target, size_t count) {
    if (count < 32) {
        lt_vertical_portable(rows, values, taps, target, count);
        return;
    }
    for (size_t at = 0; at + 32 <= count; at += 32) lt_vertical_32(rows, values, taps, target, at);
    // The rest overlaps columns that are done: they get the same values again.
    if (count % 32) lt_vertical_32(rows, values, taps, target, count - 32);
}

#endif
