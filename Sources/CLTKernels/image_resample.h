// Shared by the resampling kernels of each instruction set.
#ifndef LT_IMAGE_RESAMPLE_H
#define LT_IMAGE_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#define LT_WEIGHT_BITS 22
// Rows that a horizontal pass takes at once, so that weights are loaded once for several rows.
#define LT_ROWS 4

// The level that image kernels run at on this thread.
int lt_image_isa(void);

// For each target position: the first source position, how many, and their weights.
struct lt_weights {
    size_t count;
    size_t stride; // weights kept per position, a multiple of 4, zero-filled
    size_t most;   // the largest of `taps`
    size_t *first;
    size_t *taps;
    int32_t *values;
    // The weights as a SIMD path wants them, made by itself.
    int16_t *packed;
    size_t packed_stride;
    struct lt_blocks *blocks;
};

typedef void lt_horizontal_pass(
    const struct lt_weights *weights, const uint8_t *const *sources, size_t rows, size_t channels,
    uint8_t *const *targets);
typedef void lt_vertical_pass(
    const uint8_t *const *rows, const int32_t *values, size_t taps, uint8_t *target, size_t count);

lt_horizontal_pass lt_horizontal_portable;
lt_vertical_pass lt_vertical_portable;

#if defined(__x86_64__)
// Horizontal passes read up to 15 bytes beyond a row's last pixel and need the weights packed before.
int lt_pack_avx2(struct lt_weights *weights, size_t channels);
lt_horizontal_pass lt_horizontal_avx2;
lt_vertical_pass lt_vertical_avx2;
// 0, -1 for no memory, 1 where the reduction is too strong for this pass. Reads no byte outside the row's pixels.
int lt_pack_avx512(struct lt_weights *weights, size_t channels);
void lt_unpack_avx512(struct lt_weights *weights);
lt_horizontal_pass lt_horizontal_avx512;
lt_vertical_pass lt_vertical_avx512;
#endif

#endif
