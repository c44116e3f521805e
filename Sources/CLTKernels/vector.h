// Vectors of 16 floats in the compiler's own vector type, which becomes one AVX-512 register, two AVX ones or four SSE or NEON
// ones, and the elementwise functions on them. Included once per instruction set with LT_SUFFIX defined (for AVX-512 LT_AVX512,
// too, behind immintrin.h); whoever includes it may use L (load), ST (store), S (splat) and PICK (mask ? a : b).
#include "include/lt_math.h"
#include <math.h>
#include <string.h>

// The wide vectors never cross a function that is not inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#define LT_JOIN2(a, b) a##_##b
#define LT_JOIN(a, b) LT_JOIN2(a, b)
#define LT_NAME(name) LT_JOIN(name, LT_SUFFIX)

typedef float vf __attribute__((vector_size(64), aligned(4)));
typedef int32_t vi __attribute__((vector_size(64), aligned(4)));

static inline vf LT_NAME(load)(const float *p) {
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline void LT_NAME(store)(float *p, vf v) { memcpy(p, &v, sizeof v); }
static inline vf LT_NAME(splat)(float x) { return (vf){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
static inline vf LT_NAME(pick)(vi mask, vf a, vf b) { return (vf)(((vi)a & mask) | ((vi)b & ~mask)); }
#define L LT_NAME(load)
#define ST LT_NAME(store)
#define S LT_NAME(splat)
#define PICK LT_NAME(pick)

#ifdef LT_AVX512
/// e^x within 2 ulp (Cody & Waite's reduction, polynomial of degree 6); 0 below -87.3, infinity above 88.7, NaN stays.
static inline vf LT_NAME(vexp)(vf x) {
    // Of max and min the second operand stays where one is NaN.
    __m512 z = _mm512_max_ps(_mm512_set1_ps(-87.33f), _mm512_min_ps(_mm512_set1_ps(89.f), (__m512)x));
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(z, _mm512_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    vf r = (vf)_mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), z);
    r = (vf)_mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), (__m512)r);
    vf p = S(1.9875691500e-4f);
    p = p * r + S(1.3981999507e-3f);
    p = p * r + S(8.3334519073e-3f);
    p = p * r + S(4.1665795894e-2f);
    p = p * r + S(1.6666665459e-1f);
    p = p * r + S(5.0000001201e-1f);
    p = p * (r * r) + (r + S(1.f));
    __mmask16 lives = _mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(-87.33f), _CMP_NLT_UQ);
    return (vf)_mm512_maskz_scalef_ps(lives, (__m512)p, n);
}

/// 1 / (1 + e^-x) within 4 ulp, by Newton's step from the CPU's estimate of the quotient; 0 below -87.
static inline vf LT_NAME(vlogistic)(vf x) {
    vf below = S(1.f) + LT_NAME(vexp)(-(vf)_mm512_max_ps(_mm512_set1_ps(-87.f), (__m512)x));
    __m512 guess = _mm512_rcp14_ps((__m512)below);
    __m512 rest = _mm512_fnmadd_ps((__m512)below, guess, _mm512_set1_ps(1.f));
    __mmask16 lives = _mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(-87.f), _CMP_NLT_UQ);
    return (vf)_mm512_maskz_fmadd_ps(lives, guess, rest, guess);
}
#else
/// e^x within 2 ulp (Cody & Waite's reduction, polynomial of degree 6); 0 below -87.3, infinity above 88.7, NaN stays.
static inline vf LT_NAME(vexp)(vf x) {
    vf z = PICK(x < S(-87.33f), S(-87.33f), x);
    z = PICK(z > S(88.72f), S(88.72f), z);
    vf n = (z * S(1.44269504f) + S(12582912.f)) - S(12582912.f);
    // 2^n in two steps, so that n = 128 stays in range.
    vf r = z - n * S(0.693359375f) - n * S(-2.12194440e-4f);
    vf p = S(1.9875691500e-4f);
    p = p * r + S(1.3981999507e-3f);
    p = p * r + S(8.3334519073e-3f);
    p = p * r + S(4.1665795894e-2f);
    p = p * r + S(1.6666665459e-1f);
    p = p * r + S(5.0000001201e-1f);
    p = p * r * r + r + S(1.f);
    vi safe = (x == x);
    vf whole = PICK(safe, n, S(0.f));
    vi k = __builtin_convertvector(whole, vi);
    vi half = k >> 1;
    vf y = p * (vf)((half + 127) << 23) * (vf)((k - half + 127) << 23);
    y = PICK(x < S(-87.33f), S(0.f), y);
    y = PICK(x > S(88.72f), S(INFINITY), y);
    return PICK(safe, y, x);
}

/// 1 / (1 + e^-x).
static inline vf LT_NAME(vlogistic)(vf x) { return S(1.f) / (S(1.f) + LT_NAME(vexp)(-x)); }
#endif

/// erf(x) within 1.7e-7, and 2.8e-7 of its value: x times a polynomial in x², fitted to the smallest largest error up to 3.9,
/// where erf is 1 to 4e-8. It is evaluated in x² moved to [-1, 1], where its coefficients do not cancel.
static inline vf LT_NAME(verf)(vf x) {
    vf t = x * x * S(1.314924359e-01f) - S(1.f);
    vf p = S(-7.247958565e-04f);
    p = p * t + S(1.891819411e-03f);
    p = p * t + S(-1.476439298e-03f);
    p = p * t + S(2.003366826e-03f);
    p = p * t + S(-7.102835458e-03f);
    p = p * t + S(1.345910784e-02f);
    p = p * t + S(-1.955549791e-02f);
    p = p * t + S(2.920928411e-02f);
    p = p * t + S(-4.277796298e-02f);
    p = p * t + S(5.788288638e-02f);
    p = p * t + S(-7.380343229e-02f);
    p = p * t + S(9.067333490e-02f);
    p = p * t + S(-1.095323861e-01f);
    p = p * t + S(1.346908957e-01f);
    p = p * t + S(-1.810110807e-01f);
    p = p * t + S(3.625839651e-01f);
    vf y = x * p;
    y = PICK(x > S(3.9f), S(1.f), y);
    return PICK(x < S(-3.9f), S(-1.f), y);
}

static inline __attribute__((always_inline)) vf LT_NAME(apply)(lt_unary_op op, vf a, vf b, vf x) {
    switch (op) {
        case LT_UNARY_RELU: return PICK(x < S(0.f), S(0.f), x);
        case LT_UNARY_LEAKY_RELU: return PICK(x < S(0.f), a * x, x);
        case LT_UNARY_CLIP: {
            vf y = PICK(x < a, a, x);
            return PICK(y > b, b, y);
        }
        case LT_UNARY_SIGMOID: return LT_NAME(vlogistic)(x);
        case LT_UNARY_TANH: {
            // Odd polynomial near zero, where 1 - 2 / (e^2x + 1) cancels.
            vf q = x * x;
            vf small = x + x * q * (S(-0.333332956f) + q * (S(0.133314f) + q * S(-0.0533740f)));
            vf big = S(1.f) - S(2.f) * LT_NAME(vlogistic)(-(x + x));
            return PICK(q < S(0.0625f), small, big);
        }
        case LT_UNARY_HARD_SIGMOID:
        case LT_UNARY_HARD_SWISH: {
            vf y = op == LT_UNARY_HARD_SWISH ? x * S(1.f / 6) + S(0.5f) : a * x + b;
            y = PICK(y < S(0.f), S(0.f), y);
            y = PICK(y > S(1.f), S(1.f), y);
            return op == LT_UNARY_HARD_SWISH ? x * y : y;
        }
        case LT_UNARY_SILU: return x * LT_NAME(vlogistic)(x);
        case LT_UNARY_GELU: return S(0.5f) * x * (S(1.f) + LT_NAME(verf)(x * S(0.70710678f)));
        case LT_UNARY_EXP: return LT_NAME(vexp)(x);
        case LT_UNARY_SQRT: {
            vf y;
            for (int i = 0; i < 16; i++) y[i] = sqrtf(x[i]);
            return y;
        }
        case LT_UNARY_ERF: return LT_NAME(verf)(x);
        default: return x;
    }
}
