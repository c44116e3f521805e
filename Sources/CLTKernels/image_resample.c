// Pillow's resampling (libImaging/Resample.c, described there and in its tests): the weights of each target position
// are computed in double precision, normalised, rounded to 22 fractional bits; a pass sums 32-bit products, rounds
// and clips to 8 bits. The horizontal pass comes first and its rows wait in a ring for the vertical pass, unless the
// height loses more than twice as many pixels as the width (since Pillow 13; the order shows in the rounding).

#pragma STDC FP_CONTRACT OFF

#include "image_resample.h"

#include <math.h>
#include <string.h>

#include "CLTKernels.h"
#include "lt_memory.h"

static _Thread_local int lt_image_isa_most = LT_ISA_AVX512;

void lt_image_limit_isa(int level) { lt_image_isa_most = level; }

int lt_image_isa(void) {
    const int level = (int)lt_isa_level();
    return level < lt_image_isa_most ? level : lt_image_isa_most;
}

static double lt_sinc(double x) {
    if (x == 0.0) return 1.0;
    x *= M_PI;
    return sin(x) / x;
}

static double lt_filter(int filter, double x) {
    switch (filter) {
    case LT_FILTER_BOX: return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    case LT_FILTER_BILINEAR:
        x = fabs(x);
        return x < 1.0 ? 1.0 - x : 0.0;
    case LT_FILTER_HAMMING:
        x = fabs(x);
        if (x == 0.0) return 1.0;
        if (x >= 1.0) return 0.0;
        x *= M_PI;
        return sin(x) / x * (0.54f + 0.46f * cos(x)); // Pillow's constants are floats
    case LT_FILTER_BICUBIC: {
        const double a = -0.5;
        x = fabs(x);
        if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
        if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
        return 0.0;
    }
    default: return -3.0 <= x && x < 3.0 ? lt_sinc(x) * lt_sinc(x / 3) : 0.0;
    }
}

static double lt_filter_support(int filter) {
    switch (filter) {
    case LT_FILTER_BOX: return 0.5;
    case LT_FILTER_BILINEAR:
    case LT_FILTER_HAMMING: return 1.0;
    case LT_FILTER_BICUBIC: return 2.0;
    default: return 3.0;
    }
}

// Weights of the positions begin ..< begin + count of `target`.
static int lt_weights_make(
    struct lt_weights *weights, size_t source, size_t target, size_t begin_position, size_t count, int filter) {
    const double scale = (double)source / (double)target;
    const double filter_scale = scale < 1.0 ? 1.0 : scale;
    const double support = lt_filter_support(filter) * filter_scale;
    const double inverse = 1.0 / filter_scale;
    size_t stride = (size_t)ceil(support) * 2 + 1;
    if (stride > source) stride = source;
    weights->count = count;
    weights->stride = (stride + 3) & ~(size_t)3;
    weights->most = 0;
    weights->first = lt_allocate(count * sizeof(size_t));
    weights->taps = lt_allocate(count * sizeof(size_t));
    weights->values = lt_allocate_zeroed(count * weights->stride, sizeof(int32_t));
    double *exact = lt_allocate(stride * sizeof(double));
    if (!weights->first || !weights->taps || !weights->values || !exact) {
        lt_release(exact);
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        const double center = ((double)(begin_position + i) + 0.5) * scale;
        double low = center - support + 0.5, high = center + support + 0.5;
        const size_t begin = low < 0 ? 0 : (size_t)low;
        size_t end = high > (double)source ? source : (size_t)high;
        if (end > source) end = source;
        double sum = 0;
        size_t taps = end - begin;
        for (size_t x = 0; x < taps; x++) {
            exact[x] = lt_filter(filter, ((double)x + (double)begin - center + 0.5) * inverse);
            sum += exact[x];
        }
        int32_t *values = weights->values + i * weights->stride;
        for (size_t x = 0; x < taps; x++) {
            if (sum != 0.0) exact[x] /= sum;
            const double scaled = exact[x] * (1 << LT_WEIGHT_BITS);
            values[x] = (int32_t)(exact[x] < 0 ? -0.5 + scaled : 0.5 + scaled);
        }
        while (taps > 1 && values[taps - 1] == 0) taps--;
        weights->first[i] = begin;
        weights->taps[i] = taps;
        if (taps > weights->most) weights->most = taps;
    }
    lt_release(exact);
    return 0;
}

static void lt_weights_free(struct lt_weights *weights) {
    lt_release(weights->first);
    lt_release(weights->taps);
    lt_release(weights->values);
    lt_release(weights->packed);
#if defined(__x86_64__)
    lt_unpack_avx512(weights);
#endif
}

static inline uint8_t lt_clip(int32_t sum) {
    sum >>= LT_WEIGHT_BITS;
    return sum < 0 ? 0 : sum > 255 ? 255 : (uint8_t)sum;
}

#define LT_HALF (1 << (LT_WEIGHT_BITS - 1))

static inline __attribute__((always_inline)) void lt_horizontal_channels(
    const struct lt_weights *weights, const uint8_t *source, size_t channels, uint8_t *target) {
    for (size_t i = 0; i < weights->count; i++) {
        const uint8_t *at = source + weights->first[i] * channels;
        const int32_t *values = weights->values + i * weights->stride;
        // Unsigned: sums wrap where Pillow's would.
        uint32_t sums[4] = {LT_HALF, LT_HALF, LT_HALF, LT_HALF};
        for (size_t x = 0; x < weights->taps[i]; x++)
            for (size_t c = 0; c < channels; c++) sums[c] += (uint32_t)at[x * channels + c] * (uint32_t)values[x];
        for (size_t c = 0; c < channels; c++) target[i * channels + c] = lt_clip((int32_t)sums[c]);
    }
}

void lt_horizontal_portable(
    const struct lt_weights *weights, const uint8_t *const *sources, size_t rows, size_t channels,
    uint8_t *const *targets) {
    for (size_t row = 0; row < rows; row++) {
        if (channels == 1) lt_horizontal_channels(weights, sources[row], 1, targets[row]);
        else if (channels == 3) lt_horizontal_channels(weights, sources[row], 3, targets[row]);
        else lt_horizontal_channels(weights, sources[row], 4, targets[row]);
    }
}

void lt_vertical_portable(
    const uint8_t *const *rows, const int32_t *values, size_t taps, uint8_t *target, size_t count) {
    enum { block = 64 };
    for (size_t start = 0; start < count; start += block) {
        const size_t length = count - start < block ? count - start : block;
        uint32_t sums[block];
        for (size_t i = 0; i < block; i++) sums[i] = LT_HALF;
        for (size_t y = 0; y < taps; y++)
            for (size_t i = 0; i < length; i++) sums[i] += (uint32_t)rows[y][start + i] * (uint32_t)values[y];
        for (size_t i = 0; i < length; i++) target[start + i] = lt_clip((int32_t)sums[i]);
    }
}

// A resampling job: its passes (NULL: that side keeps its size).
struct lt_resample {
    const uint8_t *source;
    size_t source_height, source_row, channels;
    uint8_t *target;
    size_t target_height, target_row;
    const struct lt_weights *wide, *high;
    lt_horizontal_pass *across;
    lt_vertical_pass *down;
};

static int lt_horizontal_only(const struct lt_resample *job) {
    for (size_t y = 0; y < job->source_height; y += LT_ROWS) {
        const size_t count = job->source_height - y < LT_ROWS ? job->source_height - y : LT_ROWS;
        const uint8_t *from[LT_ROWS];
        uint8_t *to[LT_ROWS];
        for (size_t i = 0; i < count; i++) {
            from[i] = job->source + (y + i) * job->source_row;
            to[i] = job->target + (y + i) * job->target_row;
        }
        job->across(job->wide, from, count, job->channels, to);
    }
    return 0;
}

// The vertical pass first (or alone): its rows are as wide as the source's.
static int lt_vertical_first(const struct lt_resample *job) {
    const size_t slot = job->source_row + 64;
    const uint8_t **rows = lt_allocate(job->high->most * sizeof(*rows));
    uint8_t *scratch = job->wide ? lt_allocate(LT_ROWS * slot) : NULL;
    if (!rows || (job->wide && !scratch)) {
        lt_release(rows);
        lt_release(scratch);
        return -1;
    }
    for (size_t y = 0; y < job->target_height; y += LT_ROWS) {
        const size_t count = job->target_height - y < LT_ROWS ? job->target_height - y : LT_ROWS;
        const uint8_t *from[LT_ROWS];
        uint8_t *to[LT_ROWS];
        for (size_t i = 0; i < count; i++) {
            const size_t first = job->high->first[y + i], taps = job->high->taps[y + i];
            for (size_t tap = 0; tap < taps; tap++) rows[tap] = job->source + (first + tap) * job->source_row;
            to[i] = job->target + (y + i) * job->target_row;
            uint8_t *result = scratch ? scratch + i * slot : to[i];
            const size_t columns = scratch ? job->source_row : job->target_row;
            job->down(rows, job->high->values + (y + i) * job->high->stride, taps, result, columns);
            from[i] = result;
        }
        if (job->wide) job->across(job->wide, from, count, job->channels, to);
    }
    lt_release(rows);
    lt_release(scratch);
    return 0;
}

static int lt_horizontal_first(const struct lt_resample *job) {
    // Rows below the first one needed are needed no more; up to LT_ROWS - 1 beyond the last one needed are made early.
    const size_t slots = job->high->most + LT_ROWS, slot = job->target_row + 64;
    const uint8_t **rows = lt_allocate(job->high->most * sizeof(*rows));
    uint8_t *ring = lt_allocate(slots * slot);
    if (!rows || !ring) {
        lt_release(rows);
        lt_release(ring);
        return -1;
    }
    size_t ready = job->high->first[0];
    for (size_t y = 0; y < job->target_height; y++) {
        const size_t first = job->high->first[y], taps = job->high->taps[y];
        while (ready < first + taps) {
            const size_t left = job->source_height - ready, count = left < LT_ROWS ? left : LT_ROWS;
            const uint8_t *from[LT_ROWS];
            uint8_t *to[LT_ROWS];
            for (size_t i = 0; i < count; i++) {
                from[i] = job->source + (ready + i) * job->source_row;
                to[i] = ring + (ready + i) % slots * slot;
            }
            job->across(job->wide, from, count, job->channels, to);
            ready += count;
        }
        for (size_t tap = 0; tap < taps; tap++) rows[tap] = ring + (first + tap) % slots * slot;
        job->down(
            rows, job->high->values + y * job->high->stride, taps, job->target + y * job->target_row, job->target_row);
    }
    lt_release(rows);
    lt_release(ring);
    return 0;
}

// Chooses the passes; the horizontal one's weights are packed for it.
static int lt_resample_dispatch(struct lt_resample *job, struct lt_weights *wide) {
#if defined(__x86_64__)
    const int isa = lt_image_isa();
    if (isa >= LT_ISA_AVX512 && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni")) {
        job->down = lt_vertical_avx512;
        const int status = job->wide ? lt_pack_avx512(wide, job->channels) : 1;
        if (status == 0) job->across = lt_horizontal_avx512;
        if (status <= 0) return status;
    } else if (isa >= LT_ISA_AVX2) {
        job->down = lt_vertical_avx2;
    }
    if (isa >= LT_ISA_AVX2 && job->wide) {
        job->across = lt_horizontal_avx2;
        return lt_pack_avx2(wide, job->channels);
    }
#endif
    return 0;
}

int lt_resample_u8(
    const uint8_t *source, size_t source_width, size_t source_height, size_t channels, uint8_t *target,
    size_t target_width, size_t target_height, struct lt_window window, int filter) {
    const int horizontal = source_width != target_width, vertical = source_height != target_height;
    // A side that keeps its size is cropped by where reading begins.
    const size_t source_row = source_width * channels;
    if (!horizontal) source += window.x * channels;
    if (!vertical) source += window.y * source_row;
    struct lt_weights wide = {0}, high = {0};
    struct lt_resample job = {
        source, vertical ? source_height : window.height, source_row, channels, target, window.height,
        window.width * channels, horizontal ? &wide : NULL, vertical ? &high : NULL, lt_horizontal_portable,
        lt_vertical_portable};
    int status = 0;
    if (horizontal)
        status = lt_weights_make(&wide, source_width, target_width, window.x, window.width, filter);
    if (status == 0 && vertical)
        status = lt_weights_make(&high, source_height, target_height, window.y, window.height, filter);
    if (status == 0) status = lt_resample_dispatch(&job, &wide);
    if (status == 0) {
        const ptrdiff_t narrower = (ptrdiff_t)source_width - (ptrdiff_t)target_width;
        const ptrdiff_t lower = (ptrdiff_t)source_height - (ptrdiff_t)target_height;
        if (!horizontal && !vertical) {
            for (size_t y = 0; y < window.height; y++)
                memcpy(target + y * job.target_row, source + y * source_row, job.target_row);
        } else if (!vertical) {
            status = lt_horizontal_only(&job);
        } else if (!horizontal || (lower > 0 && lower > 2 * narrower)) {
            status = lt_vertical_first(&job);
        } else {
            status = lt_horizontal_first(&job);
        }
    }
    lt_weights_free(&wide);
    lt_weights_free(&high);
    return status;
}
