// Kernels of the cpu backend: float32, any length. They split their work over the calling thread's pool (lt_threads) where
// it is worth it, and give the same bits for any split.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    LT_UNARY_COPY = 0,
    LT_UNARY_RELU,
    LT_UNARY_LEAKY_RELU,    // a: slope below zero
    LT_UNARY_CLIP,          // a: low, b: high
    LT_UNARY_SIGMOID,
    LT_UNARY_TANH,
    LT_UNARY_HARD_SIGMOID,  // clip(a x + b, 0, 1)
    LT_UNARY_HARD_SWISH,
    LT_UNARY_SILU,
    LT_UNARY_GELU,          // exact, by erf
    LT_UNARY_EXP,
    LT_UNARY_SQRT,
    LT_UNARY_ERF,
} lt_unary_op;

/// y[i] = f(x[i]); x may be y.
void lt_unary(lt_unary_op op, float a, float b, const float *x, float *y, size_t count);

typedef enum { LT_ADD = 0, LT_SUB, LT_MUL, LT_DIV, LT_MAX, LT_MIN } lt_binary_op;

/// y = x (op) z over `rank` dimensions, outermost first; strides in elements, 0 where an operand repeats; y is dense.
/// The innermost strides are 0 or 1. y may be an operand that does not repeat. Max and Min hand NaN on.
void lt_binary(lt_binary_op op, int rank, const int64_t *dims, const float *x, const int64_t *x_strides, const float *z,
               const int64_t *z_strides, float *y);

/// y = f(x scale[c] + shift[c]) over [batch, channels, inner, lanes]: channel c covers lanes 1 (row-major) or
/// `lanes` channels lie side by side (blocked layouts; scale and shift are padded to whole blocks then).
void lt_channel_affine(lt_unary_op op, float a, float b, const float *x, const float *scale, const float *shift, float *y,
                       size_t batch, size_t channels, size_t inner, size_t lanes);

/// Softmax of each row.
void lt_softmax(const float *x, float *y, size_t rows, size_t columns);

/// y = (x - mean) / sqrt(variance + epsilon) scale + bias of each row; bias may be NULL.
void lt_layer_norm(const float *x, const float *scale, const float *bias, float epsilon, float *y, size_t rows,
                   size_t columns);
/// The same with y in bfloat16; only with AVX-512 BF16.
void lt_layer_norm_half(const float *x, const float *scale, const float *bias, float epsilon, uint16_t *y, size_t rows,
                        size_t columns);

typedef enum {
    LT_REDUCE_SUM = 0, LT_REDUCE_MEAN, LT_REDUCE_L1, LT_REDUCE_L2, LT_REDUCE_SUM_SQUARE, LT_REDUCE_MAX, LT_REDUCE_MIN
} lt_reduce_op;

/// y[o, i] = the reduction of x[o, 0 … count - 1, i]; count is at least 1. Max and Min hand NaN on.
void lt_reduce(lt_reduce_op op, const float *x, float *y, size_t outer, size_t count, size_t inner);

/// Copies elements of `size` bytes (1, 2, 4 or 8): y at Σ y_strides[d] i_d is x at Σ x_strides[d] i_d, over all i in dims.
/// Strides are in elements; those of x may be 0 or negative.
void lt_copy(size_t size, int rank, const int64_t *dims, const void *x, const int64_t *x_strides, void *y,
             const int64_t *y_strides);

/// Copies `parts` row-major pieces side by side: row r of y holds row r of each piece; sizes in bytes.
void lt_concat(size_t rows, size_t parts, const void *const *sources, const size_t *bytes, void *y);

/// Row i of y is row places[i] of x; rows of `run` floats.
void lt_gather_rows(size_t rows, size_t run, const float *x, const int32_t *places, float *y);

/// Zeroes the channels past `channels` of [outer, blocks, inner, block].
void lt_zero_padding(float *y, size_t outer, size_t channels, size_t inner, size_t block);

#ifdef __cplusplus
}
#endif
