// The matrix product for avx2.
#if defined(__x86_64__)
#include "gemm_table.h"
#include <math.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LT_SUFFIX avx2
#define LT_ROWS 6
#define LT_VECTORS 1
#define LT_BLOCK 8
#include "gemm_vector.h"
#pragma clang attribute pop
const lt_gemm_table lt_gemm_avx2 = {6, 1, 8, tiles_avx2, pack_avx2, scale_avx2};
#endif
