// The Winograd kernels of one instruction set, single-threaded.
#pragma once
#include "include/lt_winograd.h"

typedef struct {
    const lt_winograd_plan *plan;
    const float *x, *packed, *bias, *residual;
    float *y;
    lt_unary_op op;
    float a, b;
} lt_winograd_call;

// Transformed tiles lie as [rows of a micro-kernel][block of inputs][point][row][lane], so that the tiles that are multiplied at
// once are neighbours and no two rows lie a power of two apart; transformed weights as [panel][block of inputs][point][input][output].
typedef struct {
    int lanes;
    // Tiles that a micro-kernel multiplies at once, at most.
    int rows;
    // Transforms block `channel` of the input tile at (image, depth, height, width): point p goes to v + p * step.
    void (*input)(const lt_winograd_call *, const int64_t at[4], int64_t channel, float *v, int64_t step);
    // Transforms packed weights [input][tap][output] of `inputs` inputs and 1 or 2 (`wide`) blocks of outputs: point p goes to
    // u + p * step.
    void (*weights)(bool volume, int wide, int64_t inputs, const float *w, float *u, int64_t step);
    // m0, m1[row] = (add: what is there +) Σ over `blocks` blocks of inputs of v[row] times the weights `u` of one (m1 NULL) or two
    // blocks of outputs.
    void (*multiply)(int rows, int64_t blocks, bool add, const float *v, int64_t v_step, const float *u, int64_t u_step, float *m0,
                     float *m1);
    // Transforms block `channel` of the output tile at (image, depth, height, width) back, adds, applies the activation, and stores it.
    void (*output)(const lt_winograd_call *, const int64_t at[4], int64_t channel, const float *m, int64_t step);
} lt_winograd_table;

extern const lt_winograd_table lt_winograd_portable;
#if defined(__x86_64__)
extern const lt_winograd_table lt_winograd_avx2, lt_winograd_avx512;
#endif
