// The matrix product of pairs of bfloat16 for avx512_bf16.
#if defined(__x86_64__)
#include "gemm_table.h"
#include <immintrin.h>
#include <math.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma"))), apply_to = function)
#define LT_SUFFIX avx512_bf16
#define LT_AVX512 1
#define LT_PAIRS 1
#define LT_ROWS 8
#define LT_VECTORS 3
#define LT_BLOCK 16
#include "gemm_vector.h"
#pragma clang attribute pop
const lt_gemm_table lt_gemm_avx512_bf16 = {8, 3, 16, tiles_avx512_bf16, pack_avx512_bf16, NULL};
#endif
