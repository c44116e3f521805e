// Depthwise convolution: planes (a block of channels of an image) are shared out over threads, cut by rows where there are few;
// each row is finished while it is in the first cache.
#include "CLTKernels.h"
#include "depthwise_table.h"
#include "math_table.h"
#include <string.h>

/// Multiplications below which a region costs more than it saves.
enum { LT_DEPTHWISE_GRAIN = 1 << 18, LT_WIDEST = 16 };

static const lt_depthwise_table *table(void) {
#if defined(__x86_64__)
    switch (lt_isa_level()) {
        case LT_ISA_AVX512: return &lt_depthwise_avx512;
        case LT_ISA_AVX2: return &lt_depthwise_avx2;
        default: break;
    }
#endif
    return &lt_depthwise_portable;
}

size_t lt_channel_block(void) { return lt_isa_level() == LT_ISA_AVX512 ? 16 : 8; }

static int team(size_t items, size_t size) {
    size_t threads = (size_t)lt_threads(), useful = items * size / LT_DEPTHWISE_GRAIN;
    if (threads > useful) threads = useful;
    if (threads > items) threads = items;
    return threads > 1 ? (int)threads : 1;
}

typedef struct {
    const lt_depthwise_window *s;
    const float *x, *w, *bias;
    float *y, *sums;
    lt_unary_op f;
    float f_a, f_b;
    /// Pieces of a plane's rows.
    size_t pieces;
    size_t planes, pixels;
    double factor;
} job;

void lt_depthwise_span(const lt_depthwise_window *s, const float *x, size_t base, const float *w, const float *bias,
                       lt_unary_op f, float f_a, float f_b, float *y, size_t from, size_t to, double *total) {
    const lt_depthwise_table *kernels = table();
    const lt_math_table *math = lt_math();
    size_t block = lt_channel_block(), step = s->dilation_height * s->in_width * block;
    size_t reach = (s->kernel_height - 1) * s->dilation_height;
    for (size_t i = from; i < to; i++) {
        // Rows of the kernel that meet the image.
        size_t at = i * s->stride_height, skipped = 0, rows = s->kernel_height;
        if (at < s->top) skipped = (s->top - at + s->dilation_height - 1) / s->dilation_height;
        if (skipped > rows) skipped = rows;
        if (at + reach >= s->in_height + s->top) {
            size_t room = s->in_height + s->top > at ? s->in_height + s->top - at : 0;
            rows = (room + s->dilation_height - 1) / s->dilation_height;
        }
        rows = rows > skipped ? rows - skipped : 0;
        size_t first = rows ? at + skipped * s->dilation_height - s->top : base;
        float *line = y + i * s->out_width * block;
        kernels->row(s, x + (first - base) * s->in_width * block, step, rows, w + skipped * s->kernel_width * block, bias,
                     line);
        if (f != LT_UNARY_COPY) math->unary(f, f_a, f_b, line, line, s->out_width * block);
        if (total) kernels->sum(line, s->out_width, total);
    }
}

static void depthwise_body(void *context, int index, int count) {
    const job *j = context;
    const lt_depthwise_window *s = j->s;
    size_t block = lt_channel_block(), items = s->planes * j->pieces, pixels = s->in_height * s->in_width;
    size_t from = items * (size_t)index / (size_t)count, to = items * (size_t)(index + 1) / (size_t)count;
    for (size_t item = from; item < to; item++) {
        size_t plane = item / j->pieces, piece = item % j->pieces, channel = plane % s->blocks;
        lt_depthwise_span(s, j->x + plane * pixels * block, 0, j->w + channel * s->kernel_height * s->kernel_width * block,
                          j->bias ? j->bias + channel * block : NULL, j->f, j->f_a, j->f_b,
                          j->y + plane * s->out_height * s->out_width * block, s->out_height * piece / j->pieces,
                          s->out_height * (piece + 1) / j->pieces, NULL);
    }
}

void lt_depthwise(const lt_depthwise_window *s, const float *x, const float *w, const float *bias, lt_unary_op f, float f_a,
                  float f_b, float *y) {
    size_t area = s->out_height * s->out_width * (s->kernel_height * s->kernel_width + 4) * lt_channel_block();
    job j = {.s = s, .x = x, .w = w, .bias = bias, .y = y, .f = f, .f_a = f_a, .f_b = f_b, .pieces = 1};
    int threads = team(s->planes * s->out_height, area / s->out_height);
    if (s->planes < 4 * (size_t)threads) j.pieces = s->out_height < 8 ? s->out_height : 8;
    lt_parallel(threads, depthwise_body, &j);
}

static void scale_body(void *context, int index, int count) {
    const job *j = context;
    size_t block = lt_channel_block(), size = j->pixels * block;
    size_t from = j->planes * (size_t)index / (size_t)count, to = j->planes * (size_t)(index + 1) / (size_t)count;
    for (size_t plane = from; plane < to; plane++)
        table()->scale(j->x + plane * size, j->w + plane * block, j->y + plane * size, j->pixels);
}

void lt_channel_scale(const float *x, const float *scale, float *y, size_t planes, size_t pixels) {
    job j = {.x = x, .w = scale, .y = y, .planes = planes, .pixels = pixels};
    lt_parallel(team(planes, 4 * pixels * lt_channel_block()), scale_body, &j);
}

static void sums_body(void *context, int index, int count) {
    const job *j = context;
    size_t block = lt_channel_block(), size = j->pixels * block;
    size_t from = j->planes * (size_t)index / (size_t)count, to = j->planes * (size_t)(index + 1) / (size_t)count;
    for (size_t plane = from; plane < to; plane++) {
        double total[LT_WIDEST] = {0};
        table()->sum(j->x + plane * size, j->pixels, total);
        for (size_t lane = 0; lane < block; lane++) j->sums[plane * block + lane] = (float)(total[lane] * j->factor);
    }
}

void lt_channel_sums(const float *x, double factor, float *sums, size_t planes, size_t pixels) {
    job j = {.x = x, .sums = sums, .planes = planes, .pixels = pixels, .factor = factor};
    lt_parallel(team(planes, 2 * pixels * lt_channel_block()), sums_body, &j);
}
