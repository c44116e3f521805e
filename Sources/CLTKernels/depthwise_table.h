// The depthwise kernels of one instruction set, single-threaded.
#pragma once
#include "include/lt_depthwise.h"

typedef struct {
    /// One row of outputs: `rows` rows of the kernel from `x` on meet the input, `step` floats apart; w is the first one's row.
    void (*row)(const lt_depthwise_window *, const float *x, size_t step, size_t rows, const float *w, const float *bias,
                float *y);
    /// total[lane] += Σ x[i, lane].
    void (*sum)(const float *x, size_t pixels, float *total);
    /// y[i, lane] = x[i, lane] scale[lane].
    void (*scale)(const float *x, const float *scale, float *y, size_t pixels);
} lt_depthwise_table;

extern const lt_depthwise_table lt_depthwise_portable;
#if defined(__x86_64__)
extern const lt_depthwise_table lt_depthwise_avx2, lt_depthwise_avx512;
#endif
