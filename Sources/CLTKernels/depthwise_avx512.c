// The depthwise kernels for avx512.
#if defined(__x86_64__)
#include "depthwise_table.h"
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma"))), apply_to = function)
#define LT_SUFFIX avx512
#define LT_LANES 16
#define LT_WIDE 14
#include "depthwise_vector.h"
#pragma clang attribute pop
const lt_depthwise_table lt_depthwise_avx512 = {row_avx512, sum_avx512, scale_avx512};
#endif
