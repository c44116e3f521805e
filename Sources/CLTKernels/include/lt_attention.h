// Scaled dot-product attention, softmax(scale Q Kᵀ + biases) V per batch entry and head (Vaswani et al. 2017,
// https://arxiv.org/abs/1706.03762), read and written in place of any head split, merge or window partition.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Where the tokens of an operand lie, in elements (floats or bfloat16) from `data`: batch entry b, head h, token t, channel d at
/// b·batch + h·head + t·token + d; with `places`, row places[b·tokens + t] replaces the first and third term by
/// places[…]·token.
typedef struct {
    const float *data;
    int64_t batch, head, token;
    const int32_t *places;
} lt_tokens;

/// What is added to the scores: element (b, h, q, k) at (b mod period)·batch + h·head + q·query + k; strides may be 0.
typedef struct {
    const float *data;
    size_t period;
    int64_t batch, head, query;
} lt_attention_bias;

typedef struct {
    size_t batch, heads, queries, keys;
    /// Channels of Q and K, of V and Y.
    size_t depth, width;
    /// 1: Q, K, V and Y are bfloat16, whose products have float32 sums; only with LT_BF16_FAST, `depth` and all places even.
    int half;
    float scale;
    lt_tokens q, k, v;
    /// `y.data` is written.
    lt_tokens y;
    int biases;
    lt_attention_bias bias[2];
} lt_attention_job;

/// Floats of scratch that lt_attention wants for the calling thread's pool of `threads` threads.
size_t lt_attention_scratch(const lt_attention_job *job, int threads);

/// Y; the same bits for any number of threads.
void lt_attention(const lt_attention_job *job, float *scratch);

#ifdef __cplusplus
}
#endif
