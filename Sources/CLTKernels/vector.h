// Vectors of 16 floats in the compiler's own vector type, which becomes one AVX-512 register, two AVX ones or four SSE or NEON
// ones, and the elementwise functions on them. Included once per instruction set with LT_SUFFIX defined (for AVX-512 LT_AVX512,
// too, behind immintrin.h; for products of bfloat16 LT_PAIRS); whoever includes it may use L (load), ST (store), S (splat) and PICK (mask ? a : b).
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

/// sum + x w, of floats or, with LT_PAIRS, of lanes that are pairs of bfloat16.
#ifdef LT_PAIRS
#define LT_MULTIPLY_ADD(sum, x, w) ((vf)_mm512_dpbf16_ps((__m512)(sum), (__m512bh)(x), (__m512bh)(w)))
static inline __attribute__((always_inline)) vf LT_NAME(widen)(const uint16_t *p) {
    return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16);
}
static inline __attribute__((always_inline)) void LT_NAME(narrow)(uint16_t *p, vf v) {
    _mm256_storeu_si256((__m256i *)p, (__m256i)_mm512_cvtneps_pbh((__m512)v));
}
#else
#define LT_MULTIPLY_ADD(sum, x, w) ((sum) + (x) * (w))
#endif

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

/// 1 / (1 + e^-x) within 3 ulp: e^-x is 2^(n/16) from a table times a polynomial in what is left (|r| <= 1/32), the quotient a
/// step of Newton's from the CPU's estimate; 0 below -87.
static inline vf LT_NAME(vlogistic)(vf x) {
    // The bits of 2^(i/16), less i where n << 19 puts it.
    static const int32_t powers[16] __attribute__((aligned(64))) = {
        0x3f800000, 0x3f7daac3, 0x3f7b95c2, 0x3f79c3d3, 0x3f7837f0, 0x3f76f532, 0x3f75fed7, 0x3f75583f,
        0x3f7504f3, 0x3f7508a4, 0x3f75672a, 0x3f76248c, 0x3f7744fd, 0x3f78ccdf, 0x3f7ac0c7, 0x3f7d257d,
    };
    // Of max and min the second operand stays where one is NaN. Past 64 the quotient is 1, and e^-x would meet denormal numbers.
    __m512 z = _mm512_min_ps(_mm512_set1_ps(64.f), _mm512_max_ps(_mm512_set1_ps(-87.f), (__m512)x));
    // n: the lowest bits of a sum that is a multiple of 1/16.
    __m512 sum = _mm512_fmadd_ps(z, _mm512_set1_ps(-1.44269504f), _mm512_set1_ps(786432.f));
    __m512i n = _mm512_castps_si512(sum);
    __m512 r = _mm512_fmsub_ps(z, _mm512_set1_ps(-1.44269504f), _mm512_sub_ps(sum, _mm512_set1_ps(786432.f)));
    r = _mm512_fmadd_ps(z, _mm512_set1_ps(-1.9259629e-8f), r);
    __m512i power = _mm512_permutexvar_epi32(n, _mm512_load_si512(powers));
    vf two = (vf)_mm512_castsi512_ps(_mm512_add_epi32(power, _mm512_slli_epi32(n, 19)));
    vf p = S(5.550595014e-2f) * (vf)r + S(2.402342883e-1f);
    p = p * (vf)r + S(6.931471800e-1f);
    __m512 below = (__m512)(two * (vf)r * p + (two + S(1.f)));
    __m512 guess = _mm512_rcp14_ps(below);
    __mmask16 lives = _mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(-87.f), _CMP_NLT_UQ);
    return (vf)_mm512_maskz_fmadd_ps(lives, guess, _mm512_fnmadd_ps(below, guess, _mm512_set1_ps(1.f)), guess);
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

#ifdef LT_AVX512
/// Coefficients of erf near i · 4/31, i < 32, in steps of 4/31 from there, fitted to the smallest largest error; beyond 4 it is 1.
static const float LT_NAME(erf_near)[5][32] __attribute__((aligned(64))) = {
    {0.f, 1.447933e-1f, 2.8485748e-1f, 4.159218e-1f, 5.345589e-1f, 6.384396e-1f, 7.264286e-1f, 7.985228e-1f,
     8.5566413e-1f, 8.9947474e-1f, 9.3196756e-1f, 9.552792e-1f, 9.714576e-1f, 9.823189e-1f, 9.893723e-1f, 9.938033e-1f,
     9.9649596e-1f, 9.9807876e-1f, 9.989788e-1f, 9.994739e-1f, 9.997373e-1f, 9.998729e-1f, 9.9994045e-1f, 9.9997294e-1f,
     9.999881e-1f, 9.9999493e-1f, 9.999979e-1f, 9.9999917e-1f, 9.999997e-1f, 9.999999e-1f, 9.9999994e-1f, 1.f},
    {1.4559731e-1f, 1.4319322e-1f, 1.362167e-1f, 1.253363e-1f, 1.1154805e-1f, 9.602531e-2f, 7.9955444e-2f, 6.439452e-2f,
     5.0163563e-2f, 3.7797786e-2f, 2.7547544e-2f, 1.9419493e-2f, 1.3241325e-2f, 8.732999e-3f, 5.571008e-3f, 3.4374995e-3f,
     2.0515865e-3f, 1.1843372e-3f, 6.61301e-4f, 3.5715874e-4f, 1.8657852e-4f, 9.427593e-5f, 4.6076402e-5f, 2.1781852e-5f,
     9.959729e-6f, 4.4049298e-6f, 1.8844898e-6f, 7.7976944e-7f, 3.1208808e-7f, 1.2081664e-7f, 4.52392e-8f, 1.6384819e-8f},
    {1.257481e-7f, -2.3840657e-3f, -4.535824e-3f, -6.2602838e-3f, -7.428788e-3f, -7.993772e-3f, -7.987215e-3f, -7.5048693e-3f,
     -6.6815107e-3f, -5.663766e-3f, -4.58648e-3f, -3.5565377e-3f, -2.6455119e-3f, -1.8901832e-3f, -1.2985523e-3f, -8.584832e-4f,
     -5.465228e-4f, -3.352147e-4f, -1.981851e-4f, -1.1298344e-4f, -6.2128696e-5f, -3.296159e-5f, -1.6877333e-5f, -8.341059e-6f,
     -3.979836e-6f, -1.8335268e-6f, -8.160753e-7f, -3.506852e-7f, -1.455624e-7f, -5.8366968e-8f, -2.2610472e-8f, -8.456489e-9f},
    {-8.0929033e-4f, -7.6707156e-4f, -6.544093e-4f, -4.8666197e-4f, -2.8921413e-4f, -8.964189e-5f, 8.7557775e-5f, 2.2496363e-4f,
     3.1413886e-4f, 3.553736e-4f, 3.5572716e-4f, 3.2618418e-4f, 2.787745e-4f, 2.2429794e-4f, 1.7097231e-4f, 1.2399489e-4f,
     8.581792e-5f, 5.6809586e-5f, 3.603054e-5f, 2.1923224e-5f, 1.2811001e-5f, 7.195397e-6f, 3.8872613e-6f, 2.0206076e-6f,
     1.0118312e-6f, 4.880633e-7f, 2.2647488e-7f, 1.014694e-7f, 4.3837797e-8f, 1.8267027e-8f, 7.3431705e-9f, 2.8111398e-9f},
    {4.0291698e-6f, 1.9578623e-5f, 3.5999343e-5f, 4.6807065e-5f, 5.076306e-5f, 4.8000402e-5f, 3.987422e-5f, 2.8482193e-5f,
     1.6126003e-5f, 4.795051e-6f, -4.1536837e-6f, -1.0113102e-5f, -1.3141545e-5f, -1.37596035e-5f, -1.2693993e-5f, -1.0697128e-5f,
     -8.379614e-6f, -6.16615e-6f, -4.2896913e-6f, -2.8341653e-6f, -1.7840267e-6f, -1.0760797e-6f, -6.165637e-7f, -3.3994345e-7f,
     -1.7951731e-7f, -9.110449e-8f, -4.2985377e-8f, -2.011859e-8f, -9.058993e-9f, -3.9264467e-9f, -1.6386544e-9f, -7.5974577e-10f},
};

/// erf(factor x) within 6.3e-8, and 2e-7 of its value, factor > 0.
static inline vf LT_NAME(verf)(vf x, float factor) {
    // Of min the second operand stays where one is NaN. The nearest i is what is left in the low bits of a sum with 1.5 · 2^23.
    __m512 u = _mm512_min_ps(_mm512_set1_ps(4.f / factor), _mm512_abs_ps((__m512)x)), steps = _mm512_set1_ps(7.75f * factor);
    __m512 place = _mm512_fmadd_ps(u, steps, _mm512_set1_ps(12582912.f));
    vf r = (vf)_mm512_fmsub_ps(u, steps, _mm512_sub_ps(place, _mm512_set1_ps(12582912.f)));
    __m512i i = _mm512_castps_si512(place);
#define LT_NEAR(k) (vf)_mm512_permutex2var_ps((__m512)L(LT_NAME(erf_near)[k]), i, (__m512)L(LT_NAME(erf_near)[k] + 16))
    vf y = LT_NEAR(4);
    y = y * r + LT_NEAR(3);
    y = y * r + LT_NEAR(2);
    y = y * r + LT_NEAR(1);
    y = y * r + LT_NEAR(0);
#undef LT_NEAR
    // The sign of x.
    return (vf)_mm512_ternarylogic_epi32((__m512i)y, (__m512i)x, _mm512_set1_epi32(INT32_MIN), 0xd8);
}
#else
/// erf(factor x) within 1.7e-7, and 2.8e-7 of its value: x times a polynomial in x², fitted to the smallest largest error up to 3.9,
/// where erf is 1 to 4e-8. It is evaluated in x² moved to [-1, 1], where its coefficients do not cancel.
static inline vf LT_NAME(verf)(vf x, float factor) {
    x *= S(factor);
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
#endif

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
        case LT_UNARY_GELU: {
            vf half = S(0.5f) * x;
            return half * LT_NAME(verf)(x, 0.70710678f) + half;
        }
        case LT_UNARY_EXP: return LT_NAME(vexp)(x);
        case LT_UNARY_SQRT: {
            vf y;
            for (int i = 0; i < 16; i++) y[i] = sqrtf(x[i]);
            return y;
        }
        case LT_UNARY_ERF: return LT_NAME(verf)(x, 1.f);
        default: return x;
    }
}
