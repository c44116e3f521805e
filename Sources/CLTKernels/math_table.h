// The vector kernels of one instruction set, single-threaded.
#pragma once
#include "include/lt_attention.h"
#include "include/lt_depthwise_rows.h"
#include "include/lt_math.h"

/// Queries that attention works on at once, at most.
enum { LT_ATTENTION_MAX_ROWS = 8 };

typedef struct {
    void (*unary)(lt_unary_op, float, float, const float *, float *, size_t);
    void (*binary)(lt_binary_op, const float *, int64_t, const float *, int64_t, float *, size_t);
    void (*affine)(const float *, const float *, const float *, float *, size_t, size_t);
    void (*softmax)(const float *, float *, size_t);
    void (*layer_norm)(const float *, const float *, const float *, float, float *, size_t);
    void (*reduce)(lt_reduce_op, const float *, float *, size_t, size_t);
    void (*attention)(const lt_attention_job *, size_t, size_t, size_t, size_t, float *);
    void (*depthwise_rows)(const lt_depthwise_rows_window *, const float *, const float *, const float *, float *, size_t,
                           size_t);
} lt_math_table;

extern const lt_math_table lt_math_portable;
#if defined(__x86_64__)
extern const lt_math_table lt_math_avx2, lt_math_avx512;
/// For AVX-512 BF16.
void lt_attention_half(const lt_attention_job *, size_t, size_t, size_t, size_t, float *);
void lt_layer_norm_row_half(const float *, const float *, const float *, float, uint16_t *, size_t);
#endif

/// Those of the level that kernels run at (lt_isa_level).
const lt_math_table *lt_math(void);
