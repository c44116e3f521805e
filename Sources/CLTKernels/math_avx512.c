// The vector kernels for avx512.
#if defined(__x86_64__)
#include "include/lt_math.h"
#include "math_table.h"
#include <immintrin.h>
#include <math.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma"))), apply_to = function)
#define LT_SUFFIX avx512
#define LT_AVX512 1
#define LT_DEPTHWISE_PIXELS 14
#define LT_ATTENTION_ROWS 8
#define LT_ATTENTION_COLUMNS 3
#include "math_vector.h"
#include "attention_vector.h"
#include "depthwise_rows_vector.h"
#pragma clang attribute pop
const lt_math_table lt_math_avx512 = {unary_avx512, binary_avx512, affine_avx512, softmax_avx512, layer_norm_avx512, reduce_avx512,
                                      attention_avx512, depthwise_rows_avx512};
#endif
