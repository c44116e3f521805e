// The vector bodies of the Winograd kernels, compiled once per instruction set. Included with LT_SUFFIX, LT_LANES and LT_ROWS
// defined. Interpolation points 0, ±1/√2, ±√2, ∞: products of numbers near 1, so that float32 loses least (Winograd 1980;
// Lavin & Gray, https://arxiv.org/abs/1509.09308; on points Barabasz et al., https://arxiv.org/abs/1803.10986). Along depth 0, ±1, ∞.
#include "winograd_table.h"
#include <string.h>

#pragma clang diagnostic ignored "-Wpsabi"
#pragma clang fp contract(fast)

#define LT_JOIN2(a, b) a##_##b
#define LT_JOIN(a, b) LT_JOIN2(a, b)
#define LT_NAME(name) LT_JOIN(name, LT_SUFFIX)
#define LT_INLINE static inline __attribute__((always_inline))

typedef float wf __attribute__((vector_size(LT_LANES * 4)));
typedef int32_t wi __attribute__((vector_size(LT_LANES * 4)));

LT_INLINE wf LT_NAME(get)(const float *p) {
    wf v;
    memcpy(&v, p, sizeof v);
    return v;
}
LT_INLINE void LT_NAME(put)(float *p, wf v) { memcpy(p, &v, sizeof v); }
#define L LT_NAME(get)
#define ST LT_NAME(put)

/// Bᵀ d along one axis: six inputs to six points that lie `t` floats apart.
LT_INLINE void LT_NAME(forward)(wf d0, wf d1, wf d2, wf d3, wf d4, wf d5, float *o, int64_t t) {
    const float a = 0.70710678f, b = 1.41421356f;
    wf e = d4 - 2.f * d2, f = d3 - 2.f * d1, g = d4 - 0.5f * d2, h = d3 - 0.5f * d1;
    ST(o, d0 + (d4 - 2.5f * d2));
    ST(o + t, e + a * f);
    ST(o + 2 * t, e - a * f);
    ST(o + 3 * t, g + b * h);
    ST(o + 4 * t, g - b * h);
    ST(o + 5 * t, d1 + (d5 - 2.5f * d3));
}

/// Aᵀ m along one axis: six points that lie `s` floats apart to four outputs. The denominators of G, -2/3 and 1/6, are multiplied
/// in here, where they cost nothing.
LT_INLINE void LT_NAME(back)(const float *m, int64_t s, wf o[4]) {
    wf m1 = L(m + s), m2 = L(m + 2 * s), m3 = L(m + 3 * s), m4 = L(m + 4 * s);
    wf p = m1 + m2, q = m1 - m2, r = m3 + m4, u = m3 - m4;
    o[0] = (L(m) - 0.66666667f * p) + 0.16666667f * r;
    o[1] = 0.23570226f * u - 0.47140452f * q;
    o[2] = 0.33333333f * (r - p);
    o[3] = (L(m + 5 * s) - 0.23570226f * q) + 0.47140452f * u;
}

/// G g along one axis, less its denominators: three taps to six points that lie `t` floats apart.
LT_INLINE void LT_NAME(taps)(wf g0, wf g1, wf g2, float *o, int64_t t) {
    const float a = 0.70710678f, b = 1.41421356f;
    wf p = g0 + 0.5f * g2, q = g0 + 2.f * g2;
    ST(o, g0);
    ST(o + t, p + a * g1);
    ST(o + 2 * t, p - a * g1);
    ST(o + 3 * t, q + b * g1);
    ST(o + 4 * t, q - b * g1);
    ST(o + 5 * t, g2);
}

/// The 6 × 6 transform of one frame whose first pixel is (top, left) of `x` [height, width, lane]; point p goes to o + p * step.
LT_INLINE void LT_NAME(frame)(const float *x, int64_t height, int64_t width, int64_t top, int64_t left, float *o, int64_t step) {
    _Alignas(64) float e[36 * LT_LANES];
    if (top >= 0 && left >= 0 && top + 6 <= height && left + 6 <= width) {
        const float *p = x + (top * width + left) * LT_LANES;
        int64_t row = width * LT_LANES;
#pragma clang loop unroll(disable)
        for (int j = 0; j < 6; j++, p += LT_LANES)
            LT_NAME(forward)(L(p), L(p + row), L(p + 2 * row), L(p + 3 * row), L(p + 4 * row), L(p + 5 * row), e + j * LT_LANES,
                             6 * LT_LANES);
    } else {
        // Rows outside are read, again and again, from zeros.
        static const float zeros[LT_LANES];
        const float *from[6];
        int64_t steps[6];
        for (int i = 0; i < 6; i++) {
            bool within = top + i >= 0 && top + i < height;
            from[i] = within ? x + (top + i) * width * LT_LANES : zeros;
            steps[i] = within ? LT_LANES : 0;
        }
#pragma clang loop unroll(disable)
        for (int j = 0; j < 6; j++) {
            int64_t at = left + j;
            float *to = e + j * LT_LANES;
            if (at < 0 || at >= width) {
                for (int i = 0; i < 6; i++) ST(to + i * 6 * LT_LANES, (wf){0});
                continue;
            }
            LT_NAME(forward)(L(from[0] + at * steps[0]), L(from[1] + at * steps[1]), L(from[2] + at * steps[2]),
                             L(from[3] + at * steps[3]), L(from[4] + at * steps[4]), L(from[5] + at * steps[5]), to,
                             6 * LT_LANES);
        }
    }
#pragma clang loop unroll(disable)
    for (int i = 0; i < 6; i++) {
        const float *d = e + i * 6 * LT_LANES;
        LT_NAME(forward)(L(d), L(d + LT_LANES), L(d + 2 * LT_LANES), L(d + 3 * LT_LANES), L(d + 4 * LT_LANES), L(d + 5 * LT_LANES),
                         o + i * 6 * step, step);
    }
}

static void LT_NAME(input)(const lt_winograd_call *call, const int64_t at[4], int64_t channel, float *v, int64_t step) {
    const lt_winograd_plan *plan = call->plan;
    const lt_winograd_shape *s = &plan->shape;
    int64_t plane = s->in[1] * s->in[2] * LT_LANES;
    const float *x = call->x + (at[0] * plan->input_blocks + channel) * s->in[0] * plane;
    int64_t top = at[2] * 4 - s->pad[1], left = at[3] * 4 - s->pad[2];
    if (!s->volume) {
        LT_NAME(frame)(x, s->in[1], s->in[2], top, left, v, step);
        return;
    }
    _Alignas(64) float d[144 * LT_LANES];
    int64_t front = at[1] * 2 - s->pad[0];
    for (int k = 0; k < 4; k++) {
        int64_t z = front + k;
        float *to = d + 36 * k * LT_LANES;
        if (z >= 0 && z < s->in[0]) LT_NAME(frame)(x + z * plane, s->in[1], s->in[2], top, left, to, LT_LANES);
        else memset(to, 0, 36 * sizeof(wf));
    }
    for (int p = 0; p < 36; p++) {
        const float *e = d + p * LT_LANES;
        wf d0 = L(e), d1 = L(e + 36 * LT_LANES), d2 = L(e + 72 * LT_LANES), d3 = L(e + 108 * LT_LANES);
        ST(v + p * step, d0 - d2);
        ST(v + (36 + p) * step, d1 + d2);
        ST(v + (72 + p) * step, d2 - d1);
        ST(v + (108 + p) * step, d3 - d1);
    }
}

/// The 36 points of 3 × 3 taps that lie `step` floats apart; point p goes to o + p * t.
LT_INLINE void LT_NAME(kernel)(const float *w, int64_t step, float *o, int64_t t) {
    _Alignas(64) float e[18 * LT_LANES];
    for (int j = 0; j < 3; j++)
        LT_NAME(taps)(L(w + j * step), L(w + (3 + j) * step), L(w + (6 + j) * step), e + j * LT_LANES, 3 * LT_LANES);
    for (int i = 0; i < 6; i++) {
        const float *d = e + i * 3 * LT_LANES;
        LT_NAME(taps)(L(d), L(d + LT_LANES), L(d + 2 * LT_LANES), o + i * 6 * t, t);
    }
}

static void LT_NAME(weights)(bool volume, int wide, int64_t inputs, const float *w, float *u, int64_t step) {
    int64_t lane = wide * LT_LANES;
    _Alignas(64) float d[108 * LT_LANES];
    for (int64_t i = 0; i < inputs; i++, w += (volume ? 27 : 9) * lane)
        for (int64_t o = 0; o < lane; o += LT_LANES, u += LT_LANES) {
            if (!volume) {
                LT_NAME(kernel)(w + o, lane, u, step);
                continue;
            }
            for (int k = 0; k < 3; k++) LT_NAME(kernel)(w + o + k * 9 * lane, lane, d + 36 * k * LT_LANES, LT_LANES);
            for (int p = 0; p < 36; p++) {
                wf g0 = L(d + p * LT_LANES), g1 = L(d + (36 + p) * LT_LANES), g2 = L(d + (72 + p) * LT_LANES);
                wf sum = g0 + g2;
                ST(u + p * step, g0);
                ST(u + (36 + p) * step, sum + g1);
                ST(u + (72 + p) * step, sum - g1);
                ST(u + (108 + p) * step, g2);
            }
        }
}

// Sums are named variables, row by row: compilers do not keep every array of them in registers.
#define LT_DO1(X) X(0)
#define LT_DO2(X) LT_DO1(X) X(1)
#define LT_DO3(X) LT_DO2(X) X(2)
#define LT_DO4(X) LT_DO3(X) X(3)
#define LT_DO5(X) LT_DO4(X) X(4)
#define LT_DO6(X) LT_DO5(X) X(5)
#define LT_DO7(X) LT_DO6(X) X(6)
#define LT_DO8(X) LT_DO7(X) X(7)
#define LT_DO9(X) LT_DO8(X) X(8)
#define LT_DO10(X) LT_DO9(X) X(9)
#define LT_DO11(X) LT_DO10(X) X(10)
#define LT_DO12(X) LT_DO11(X) X(11)
#define LT_DO13(X) LT_DO12(X) X(12)
#define LT_DO14(X) LT_DO13(X) X(13)
#define LT_START1(r) wf c##r = add ? L(m0 + r * LT_LANES) : (wf){0};
#define LT_START2(r) LT_START1(r) wf d##r = add ? L(m1 + r * LT_LANES) : (wf){0};
#define LT_ADD1(r) c##r += v[r * LT_LANES + k] * u0;
#define LT_ADD2(r)                   \
    {                                \
        float x = v[r * LT_LANES + k]; \
        c##r += x * u0;              \
        d##r += x * u1;              \
    }
#define LT_KEEP1(r) ST(m0 + r * LT_LANES, c##r);
#define LT_KEEP2(r) LT_KEEP1(r) ST(m1 + r * LT_LANES, d##r);

/// The products of R tiles and one or two blocks of outputs.
#define LT_PRODUCT(R)                                                                                                          \
    static void LT_NAME(one##R)(int64_t blocks, bool add, const float *v, int64_t v_step, const float *u, int64_t u_step,      \
                                float *m0) {                                                                                   \
        LT_DO##R(LT_START1)                                                                                                    \
        for (int64_t i = 0; i < blocks; i++, v += v_step, u += u_step) {                                                       \
            _Pragma("clang loop unroll_count(4)") for (int k = 0; k < LT_LANES; k++) {                                         \
                wf u0 = L(u + k * LT_LANES);                                                                                   \
                LT_DO##R(LT_ADD1)                                                                                              \
            }                                                                                                                  \
        }                                                                                                                      \
        LT_DO##R(LT_KEEP1)                                                                                                     \
    }                                                                                                                          \
    static void LT_NAME(two##R)(int64_t blocks, bool add, const float *v, int64_t v_step, const float *u, int64_t u_step,      \
                                float *m0, float *m1) {                                                                        \
        LT_DO##R(LT_START2)                                                                                                    \
        for (int64_t i = 0; i < blocks; i++, v += v_step, u += u_step) {                                                       \
            const float *w = u, *ahead = u + u_step, *next = v + v_step;                                                       \
            _Pragma("clang loop unroll_count(4)") for (int k = 0; k < LT_LANES; k++, w += 2 * LT_LANES, ahead += 2 * LT_LANES) { \
                wf u0 = L(w), u1 = L(w + LT_LANES);                                                                            \
                __builtin_prefetch(ahead);                                                                                     \
                __builtin_prefetch(ahead + LT_LANES);                                                                          \
                __builtin_prefetch(next + k * LT_LANES);                                                                       \
                LT_DO##R(LT_ADD2)                                                                                              \
            }                                                                                                                  \
        }                                                                                                                      \
        LT_DO##R(LT_KEEP2)                                                                                                     \
    }
LT_PRODUCT(1)
LT_PRODUCT(2)
#if LT_ROWS > 2
LT_PRODUCT(3)
LT_PRODUCT(4)
LT_PRODUCT(5)
LT_PRODUCT(6)
#endif
#if LT_ROWS > 6
LT_PRODUCT(7)
LT_PRODUCT(8)
LT_PRODUCT(9)
LT_PRODUCT(10)
LT_PRODUCT(11)
LT_PRODUCT(12)
LT_PRODUCT(13)
LT_PRODUCT(14)
#endif

#define LT_CASE(R)                                                                  \
    case R:                                                                         \
        if (m1) LT_NAME(two##R)(blocks, add, v, v_step, u, u_step, m0, m1);         \
        else LT_NAME(one##R)(blocks, add, v, v_step, u, u_step, m0);                \
        break;
static void LT_NAME(multiply)(int rows, int64_t blocks, bool add, const float *v, int64_t v_step, const float *u, int64_t u_step,
                              float *m0, float *m1) {
    switch (rows) {
        LT_CASE(1)
        LT_CASE(2)
#if LT_ROWS > 2
        LT_CASE(3)
        LT_CASE(4)
        LT_CASE(5)
        LT_CASE(6)
#endif
#if LT_ROWS > 6
        LT_CASE(7)
        LT_CASE(8)
        LT_CASE(9)
        LT_CASE(10)
        LT_CASE(11)
        LT_CASE(12)
        LT_CASE(13)
        LT_CASE(14)
#endif
        default: break;
    }
}
#undef LT_CASE

LT_INLINE void LT_NAME(pixel)(wf value, const float *residual, bool relu, float *y) {
    if (residual) value += L(residual);
    if (relu) value = (wf)((wi)value & ~(value < (wf){0}));
    ST(y, value);
}

/// Stores one 4 × 4 frame whose points lie `step` floats apart, as far as it lies within the output; `base` is its first pixel.
LT_INLINE void LT_NAME(finish)(const lt_winograd_call *call, const float *m, int64_t step, int64_t base, int64_t rows,
                               int64_t columns, wf bias, int64_t filled) {
    _Alignas(64) float e[24 * LT_LANES];
    wf o[4];
    int64_t row = call->plan->shape.out[2] * LT_LANES;
#pragma clang loop unroll(disable)
    for (int j = 0; j < 6; j++) {
        LT_NAME(back)(m + j * step, 6 * step, o);
        for (int i = 0; i < 4; i++) ST(e + (i * 6 + j) * LT_LANES, o[i]);
    }
    bool relu = call->op == LT_UNARY_RELU;
    for (int64_t i = 0; i < rows; i++) {
        float *y = call->y + base + i * row;
        const float *z = call->residual ? call->residual + base + i * row : NULL;
        LT_NAME(back)(e + i * 6 * LT_LANES, LT_LANES, o);
        if (columns == 4) for (int j = 0; j < 4; j++) LT_NAME(pixel)(o[j] + bias, z ? z + j * LT_LANES : NULL, relu, y + j * LT_LANES);
        else for (int j = 0; j < columns; j++) LT_NAME(pixel)(o[j] + bias, z ? z + j * LT_LANES : NULL, relu, y + j * LT_LANES);
        if (relu || call->op == LT_UNARY_COPY) continue;
        lt_unary(call->op, call->a, call->b, y, y, (size_t)(columns * LT_LANES));
        // Channels past the last stay zero whatever f(0) is.
        if (filled < LT_LANES)
            for (int64_t j = 0; j < columns; j++) memset(y + j * LT_LANES + filled, 0, (size_t)(LT_LANES - filled) * 4);
    }
}

static void LT_NAME(output)(const lt_winograd_call *call, const int64_t at[4], int64_t channel, const float *m, int64_t step) {
    const lt_winograd_plan *plan = call->plan;
    const lt_winograd_shape *s = &plan->shape;
    int64_t plane = s->out[1] * s->out[2] * LT_LANES;
    int64_t top = at[2] * 4, left = at[3] * 4, front = at[1] * (s->volume ? 2 : 1);
    int64_t base = ((at[0] * plan->output_blocks + channel) * s->out[0] + front) * plane + (top * s->out[2] + left) * LT_LANES;
    int64_t rows = s->out[1] - top < 4 ? s->out[1] - top : 4, columns = s->out[2] - left < 4 ? s->out[2] - left : 4;
    int64_t filled = s->outputs - channel * LT_LANES;
    if (filled > LT_LANES) filled = LT_LANES;
    wf bias = {0};
    if (call->bias) {
        float some[LT_LANES] = {0};
        memcpy(some, call->bias + channel * LT_LANES, (size_t)filled * 4);
        bias = L(some);
    }
    if (!s->volume) {
        LT_NAME(finish)(call, m, step, base, rows, columns, bias, filled);
        return;
    }
    _Alignas(64) float d[72 * LT_LANES];
    for (int p = 0; p < 36; p++) {
        wf m0 = L(m + p * step), m1 = L(m + (36 + p) * step), m2 = L(m + (72 + p) * step), m3 = L(m + (108 + p) * step);
        ST(d + p * LT_LANES, m0 + 0.5f * (m1 + m2));
        ST(d + (36 + p) * LT_LANES, 0.5f * (m1 - m2) + m3);
    }
    LT_NAME(finish)(call, d, LT_LANES, base, rows, columns, bias, filled);
    if (front + 1 < s->out[0]) LT_NAME(finish)(call, d + 36 * LT_LANES, LT_LANES, base + plane, rows, columns, bias, filled);
}

#undef L
#undef ST
const lt_winograd_table LT_JOIN(lt_winograd, LT_SUFFIX) = {
    LT_LANES, LT_ROWS, LT_NAME(input), LT_NAME(weights), LT_NAME(multiply), LT_NAME(output),
};
