// The Winograd kernels for portable.
#include "winograd_table.h"
#include <string.h>
#define LT_SUFFIX portable
#define LT_LANES 8
#define LT_ROWS 2
#include "winograd_vector.h"
