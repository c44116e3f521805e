// The vector bodies of the elementwise kernels, compiled once per instruction set. Included with LT_SUFFIX defined.
#include "layer_norm_vector.h"

#define LT_EACH(OP)                                                            \
    case OP:                                                                   \
        for (; i + 16 <= n; i += 16) ST(y + i, LT_NAME(apply)(OP, va, vb, L(x + i))); \
        if (i < n) {                                                           \
            float tail[16] = {0};                                              \
            memcpy(tail, x + i, (n - i) * 4);                                  \
            ST(tail, LT_NAME(apply)(OP, va, vb, L(tail)));                     \
            memcpy(y + i, tail, (n - i) * 4);                                  \
        }                                                                      \
        break;

static void LT_NAME(unary)(lt_unary_op op, float a, float b, const float *x, float *y, size_t n) {
    vf va = S(a), vb = S(b);
    size_t i = 0;
    switch (op) {
        LT_EACH(LT_UNARY_RELU)
        LT_EACH(LT_UNARY_LEAKY_RELU)
        LT_EACH(LT_UNARY_CLIP)
        LT_EACH(LT_UNARY_SIGMOID)
        LT_EACH(LT_UNARY_TANH)
        LT_EACH(LT_UNARY_HARD_SIGMOID)
        LT_EACH(LT_UNARY_HARD_SWISH)
        LT_EACH(LT_UNARY_SILU)
        LT_EACH(LT_UNARY_GELU)
        LT_EACH(LT_UNARY_EXP)
        LT_EACH(LT_UNARY_SQRT)
        LT_EACH(LT_UNARY_ERF)
        default:
            if (x != y) memmove(y, x, n * 4);
    }
}
#undef LT_EACH

static inline __attribute__((always_inline)) float LT_NAME(one)(lt_binary_op op, float x, float z) {
    switch (op) {
        case LT_ADD: return x + z;
        case LT_SUB: return x - z;
        case LT_MUL: return x * z;
        case LT_DIV: return x / z;
        case LT_MAX: return x != x ? x : z != z ? z : x > z ? x : z;
        default: return x != x ? x : z != z ? z : x < z ? x : z;
    }
}

#define LT_EACH(OP)                                                                                \
    case OP:                                                                                       \
        if (xs && zs) for (size_t i = 0; i < n; i++) y[i] = LT_NAME(one)(OP, x[i], z[i]);          \
        else if (xs) { float k = *z; for (size_t i = 0; i < n; i++) y[i] = LT_NAME(one)(OP, x[i], k); } \
        else if (zs) { float k = *x; for (size_t i = 0; i < n; i++) y[i] = LT_NAME(one)(OP, k, z[i]); } \
        else { float k = LT_NAME(one)(OP, *x, *z); for (size_t i = 0; i < n; i++) y[i] = k; }      \
        break;

static void LT_NAME(binary)(lt_binary_op op, const float *x, int64_t xs, const float *z, int64_t zs, float *y, size_t n) {
    switch (op) {
        LT_EACH(LT_ADD)
        LT_EACH(LT_SUB)
        LT_EACH(LT_MUL)
        LT_EACH(LT_DIV)
        LT_EACH(LT_MAX)
        LT_EACH(LT_MIN)
    }
}
#undef LT_EACH

/// y = x s + t with one s and t (lanes = 1) or `lanes` of them in turn.
static void LT_NAME(affine)(const float *x, const float *s, const float *t, float *y, size_t n, size_t lanes) {
    size_t i = 0;
    if (lanes == 16) {
        vf vs = L(s), vt = L(t);
        for (; i + 16 <= n; i += 16) ST(y + i, L(x + i) * vs + vt);
    } else if (lanes == 1) {
        vf vs = S(*s), vt = S(*t);
        for (; i + 16 <= n; i += 16) ST(y + i, L(x + i) * vs + vt);
    }
    for (; i < n; i++) y[i] = x[i] * s[i % lanes] + t[i % lanes];
}

static void LT_NAME(softmax)(const float *x, float *y, size_t n) {
    size_t i = 0;
    vf top = S(-INFINITY);
    for (; i + 16 <= n; i += 16) {
        vf v = L(x + i);
        top = PICK(v > top, v, top);
    }
    float max = -INFINITY;
    for (int k = 0; k < 16; k++) max = top[k] > max ? top[k] : max;
    for (; i < n; i++) max = x[i] > max ? x[i] : max;
    vf vm = S(max), total = S(0.f);
    for (i = 0; i + 16 <= n; i += 16) {
        vf e = LT_NAME(vexp)(L(x + i) - vm);
        ST(y + i, e);
        total += e;
    }
    if (i < n) {
        float tail[16];
        for (int k = 0; k < 16; k++) tail[k] = -INFINITY;
        for (size_t k = 0; k < n - i; k++) tail[k] = x[i + k] - max;
        vf e = LT_NAME(vexp)(L(tail));
        total += e;
        ST(tail, e);
        memcpy(y + i, tail, (n - i) * 4);
    }
    vf scale = S(1.f / LT_NAME(sum)(total));
    for (i = 0; i + 16 <= n; i += 16) ST(y + i, L(y + i) * scale);
    for (; i < n; i++) y[i] *= scale[0];
}

static inline __attribute__((always_inline)) vf LT_NAME(fold)(lt_reduce_op op, vf total, vf x) {
    switch (op) {
        case LT_REDUCE_L1: return total + PICK(x < S(0.f), -x, x);
        case LT_REDUCE_L2:
        case LT_REDUCE_SUM_SQUARE: return total + x * x;
        case LT_REDUCE_MAX: return PICK((total != total) | (total >= x), total, x);
        case LT_REDUCE_MIN: return PICK((total != total) | (total <= x), total, x);
        default: return total + x;
    }
}

/// y[i] of x[k, i], k < n: 16 columns at a time; a lone column is cut into 16 that are folded at the end.
static inline __attribute__((always_inline)) void LT_NAME(reduce_as)(lt_reduce_op op, const float *x, float *y, size_t n,
                                                                     size_t inner) {
    float start = op == LT_REDUCE_MAX ? -INFINITY : op == LT_REDUCE_MIN ? INFINITY : 0.f, tail[16];
    float share = op == LT_REDUCE_MEAN ? 1.f / (float)n : 1.f;
    size_t wide = inner == 1 ? n / 16 : n, step = inner == 1 ? 16 : inner, columns = inner == 1 ? 16 : inner;
    for (size_t i = 0; i < columns; i += 16) {
        size_t some = columns - i < 16 ? columns - i : 16;
        vf total = S(start);
        if (some == 16) {
            for (size_t k = 0; k < wide; k++) total = LT_NAME(fold)(op, total, L(x + k * step + i));
        } else {
            for (size_t k = 0; k < wide; k++) {
                memset(tail, 0, sizeof tail);
                memcpy(tail, x + k * step + i, some * 4);
                total = LT_NAME(fold)(op, total, L(tail));
            }
        }
        if (inner == 1) {
            vf one = S(start);
            for (int lane = 0; lane < 16; lane++) {
                vf x0 = S(total[lane]);
                // The lanes are sums already.
                one = op == LT_REDUCE_MAX || op == LT_REDUCE_MIN ? LT_NAME(fold)(op, one, x0) : one + x0;
            }
            for (size_t k = wide * 16; k < n; k++) one = LT_NAME(fold)(op, one, S(x[k]));
            total = one;
            some = 1;
        }
        total *= S(share);
        ST(tail, total);
        for (size_t k = 0; k < some; k++) y[i + k] = op == LT_REDUCE_L2 ? sqrtf(tail[k]) : tail[k];
    }
}

static void LT_NAME(reduce)(lt_reduce_op op, const float *x, float *y, size_t n, size_t inner) {
    switch (op) {
        case LT_REDUCE_SUM: LT_NAME(reduce_as)(LT_REDUCE_SUM, x, y, n, inner); break;
        case LT_REDUCE_MEAN: LT_NAME(reduce_as)(LT_REDUCE_MEAN, x, y, n, inner); break;
        case LT_REDUCE_L1: LT_NAME(reduce_as)(LT_REDUCE_L1, x, y, n, inner); break;
        case LT_REDUCE_L2: LT_NAME(reduce_as)(LT_REDUCE_L2, x, y, n, inner); break;
        case LT_REDUCE_SUM_SQUARE: LT_NAME(reduce_as)(LT_REDUCE_SUM_SQUARE, x, y, n, inner); break;
        case LT_REDUCE_MAX: LT_NAME(reduce_as)(LT_REDUCE_MAX, x, y, n, inner); break;
        default: LT_NAME(reduce_as)(LT_REDUCE_MIN, x, y, n, inner);
    }
}
