// The vector kernels for avx2.
#if defined(__x86_64__)
#include "include/lt_math.h"
#include <math.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LT_SUFFIX avx2
#include "math_vector.h"
#pragma clang attribute pop
#include "math_table.h"
const lt_math_table lt_math_avx2 = {unary_avx2, binary_avx2, affine_avx2, softmax_avx2, layer_norm_avx2, reduce_avx2};
#endif
