// Winograd convolutions in float32: kernels 3×3 (F(4×4, 3×3)) and 3×3×3 (F(2×4×4, 3×3×3)), stride 1, on values in blocks
// of channels (nChw16c with AVX-512, nChw8c otherwise; channels past the last are zero and stay zero).
#ifndef LT_WINOGRAD_H
#define LT_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lt_math.h"

#ifdef __cplusplus
extern "C" {
#endif

// A convolution. Sizes are depth, height, width; depth is 1 where `volume` is false.
typedef struct {
    int64_t batch, inputs, outputs;
    int64_t in[3], out[3];
    // Zeros before the first element; those behind the last follow from `out`.
    int64_t pad[3];
    bool volume;
} lt_winograd_shape;

// How a convolution is cut into pieces; made by lt_winograd_plan.
typedef struct {
    lt_winograd_shape shape;
    // lt_isa, and the channels of a block.
    int isa, lanes;
    int threads;
    // Points of the transform: 36 or 144. Blocks of channels that go in and come out.
    int64_t points, input_blocks, output_blocks;
    // Tiles: in all, along each axis, and how many are transformed before they are multiplied.
    int64_t tiles, across[3], tile_block;
    // Blocks of inputs whose weights are transformed before they are multiplied.
    int64_t chunk;
    // Whether all weights are transformed first, once per run.
    bool whole;
    // Whether the threads work on one block of tiles together, or each on its own.
    bool together;
    size_t weight_bytes, scratch_bytes;
} lt_winograd_plan;

// Plans for a level of instructions (lt_isa; at most lt_isa_level()) and a number of threads. False where sizes overflow.
bool lt_winograd_make(const lt_winograd_shape *shape, int isa, int threads, lt_winograd_plan *plan);

// Sets scratch_bytes after tile_block, chunk, whole or together were changed. False where sizes overflow.
bool lt_winograd_fit(lt_winograd_plan *plan);

// Lays out weights [outputs, inputs, (3,) 3, 3] as [two blocks of outputs][input][tap][output] in plan->weight_bytes bytes; depends
// on weights and isa alone. They are transformed while a convolution runs: transformed ones are four to five times as large.
void lt_winograd_pack(const lt_winograd_plan *plan, const float *weights, float *packed);

// y = f(x ∗ w + bias + residual); bias and residual may be NULL, residual may be y. `scratch`: plan->scratch_bytes bytes,
// 64-byte aligned as all values are.
void lt_winograd(const lt_winograd_plan *plan, const float *x, const float *packed, const float *bias,
                 const float *residual, lt_unary_op op, float a, float b, float *y, float *scratch);

// The time that direct convolution takes over the time of this plan, as the sizes let expect.
double lt_winograd_gain(const lt_winograd_plan *plan);

// The largest error on one tile of seeded random input, relative to the largest output, of at most `channels` (and 16) outputs
// spread over all: float32 in this form against direct sums in double. Infinite where something is not finite; negative
// where memory is refused.
double lt_winograd_error(const lt_winograd_plan *plan, const float *weights, int64_t channels);

#ifdef __cplusplus
}
#endif
#endif
