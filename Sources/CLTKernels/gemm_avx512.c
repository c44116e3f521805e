// The matrix product for avx512.
#if defined(__x86_64__)
#include "gemm_table.h"
#include <immintrin.h>
#include <math.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma"))), apply_to = function)
#define LT_SUFFIX avx512
#define LT_AVX512 1
#define LT_ROWS 8
#define LT_VECTORS 3
#define LT_BLOCK 16
#include "gemm_vector.h"
#pragma clang attribute pop
const lt_gemm_table lt_gemm_avx512 = {8, 3, 16, tiles_avx512, pack_avx512, scale_avx512};
#endif
