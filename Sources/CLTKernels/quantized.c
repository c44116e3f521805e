// Kernels on quantised values: the loops over threads around quantized_vector.h, which is compiled for each instruction set.
#include "CLTKernels.h"
#include <math.h>
#include <string.h>

typedef struct {
    void (*quantize)(const float *, uint8_t *, size_t, float, float, uint8_t);
    void (*dequantize)(const uint8_t *, float *, size_t, float, int32_t, uint8_t);
    void (*add)(const uint8_t *, float, int32_t, uint8_t, const uint8_t *, float, int32_t, uint8_t, uint8_t *, size_t, float,
                float, uint8_t);
    void (*sum_pixels)(const uint8_t *, int32_t *, size_t, size_t, size_t, uint8_t);
    int32_t (*sum_row)(const uint8_t *, size_t, uint8_t);
} lt_quantized_table;

#define LT_SUFFIX portable
#include "quantized_vector.h"
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LT_SUFFIX avx2
#include "quantized_vector.h"
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma"))), apply_to = function)
#define LT_SUFFIX avx512
#include "quantized_vector.h"
#pragma clang attribute pop
#endif

static const lt_quantized_table *table(void) {
#if defined(__x86_64__)
    switch (lt_isa_level()) {
        case LT_ISA_AVX512: return &table_avx512;
        case LT_ISA_AVX2: return &table_avx2;
        default: break;
    }
#endif
    return &table_portable;
}

static uint8_t flip(lt_quantization q) { return q.is_signed ? 0x80 : 0; }
static int32_t zero(lt_quantization q) { return q.zero_point + (q.is_signed ? 128 : 0); }

typedef struct {
    const lt_quantized_table *table;
    const uint8_t *a, *b;
    const float *x;
    uint8_t *y;
    float *out;
    lt_quantization of_a, of_b, to;
    size_t items, batch, channels, pixels;
    bool is_last;
} job;

/// Elements of one piece of work.
enum { LT_PIECE = 4096, LT_CHANNELS = 64 };

static void split(job *j, size_t items, size_t size, void (*body)(void *, int, int)) {
    size_t threads = (size_t)lt_threads(), useful = items * size / 32768;
    if (threads > useful) threads = useful;
    if (threads > items) threads = items;
    j->table = table();
    j->items = items;
    lt_parallel(threads > 1 ? (int)threads : 1, body, j);
}
static size_t cut(const job *j, int index, int count) { return j->items * (size_t)index / (size_t)count; }

/// The elements of share `index`: whole pieces.
static void range(const job *j, int index, int count, size_t *from, size_t *to) {
    *from = cut(j, index, count) * LT_PIECE;
    *to = cut(j, index + 1, count) * LT_PIECE;
    if (*from > j->pixels) *from = j->pixels;
    if (*to > j->pixels) *to = j->pixels;
}

static void quantize_body(void *context, int index, int count) {
    job *j = context;
    size_t from, to;
    range(j, index, count, &from, &to);
    j->table->quantize(j->x + from, j->y + from, to - from, j->to.scale, (float)zero(j->to), flip(j->to));
}
void lt_quantize(const float *x, uint8_t *y, size_t count, lt_quantization to) {
    job j = {.x = x, .y = y, .to = to, .pixels = count};
    split(&j, (count + LT_PIECE - 1) / LT_PIECE, LT_PIECE, quantize_body);
}

static void channels_last_body(void *context, int index, int count) {
    job *j = context;
    uint8_t piece[4][256];
    size_t pieces = (j->pixels + 255) / 256;
    for (size_t item = cut(j, index, count); item < cut(j, index + 1, count); item++) {
        size_t n = item / pieces, start = item % pieces * 256, some = j->pixels - start < 256 ? j->pixels - start : 256;
        for (size_t c0 = 0; c0 < j->channels; c0 += 4) {
            size_t wide = j->channels - c0 < 4 ? j->channels - c0 : 4;
            for (size_t c = 0; c < wide; c++)
                j->table->quantize(j->x + (n * j->channels + c0 + c) * j->pixels + start, piece[c], some, j->to.scale,
                                   (float)zero(j->to), flip(j->to));
            uint8_t *y = j->y + (n * j->pixels + start) * j->channels + c0;
            for (size_t i = 0; i < some; i++)
                for (size_t c = 0; c < wide; c++) y[i * j->channels + c] = piece[c][i];
        }
    }
}
void lt_quantize_channels_last(const float *x, uint8_t *y, size_t batch, size_t channels, size_t pixels, lt_quantization to) {
    job j = {.x = x, .y = y, .to = to, .batch = batch, .channels = channels, .pixels = pixels};
    split(&j, batch * ((pixels + 255) / 256), 256 * channels, channels_last_body);
}

static void dequantize_body(void *context, int index, int count) {
    job *j = context;
    size_t from, to;
    range(j, index, count, &from, &to);
    j->table->dequantize(j->a + from, j->out + from, to - from, j->of_a.scale, zero(j->of_a), flip(j->of_a));
}
void lt_dequantize(const uint8_t *x, float *y, size_t count, lt_quantization from) {
    job j = {.a = x, .out = y, .of_a = from, .pixels = count};
    split(&j, (count + LT_PIECE - 1) / LT_PIECE, LT_PIECE, dequantize_body);
}

static void add_body(void *context, int index, int count) {
    job *j = context;
    size_t from, to;
    range(j, index, count, &from, &to);
    j->table->add(j->a + from, j->of_a.scale, zero(j->of_a), flip(j->of_a), j->b + from, j->of_b.scale, zero(j->of_b),
                  flip(j->of_b), j->y + from, to - from, j->to.scale, (float)zero(j->to), flip(j->to));
}
void lt_quantized_add(const uint8_t *a, lt_quantization of_a, const uint8_t *b, lt_quantization of_b, uint8_t *y, size_t count,
                      lt_quantization to) {
    job j = {.a = a, .b = b, .y = y, .of_a = of_a, .of_b = of_b, .to = to, .pixels = count};
    split(&j, (count + LT_PIECE - 1) / LT_PIECE, LT_PIECE, add_body);
}

static void mean_body(void *context, int index, int count) {
    job *j = context;
    int32_t total[LT_CHANNELS];
    float mean[LT_CHANNELS];
    size_t groups = (j->channels + LT_CHANNELS - 1) / LT_CHANNELS;
    for (size_t item = cut(j, index, count); item < cut(j, index + 1, count); item++) {
        size_t n = item / groups, c0 = item % groups * LT_CHANNELS;
        size_t some = j->channels - c0 < LT_CHANNELS ? j->channels - c0 : LT_CHANNELS;
        const uint8_t *x = j->a + n * j->channels * j->pixels;
        if (j->is_last) {
            j->table->sum_pixels(x + c0, total, some, j->pixels, j->channels, flip(j->of_a));
        } else {
            for (size_t c = 0; c < some; c++)
                total[c] = j->table->sum_row(x + (c0 + c) * j->pixels, j->pixels, flip(j->of_a));
        }
        for (size_t c = 0; c < some; c++)
            mean[c] = ((float)total[c] / (float)j->pixels - (float)zero(j->of_a)) * j->of_a.scale;
        j->table->quantize(mean, j->y + n * j->channels + c0, some, j->to.scale, (float)zero(j->to), flip(j->to));
    }
}
void lt_quantized_mean(const uint8_t *x, lt_quantization from, uint8_t *y, size_t batch, size_t channels, size_t pixels,
                       bool is_last, lt_quantization to) {
    job j = {.a = x, .y = y, .of_a = from, .to = to, .batch = batch, .channels = channels, .pixels = pixels, .is_last = is_last};
    split(&j, batch * ((channels + LT_CHANNELS - 1) / LT_CHANNELS), LT_CHANNELS * pixels, mean_body);
}
