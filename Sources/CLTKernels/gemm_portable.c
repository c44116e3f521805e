// The matrix product for portable.
#include "gemm_table.h"
#include <math.h>
#include <string.h>
#define LT_SUFFIX portable
#define LT_ROWS 2
#define LT_VECTORS 1
#define LT_BLOCK 8
#include "gemm_vector.h"
const lt_gemm_table lt_gemm_portable = {2, 1, 8, tiles_portable, pack_portable, scale_portable};
