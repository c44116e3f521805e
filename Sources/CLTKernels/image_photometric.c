// Photometric distortion of RGB pixels. HSV as OpenCV's float conversion has it: H in degrees, S in 0 … 1, V = max.

#pragma STDC FP_CONTRACT OFF

#include <float.h>
#include <math.h>

#include "CLTKernels.h"
#include "image_resample.h"

// Blocks keep the steps simple loops that the compiler can vectorise.
enum { lt_block = 256 };

#define LT_INLINE static inline __attribute__((always_inline))

// Not fmaxf and fminf: there are no NaNs here, and these are one instruction.
LT_INLINE float lt_max(float a, float b) { return a > b ? a : b; }
LT_INLINE float lt_min(float a, float b) { return a < b ? a : b; }

LT_INLINE void lt_scale(float *values, size_t count, float factor) {
    for (size_t i = 0; i < count; i++) values[i] *= factor;
}

LT_INLINE void lt_saturate_and_turn(float *red, float *green, float *blue, size_t count, float saturation, float turn) {
    for (size_t i = 0; i < count; i++) {
        const float r = red[i], g = green[i], b = blue[i];
        const float value = lt_max(lt_max(r, g), b), difference = value - lt_min(lt_min(r, g), b);
        const float s = difference / (fabsf(value) + FLT_EPSILON) * saturation;
        const float degrees = 60.0f / (difference + FLT_EPSILON);
        float hue = value == r ? (g - b) * degrees : value == g ? (b - r) * degrees + 120.0f : (r - g) * degrees + 240.0f;
        hue = hue < 0 ? hue + 360.0f : hue;
        hue += turn;
        hue = hue > 360.0f ? hue - 360.0f : hue;
        hue = hue < 0 ? hue + 360.0f : hue;
        // Back: channel n is V - V·S·max(0, min(k, 4 - k, 1)) with k = (n + H / 60) mod 6, n = 5, 3, 1.
        const float sixth = hue * (1.0f / 60.0f), chroma = value * s;
        float *const channels[3] = {red, green, blue};
        for (int c = 0; c < 3; c++) {
            float k = (float)(5 - 2 * c) + sixth;
            k = k >= 6.0f ? k - 6.0f : k;
            channels[c][i] = value - chroma * lt_max(0.0f, lt_min(lt_min(k, 4.0f - k), 1.0f));
        }
    }
}

LT_INLINE void lt_photometric_body(const struct lt_photometric *job, const uint8_t *source, size_t pixels, uint8_t *target) {
    float planes[3][lt_block];
    const int colours = job->saturation != 1.0f || job->hue != 0.0f;
    for (size_t start = 0; start < pixels; start += lt_block) {
        const size_t count = pixels - start < lt_block ? pixels - start : lt_block;
        const uint8_t *from = source + 3 * start;
        uint8_t *to = target + 3 * start;
        for (int c = 0; c < 3; c++) {
            for (size_t i = 0; i < count; i++) planes[c][i] = (float)from[3 * i + c] + job->brightness;
            if (job->contrast_first) lt_scale(planes[c], count, job->contrast);
        }
        if (colours) lt_saturate_and_turn(planes[0], planes[1], planes[2], count, job->saturation, job->hue);
        for (int c = 0; c < 3; c++) {
            float *plane = planes[job->permutation[c]];
            if (!job->contrast_first) lt_scale(plane, count, job->contrast);
            for (size_t i = 0; i < count; i++) to[3 * i + c] = (uint8_t)rintf(lt_min(lt_max(plane[i], 0.0f), 255.0f));
        }
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void lt_photometric_avx2(
    const struct lt_photometric *job, const uint8_t *source, size_t pixels, uint8_t *target) {
    lt_photometric_body(job, source, pixels, target);
}
#endif

void lt_photometric_u8(const struct lt_photometric *job, const uint8_t *source, size_t pixels, uint8_t *target) {
#if defined(__x86_64__)
    if (lt_image_isa() >= LT_ISA_AVX2) {
        lt_photometric_avx2(job, source, pixels, target);
        return;
    }
#endif
    lt_photometric_body(job, source, pixels, target);
}
