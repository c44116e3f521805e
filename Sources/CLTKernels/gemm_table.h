// The micro-kernels of one instruction set, and what they are told.
#pragma once
#include "include/lt_gemm.h"

enum { LT_TILE_ROWS = 8, LT_TILE_VECTORS = 3 };

/// A tile of C: `rows` x (16 `vectors`), and the part of the depth that is added to it now.
typedef struct {
    int rows, vectors;
    /// Columns of the tile that exist.
    size_t columns;
    /// Row r of A; (r, k) at k / block * blocks + k % block.
    const float *a[LT_TILE_ROWS];
    size_t depth, block, blocks;
    /// [depth][16 vectors]
    const float *b;
    /// What is read next of B, of which every row fetches `ahead_step` floats into the second-level cache.
    const float *ahead;
    size_t ahead_step;
    /// (r, 0) at r * row; the second vector at + vector, the upper half of a vector at + half.
    /// All three in elements of C.
    float *c;
    const float *residual;
    size_t row, vector, half;
    const float *bias;
    /// C holds the sum of the parts of the depth before this one.
    int adds;
    /// This is the last part: the activation applies.
    int ends;
    const lt_gemm_job *job;
} lt_gemm_tile;

typedef struct {
    /// Largest tile.
    int rows, vectors;
    /// Channels of a block.
    size_t block;
    /// For each number of vectors, for each number of rows.
    void (*const *tiles)(const lt_gemm_tile *);
    /// Packs 16 `vectors` columns of B, of which `columns` exist: (k, j) at k rs + j cs, both in floats; the depth counts pairs
    /// where A and B are such.
    void (*pack)(const float *b, size_t rs, size_t cs, size_t depth, size_t columns, int vectors, float *packed);
    /// The panel times gate[k]; NULL for pairs.
    void (*scale)(const float *panel, const float *gate, size_t depth, int vectors, float *scaled);
} lt_gemm_table;

extern const lt_gemm_table lt_gemm_portable;
#if defined(__x86_64__)
extern const lt_gemm_table lt_gemm_avx2, lt_gemm_avx512, lt_gemm_avx512_bf16;
#endif
