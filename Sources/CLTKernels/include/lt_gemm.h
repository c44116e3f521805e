// Matrix products C = f(scale A B + bias + residual) in float32: A is read where it lies, B in packed panels, and what
// follows a product happens before it leaves the registers. 1x1 convolutions of blocked tensors are products whose A and C lie
// in blocks of channels. The same bits for any number of threads. A and packed B may be pairs of bfloat16 along the depth, each as
// wide as a float and counted as one; sums are float32.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lt_math.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_GEMM_BATCH = 4 };

/// Where the elements of a matrix (floats, pairs, of C bfloat16) lie: (i, j) at i / line * lines + i % line * row +
/// j / block * blocks + j % block.
typedef struct {
    size_t row;
    /// Rows per line and floats between lines (pixels of a strided convolution); line 0: all rows in one line.
    size_t line, lines;
    /// Columns side by side, and floats between blocks of them; block 0: all side by side.
    size_t block, blocks;
} lt_placement;

typedef enum {
    LT_GEMM_PACKED = 0,  // by lt_gemm_pack
    LT_GEMM_ROWS,        // (k, j) at k b_stride + j
    LT_GEMM_COLUMNS,     // (k, j) at j b_stride + k
} lt_gemm_form;

/// A product, or `batch` of them: matrix (n0, n1, n2, n3) of A begins at Σ n_d a_batch[d], likewise the others.
typedef struct {
    size_t rows, columns, depth;
    /// 1: `depth` and the places of A count pairs of bfloat16, B is packed by lt_gemm_pack_pairs; only with LT_BF16_FAST, without
    /// `a_transposed` and `gate`. C and the residual are bfloat16 where `c_half` is 1, too; their places count elements.
    int pairs, c_half;
    size_t batch[LT_GEMM_BATCH];
    const float *a;
    lt_placement a_place;
    /// 1: A is given as [depth, rows], (i, k) at k a_place.row + i; the other places are not read.
    int a_transposed;
    size_t a_batch[LT_GEMM_BATCH];
    const float *b;
    lt_gemm_form b_form;
    size_t b_stride;
    size_t b_batch[LT_GEMM_BATCH];
    /// One factor per row of B (depth of them), or NULL. Below 2^-100 it counts as 0.
    const float *gate;
    size_t gate_batch[LT_GEMM_BATCH];
    /// `line` is not read; blocks are of lt_gemm_block() channels, those past `columns` are written as zeros.
    float *c;
    lt_placement c_place;
    size_t c_batch[LT_GEMM_BATCH];
    float scale;
    /// One per column, or NULL; of blocked results for whole vectors of 16 columns, zeros past the last.
    const float *bias;
    /// Lies as C does (and may be C), or NULL.
    const float *residual;
    lt_unary_op activation;
    float activation_a, activation_b;
    /// At most so many threads.
    int threads;
    /// lt_gemm_scratch bytes, 64-byte aligned; not read where that is 0.
    void *scratch;
} lt_gemm_job;

/// Channels per block of blocked tensors: 16 with AVX-512, else 8.
size_t lt_gemm_block(void);

/// Floats of packed weights.
size_t lt_gemm_packed_count(size_t depth, size_t columns);

/// Packs B, (k, j) at k row_stride + j column_stride, one of the two 1.
void lt_gemm_pack(const float *b, size_t row_stride, size_t column_stride, size_t depth, size_t columns, float *packed);

/// The same for pairs: the matrix has 2 `depth` rows, each float is rounded to bfloat16.
void lt_gemm_pack_pairs(const float *b, size_t row_stride, size_t column_stride, size_t depth, size_t columns, float *packed);

/// Packs the weights [columns][channels][taps] of a convolution for rows of lt_unfold: (k, j) is tap k / padded, channel
/// k % padded of output j; channels past the last are zeros.
void lt_gemm_pack_windows(const float *weights, size_t columns, size_t channels, size_t padded, size_t taps, float *packed);

/// The same for pairs of channels, of which there is an even number; `padded` counts channels.
void lt_gemm_pack_windows_pairs(const float *weights, size_t columns, size_t channels, size_t padded, size_t taps, float *packed);

/// Bytes that `scratch` must have.
size_t lt_gemm_scratch(const lt_gemm_job *job);

void lt_gemm(const lt_gemm_job *job);

/// Bytes of `first->scratch` for lt_gemm_pair.
size_t lt_gemm_pair_scratch(const lt_gemm_job *first);

/// The product of `second` with the result of `first` as its A, a few rows at a time, so that what lies between stays in cache.
/// Both have packed B, no gate, and rows that lie one after another; `first->c` and `second->a` are not read. What lies between
/// pairs is bfloat16.
void lt_gemm_pair(const lt_gemm_job *first, const lt_gemm_job *second);

#ifdef __cplusplus
}
#endif
