// The vector kernels for portable.
#include "include/lt_math.h"
#include <math.h>
#include <string.h>
#define LT_SUFFIX portable
#include "math_vector.h"
#include "math_table.h"
const lt_math_table lt_math_portable = {unary_portable, binary_portable, affine_portable, softmax_portable, layer_norm_portable, reduce_portable};
