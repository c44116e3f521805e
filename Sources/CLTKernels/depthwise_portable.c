// The depthwise kernels for portable.
#define LT_SUFFIX portable
#define LT_LANES 8
#define LT_WIDE 7
#include "depthwise_vector.h"
const lt_depthwise_table lt_depthwise_portable = {row_portable, sum_portable, scale_portable};
