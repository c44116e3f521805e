// The sampling kernels for avx512.
#if defined(__x86_64__)
#include "sampling_table.h"
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma"))), apply_to = function)
#define LT_SUFFIX avx512
#define LT_LANES 16
#include "sampling_vector.h"
#pragma clang attribute pop
const lt_sampling_table lt_sampling_avx512 = {blend_avx512, pick_avx512, bin_avx512};
#endif
