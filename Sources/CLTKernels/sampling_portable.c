// The sampling kernels for portable.
#define LT_SUFFIX portable
#define LT_LANES 8
#include "sampling_vector.h"
const lt_sampling_table lt_sampling_portable = {blend_portable, pick_portable, bin_portable};
