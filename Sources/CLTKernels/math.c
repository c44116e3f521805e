// Kernels of the cpu backend: the loops over rows and threads around the vector kernels of this machine's instruction set.
#include "CLTKernels.h"
#include "math_table.h"
#include <string.h>

/// Elements below which a region costs more than it saves.
enum { LT_GRAIN = 16384, LT_MAX_RANK = 16 };

const lt_math_table *lt_math(void) {
#if defined(__x86_64__)
    switch (lt_isa_level()) {
        case LT_ISA_AVX512: return &lt_math_avx512;
        case LT_ISA_AVX2: return &lt_math_avx2;
        default: break;
    }
#endif
    return &lt_math_portable;
}

/// Threads for `items` independent pieces of `size` elements each.
static int team(size_t items, size_t size) {
    size_t threads = (size_t)lt_threads();
    size_t useful = items * size / LT_GRAIN;
    if (threads > useful) threads = useful;
    if (threads > items) threads = items;
    return threads > 1 ? (int)threads : 1;
}
static void share(size_t items, int index, int count, size_t *from, size_t *to) {
    *from = items * (size_t)index / (size_t)count;
    *to = items * (size_t)(index + 1) / (size_t)count;
}

typedef struct {
    const lt_math_table *table;
    int op, rank;
    float a, b, epsilon;
    const float *x, *z, *bias;
    float *y;
    size_t items, inner, lanes, channels;
    const int64_t *dims, *x_strides, *z_strides;
} job;

static void run(job *j, size_t items, size_t size, void (*body)(void *, int, int)) {
    j->table = lt_math();
    j->items = items;
    lt_parallel(team(items, size), body, j);
}

// --- unary
enum { LT_PIECE = 1024 };
static void unary_body(void *context, int index, int count) {
    job *j = context;
    size_t from, to;
    share(j->items, index, count, &from, &to);
    from *= LT_PIECE;
    to *= LT_PIECE;
    if (to > j->inner) to = j->inner;
    if (from < to) j->table->unary((lt_unary_op)j->op, j->a, j->b, j->x + from, j->y + from, to - from);
}
void lt_unary(lt_unary_op op, float a, float b, const float *x, float *y, size_t count) {
    job j = {.op = (int)op, .a = a, .b = b, .x = x, .y = y, .inner = count};
    run(&j, (count + LT_PIECE - 1) / LT_PIECE, LT_PIECE, unary_body);
}

// --- binary
static void binary_body(void *context, int index, int count) {
    job *j = context;
    size_t from, to;
    share(j->items, index, count, &from, &to);
    int last = j->rank - 1;
    int64_t at[LT_MAX_RANK], n = j->dims[last];
    int64_t xo = 0, zo = 0, rest = (int64_t)from;
    for (int d = last - 1; d >= 0; d--) {
        at[d] = rest % j->dims[d];
        rest /= j->dims[d];
        xo += at[d] * j->x_strides[d];
        zo += at[d] * j->z_strides[d];
    }
    for (size_t row = from; row < to; row++) {
        j->table->binary((lt_binary_op)j->op, j->x + xo, j->x_strides[last], j->z + zo, j->z_strides[last],
                         j->y + row * (size_t)n, (size_t)n);
        for (int d = last - 1; d >= 0; d--) {
            xo += j->x_strides[d];
            zo += j->z_strides[d];
            if (++at[d] < j->dims[d]) break;
            xo -= at[d] * j->x_strides[d];
            zo -= at[d] * j->z_strides[d];
            at[d] = 0;
        }
    }
}
void lt_binary(lt_binary_op op, int rank, const int64_t *dims, const float *x, const int64_t *x_strides, const float *z,
               const int64_t *z_strides, float *y) {
    size_t rows = 1, n = (size_t)dims[rank - 1];
    for (int d = 0; d < rank - 1; d++) rows *= (size_t)dims[d];
    // One long row is cut so that threads can share it.
    int64_t cut_dims[2], xs[2], zs[2];
    if (rank == 1 && n >= 2 * LT_GRAIN && n % LT_PIECE == 0) {
        cut_dims[0] = (int64_t)(n / LT_PIECE), cut_dims[1] = LT_PIECE;
        xs[1] = x_strides[0], zs[1] = z_strides[0];
        xs[0] = xs[1] * LT_PIECE, zs[0] = zs[1] * LT_PIECE;
        lt_binary(op, 2, cut_dims, x, xs, z, zs, y);
        return;
    }
    job j = {.op = (int)op, .rank = rank, .x = x, .z = z, .y = y, .dims = dims, .x_strides = x_strides, .z_strides = z_strides};
    run(&j, rows, n, binary_body);
}

// --- channel affine
static void affine_body(void *context, int index, int count) {
    job *j = context;
    size_t from, to, n = j->inner * j->lanes;
    share(j->items, index, count, &from, &to);
    for (size_t row = from; row < to; row++) {
        size_t c = row % j->channels * j->lanes;
        for (size_t i = 0; i < n; i += LT_PIECE) {
            size_t piece = n - i < LT_PIECE ? n - i : LT_PIECE;
            float *y = j->y + row * n + i;
            j->table->affine(j->x + row * n + i, j->z + c, j->bias + c, y, piece, j->lanes);
            if (j->op != LT_UNARY_COPY) j->table->unary((lt_unary_op)j->op, j->a, j->b, y, y, piece);
        }
    }
}
void lt_channel_affine(lt_unary_op op, float a, float b, const float *x, const float *scale, const float *shift, float *y,
                       size_t batch, size_t channels, size_t inner, size_t lanes) {
    job j = {.op = (int)op, .a = a, .b = b, .x = x, .z = scale, .bias = shift, .y = y, .inner = inner, .lanes = lanes, .channels = channels};
    run(&j, batch * channels, inner * lanes, affine_body);
}

// --- rows
static void softmax_body(void *context, int index, int count) {
    job *j = context;
    size_t from, to;
    share(j->items, index, count, &from, &to);
    for (size_t row = from; row < to; row++) j->table->softmax(j->x + row * j->inner, j->y + row * j->inner, j->inner);
}
void lt_softmax(const float *x, float *y, size_t rows, size_t columns) {
    job j = {.x = x, .y = y, .inner = columns};
    run(&j, rows, columns * 4, softmax_body);
}

static void norm_body(void *context, int index, int count) {
    job *j = context;
    size_t from, to, n = j->inner;
    share(j->items, index, count, &from, &to);
    for (size_t row = from; row < to; row++)
        j->table->layer_norm(j->x + row * n, j->z, j->bias, j->epsilon, j->y + row * n, n);
}
void lt_layer_norm(const float *x, const float *scale, const float *bias, float epsilon, float *y, size_t rows,
                   size_t columns) {
    job j = {.x = x, .z = scale, .bias = bias, .epsilon = epsilon, .y = y, .inner = columns};
    run(&j, rows, columns * 2, norm_body);
}

#if defined(__x86_64__)
static void norm_half_body(void *context, int index, int count) {
    job *j = context;
    size_t from, to, n = j->inner;
    share(j->items, index, count, &from, &to);
    for (size_t row = from; row < to; row++)
        lt_layer_norm_row_half(j->x + row * n, j->z, j->bias, j->epsilon, (uint16_t *)j->y + row * n, n);
}
#endif
void lt_layer_norm_half(const float *x, const float *scale, const float *bias, float epsilon, uint16_t *y, size_t rows,
                        size_t columns) {
    job j = {.x = x, .z = scale, .bias = bias, .epsilon = epsilon, .y = (float *)y, .inner = columns};
#if defined(__x86_64__)
    run(&j, rows, columns * 2, norm_half_body);
#else
    (void)j, (void)rows;
#endif
}

static void reduce_body(void *context, int index, int count) {
    job *j = context;
    size_t from, to, step = j->lanes * j->inner;
    share(j->items, index, count, &from, &to);
    for (size_t row = from; row < to; row++)
        j->table->reduce((lt_reduce_op)j->op, j->x + row * step, j->y + row * j->inner, j->lanes, j->inner);
}
void lt_reduce(lt_reduce_op op, const float *x, float *y, size_t outer, size_t count, size_t inner) {
    job j = {.op = (int)op, .x = x, .y = y, .lanes = count, .inner = inner};
    run(&j, outer, count * inner, reduce_body);
}

// --- moves
typedef struct {
    int rank;
    size_t size, items;
    const int64_t *dims, *x_strides, *y_strides;
    const char *x;
    char *y;
} move;

enum { LT_TILE = 16 };

/// The inner two dimensions, as tiles.
#define LT_PLANE(TYPE)                                                                                       \
    static void plane_##TYPE(const TYPE *x, TYPE *y, int64_t rows, int64_t columns, int64_t xr, int64_t xc, \
                             int64_t yr, int64_t yc) {                                                      \
        if (yc == 1 && xc == 0) {                                                                            \
            for (int64_t r = 0; r < rows; r++)                                                               \
                for (int64_t c = 0; c < columns; c++) y[r * yr + c] = x[r * xr];                             \
            return;                                                                                          \
        }                                                                                                    \
        for (int64_t r0 = 0; r0 < rows; r0 += LT_TILE)                                                       \
            for (int64_t c0 = 0; c0 < columns; c0 += LT_TILE) {                                              \
                int64_t r1 = r0 + LT_TILE < rows ? r0 + LT_TILE : rows;                                      \
                int64_t c1 = c0 + LT_TILE < columns ? c0 + LT_TILE : columns;                                \
                for (int64_t r = r0; r < r1; r++)                                                            \
                    for (int64_t c = c0; c < c1; c++) y[r * yr + c * yc] = x[r * xr + c * xc];               \
            }                                                                                                \
    }
LT_PLANE(uint8_t)
LT_PLANE(uint16_t)
LT_PLANE(uint32_t)
LT_PLANE(uint64_t)
#undef LT_PLANE

static void copy_body(void *context, int index, int count) {
    move *m = context;
    size_t from, to;
    share(m->items, index, count, &from, &to);
    int last = m->rank - 1;
    int64_t rows = last > 0 ? m->dims[last - 1] : 1, columns = m->dims[last], size = (int64_t)m->size;
    int64_t xr = last > 0 ? m->x_strides[last - 1] : 0, xc = m->x_strides[last];
    int64_t yr = last > 0 ? m->y_strides[last - 1] : 0, yc = m->y_strides[last];
    for (size_t item = from; item < to; item++) {
        size_t rest = item;
        const char *x = m->x;
        char *y = m->y;
        for (int d = last - 2; d >= 0; d--) {
            int64_t at = (int64_t)(rest % (size_t)m->dims[d]);
            rest /= (size_t)m->dims[d];
            x += at * m->x_strides[d] * size;
            y += at * m->y_strides[d] * size;
        }
        if (xc == 1 && yc == 1) {
            for (int64_t r = 0; r < rows; r++) memcpy(y + r * yr * size, x + r * xr * size, (size_t)(columns * size));
            continue;
        }
        switch (size) {
            case 1: plane_uint8_t((const uint8_t *)x, (uint8_t *)y, rows, columns, xr, xc, yr, yc); break;
            case 2: plane_uint16_t((const uint16_t *)x, (uint16_t *)y, rows, columns, xr, xc, yr, yc); break;
            case 4: plane_uint32_t((const uint32_t *)x, (uint32_t *)y, rows, columns, xr, xc, yr, yc); break;
            default: plane_uint64_t((const uint64_t *)x, (uint64_t *)y, rows, columns, xr, xc, yr, yc);
        }
    }
}
void lt_copy(size_t size, int rank, const int64_t *dims, const void *x, const int64_t *x_strides, void *y,
             const int64_t *y_strides) {
    move m = {.rank = rank, .size = size, .items = 1, .dims = dims, .x_strides = x_strides, .y_strides = y_strides, .x = x, .y = y};
    for (int d = 0; d < rank - 2; d++) m.items *= (size_t)dims[d];
    size_t plane = (size_t)dims[rank - 1] * (rank > 1 ? (size_t)dims[rank - 2] : 1);
    lt_parallel(team(m.items, plane), copy_body, &m);
}

typedef struct {
    size_t rows, parts, width;
    const void *const *sources;
    const size_t *bytes;
    char *y;
} join;
static void concat_body(void *context, int index, int count) {
    join *j = context;
    size_t from, to;
    share(j->rows * j->parts, index, count, &from, &to);
    for (size_t item = from; item < to; item++) {
        size_t row = item / j->parts, part = item % j->parts, offset = row * j->width;
        for (size_t p = 0; p < part; p++) offset += j->bytes[p];
        memcpy(j->y + offset, (const char *)j->sources[part] + row * j->bytes[part], j->bytes[part]);
    }
}
void lt_concat(size_t rows, size_t parts, const void *const *sources, const size_t *bytes, void *y) {
    join j = {.rows = rows, .parts = parts, .sources = sources, .bytes = bytes, .y = y};
    for (size_t p = 0; p < parts; p++) j.width += bytes[p];
    lt_parallel(team(rows * parts, j.width / 4 / (parts ? parts : 1)), concat_body, &j);
}

typedef struct {
    size_t rows, run;
    const float *x;
    const int32_t *places;
    float *y;
} gather;
static void gather_body(void *context, int index, int count) {
    gather *g = context;
    size_t from, to;
    share(g->rows, index, count, &from, &to);
    for (size_t i = from; i < to; i++) memcpy(g->y + i * g->run, g->x + (size_t)g->places[i] * g->run, g->run * 4);
}
void lt_gather_rows(size_t rows, size_t run, const float *x, const int32_t *places, float *y) {
    gather g = {.rows = rows, .run = run, .x = x, .places = places, .y = y};
    lt_parallel(team(rows, run), gather_body, &g);
}

void lt_zero_padding(float *y, size_t outer, size_t channels, size_t inner, size_t block) {
    size_t blocks = (channels + block - 1) / block, used = channels % block;
    if (used == 0) return;
    for (size_t o = 0; o < outer; o++) {
        float *last = y + ((o + 1) * blocks - 1) * inner * block;
        for (size_t i = 0; i < inner; i++) memset(last + i * block + used, 0, (block - used) * 4);
    }
}
