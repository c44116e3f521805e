// The depthwise kernels of one instruction set, single-threaded.
#pragma once
#include "include/lt_depthwise.h"

typedef struct {
    /// One row of outputs: `rows` rows of the kernel from `x` on meet the input, `step` floats apart; w is the first one's row.
    void (*row)(const lt_depthwise_window *, const float *x, size_t step, size_t rows, const float *w, const float *bias,
                float *y);
    /// total[lane] += Σ x[i, lane].
    void (*sum)(const float *x, size_t pixels, double *total);
    /// y[i, lane] = x[i, lane] scale[lane].
    void (*scale)(const float *x, const float *scale, float *y, size_t pixels);
} lt_depthwise_table;

extern const lt_depthwise_table lt_depthwise_portable;
#if defined(__x86_64__)
extern const lt_depthwise_table lt_depthwise_avx2, lt_depthwise_avx512;
#endif

/// Rows [from, to) of one plane of outputs y: x holds the input's rows from `base` on. The sums of each channel are added to `total`
/// where that is not NULL.
void lt_depthwise_span(const lt_depthwise_window *s, const float *x, size_t base, const float *w, const float *bias,
                       lt_unary_op f, float f_a, float f_b, float *y, size_t from, size_t to, double *total);
