// The depthwise kernels for avx2.
#if defined(__x86_64__)
#include "depthwise_table.h"
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LT_SUFFIX avx2
#define LT_LANES 8
#define LT_WIDE 7
#include "depthwise_vector.h"
#pragma clang attribute pop
const lt_depthwise_table lt_depthwise_avx2 = {row_avx2, sum_avx2, scale_avx2};
#endif
