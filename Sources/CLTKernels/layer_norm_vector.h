// LayerNormalization of one row, compiled once per instruction set; with LT_PAIRS the result is bfloat16. Included with LT_SUFFIX
// defined.
#include "vector.h"

/// The sum of the lanes, halves onto halves.
static inline float LT_NAME(sum)(vf v) {
    v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    return v[0] + v[1];
}

static void LT_NAME(layer_norm)(const float *x, const float *scale, const float *bias, float epsilon, float *y, size_t n) {
    // Four sums side by side, so that additions do not wait for one another.
    vf sums[4] = {S(0.f), S(0.f), S(0.f), S(0.f)};
    size_t i = 0;
    for (; i + 64 <= n; i += 64)
        for (int k = 0; k < 4; k++) sums[k] += L(x + i + 16 * k);
    for (; i + 16 <= n; i += 16) sums[0] += L(x + i);
    float sum = LT_NAME(sum)((sums[0] + sums[1]) + (sums[2] + sums[3]));
    for (; i < n; i++) sum += x[i];
    float mean = sum / (float)n;
    vf vm = S(mean);
    for (int k = 0; k < 4; k++) sums[k] = S(0.f);
    for (i = 0; i + 64 <= n; i += 64)
        for (int k = 0; k < 4; k++) {
            vf d = L(x + i + 16 * k) - vm;
            sums[k] += d * d;
        }
    for (; i + 16 <= n; i += 16) {
        vf d = L(x + i) - vm;
        sums[0] += d * d;
    }
    float variance = LT_NAME(sum)((sums[0] + sums[1]) + (sums[2] + sums[3]));
    for (; i < n; i++) variance += (x[i] - mean) * (x[i] - mean);
    float factor = 1.f / sqrtf(variance / (float)n + epsilon);
    vf vk = S(factor);
    for (i = 0; i + 16 <= n; i += 16) {
        vf v = (L(x + i) - vm) * vk * L(scale + i);
        if (bias) v += L(bias + i);
#ifdef LT_PAIRS
        LT_NAME(narrow)((uint16_t *)y + i, v);
#else
        ST(y + i, v);
#endif
    }
    if (i == n) return;
    float rest[16] = {0};
    for (size_t k = i; k < n; k++) rest[k - i] = (x[k] - mean) * factor * scale[k] + (bias ? bias[k] : 0.f);
#ifdef LT_PAIRS
    uint16_t narrow[16];
    LT_NAME(narrow)(narrow, L(rest));
    memcpy((uint16_t *)y + i, narrow, 2 * (n - i));
#else
    memcpy(y + i, rest, 4 * (n - i));
#endif
}
