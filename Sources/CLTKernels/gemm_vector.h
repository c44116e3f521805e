// Micro-kernels of the matrix product, compiled once per instruction set: LT_ROWS rows by LT_VECTORS vectors of 16 columns are
// summed in registers; B comes as packed rows of whole vectors, A as one broadcast element per row.
// After Goto & van de Geijn, "Anatomy of high-performance matrix multiplication" (2008). Included with LT_SUFFIX, LT_ROWS,
// LT_VECTORS and LT_BLOCK (channels of a block, 16 or 8) defined; with LT_PAIRS, an element of A or B is a pair of bfloat16.
#include "gemm_table.h"
#include "vector.h"

typedef float LT_NAME(half) __attribute__((vector_size(32), aligned(4)));

/// A vector whose upper half lies `half` floats after its lower one.
static inline __attribute__((always_inline)) vf LT_NAME(load_halves)(const float *p, size_t half) {
#if LT_BLOCK == 16
    (void)half;
    return L(p);
#else
    vf v;
    memcpy(&v, p, 32);
    memcpy((char *)&v + 32, p + half, 32);
    return v;
#endif
}
static inline __attribute__((always_inline)) void LT_NAME(store_halves)(float *p, size_t half, vf v) {
#if LT_BLOCK == 16
    (void)half;
    ST(p, v);
#else
    memcpy(p, &v, 32);
    memcpy(p + half, (char *)&v + 32, 32);
#endif
}

/// 16 elements of what lies as C does.
static inline __attribute__((always_inline)) vf LT_NAME(get)(const lt_gemm_tile *t, const float *from, size_t at, int is_half) {
#ifdef LT_PAIRS
    if (is_half) return LT_NAME(widen)((const uint16_t *)from + at);
#endif
    (void)is_half;
    return LT_NAME(load_halves)(from + at, t->half);
}
static inline __attribute__((always_inline)) void LT_NAME(put)(const lt_gemm_tile *t, size_t at, vf v, int is_half) {
#ifdef LT_PAIRS
    if (is_half) {
        LT_NAME(narrow)((uint16_t *)t->c + at, v);
        return;
    }
#endif
    (void)is_half;
    LT_NAME(store_halves)(t->c + at, t->half, v);
}

/// The first `count` floats, the others 0; the upper half lies as above.
static inline vf LT_NAME(load_some)(const float *p, size_t half, size_t count) {
    float some[16] = {0};
    for (size_t i = 0; i < count; i++) some[i] = p[i < 8 ? i : half + i - 8];
    return L(some);
}
/// The same of what lies as C does.
static inline vf LT_NAME(get_some)(const lt_gemm_tile *t, const float *from, size_t at, size_t count, int is_half) {
#ifdef LT_PAIRS
    if (is_half) {
        uint16_t some[16] = {0};
        memcpy(some, (const uint16_t *)from + at, 2 * count);
        return LT_NAME(widen)(some);
    }
#endif
    (void)is_half;
    return LT_NAME(load_some)(from + at, t->half, count);
}
/// The first `stored` elements of a vector of which `count` exist, the others 0.
static inline void LT_NAME(put_some)(const lt_gemm_tile *t, size_t at, vf y, size_t count, size_t stored, int is_half) {
    float some[16] = {0};
    for (size_t i = 0; i < count; i++) some[i] = y[i];
#ifdef LT_PAIRS
    if (is_half) {
        uint16_t narrow[16];
        LT_NAME(narrow)(narrow, L(some));
        memcpy((uint16_t *)t->c + at, narrow, 2 * stored);
        return;
    }
#endif
    (void)is_half;
    for (size_t i = 0; i < stored; i++) t->c[at + (i < 8 ? i : t->half + i - 8)] = some[i];
}

// The code below once for each activation.
#define LT_EACH_ACTIVATION(OP, EACH)                                  \
    switch (OP) {                                                     \
        case LT_UNARY_RELU: EACH(LT_UNARY_RELU) break;                \
        case LT_UNARY_LEAKY_RELU: EACH(LT_UNARY_LEAKY_RELU) break;    \
        case LT_UNARY_CLIP: EACH(LT_UNARY_CLIP) break;                \
        case LT_UNARY_SIGMOID: EACH(LT_UNARY_SIGMOID) break;          \
        case LT_UNARY_TANH: EACH(LT_UNARY_TANH) break;                \
        case LT_UNARY_HARD_SIGMOID: EACH(LT_UNARY_HARD_SIGMOID) break; \
        case LT_UNARY_HARD_SWISH: EACH(LT_UNARY_HARD_SWISH) break;    \
        case LT_UNARY_SILU: EACH(LT_UNARY_SILU) break;                \
        case LT_UNARY_GELU: EACH(LT_UNARY_GELU) break;                \
        default: EACH(LT_UNARY_COPY)                                  \
    }

/// The activation of a tile of whole vectors, [rows][16 vectors].
static __attribute__((noinline)) void LT_NAME(activate)(const lt_gemm_tile *t, const float *values) {
    vf a = S(t->job->activation_a), b = S(t->job->activation_b);
    int rows = t->rows, vectors = t->vectors;
    int is_half = t->job->c_half;
    size_t row = t->row, vector = t->vector;
#define EACH(OP)                                                                                                    \
    for (int r = 0; r < rows; r++)                                                                                  \
        for (int v = 0; v < vectors; v++, values += 16)                                                             \
            LT_NAME(put)(t, (size_t)r * row + (size_t)v * vector, LT_NAME(apply)(OP, a, b, L(values)), is_half);
    LT_EACH_ACTIVATION(t->job->activation, EACH)
#undef EACH
}

/// What is not done in registers of the micro-kernel: scaled results, and columns that are no whole vector. Sums come as
/// [rows][16 vectors] floats.
static __attribute__((noinline)) void LT_NAME(finish)(const lt_gemm_tile *t, const float *sums) {
    const lt_gemm_job *job = t->job;
    vf scale = S(job->scale), a = S(job->activation_a), b = S(job->activation_b);
    int blocked = job->c_place.block != 0, is_half = job->c_half;
#define EACH(OP)                                                                                              \
    for (int r = 0; r < t->rows; r++)                                                                         \
        for (int v = 0; v < t->vectors; v++, sums += 16) {                                                    \
            size_t at = (size_t)r * t->row + (size_t)v * t->vector;                                           \
            vf y = L(sums) * scale;                                                                           \
            if (t->columns >= (size_t)(v + 1) * 16) {                                                         \
                if (t->bias) y += L(t->bias + 16 * v);                                                        \
                if (t->residual) y += LT_NAME(get)(t, t->residual, at, is_half);                              \
                if (t->adds) y += LT_NAME(get)(t, t->c, at, is_half);                                         \
                LT_NAME(put)(t, at, LT_NAME(apply)(OP, a, b, y), is_half);                                    \
                continue;                                                                                     \
            }                                                                                                 \
            size_t count = t->columns - (size_t)v * 16;                                                       \
            if (t->bias) y += LT_NAME(load_some)(t->bias + 16 * v, 8, count);                                 \
            if (t->residual) y += LT_NAME(get_some)(t, t->residual, at, count, is_half);                      \
            if (t->adds) y += LT_NAME(get_some)(t, t->c, at, count, is_half);                                 \
            size_t stored = blocked ? (count + LT_BLOCK - 1) / LT_BLOCK * LT_BLOCK : count;                   \
            LT_NAME(put_some)(t, at, LT_NAME(apply)(OP, a, b, y), count, stored, is_half);                    \
        }
    LT_EACH_ACTIVATION(t->ends ? job->activation : LT_UNARY_COPY, EACH)
#undef EACH
}

#define LT_ADD(FROM, IS_HALF)                                                                                 \
    _Pragma("clang loop unroll(full)") for (int v = 0; v < vectors; v++)                                      \
        _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) sums[r][v] +=                       \
        LT_NAME(get)(t, FROM, LT_AT(r, v), IS_HALF);
#define LT_AT(r, v) ((size_t)(r) * t->row + (size_t)(v) * t->vector)
static inline __attribute__((always_inline)) void LT_NAME(sum_tile)(const lt_gemm_tile *t, const int rows, const int vectors) {
    vf sums[LT_ROWS][LT_VECTORS];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) sums[r][v] = S(0.f);
    const float *a[LT_ROWS];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) a[r] = t->a[r];
    const float *b = t->b;
    // C is fetched while the sums are made.
    const int is_half = t->job->c_half, element = is_half ? 1 : 2;
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) __builtin_prefetch((const char *)t->c + (LT_AT(r, v) << element), 1);
    size_t block = t->block, start = 0, ahead_step = t->ahead_step;
    const float *ahead = t->ahead;
    for (size_t left = t->depth; left > 0; start += t->blocks) {
        size_t some = left < block ? left : block;
        left -= some;
#pragma clang loop unroll(disable)
        for (size_t k = start; k < start + some; k++) {
            vf w[LT_VECTORS];
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) w[v] = L(b + 16 * v);
            b += 16 * vectors;
            __builtin_prefetch(ahead, 0, 2);
            ahead += ahead_step;
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++) {
                vf x = S(a[r][k]);
#pragma clang loop unroll(full)
                for (int v = 0; v < vectors; v++) sums[r][v] = LT_MULTIPLY_ADD(sums[r][v], x, w[v]);
            }
        }
    }
    const lt_gemm_job *job = t->job;
    float memory[LT_ROWS * LT_VECTORS * 16] __attribute__((aligned(64)));
    if (job->scale == 1.f && t->columns == (size_t)vectors * 16) {
        lt_unary_op op = t->ends ? job->activation : LT_UNARY_COPY;
        int costly = op != LT_UNARY_COPY && op != LT_UNARY_RELU;
        // One way out for all: fewer branches between one tile's sums and the next's.
        vf least = S(op == LT_UNARY_RELU ? 0.f : -INFINITY);
        float *to = costly ? memory : t->c;
        size_t to_row = costly ? (size_t)vectors * 16 : t->row, to_vector = costly ? 16 : t->vector, to_half = costly ? 8 : t->half;
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            vf bias = t->bias ? L(t->bias + 16 * v) : S(0.f);
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++) sums[r][v] += bias;
        }
        if (t->residual && is_half) {
            LT_ADD(t->residual, 1)
        } else if (t->residual) {
            LT_ADD(t->residual, 0)
        }
        if (t->adds) LT_ADD(t->c, 0)
#ifdef LT_PAIRS
        if (is_half && !costly) {
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
                for (int v = 0; v < vectors; v++)
                    LT_NAME(put)(t, LT_AT(r, v), PICK(sums[r][v] < least, least, sums[r][v]), 1);
            return;
        }
#endif
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) {
                vf y = sums[r][v];
                LT_NAME(store_halves)(to + (size_t)r * to_row + (size_t)v * to_vector, to_half, PICK(y < least, least, y));
            }
        if (costly) LT_NAME(activate)(t, memory);
        return;
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) ST(memory + (r * vectors + v) * 16, sums[r][v]);
    LT_NAME(finish)(t, memory);
}

#define LT_TILE(R, V) \
    static __attribute__((noinline)) void LT_NAME(tile_##R##_##V)(const lt_gemm_tile *t) { LT_NAME(sum_tile)(t, R, V); }
#define LT_EACH_ROWS(V) LT_TILE(1, V) LT_TILE(2, V) LT_MORE_ROWS(V)
#if LT_ROWS == 2
#define LT_MORE_ROWS(V)
#define LT_LIST(V) LT_NAME(tile_1_##V), LT_NAME(tile_2_##V)
#elif LT_ROWS == 6
#define LT_MORE_ROWS(V) LT_TILE(3, V) LT_TILE(4, V) LT_TILE(5, V) LT_TILE(6, V)
#define LT_LIST(V) \
    LT_NAME(tile_1_##V), LT_NAME(tile_2_##V), LT_NAME(tile_3_##V), LT_NAME(tile_4_##V), LT_NAME(tile_5_##V), LT_NAME(tile_6_##V)
#else
#define LT_MORE_ROWS(V) LT_TILE(3, V) LT_TILE(4, V) LT_TILE(5, V) LT_TILE(6, V) LT_TILE(7, V) LT_TILE(8, V)
#define LT_LIST(V)                                                                                                           \
    LT_NAME(tile_1_##V), LT_NAME(tile_2_##V), LT_NAME(tile_3_##V), LT_NAME(tile_4_##V), LT_NAME(tile_5_##V), LT_NAME(tile_6_##V), \
     LT_NAME(tile_7_##V), LT_NAME(tile_8_##V)
#endif

LT_EACH_ROWS(1)
#if LT_VECTORS == 3
LT_EACH_ROWS(2)
LT_EACH_ROWS(3)
#endif

static void (*const LT_NAME(tiles)[])(const lt_gemm_tile *) = {
    LT_LIST(1),
#if LT_VECTORS == 3
    LT_LIST(2),
    LT_LIST(3),
#endif
};

#ifdef LT_PAIRS
/// The bits of a bfloat16, rounded as the instruction rounds (denormal numbers to 0).
static inline uint32_t LT_NAME(rounded)(float x) {
    return (uint16_t)_mm_extract_epi16((__m128i)_mm_cvtneps_pbh(_mm_set_ss(x)), 0);
}
// Element k of a column is the pair of B's rows 2k and 2k + 1.
static void LT_NAME(pack)(const float *b, size_t rs, size_t cs, size_t depth, size_t columns, int vectors, float *packed) {
    size_t width = (size_t)vectors * 16;
    uint32_t *to = (uint32_t *)packed;
    if (cs == 1) {
        for (size_t k = 0; k < depth; k++, to += width)
            for (size_t j = 0; j < width; j += 16) {
                uint32_t some = j >= columns ? 0 : columns - j < 16 ? (1u << (columns - j)) - 1 : 0xFFFF;
                __m512 even = _mm512_maskz_loadu_ps((__mmask16)some, b + 2 * k * rs + j);
                __m512 odd = _mm512_maskz_loadu_ps((__mmask16)some, b + (2 * k + 1) * rs + j);
                __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(even));
                __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(odd));
                _mm512_storeu_si512(to + j, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
            }
        return;
    }
    for (size_t k0 = 0; k0 < depth; k0 += 16) {
        size_t some = depth - k0 < 16 ? depth - k0 : 16;
        for (size_t j = 0; j < width; j++) {
            uint32_t pairs[16] = {0};
            const float *from = b + j * cs + 2 * k0 * rs;
            if (j < columns && rs == 1 && some == 16) {
                __m512i low = (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + 16), _mm512_loadu_ps(from));
                _mm512_storeu_si512(pairs, low);
            } else if (j < columns) {
                for (size_t k = 0; k < some; k++)
                    pairs[k] = LT_NAME(rounded)(from[2 * k * rs]) | LT_NAME(rounded)(from[(2 * k + 1) * rs]) << 16;
            }
            for (size_t k = 0; k < some; k++) to[(k0 + k) * width + j] = pairs[k];
        }
    }
}
#else
static void LT_NAME(pack)(const float *b, size_t rs, size_t cs, size_t depth, size_t columns, int vectors, float *packed) {
    size_t width = (size_t)vectors * 16;
    if (cs == 1) {
        for (size_t k = 0; k < depth; k++, packed += width) {
            memcpy(packed, b + k * rs, columns * 4);
            if (columns < width) memset(packed + columns, 0, (width - columns) * 4);
        }
        return;
    }
    for (size_t k0 = 0; k0 < depth; k0 += 16) {
        size_t some = depth - k0 < 16 ? depth - k0 : 16;
        for (size_t j = 0; j < width; j++)
            for (size_t k = 0; k < some; k++) packed[(k0 + k) * width + j] = j < columns ? b[j * cs + (k0 + k) * rs] : 0.f;
    }
}

static void LT_NAME(scale)(const float *panel, const float *gate, size_t depth, int vectors, float *scaled) {
    for (size_t k = 0; k < depth; k++) {
        // A gate that is shut to the last bit would make denormal numbers, which cost a hundred cycles each time they are multiplied.
        vf g = S(fabsf(gate[k]) < 0x1p-100f ? 0.f : gate[k]);
        for (int v = 0; v < vectors; v++, panel += 16, scaled += 16) ST(scaled, L(panel) * g);
    }
}
#endif
