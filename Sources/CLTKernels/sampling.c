// Resizing and regions of interest: where samples fall is computed here, in plain float32 as ONNX's reference does it, since its
// rounding decides what lies outside; the sums over pixels are the vector kernels'.
#include "CLTKernels.h"
#include "sampling_table.h"
#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

/// Elements below which a region costs more than it saves.
enum { LT_SAMPLING_GRAIN = 1 << 15 };

static const lt_sampling_table *table(void) {
#if defined(__x86_64__)
    switch (lt_isa_level()) {
        case LT_ISA_AVX512: return &lt_sampling_avx512;
        case LT_ISA_AVX2: return &lt_sampling_avx2;
        default: break;
    }
#endif
    return &lt_sampling_portable;
}

static int team(size_t items, size_t size) {
    size_t threads = (size_t)lt_threads(), useful = items * size / LT_SAMPLING_GRAIN;
    if (threads > useful) threads = useful;
    if (threads > items) threads = items;
    return threads > 1 ? (int)threads : 1;
}

// --- resizing
typedef struct {
    const float *x;
    size_t planes, lanes;
    lt_taps rows, columns;
    float *lines, *y;
} resample;

static void resample_body(void *context, int index, int count) {
    const resample *j = context;
    const lt_sampling_table *kernels = table();
    size_t items = j->planes * j->rows.out, in = j->columns.in * j->lanes, out = j->columns.out * j->lanes;
    size_t from = items * (size_t)index / (size_t)count, to = items * (size_t)(index + 1) / (size_t)count;
    float *line = j->lines + (size_t)index * in;
    for (size_t item = from; item < to; item++) {
        size_t plane = item / j->rows.out, i = item % j->rows.out;
        const float *rows[LT_MOST_TAPS], *weights = j->rows.weights + i * j->rows.taps;
        for (size_t t = 0; t < j->rows.taps; t++)
            rows[t] = j->x + (plane * j->rows.in + (size_t)j->rows.places[i * j->rows.taps + t]) * in;
        const float *source = rows[0];
        if (j->rows.taps > 1 || weights[0] != 1) {
            kernels->blend(rows, weights, j->rows.taps, line, in);
            source = line;
        }
        kernels->pick(source, &j->columns, j->lanes, j->y + item * out);
    }
}

int lt_resample(const float *x, size_t planes, lt_taps rows, lt_taps columns, size_t lanes, float *y) {
    resample j = {.x = x, .planes = planes, .lanes = lanes, .rows = rows, .columns = columns, .y = y};
    int threads = team(planes * rows.out, columns.out * lanes);
    j.lines = lt_allocate((size_t)threads * columns.in * lanes * sizeof(float));
    if (!j.lines) return -1;
    lt_parallel(threads, resample_body, &j);
    lt_release(j.lines);
    return 0;
}

// --- regions of interest
typedef struct {
    /// Bin k has the taps from bounds[k] to bounds[k + 1].
    int32_t bounds[LT_MOST_BINS + 1], places[LT_MOST_BINS * LT_MOST_SAMPLES * 2];
    float weights[LT_MOST_BINS * LT_MOST_SAMPLES * 2];
} bin_taps;

/// The samples of all bins along one axis; neighbouring samples share places.
static void place_bins(bin_taps *taps, float begin, float end, const lt_roi_window *s, size_t bins, size_t extent) {
    float start = begin * s->scale - s->shift, length = end * s->scale - s->shift - start;
    if (s->shift == 0 && length < 1) length = 1;
    float size = length / (float)bins, last = (float)(extent - 1);
    int reaches = fabsf(start) < 1e15f && fabsf(length) < 1e15f;
    int32_t n = 0;
    for (size_t bin = 0; bin < bins; bin++) {
        int32_t first = taps->bounds[bin] = n;
        float origin = start + (float)bin * size;
        for (size_t sample = 0; reaches && sample < s->samples; sample++) {
            float place = origin + ((float)sample + 0.5f) * size / (float)s->samples;
            if (!(place >= -1 && place <= last + 1)) continue;
            float inside = place < 0 ? 0 : place > last ? last : place, low = floorf(inside);
            float ends[2] = {low, low + 1 < last ? low + 1 : last}, weights[2] = {1 - inside + low, inside - low};
            for (int k = 0; k < 2; k++) {
                int32_t tap = (int32_t)ends[k], at = n - 1;
                while (at >= first && at >= n - 2 && taps->places[at] != tap) at--;
                if (at >= first && at >= n - 2) {
                    taps->weights[at] += weights[k];
                } else {
                    taps->places[n] = tap;
                    taps->weights[n++] = weights[k];
                }
            }
        }
    }
    taps->bounds[bins] = n;
}

typedef struct {
    const lt_roi_window *s;
    const float *x, *rois;
    const int64_t *images;
    float *y;
} align;

static void align_body(void *context, int index, int count) {
    const align *j = context;
    const lt_roi_window *s = j->s;
    const lt_sampling_table *kernels = table();
    size_t block = lt_channel_block(), blocks = (s->channels + block - 1) / block, bins = s->bins_height * s->bins_width;
    size_t from = s->regions * (size_t)index / (size_t)count, to = s->regions * (size_t)(index + 1) / (size_t)count;
    float sums[LT_MOST_BINS * LT_MOST_BINS * 16], factor = 1 / (float)(s->samples * s->samples);
    bin_taps down, across;
    for (size_t region = from; region < to; region++) {
        const float *roi = j->rois + 4 * region;
        place_bins(&across, roi[0], roi[2], s, s->bins_width, s->width);
        place_bins(&down, roi[1], roi[3], s, s->bins_height, s->height);
        for (size_t b = 0; b < blocks; b++) {
            const float *x = j->x + ((size_t)j->images[region] * blocks + b) * s->height * s->width * block;
            float *sum = sums;
            for (size_t i = 0; i < s->bins_height; i++)
                for (size_t k = 0; k < s->bins_width; k++, sum += block) {
                    int32_t r = down.bounds[i], c = across.bounds[k];
                    kernels->bin(x, s->width, down.places + r, down.weights + r, (size_t)(down.bounds[i + 1] - r),
                                 across.places + c, across.weights + c, (size_t)(across.bounds[k + 1] - c), factor, sum);
                }
            size_t used = s->channels - b * block < block ? s->channels - b * block : block;
            float *y = j->y + (region * s->channels + b * block) * bins;
            for (size_t lane = 0; lane < used; lane++)
                for (size_t k = 0; k < bins; k++) y[lane * bins + k] = sums[k * block + lane];
        }
    }
}

void lt_roi_align(const lt_roi_window *s, const float *x, const float *rois, const int64_t *images, float *y) {
    align j = {.s = s, .x = x, .rois = rois, .images = images, .y = y};
    lt_parallel(team(s->regions, s->channels * s->bins_height * s->bins_width * s->samples * s->samples), align_body, &j);
}
