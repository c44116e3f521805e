// Attention for one head and a range of queries, compiled once per instruction set. K is packed transposed and V row by row;
// the scores of a few queries against all keys stay in cache between the two products. Included after vector.h; with LT_PAIRS
// Q, K, V and Y are bfloat16, and what the products read is packed in pairs, each as wide as a float.
#include "include/lt_attention.h"

#define L LT_NAME(load)
#define ST LT_NAME(store)
#define S LT_NAME(splat)
#define PICK LT_NAME(pick)
#define INLINE static inline __attribute__((always_inline))

/// Transposes 16 × 16 floats.
INLINE void LT_NAME(transpose16)(vf r[16]) {
    vf t[16];
#define LT_MIX(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
    _Pragma("clang loop unroll(full)") for (int i = 0; i < 16; i += 2) {
        t[i] = LT_MIX(r[i], r[i + 1], 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30);
        t[i + 1] = LT_MIX(r[i], r[i + 1], 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
    }
    _Pragma("clang loop unroll(full)") for (int i = 0; i < 16; i += 4)
        _Pragma("clang loop unroll(full)") for (int k = 0; k < 2; k++) {
            r[i + k] = LT_MIX(t[i + k], t[i + k + 2], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
            r[i + k + 2] = LT_MIX(t[i + k], t[i + k + 2], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
        }
    _Pragma("clang loop unroll(full)") for (int i = 0; i < 16; i += 8)
        _Pragma("clang loop unroll(full)") for (int k = 0; k < 4; k++) {
            t[i + k] = LT_MIX(r[i + k], r[i + k + 4], 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
            t[i + k + 4] = LT_MIX(r[i + k], r[i + k + 4], 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
        }
    _Pragma("clang loop unroll(full)") for (int k = 0; k < 8; k++) {
        r[k] = LT_MIX(t[k], t[k + 8], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
        r[k + 8] = LT_MIX(t[k], t[k + 8], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    }
#undef LT_MIX
}

INLINE const float *LT_NAME(token)(const lt_tokens *x, size_t b, size_t h, size_t t, size_t tokens) {
    int64_t row = x->places ? x->places[b * tokens + t] * x->token : (int64_t)b * x->batch + (int64_t)t * x->token;
    row += (int64_t)h * x->head;
#ifdef LT_PAIRS
    return (const float *)((const uint16_t *)x->data + row);
#else
    return x->data + row;
#endif
}

/// Elements of the depth of a product over `count` values.
INLINE size_t LT_NAME(packed_depth)(size_t count) {
#ifdef LT_PAIRS
    return (count + 1) / 2;
#else
    return count;
#endif
}

/// `some` floats, zeroes behind.
INLINE vf LT_NAME(part)(const float *x, size_t some) {
    if (some >= 16) return L(x);
#ifdef LT_AVX512
    return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << some) - 1), x);
#else
    vf v = S(0.f);
    for (size_t i = 0; i < some; i++) v[i] = x[i];
    return v;
#endif
}

/// The lanes of each of eight vectors folded into one, the larger or the sum of two at a time: y[r] of x[r].
#define LT_FOLD_LANES(x, y, FOLD)                                                                                          \
    {                                                                                                                      \
        vf four[4], two[2];                                                                                                \
        for (int i = 0; i < 4; i++) {                                                                                      \
            vf low = __builtin_shufflevector(x[2 * i], x[2 * i + 1], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23); \
            vf high = __builtin_shufflevector(x[2 * i], x[2 * i + 1], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31); \
            four[i] = FOLD(low, high);                                                                                     \
        }                                                                                                                  \
        for (int i = 0; i < 2; i++) {                                                                                      \
            vf low = __builtin_shufflevector(four[2 * i], four[2 * i + 1], 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27); \
            vf high = __builtin_shufflevector(four[2 * i], four[2 * i + 1], 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31); \
            two[i] = FOLD(low, high);                                                                                      \
        }                                                                                                                  \
        vf low = __builtin_shufflevector(two[0], two[1], 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29);        \
        vf high = __builtin_shufflevector(two[0], two[1], 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);     \
        vf pairs = FOLD(low, high);                                                                                        \
        low = __builtin_shufflevector(pairs, pairs, 0, 2, 4, 6, 8, 10, 12, 14, 0, 2, 4, 6, 8, 10, 12, 14);                 \
        high = __builtin_shufflevector(pairs, pairs, 1, 3, 5, 7, 9, 11, 13, 15, 1, 3, 5, 7, 9, 11, 13, 15);                \
        y = FOLD(low, high);                                                                                               \
    }
// A NaN among the scores may lose against a number: its exponential makes the sum NaN.
#define LT_LARGER(a, b) LT_NAME(larger)(a, b)
#define LT_SUM(a, b) ((a) + (b))

INLINE vf LT_NAME(larger)(vf a, vf b) {
#ifdef LT_AVX512
    return (vf)_mm512_max_ps((__m512)b, (__m512)a);
#else
    return PICK(b > a, b, a);
#endif
}

#ifdef LT_AVX512
static const float LT_NAME(powers)[16] __attribute__((aligned(64))) = {
    1.f,         1.0442737f,  1.0905077f,  1.1387886f,  1.1892071f,  1.2418578f,  1.2968396f,  1.3542556f,
    1.4142135f,  1.4768262f,  1.5422108f,  1.6104903f,  1.6817929f,  1.7562522f,  1.8340081f,  1.915206f,
};

/// 2^x of x ≤ 0 within 2 ulp, 2^(i/16) times a polynomial of degree 3; 0 below -126, NaN stays.
INLINE vf LT_NAME(power)(vf x) {
    // Of max the second operand stays where one is NaN. i is what is left in the low bits of a sum with 1.5 · 2^19.
    vf z = (vf)_mm512_max_ps(_mm512_set1_ps(-126.f), (__m512)x), place = z + S(786432.f), n = place - S(786432.f), r = z - n;
    vf p = S(5.5504109e-2f);
    p = p * r + S(2.4022651e-1f);
    p = p * r + S(6.9314718e-1f);
    p = p * r + S(1.f);
    p *= (vf)_mm512_permutexvar_ps((__m512i)place, _mm512_load_ps(LT_NAME(powers)));
    __mmask16 lives = _mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(-126.f), _CMP_NLT_UQ);
    return (vf)_mm512_maskz_scalef_ps(lives, (__m512)p, (__m512)n);
}
#else
/// 2^x of x ≤ 0 within 2 ulp, by a polynomial of degree 6; 0 below -126, NaN stays.
INLINE vf LT_NAME(power)(vf x) {
    vf z = PICK(x < S(-126.f), S(-126.f), x), n = (z + S(12582912.f)) - S(12582912.f), r = z - n;
    vf p = S(1.5403530e-4f);
    p = p * r + S(1.3333558e-3f);
    p = p * r + S(9.6181291e-3f);
    p = p * r + S(5.5504109e-2f);
    p = p * r + S(2.4022651e-1f);
    p = p * r + S(6.9314718e-1f);
    p = p * r + S(1.f);
    vi k = __builtin_convertvector(PICK(n == n, n, S(0.f)), vi);
    vf y = p * (vf)((k + 127) << 23);
    return PICK(x < S(-126.f), S(0.f), y);
}
#endif

/// packed[d][key] of K, keys past the last are zero.
static void LT_NAME(pack_keys)(const lt_attention_job *j, size_t b, size_t h, size_t wide, float *packed) {
    size_t depth = LT_NAME(packed_depth)(j->depth);
    for (size_t key = 0; key < wide; key += 16)
        for (size_t d = 0; d < depth; d += 16) {
            size_t some = depth - d < 16 ? depth - d : 16;
            vf r[16];
            for (size_t i = 0; i < 16; i++)
                r[i] = key + i < j->keys ? LT_NAME(part)(LT_NAME(token)(&j->k, b, h, key + i, j->keys) + d, some) : S(0.f);
            LT_NAME(transpose16)(r);
            for (size_t i = 0; i < some; i++) ST(packed + (d + i) * wide + key, r[i]);
        }
}

/// packed[key][d] of V, channels past the last are zero.
static void LT_NAME(pack_values)(const lt_attention_job *j, size_t b, size_t h, size_t wide, float *packed) {
#ifdef LT_PAIRS
    for (size_t key = 0; key < j->keys; key += 2, packed += wide) {
        const uint16_t *one = (const uint16_t *)LT_NAME(token)(&j->v, b, h, key, j->keys);
        const uint16_t *two = key + 1 < j->keys ? (const uint16_t *)LT_NAME(token)(&j->v, b, h, key + 1, j->keys) : NULL;
        for (size_t d = 0; d < wide; d += 16) {
            __mmask16 some = j->width - d < 16 ? (__mmask16)((1u << (j->width - d)) - 1) : 0xFFFF;
            __m512i low = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(some, one + d)), high = _mm512_setzero_si512();
            if (two) high = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(some, two + d)), 16);
            _mm512_storeu_si512(packed + d, _mm512_or_si512(low, high));
        }
    }
#else
    for (size_t key = 0; key < j->keys; key++) {
        const float *v = LT_NAME(token)(&j->v, b, h, key, j->keys);
        for (size_t d = 0; d < wide; d += 16) ST(packed + key * wide + d, LT_NAME(part)(v + d, j->width - d));
    }
#endif
}

/// y[r][0 ..< 16 columns] = Σ_k a[r][k] b[k][…] for `rows` rows; with factors, as Y is stored.
INLINE void LT_NAME(tile)(int rows, int columns, const float *const *a, size_t depth, const float *b, size_t b_step,
                          float *const *y, const float *factor) {
    vf sum[8][3];
    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++)
        _Pragma("clang loop unroll(full)") for (int c = 0; c < columns; c++) sum[r][c] = S(0.f);
    _Pragma("clang loop unroll(disable)") for (size_t k = 0; k < depth; k++) {
        vf w[3];
        _Pragma("clang loop unroll(full)") for (int c = 0; c < columns; c++) w[c] = L(b + k * b_step + 16 * c);
        _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) {
            vf x = S(a[r][k]);
            _Pragma("clang loop unroll(full)") for (int c = 0; c < columns; c++) sum[r][c] = LT_MULTIPLY_ADD(sum[r][c], x, w[c]);
        }
    }
#ifdef LT_PAIRS
    if (factor) {
        _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++)
            _Pragma("clang loop unroll(full)") for (int c = 0; c < columns; c++)
                LT_NAME(narrow)((uint16_t *)y[r] + 16 * c, sum[r][c] * S(factor[r]));
        return;
    }
#endif
    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++)
        _Pragma("clang loop unroll(full)") for (int c = 0; c < columns; c++)
            ST(y[r] + 16 * c, factor ? sum[r][c] * S(factor[r]) : sum[r][c]);
}

#define LT_TILE(ROWS)                                                                              \
    case ROWS:                                                                                     \
        if (columns == 1) LT_NAME(tile)(ROWS, 1, a, depth, b, b_step, y, factor);                  \
        LT_WIDE(ROWS)                                                                              \
        break;
#if LT_ATTENTION_COLUMNS > 1
#define LT_WIDE(ROWS)                                                                              \
    if (columns == 2) LT_NAME(tile)(ROWS, 2, a, depth, b, b_step, y, factor);                      \
    if (columns == 3) LT_NAME(tile)(ROWS, 3, a, depth, b, b_step, y, factor);
#else
#define LT_WIDE(ROWS)
#endif
static void LT_NAME(tiles)(int rows, int columns, const float *const *a, size_t depth, const float *b, size_t b_step,
                           float *const *y, const float *factor) {
    switch (rows) {
        LT_TILE(1)
        LT_TILE(2)
        LT_TILE(3)
#if LT_ATTENTION_ROWS > 3
        LT_TILE(4)
        LT_TILE(5)
        LT_TILE(6)
#endif
#if LT_ATTENTION_ROWS > 6
        LT_TILE(7)
        LT_TILE(8)
#endif
        default: break;
    }
}
#undef LT_TILE
#undef LT_WIDE

/// y[r][0 ..< 16 vectors] of a[r] · b.
static void LT_NAME(product)(int rows, size_t vectors, const float *const *a, size_t depth, const float *b, size_t b_step,
                             float *const *y, const float *factor) {
    size_t pieces = (vectors + LT_ATTENTION_COLUMNS - 1) / LT_ATTENTION_COLUMNS;
    for (size_t piece = 0; piece < pieces; piece++) {
        size_t from = vectors * piece / pieces, to = vectors * (piece + 1) / pieces;
        float *at[LT_ATTENTION_ROWS];
#ifdef LT_PAIRS
        for (int r = 0; r < rows; r++) at[r] = factor ? (float *)((uint16_t *)y[r] + 16 * from) : y[r] + 16 * from;
#else
        for (int r = 0; r < rows; r++) at[r] = y[r] + 16 * from;
#endif
        LT_NAME(tiles)(rows, (int)(to - from), a, depth, b + 16 * from, b_step, at, factor);
    }
}

/// Rows of scores, `wide` floats apart → exponentials of what they are above their largest, pairs of them at the row's beginning;
/// the inverses of their sums.
static void LT_NAME(exponentials)(const lt_attention_job *j, const float *const *bias, size_t query, int rows, float *scores,
                                  size_t wide, float *factors) {
    vf scale = S(j->scale), some_lanes = S(0.f);
    vi lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    size_t whole = j->keys / 16 * 16, some = j->keys - whole;
    vf tops[8], totals[8], folded;
    for (int r = 0; r < 8; r++) tops[r] = totals[r] = some_lanes;
    for (int r = 0; r < rows; r++) {
        float *x = scores + (size_t)r * wide;
        const float *z[2];
        for (int i = 0; i < j->biases; i++) z[i] = bias[i] + (int64_t)(query + (size_t)r) * j->bias[i].query;
        vf top = S(-INFINITY);
        for (size_t k = 0; k < whole; k += 16) {
            vf v = L(x + k) * scale;
            for (int i = 0; i < j->biases; i++) v += L(z[i] + k);
            ST(x + k, v);
            top = LT_LARGER(top, v);
        }
        if (some) {
            vf v = L(x + whole) * scale;
            for (int i = 0; i < j->biases; i++) v += LT_NAME(part)(z[i] + whole, some);
            v = PICK(lane < (int32_t)some, v, S(-INFINITY));
            ST(x + whole, v);
            top = LT_LARGER(top, v);
        }
        tops[r] = top;
    }
    LT_FOLD_LANES(tops, folded, LT_LARGER)
    float top[16];
    ST(top, folded * S(1.44269504f));
    for (int r = 0; r < rows; r++) {
        float *x = scores + (size_t)r * wide;
        vf above = S(top[r]), total = S(0.f);
        for (size_t k = 0; k < wide; k += 16) {
            vf e = LT_NAME(power)(L(x + k) * S(1.44269504f) - above);
#ifdef LT_PAIRS
            LT_NAME(narrow)((uint16_t *)x + k, e);
#else
            ST(x + k, e);
#endif
            total += e;
        }
        totals[r] = total;
    }
    LT_FOLD_LANES(totals, folded, LT_SUM)
    float inverse[16];
    ST(inverse, S(1.f) / folded);
    for (int r = 0; r < rows; r++) factors[r] = inverse[r];
}

/// Head h of batch entry b, queries from ..< to.
static void LT_NAME(attention)(const lt_attention_job *j, size_t b, size_t h, size_t from, size_t to, float *scratch) {
    size_t wide = (j->keys + 15) / 16 * 16, channels = (j->width + 15) / 16 * 16;
    float *keys = scratch, *values = keys + LT_NAME(packed_depth)(j->depth) * wide;
    float *scores = values + LT_NAME(packed_depth)(j->keys) * channels;
    float *sums = scores + LT_ATTENTION_MAX_ROWS * wide;
    LT_NAME(pack_keys)(j, b, h, wide, keys);
    LT_NAME(pack_values)(j, b, h, channels, values);
    const float *bias[2];
    for (int i = 0; i < j->biases; i++)
        bias[i] = j->bias[i].data + (int64_t)(b % j->bias[i].period) * j->bias[i].batch + (int64_t)h * j->bias[i].head;
    size_t count = to - from, blocks = (count + LT_ATTENTION_ROWS - 1) / LT_ATTENTION_ROWS;
    for (size_t block = 0; block < blocks; block++) {
        size_t first = from + count * block / blocks;
        int rows = (int)(from + count * (block + 1) / blocks - first);
        const float *q[LT_ATTENTION_ROWS], *p[LT_ATTENTION_ROWS];
        float *s[LT_ATTENTION_ROWS], *y[LT_ATTENTION_ROWS], *target[LT_ATTENTION_ROWS], factor[LT_ATTENTION_ROWS];
        for (int r = 0; r < rows; r++) {
            q[r] = LT_NAME(token)(&j->q, b, h, first + (size_t)r, j->queries);
            p[r] = s[r] = scores + (size_t)r * wide;
            target[r] = (float *)LT_NAME(token)(&j->y, b, h, first + (size_t)r, j->queries);
            y[r] = channels == j->width ? target[r] : sums + (size_t)r * channels;
        }
        LT_NAME(product)(rows, wide / 16, q, LT_NAME(packed_depth)(j->depth), keys, wide, s, NULL);
        LT_NAME(exponentials)(j, bias, first, rows, scores, wide, factor);
        LT_NAME(product)(rows, channels / 16, p, LT_NAME(packed_depth)(j->keys), values, channels, y, factor);
        if (channels != j->width)
            for (int r = 0; r < rows; r++) memcpy(target[r], y[r], j->width * (j->half ? 2 : 4));
    }
}

#undef L
#undef ST
#undef S
#undef PICK
#undef INLINE
