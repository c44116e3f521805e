// The Winograd kernels for avx512: 14 × 2 of 32 registers hold sums.
#if defined(__x86_64__)
#include "winograd_table.h"
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma"), min_vector_width(512))), apply_to = function)
#define LT_SUFFIX avx512
#define LT_LANES 16
#define LT_ROWS 14
#include "winograd_vector.h"
#pragma clang attribute pop
#endif
