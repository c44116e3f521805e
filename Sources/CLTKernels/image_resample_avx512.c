// Resampling passes for AVX-512 with VBMI and VNNI (Ice Lake, Zen 4 and later): weights split as in the AVX2 passes; the
// horizontal one makes 16 bytes of the target row at once, a byte permutation brings each its two taps.

#include "image_resample.h"
#include "lt_memory.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define LT_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vnni")))
#define LT_SPLIT 11
#define LT_LOW ((1 << LT_SPLIT) - 1)
#define LT_EVEN 0x5555555555555555ull

// A pair of taps for 16 bytes of the target.
struct lt_step {
    uint8_t index[64]; // where in the source window, every second byte
    int16_t high[32], low[32];
};

// 16 bytes of the target: where its source window begins, how many bytes it has, and its steps.
struct lt_block {
    size_t begin, span, first_step, steps;
};

struct lt_blocks {
    size_t count, widest;
    struct lt_block *blocks;
    struct lt_step *steps;
};

int lt_pack_avx512(struct lt_weights *weights, size_t channels) {
    const size_t bytes = weights->count * channels, count = (bytes + 15) / 16;
    const size_t pairs = (weights->most + 1) / 2;
    if (weights->most > 64) return 1;
    struct lt_blocks *all = lt_allocate(sizeof(*all));
    if (!all) return -1;
    *all = (struct lt_blocks){
        count, 0, lt_allocate(count * sizeof(struct lt_block)), lt_allocate_zeroed(count * pairs, sizeof(struct lt_step))};
    weights->blocks = all;
    if (!all->blocks || !all->steps) return -1;
    size_t next = 0;
    for (size_t b = 0; b < count; b++) {
        const size_t begin = weights->first[b * 16 / channels] * channels;
        struct lt_block block = {begin, 0, next, 0};
        for (size_t lane = 0; lane < 16 && b * 16 + lane < bytes; lane++) {
            const size_t pixel = (b * 16 + lane) / channels, channel = (b * 16 + lane) % channels;
            const size_t taps = weights->taps[pixel], offset = weights->first[pixel] * channels + channel - begin;
            const size_t end = offset + (taps - 1) * channels + 1;
            // Two registers hold the window; wider ones are left to the AVX2 pass.
            if (end > 128) return 1;
            if (end > block.span) block.span = end;
            if ((taps + 1) / 2 > block.steps) block.steps = (taps + 1) / 2;
            for (size_t tap = 0; tap < taps; tap++) {
                const int32_t value = weights->values[pixel * weights->stride + tap];
                struct lt_step *step = &all->steps[next + tap / 2];
                step->index[4 * lane + 2 * (tap % 2)] = (uint8_t)(offset + tap * channels);
                step->high[2 * lane + tap % 2] = (int16_t)(value >> LT_SPLIT);
                step->low[2 * lane + tap % 2] = (int16_t)(value & LT_LOW);
            }
        }
        all->blocks[b] = block;
        if (block.span > all->widest) all->widest = block.span;
        next += block.steps;
    }
    return 0;
}

void lt_unpack_avx512(struct lt_weights *weights) {
    if (!weights->blocks) return;
    lt_release(weights->blocks->blocks);
    lt_release(weights->blocks->steps);
    lt_release(weights->blocks);
    weights->blocks = NULL;
}

LT_AVX512 static inline __m512i lt_finish(__m512i high, __m512i low) {
    const __m512i sum = _mm512_add_epi32(_mm512_slli_epi32(high, LT_SPLIT), low);
    return _mm512_srai_epi32(_mm512_add_epi32(sum, _mm512_set1_epi32(1 << (LT_WEIGHT_BITS - 1))), LT_WEIGHT_BITS);
}

LT_AVX512 static inline __attribute__((always_inline)) void lt_horizontal_blocks(
    const struct lt_weights *weights, const uint8_t *const *sources, size_t rows, size_t bytes, uint8_t *const *targets,
    int wide) {
    const struct lt_blocks *all = weights->blocks;
    for (size_t b = 0; b < all->count; b++) {
        const struct lt_block block = all->blocks[b];
        // Bytes outside the window are not read: the last row may end there.
        const __mmask64 front = block.span >= 64 ? ~0ull : (1ull << block.span) - 1;
        const __mmask64 back = block.span <= 64 ? 0 : block.span >= 128 ? ~0ull : (1ull << (block.span - 64)) - 1;
        __m512i window[LT_ROWS], window2[LT_ROWS], high[LT_ROWS], low[LT_ROWS];
        for (size_t row = 0; row < rows; row++) {
            window[row] = _mm512_maskz_loadu_epi8(front, sources[row] + block.begin);
            if (wide) window2[row] = _mm512_maskz_loadu_epi8(back, sources[row] + block.begin + 64);
            high[row] = low[row] = _mm512_setzero_si512();
        }
        const struct lt_step *step = all->steps + block.first_step;
        for (size_t i = 0; i < block.steps; i++, step++) {
            const __m512i index = _mm512_loadu_si512(step->index);
            const __m512i high_weights = _mm512_loadu_si512(step->high), low_weights = _mm512_loadu_si512(step->low);
            for (size_t row = 0; row < rows; row++) {
                const __m512i pixels =
                    wide ? _mm512_maskz_permutex2var_epi8(LT_EVEN, window[row], index, window2[row])
                         : _mm512_maskz_permutexvar_epi8(LT_EVEN, index, window[row]);
                high[row] = _mm512_dpwssd_epi32(high[row], pixels, high_weights);
                low[row] = _mm512_dpwssd_epi32(low[row], pixels, low_weights);
            }
        }
        const size_t left = bytes - b * 16;
        const __mmask16 kept = left >= 16 ? 0xFFFF : (__mmask16)((1u << left) - 1);
        for (size_t row = 0; row < rows; row++) {
            const __m512i sum = _mm512_max_epi32(lt_finish(high[row], low[row]), _mm512_setzero_si512());
            _mm_mask_storeu_epi8(targets[row] + b * 16, kept, _mm512_cvtusepi32_epi8(sum));
        }
    }
}

LT_AVX512 void lt_horizontal_avx512(
    const struct lt_weights *weights, const uint8_t *const *sources, size_t rows, size_t channels,
    uint8_t *const *targets) {
    const size_t bytes = weights->count * channels;
    const int wide = weights->blocks->widest > 64;
    if (rows == LT_ROWS && !wide) {
        lt_horizontal_blocks(weights, sources, LT_ROWS, bytes, targets, 0);
    } else if (rows == LT_ROWS) {
        lt_horizontal_blocks(weights, sources, LT_ROWS, bytes, targets, 1);
    } else {
        for (size_t row = 0; row < rows; row++) lt_horizontal_blocks(weights, sources + row, 1, bytes, targets + row, 1);
    }
}

// 64 columns: the bytes of two rows are interleaved into 16-bit pairs, in an order that packing undoes.
LT_AVX512 void lt_vertical_avx512(
    const uint8_t *const *rows, const int32_t *values, size_t taps, uint8_t *target, size_t count) {
    const __m512i zero = _mm512_setzero_si512();
    for (size_t at = 0; at < count; at += 64) {
        const __mmask64 kept = count - at >= 64 ? ~0ull : (1ull << (count - at)) - 1;
        __m512i high[4] = {zero, zero, zero, zero}, low[4] = {zero, zero, zero, zero};
        for (size_t tap = 0; tap < taps; tap += 2) {
            const size_t next = tap + 1 < taps ? tap + 1 : tap;
            const int32_t first = values[tap], second = next > tap ? values[next] : 0;
            const __m512i high_weights = _mm512_set1_epi32(
                (int32_t)((uint32_t)(second >> LT_SPLIT) << 16 | ((uint32_t)(first >> LT_SPLIT) & 0xFFFF)));
            const __m512i low_weights = _mm512_set1_epi32((second & LT_LOW) << 16 | (first & LT_LOW));
            const __m512i a = _mm512_maskz_loadu_epi8(kept, rows[tap] + at);
            const __m512i b = _mm512_maskz_loadu_epi8(kept, rows[next] + at);
            const __m512i left = _mm512_unpacklo_epi8(a, b), right = _mm512_unpackhi_epi8(a, b);
            const __m512i pairs[4] = {
                _mm512_unpacklo_epi8(left, zero), _mm512_unpackhi_epi8(left, zero), _mm512_unpacklo_epi8(right, zero),
                _mm512_unpackhi_epi8(right, zero)};
            for (int i = 0; i < 4; i++) {
                high[i] = _mm512_dpwssd_epi32(high[i], pairs[i], high_weights);
                low[i] = _mm512_dpwssd_epi32(low[i], pairs[i], low_weights);
            }
        }
        const __m512i front = _mm512_packs_epi32(lt_finish(high[0], low[0]), lt_finish(high[1], low[1]));
        const __m512i back = _mm512_packs_epi32(lt_finish(high[2], low[2]), lt_finish(high[3], low[3]));
        _mm512_mask_storeu_epi8(target + at, kept, _mm512_packus_epi16(front, back));
    }
}

#endif
