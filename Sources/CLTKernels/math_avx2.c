// The vector kernels for avx2.
#if defined(__x86_64__)
#include "include/lt_math.h"
#include "math_table.h"
#include <math.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LT_SUFFIX avx2
#define LT_DEPTHWISE_PIXELS 4
#define LT_ATTENTION_ROWS 6
#define LT_ATTENTION_COLUMNS 1
#include "math_vector.h"
#include "attention_vector.h"
#include "depthwise_rows_vector.h"
#pragma clang attribute pop
const lt_math_table lt_math_avx2 = {unary_avx2, binary_avx2, affine_avx2, softmax_avx2, layer_norm_avx2, reduce_avx2,
                                      attention_avx2, depthwise_rows_avx2};
#endif
