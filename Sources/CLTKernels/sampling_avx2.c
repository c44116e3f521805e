// The sampling kernels for avx2.
#if defined(__x86_64__)
#include "sampling_table.h"
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LT_SUFFIX avx2
#define LT_LANES 8
#include "sampling_vector.h"
#pragma clang attribute pop
const lt_sampling_table lt_sampling_avx2 = {blend_avx2, pick_avx2, bin_avx2};
#endif
