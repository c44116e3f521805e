// Rows of a depthwise convolution, compiled once per instruction set with LT_SUFFIX, LT_LANES (channels of a block, one vector)
// and LT_WIDE (outputs of the wider tile, a multiple of 7 that the registers hold) defined. A tile of outputs stays in
// registers while the kernel's rows pass; each input of a row is loaded once per kernel row.
#include "depthwise_table.h"
#include <string.h>

#pragma clang diagnostic ignored "-Wpsabi"

#define LT_JOIN2(a, b) a##_##b
#define LT_JOIN(a, b) LT_JOIN2(a, b)
#define LT_NAME(name) LT_JOIN(name, LT_SUFFIX)

typedef float dv __attribute__((vector_size(LT_LANES * 4), aligned(4)));

static inline __attribute__((always_inline)) dv LT_NAME(dw_load)(const float *p) {
    dv v;
    memcpy(&v, p, sizeof v);
    return v;
}
#define L LT_NAME(dw_load)

/// `tile` outputs; input column 0 of the tile is `from`, which with `checked` may lie outside, and only `count` of them are
/// stored.
static inline __attribute__((always_inline)) void LT_NAME(dw_tile)(
    const int tile, const int kernel, const int stride, const int checked, const float *x, ptrdiff_t from, ptrdiff_t width,
    size_t step, size_t rows, const float *w, dv start, float *y, int count) {
    dv sum[LT_WIDE];
#pragma clang loop unroll(full)
    for (int t = 0; t < tile; t++) sum[t] = start;
    for (size_t row = 0; row < rows; row++, x += step, w += kernel * LT_LANES) {
        const float *first = x + from * LT_LANES;
#pragma clang loop unroll(full)
        for (int i = 0; i < (tile - 1) * stride + kernel; i++) {
            if (checked && (size_t)(from + i) >= (size_t)width) continue;
            dv value = L(first + i * LT_LANES);
#pragma clang loop unroll(full)
            for (int k = 0; k < kernel; k++)
                if (i >= k && (i - k) % stride == 0 && (i - k) / stride < tile)
                    sum[(i - k) / stride] += value * L(w + k * LT_LANES);
        }
    }
#pragma clang loop unroll(full)
    for (int t = 0; t < tile; t++)
        if (!checked || t < count) memcpy(y + t * LT_LANES, &sum[t], sizeof sum[t]);
}

/// Tiles inside the image run unchecked; what touches its edges, and what is left over, in tiles of 7.
#define LT_ROW(KERNEL, STRIDE)                                                                                               \
    static void LT_NAME(row_##KERNEL##_##STRIDE)(const lt_depthwise_window *s, const float *x, size_t step, size_t rows,     \
                                                 const float *w, dv start, float *y) {                                       \
        ptrdiff_t width = (ptrdiff_t)s->in_width, out = (ptrdiff_t)s->out_width, left = (ptrdiff_t)s->left;                  \
        for (ptrdiff_t j = 0; j < out;) {                                                                                    \
            ptrdiff_t from = j * STRIDE - left;                                                                              \
            if (from >= 0 && j + LT_WIDE <= out && from + (LT_WIDE - 1) * STRIDE + KERNEL <= width) {                        \
                LT_NAME(dw_tile)(LT_WIDE, KERNEL, STRIDE, 0, x, from, width, step, rows, w, start, y + j * LT_LANES, 0);     \
                j += LT_WIDE;                                                                                                \
            } else if (from >= 0 && j + 7 <= out && from + 6 * STRIDE + KERNEL <= width) {                                   \
                LT_NAME(dw_tile)(7, KERNEL, STRIDE, 0, x, from, width, step, rows, w, start, y + j * LT_LANES, 0);           \
                j += 7;                                                                                                      \
            } else {                                                                                                         \
                int count = out - j < 7 ? (int)(out - j) : 7;                                                                \
                LT_NAME(dw_tile)(7, KERNEL, STRIDE, 1, x, from, width, step, rows, w, start, y + j * LT_LANES, count);       \
                j += count;                                                                                                  \
            }                                                                                                                \
        }                                                                                                                    \
    }
LT_ROW(3, 1)
LT_ROW(3, 2)
LT_ROW(5, 1)
LT_ROW(5, 2)
LT_ROW(7, 1)
LT_ROW(7, 2)
#undef LT_ROW

/// Any other kernel.
static void LT_NAME(row_any)(const lt_depthwise_window *s, const float *x, size_t step, size_t rows, const float *w, dv start,
                             float *y) {
    for (size_t j = 0; j < s->out_width; j++) {
        dv sum = start;
        for (size_t row = 0; row < rows; row++)
            for (size_t k = 0; k < s->kernel_width; k++) {
                size_t column = j * s->stride_width + k * s->dilation_width - s->left;  // wraps left of the image
                if (column < s->in_width)
                    sum += L(x + row * step + column * LT_LANES) * L(w + (row * s->kernel_width + k) * LT_LANES);
            }
        memcpy(y + j * LT_LANES, &sum, sizeof sum);
    }
}

static void LT_NAME(row)(const lt_depthwise_window *s, const float *x, size_t step, size_t rows, const float *w,
                         const float *bias, float *y) {
    dv start = {0};
    if (bias) start = L(bias);
    size_t kind = s->dilation_width != 1 || s->stride_width > 2 ? 0 : s->kernel_width * 2 + s->stride_width;
    switch (kind) {
        case 3 * 2 + 1: LT_NAME(row_3_1)(s, x, step, rows, w, start, y); break;
        case 3 * 2 + 2: LT_NAME(row_3_2)(s, x, step, rows, w, start, y); break;
        case 5 * 2 + 1: LT_NAME(row_5_1)(s, x, step, rows, w, start, y); break;
        case 5 * 2 + 2: LT_NAME(row_5_2)(s, x, step, rows, w, start, y); break;
        case 7 * 2 + 1: LT_NAME(row_7_1)(s, x, step, rows, w, start, y); break;
        case 7 * 2 + 2: LT_NAME(row_7_2)(s, x, step, rows, w, start, y); break;
        default: LT_NAME(row_any)(s, x, step, rows, w, start, y);
    }
}

/// Sums of 64 pixels at a time in float32, these in double: a mean passes its error on to every pixel that it gates.
static void LT_NAME(sum)(const float *x, size_t pixels, double *total) {
    while (pixels > 0) {
        dv a = {0}, b = {0}, c = {0}, d = {0};
        size_t some = pixels < 64 ? pixels : 64, i = 0;
        for (; i + 4 <= some; i += 4, x += 4 * LT_LANES) {
            a += L(x);
            b += L(x + LT_LANES);
            c += L(x + 2 * LT_LANES);
            d += L(x + 3 * LT_LANES);
        }
        for (; i < some; i++, x += LT_LANES) a += L(x);
        a = (a + b) + (c + d);
        for (int lane = 0; lane < LT_LANES; lane++) total[lane] += a[lane];
        pixels -= some;
    }
}

static void LT_NAME(scale)(const float *x, const float *scale, float *y, size_t pixels) {
    dv factor = L(scale);
    for (size_t i = 0; i < pixels; i++) {
        dv v = L(x + i * LT_LANES) * factor;
        memcpy(y + i * LT_LANES, &v, sizeof v);
    }
}
#undef L
