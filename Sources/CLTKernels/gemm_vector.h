// Micro-kernels of the matrix product, compiled once per instruction set: LT_ROWS rows by LT_VECTORS vectors of 16 columns are
// summed in registers; B comes as packed rows of whole vectors, A as one broadcast element per row.
// After Goto & van de Geijn, "Anatomy of high-performance matrix multiplication" (2008). Included with LT_SUFFIX, LT_ROWS,
// LT_VECTORS and LT_BLOCK (channels of a block, 16 or 8) defined.
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

/// The first `count` floats, the others 0; the upper half lies as above.
static inline vf LT_NAME(load_some)(const float *p, size_t half, size_t count) {
    float some[16] = {0};
    for (size_t i = 0; i < count; i++) some[i] = p[i < 8 ? i : half + i - 8];
    return L(some);
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
    size_t row = t->row, vector = t->vector, half = t->half;
#define EACH(OP)                                                                                                    \
    for (int r = 0; r < rows; r++)                                                                                  \
        for (int v = 0; v < vectors; v++, values += 16)                                                             \
            LT_NAME(store_halves)(t->c + (size_t)r * row + (size_t)v * vector, half, LT_NAME(apply)(OP, a, b, L(values)));
    LT_EACH_ACTIVATION(t->job->activation, EACH)
#undef EACH
}

/// What is not done in registers of the micro-kernel: scaled results, and columns that are no whole vector. Sums come as
/// [rows][16 vectors] floats.
static __attribute__((noinline)) void LT_NAME(finish)(const lt_gemm_tile *t, const float *sums) {
    const lt_gemm_job *job = t->job;
    vf scale = S(job->scale), a = S(job->activation_a), b = S(job->activation_b);
    int blocked = job->c_place.block != 0;
#define EACH(OP)                                                                                              \
    for (int r = 0; r < t->rows; r++)                                                                         \
        for (int v = 0; v < t->vectors; v++, sums += 16) {                                                    \
            size_t at = (size_t)r * t->row + (size_t)v * t->vector;                                           \
            vf y = L(sums) * scale;                                                                           \
            if (t->columns >= (size_t)(v + 1) * 16) {                                                         \
                if (t->bias) y += L(t->bias + 16 * v);                                                        \
                if (t->residual) y += LT_NAME(load_halves)(t->residual + at, t->half);                        \
                if (t->adds) y += LT_NAME(load_halves)(t->c + at, t->half);                                   \
                LT_NAME(store_halves)(t->c + at, t->half, LT_NAME(apply)(OP, a, b, y));                       \
                continue;                                                                                     \
            }                                                                                                 \
            size_t count = t->columns - (size_t)v * 16;                                                       \
            if (t->bias) y += LT_NAME(load_some)(t->bias + 16 * v, 8, count);                                 \
            if (t->residual) y += LT_NAME(load_some)(t->residual + at, t->half, count);                       \
            if (t->adds) y += LT_NAME(load_some)(t->c + at, t->half, count);                                  \
            y = LT_NAME(apply)(OP, a, b, y);                                                                  \
            size_t stored = blocked ? (count + LT_BLOCK - 1) / LT_BLOCK * LT_BLOCK : count;                   \
            for (size_t i = 0; i < stored; i++) t->c[at + (i < 8 ? i : t->half + i - 8)] = i < count ? y[i] : 0.f; \
        }
    LT_EACH_ACTIVATION(t->ends ? job->activation : LT_UNARY_COPY, EACH)
#undef EACH
}

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
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) __builtin_prefetch(t->c + LT_AT(r, v), 1);
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
                for (int v = 0; v < vectors; v++) sums[r][v] += x * w[v];
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
        if (t->residual)
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++)
#pragma clang loop unroll(full)
                for (int r = 0; r < rows; r++) sums[r][v] += LT_NAME(load_halves)(t->residual + LT_AT(r, v), t->half);
        if (t->adds)
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++)
#pragma clang loop unroll(full)
                for (int r = 0; r < rows; r++) sums[r][v] += LT_NAME(load_halves)(t->c + LT_AT(r, v), t->half);
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

