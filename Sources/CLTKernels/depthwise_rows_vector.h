// Depthwise convolution of channels-last rows, compiled once per instruction set: 16 channels at a time. With stride 1 a tile
// of neighbouring pixels stays in registers and each x is loaded once for all taps of a row. Included after math_vector.h.
#include "include/lt_depthwise_rows.h"

#define L LT_NAME(load)
#define ST LT_NAME(store)
#define S LT_NAME(splat)
#define UNROLL _Pragma("clang loop unroll(full)")

/// `pixels` outputs from column `at` on of one row, stride 1, for the 16 channels that the pointers point at.
static inline __attribute__((always_inline)) void LT_NAME(dw_tile)(int pixels, int taps, const lt_depthwise_rows_window *d,
                                                                    const float *x, const float *w, vf bias, float *y,
                                                                    ptrdiff_t row, ptrdiff_t at) {
    vf sum[14];
    UNROLL for (int t = 0; t < pixels; t++) sum[t] = bias;
    ptrdiff_t step = (ptrdiff_t)d->channels, first = at - (ptrdiff_t)d->left;
    for (ptrdiff_t p = 0; p < (ptrdiff_t)d->kernel_height; p++) {
        ptrdiff_t i = row + p - (ptrdiff_t)d->top;
        if (i < 0 || i >= (ptrdiff_t)d->height) continue;
        const float *line = x + (i * (ptrdiff_t)d->width + first) * step, *taps_at = w + p * taps * step;
        vf k[7];
        UNROLL for (int q = 0; q < taps; q++) k[q] = L(taps_at + q * step);
        UNROLL for (int t = 0; t < pixels + taps - 1; t++) {
            if (first + t < 0 || first + t >= (ptrdiff_t)d->width) continue;
            vf v = L(line + t * step);
            UNROLL for (int q = 0; q < taps; q++)
                if (t - q >= 0 && t - q < pixels) sum[t - q] += v * k[q];
        }
    }
    UNROLL for (int t = 0; t < pixels; t++) ST(y + t * step, sum[t]);
}

/// One output of any window.
static void LT_NAME(dw_pixel)(const lt_depthwise_rows_window *d, const float *x, const float *w, vf bias, float *y,
                              ptrdiff_t row, ptrdiff_t column) {
    vf sum = bias;
    ptrdiff_t step = (ptrdiff_t)d->channels;
    for (ptrdiff_t p = 0; p < (ptrdiff_t)d->kernel_height; p++) {
        ptrdiff_t i = row * (ptrdiff_t)d->stride_height + p - (ptrdiff_t)d->top;
        if (i < 0 || i >= (ptrdiff_t)d->height) continue;
        for (ptrdiff_t q = 0; q < (ptrdiff_t)d->kernel_width; q++) {
            ptrdiff_t j = column * (ptrdiff_t)d->stride_width + q - (ptrdiff_t)d->left;
            if (j < 0 || j >= (ptrdiff_t)d->width) continue;
            sum += L(x + (i * (ptrdiff_t)d->width + j) * step) * L(w + (p * (ptrdiff_t)d->kernel_width + q) * step);
        }
    }
    ST(y, sum);
}

#define LT_TILES(PIXELS, TAPS)                                                                                     \
    if (out >= PIXELS && taps == TAPS) {                                                                           \
        /* The last tile starts early enough to be whole. */                                                       \
        for (size_t at = 0; at < out; at += PIXELS) {                                                              \
            size_t from = at + PIXELS > out ? out - PIXELS : at;                                                   \
            LT_NAME(dw_tile)(PIXELS, TAPS, d, x, w, bias, y + from * d->channels, (ptrdiff_t)row, (ptrdiff_t)from); \
        }                                                                                                          \
        return;                                                                                                    \
    }
/// One row of outputs for 16 channels.
static void LT_NAME(dw_line)(const lt_depthwise_rows_window *d, const float *x, const float *w, vf bias, float *y, size_t row) {
    size_t out = d->out_width, taps = d->stride_height == 1 && d->stride_width == 1 ? d->kernel_width : 0;
#if LT_DEPTHWISE_PIXELS > 7
    LT_TILES(14, 7)
    LT_TILES(7, 7)
    LT_TILES(14, 5)
    LT_TILES(14, 3)
#endif
    LT_TILES(4, 7)
    LT_TILES(4, 5)
    LT_TILES(4, 3)
    for (size_t column = 0; column < out; column++)
        LT_NAME(dw_pixel)(d, x, w, bias, y + column * d->channels, (ptrdiff_t)row, (ptrdiff_t)column);
}
#undef LT_TILES

/// Rows from ..< to of one picture, a block of channels after the other so that the rows it reads stay in cache.
static void LT_NAME(depthwise_rows)(const lt_depthwise_rows_window *d, const float *x, const float *w, const float *bias,
                                    float *y, size_t from, size_t to) {
    for (size_t block = 0; block < d->channels; block += 16) {
        size_t c = block + 16 > d->channels ? d->channels - 16 : block;
        vf b = bias ? L(bias + c) : S(0.f);
        for (size_t row = from; row < to; row++)
            LT_NAME(dw_line)(d, x + c, w + c, b, y + row * d->out_width * d->channels + c, row);
    }
}

#undef L
#undef ST
#undef S
#undef UNROLL
