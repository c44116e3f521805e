// The sampling kernels of one instruction set, single-threaded.
#pragma once
#include "include/lt_sampling.h"

typedef struct {
    /// line[i] = Σ weights[t] rows[t][i], i < n.
    void (*blend)(const float *const *rows, const float *weights, size_t taps, float *line, size_t n);
    /// y[j, lane] = Σ columns.weights[j, t] line[columns.places[j, t], lane].
    void (*pick)(const float *line, const lt_taps *columns, size_t lanes, float *y);
    /// sum[lane] = factor Σ_r row_weights[r] Σ_c column_weights[c] x[rows[r], columns[c], lane].
    void (*bin)(const float *x, size_t width, const int32_t *rows, const float *row_weights, size_t row_count,
                const int32_t *columns, const float *column_weights, size_t column_count, float factor, float *sum);
} lt_sampling_table;

extern const lt_sampling_table lt_sampling_portable;
#if defined(__x86_64__)
extern const lt_sampling_table lt_sampling_avx2, lt_sampling_avx512;
#endif
