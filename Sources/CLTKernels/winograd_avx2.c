// The Winograd kernels for avx2: 6 × 2 of 16 registers hold sums.
#if defined(__x86_64__)
#include "winograd_table.h"
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LT_SUFFIX avx2
#define LT_LANES 8
#define LT_ROWS 6
#include "winograd_vector.h"
#pragma clang attribute pop
#endif
