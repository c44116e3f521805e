// The vector kernels that read or write bfloat16, for avx512_bf16.
#if defined(__x86_64__)
#include "include/lt_math.h"
#include "math_table.h"
#include <immintrin.h>
#include <math.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma"))), apply_to = function)
#define LT_SUFFIX avx512_bf16
#define LT_AVX512 1
#define LT_PAIRS 1
#define LT_ATTENTION_ROWS 8
#define LT_ATTENTION_COLUMNS 3
#include "layer_norm_vector.h"
#include "attention_vector.h"

void lt_attention_half(const lt_attention_job *job, size_t b, size_t h, size_t from, size_t to, float *scratch) {
    attention_avx512_bf16(job, b, h, from, to, scratch);
}
void lt_layer_norm_row_half(const float *x, const float *scale, const float *bias, float epsilon, uint16_t *y, size_t n) {
    layer_norm_avx512_bf16(x, scale, bias, epsilon, (float *)y, n);
}
#pragma clang attribute pop
#endif
