// The vector kernels for portable.
#include "include/lt_math.h"
#include "math_table.h"
#include <math.h>
#include <string.h>
#define LT_SUFFIX portable
#define LT_DEPTHWISE_PIXELS 4
#define LT_ATTENTION_ROWS 3
#define LT_ATTENTION_COLUMNS 1
#include "math_vector.h"
#include "attention_vector.h"
#include "depthwise_rows_vector.h"
const lt_math_table lt_math_portable = {unary_portable, binary_portable, affine_portable, softmax_portable, layer_norm_portable, reduce_portable,
                                      attention_portable, depthwise_rows_portable};
