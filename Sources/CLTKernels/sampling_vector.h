// The sampling kernels, compiled once per instruction set with LT_SUFFIX and LT_LANES (channels of a block, one vector) defined.
#include "sampling_table.h"
#include <string.h>

#pragma clang diagnostic ignored "-Wpsabi"

#define LT_JOIN2(a, b) a##_##b
#define LT_JOIN(a, b) LT_JOIN2(a, b)
#define LT_NAME(name) LT_JOIN(name, LT_SUFFIX)

typedef float sv __attribute__((vector_size(LT_LANES * 4), aligned(4)));

static inline __attribute__((always_inline)) sv LT_NAME(sv_load)(const float *p) {
    sv v;
    memcpy(&v, p, sizeof v);
    return v;
}
#define L LT_NAME(sv_load)

static void LT_NAME(blend)(const float *const *rows, const float *weights, size_t taps, float *line, size_t n) {
    const float *a = rows[0], *b = rows[taps > 1 ? 1 : 0];
    float u = weights[0], v = taps > 1 ? weights[1] : 0;
    if (taps == 1)
        for (size_t i = 0; i < n; i++) line[i] = u * a[i];
    else
        for (size_t i = 0; i < n; i++) line[i] = u * a[i] + v * b[i];
    for (size_t t = 2; t < taps; t++) {
        const float *c = rows[t];
        float w = weights[t];
        for (size_t i = 0; i < n; i++) line[i] += w * c[i];
    }
}

static inline __attribute__((always_inline)) void LT_NAME(pick_few)(const float *line, const lt_taps *columns,
                                                                    const size_t taps, float *y) {
    for (size_t j = 0; j < columns->out; j++) {
        float sum = 0;
        for (size_t t = 0; t < taps; t++) sum += columns->weights[j * taps + t] * line[columns->places[j * taps + t]];
        y[j] = sum;
    }
}

static void LT_NAME(pick)(const float *line, const lt_taps *columns, size_t lanes, float *y) {
    size_t taps = columns->taps;
    if (lanes == 1) {
        switch (taps) {
            case 1: LT_NAME(pick_few)(line, columns, 1, y); break;
            case 2: LT_NAME(pick_few)(line, columns, 2, y); break;
            default: LT_NAME(pick_few)(line, columns, taps, y);
        }
        return;
    }
    for (size_t j = 0; j < columns->out; j++) {
        sv sum = {0};
        for (size_t t = 0; t < taps; t++)
            sum += L(line + (size_t)columns->places[j * taps + t] * LT_LANES) * columns->weights[j * taps + t];
        memcpy(y + j * LT_LANES, &sum, sizeof sum);
    }
}

static void LT_NAME(bin)(const float *x, size_t width, const int32_t *rows, const float *row_weights, size_t row_count,
                         const int32_t *columns, const float *column_weights, size_t column_count, float factor,
                         float *total) {
    sv sum = {0};
    for (size_t r = 0; r < row_count; r++) {
        const float *row = x + (size_t)rows[r] * width * LT_LANES;
        sv line = {0};
        for (size_t c = 0; c < column_count; c++) line += L(row + (size_t)columns[c] * LT_LANES) * column_weights[c];
        sum += line * row_weights[r];
    }
    sum *= factor;
    memcpy(total, &sum, sizeof sum);
}
#undef L
