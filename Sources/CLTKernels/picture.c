// Windows of pictures as rows of bfloat16: lines are rounded and padded once, each row of a window is then one short copy; the rows
// of some lines of the output stay in cache while they are multiplied.
#include "CLTKernels.h"
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16"))), apply_to = function)

enum {
    /// Bfloat16 that one copy moves; lines and rows have room for one more.
    LT_PICTURE_PIECE = 8,
    /// Rows that are multiplied at a time, at least.
    LT_PICTURE_ROWS = 96,
};

typedef struct {
    const lt_picture_job *job;
    /// Lines of all images, and behind them one of zeros.
    uint16_t *lines;
    size_t line, line_count;
    uint16_t *rows;
    size_t row, rows_of_thread, group;
} picture;

static size_t round_up(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

static picture measure(const lt_picture_job *j) {
    picture p = {.job = j};
    int64_t reach = (j->out[2] - 1) * j->stride[2] + j->kernel[2], wide = j->pad[2] + j->in[2];
    p.line = round_up((size_t)(reach > wide ? reach : wide) + LT_PICTURE_PIECE, 32);
    p.line_count = j->images * j->channels * (size_t)(j->in[0] * j->in[1]);
    p.row = j->product.depth * 2;
    // Whole lines of the output.
    p.group = (LT_PICTURE_ROWS + (size_t)j->out[2] - 1) / (size_t)j->out[2];
    p.rows_of_thread = round_up(p.group * (size_t)j->out[2] * p.row + LT_PICTURE_PIECE, 32);
    p.lines = j->scratch;
    p.rows = p.lines + (p.line_count + 1) * p.line;
    return p;
}

static size_t threads_of(const lt_picture_job *j) { return j->threads > 1 ? (size_t)j->threads : 1; }

size_t lt_picture_scratch(const lt_picture_job *job) {
    picture p = measure(job);
    return 2 * ((p.line_count + 1) * p.line + threads_of(job) * p.rows_of_thread);
}

static void round_lines(void *context, int index, int count) {
    const picture *p = context;
    const lt_picture_job *j = p->job;
    size_t width = (size_t)j->in[2], pad = (size_t)j->pad[2];
    size_t from = p->line_count * (size_t)index / (size_t)count, to = p->line_count * (size_t)(index + 1) / (size_t)count;
    for (size_t l = from; l < to; l++) {
        const float *x = j->x + l * width;
        uint16_t *y = p->lines + l * p->line;
        memset(y, 0, 2 * pad);
        for (size_t i = 0; i < width; i += 16) {
            __mmask16 some = width - i < 16 ? (__mmask16)((1u << (width - i)) - 1) : 0xFFFF;
            __m256i v = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(some, x + i));
            _mm256_mask_storeu_epi16(y + pad + i, some, v);
        }
        memset(y + pad + width, 0, 2 * (p->line - pad - width));
    }
}

static inline void copy_piece(uint16_t *to, const uint16_t *from) {
    _mm_storeu_si128((__m128i *)to, _mm_loadu_si128((const __m128i *)from));
}

/// Rows of the windows of one line of the output.
static void unfold(const picture *p, size_t image, int64_t z, int64_t y, uint16_t *rows) {
    const lt_picture_job *j = p->job;
    size_t kernel = (size_t)j->kernel[2], step = (size_t)j->stride[2], count = 0;
    const uint16_t *lines[LT_PICTURE_LINES];
    for (size_t c = 0; c < j->channels; c++)
        for (int64_t kz = 0; kz < j->kernel[0]; kz++)
            for (int64_t ky = 0; ky < j->kernel[1]; ky++) {
                int64_t iz = z * j->stride[0] - j->pad[0] + kz, iy = y * j->stride[1] - j->pad[1] + ky;
                int isInside = iz >= 0 && iz < j->in[0] && iy >= 0 && iy < j->in[1];
                size_t plane = (image * j->channels + c) * (size_t)j->in[0] + (size_t)iz;
                lines[count++] = p->lines + (isInside ? plane * (size_t)j->in[1] + (size_t)iy : p->line_count) * p->line;
            }
    for (size_t x = 0; x < (size_t)j->out[2]; x++, rows += p->row) {
        // A copy may run over into what is written next.
        uint16_t *out = rows;
        size_t at = x * step;
        if (kernel <= LT_PICTURE_PIECE) {
#pragma clang loop unroll_count(4)
            for (size_t l = 0; l < count; l++, out += kernel) copy_piece(out, lines[l] + at);
        } else {
            for (size_t l = 0; l < count; l++, out += kernel)
                for (size_t k = 0; k < kernel; k += LT_PICTURE_PIECE) copy_piece(out + k, lines[l] + at + k);
        }
        if (out < rows + p->row) *out = 0;
    }
}

static void multiply_lines(void *context, int index, int count) {
    const picture *p = context;
    const lt_picture_job *j = p->job;
    uint16_t *rows = p->rows + (size_t)index * p->rows_of_thread;
    size_t height = (size_t)(j->out[0] * j->out[1]), groups = (height + p->group - 1) / p->group, units = j->images * groups;
    size_t from = units * (size_t)index / (size_t)count, to = units * (size_t)(index + 1) / (size_t)count;
    for (size_t u = from; u < to; u++) {
        size_t image = u / groups, first = height * (u % groups) / groups, end = height * (u % groups + 1) / groups;
        for (size_t line = first; line < end; line++)
            unfold(p, image, (int64_t)line / j->out[1], (int64_t)line % j->out[1], rows + (line - first) * (size_t)j->out[2] * p->row);
        lt_gemm_job product = j->product;
        size_t at = image * j->image_step + first * (size_t)j->out[2] * product.c_place.row;
        product.rows = (end - first) * (size_t)j->out[2];
        product.a = (const float *)rows;
        product.c = product.c_half ? (float *)((uint16_t *)product.c + at) : product.c + at;
        product.threads = 1;
        lt_gemm(&product);
    }
}

void lt_picture(const lt_picture_job *job) {
    picture p = measure(job);
    int threads = lt_threads() < (int)threads_of(job) ? lt_threads() : (int)threads_of(job);
    memset(p.lines + p.line_count * p.line, 0, 2 * p.line);
    lt_parallel(threads, round_lines, &p);
    lt_parallel(threads, multiply_lines, &p);
}
#pragma clang attribute pop
#else
size_t lt_picture_scratch(const lt_picture_job *job) { return (void)job, 0; }
void lt_picture(const lt_picture_job *job) { (void)job; }
#endif
