// Depthwise convolution of channels-last pictures: bands of rows over the threads.
#include "CLTKernels.h"
#include "math_table.h"

/// Output rows that share the input rows in cache.
enum { LT_BAND = 4 };

typedef struct {
    const lt_depthwise_rows_window *window;
    const lt_math_table *table;
    const float *x, *w, *bias;
    float *y;
    size_t bands;
} depthwise;

static void body(void *context, int index, int count) {
    depthwise *j = context;
    const lt_depthwise_rows_window *d = j->window;
    size_t items = d->batch * j->bands;
    size_t from = items * (size_t)index / (size_t)count, to = items * (size_t)(index + 1) / (size_t)count;
    for (size_t item = from; item < to; item++) {
        size_t n = item / j->bands, first = item % j->bands * LT_BAND;
        size_t last = first + LT_BAND < d->out_height ? first + LT_BAND : d->out_height;
        j->table->depthwise_rows(d, j->x + n * d->height * d->width * d->channels, j->w, j->bias,
                                 j->y + n * d->out_height * d->out_width * d->channels, first, last);
    }
}

void lt_depthwise_rows(const lt_depthwise_rows_window *window, const float *x, const float *w, const float *bias, float *y) {
    depthwise j = {.window = window, .table = lt_math(), .x = x, .w = w, .bias = bias, .y = y};
    j.bands = (window->out_height + LT_BAND - 1) / LT_BAND;
    size_t threads = (size_t)lt_threads(), items = window->batch * j.bands;
    if (threads > items) threads = items;
    if (window->batch * window->out_height * window->out_width * window->channels < 8192) threads = 1;
    lt_parallel((int)threads, body, &j);
}
