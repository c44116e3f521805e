// The matrix product's loops: threads over rows and columns, rows in chunks that stay in the second-level cache, a panel of B after
// another for each.
#include "CLTKernels.h"
#include "gemm_table.h"
#include <string.h>

enum {
    /// Multiplications that are worth a thread.
    LT_GEMM_GRAIN = 1 << 17,
    /// Floats of A and C that stay in the second-level cache.
    LT_GEMM_CHUNK = 1 << 18,
    /// Rows of a panel that are used at a time: it streams from the second-level cache faster than it is multiplied.
    LT_GEMM_DEPTH = 1024,
    /// Floats between two products in a row that stay in the second-level cache beside the weights of both.
    LT_GEMM_BETWEEN = 1 << 17,
};

static const lt_gemm_table *table(void) {
#if defined(__x86_64__)
    switch (lt_isa_level()) {
        case LT_ISA_AVX512: return &lt_gemm_avx512;
        case LT_ISA_AVX2: return &lt_gemm_avx2;
        default: break;
    }
#endif
    return &lt_gemm_portable;
}

static const lt_gemm_table *table_of(const lt_gemm_job *job) {
#if defined(__x86_64__)
    if (job->pairs) return &lt_gemm_avx512_bf16;
#endif
    (void)job;
    return table();
}

/// Element `index` of what lies as C does.
static float *element(const lt_gemm_job *job, const float *c, size_t index) {
    return job->c_half ? (float *)((uint16_t *)c + index) : (float *)c + index;
}

size_t lt_gemm_block(void) { return table()->block; }

// Columns are cut into vectors of 16, and these into panels of nearly the same number of vectors.
static size_t vectors_of(size_t columns) { return (columns + 15) / 16; }
static size_t panels_of(const lt_gemm_table *t, size_t columns) {
    return (vectors_of(columns) + (size_t)t->vectors - 1) / (size_t)t->vectors;
}
static size_t panel_start(size_t vectors, size_t panels, size_t panel) { return vectors * panel / panels; }

size_t lt_gemm_packed_count(size_t depth, size_t columns) { return vectors_of(columns) * 16 * depth; }

static void pack(const lt_gemm_table *t, const float *b, size_t row_stride, size_t column_stride, size_t depth, size_t columns,
                 float *packed) {
    size_t vectors = vectors_of(columns), panels = panels_of(t, columns);
    for (size_t p = 0; p < panels; p++) {
        size_t first = panel_start(vectors, panels, p), end = panel_start(vectors, panels, p + 1);
        size_t some = end * 16 < columns ? (end - first) * 16 : columns - first * 16;
        t->pack(b + first * 16 * column_stride, row_stride, column_stride, depth, some, (int)(end - first),
                packed + first * 16 * depth);
    }
}

void lt_gemm_pack(const float *b, size_t row_stride, size_t column_stride, size_t depth, size_t columns, float *packed) {
    pack(table(), b, row_stride, column_stride, depth, columns, packed);
}

void lt_gemm_pack_pairs(const float *b, size_t row_stride, size_t column_stride, size_t depth, size_t columns, float *packed) {
#if defined(__x86_64__)
    pack(&lt_gemm_avx512_bf16, b, row_stride, column_stride, depth, columns, packed);
#else
    (void)b, (void)row_stride, (void)column_stride, (void)depth, (void)columns, (void)packed;
#endif
}

/// `unit` channels are an element.
static void pack_windows(const lt_gemm_table *t, const float *weights, size_t columns, size_t channels, size_t padded, size_t taps,
                         size_t unit, float *packed) {
    size_t vectors = vectors_of(columns), panels = panels_of(t, columns), column = channels * taps;
    size_t own = channels / unit, whole = padded / unit;
    for (size_t p = 0; p < panels; p++) {
        size_t first = panel_start(vectors, panels, p), width = (panel_start(vectors, panels, p + 1) - first) * 16;
        size_t some = first * 16 + width < columns ? width : columns - first * 16;
        for (size_t tap = 0; tap < taps; tap++) {
            float *to = packed + first * 16 * whole * taps + tap * whole * width;
            t->pack(weights + first * 16 * column + tap, taps, column, own, some, (int)(width / 16), to);
            memset(to + own * width, 0, (whole - own) * width * sizeof(float));
        }
    }
}

void lt_gemm_pack_windows(const float *weights, size_t columns, size_t channels, size_t padded, size_t taps, float *packed) {
    pack_windows(table(), weights, columns, channels, padded, taps, 1, packed);
}

void lt_gemm_pack_windows_pairs(const float *weights, size_t columns, size_t channels, size_t padded, size_t taps, float *packed) {
#if defined(__x86_64__)
    pack_windows(&lt_gemm_avx512_bf16, weights, columns, channels, padded, taps, 2, packed);
#else
    (void)weights, (void)columns, (void)channels, (void)padded, (void)taps, (void)packed;
#endif
}

typedef struct {
    const lt_gemm_job *job;
    const lt_gemm_table *table;
    size_t batch, vectors, panels, tiles;
    /// Threads over rows and over columns.
    size_t row_teams, column_teams;
    const float *transposed;
    float *panel_memory;
} run;

/// Whether f(0) = 0, so that channels past the last stay zero by themselves.
static int keeps_zero(const lt_gemm_job *job) {
    switch (job->activation) {
        case LT_UNARY_SIGMOID: return 0;
        case LT_UNARY_CLIP: return job->activation_a <= 0 && job->activation_b >= 0;
        case LT_UNARY_HARD_SIGMOID: return job->activation_b <= 0;
        default: return 1;
    }
}

static size_t batch_count(const lt_gemm_job *job) {
    size_t count = 1;
    for (int d = 0; d < LT_GEMM_BATCH; d++) count *= job->batch[d];
    return count;
}

static size_t batch_offset(const lt_gemm_job *job, size_t index, const size_t *strides) {
    size_t offset = 0;
    for (int d = LT_GEMM_BATCH - 1; d >= 0; d--) {
        offset += index % job->batch[d] * strides[d];
        index /= job->batch[d];
    }
    return offset;
}

static size_t ceiling(size_t a, size_t b) { return (a + b - 1) / b; }

static size_t threads_of(const lt_gemm_job *job, size_t batch) {
    double work = (double)batch * (double)job->rows * (double)job->columns * (double)job->depth / LT_GEMM_GRAIN;
    int threads = lt_threads();
    if (job->threads < threads) threads = job->threads;
    if (threads > work) threads = (int)work;
    return threads > 1 ? (size_t)threads : 1;
}

static size_t panel_floats(const lt_gemm_table *t, const lt_gemm_job *job) {
    return job->b_form == LT_GEMM_PACKED && !job->gate ? 0 : (size_t)t->vectors * 16 * job->depth;
}

static size_t transposed_floats(const lt_gemm_job *job, size_t batch) {
    return job->a_transposed ? (batch * job->rows * job->depth + 15) / 16 * 16 : 0;
}

size_t lt_gemm_scratch(const lt_gemm_job *job) {
    size_t threads = job->threads > 1 ? (size_t)job->threads : 1;
    return 4 * (transposed_floats(job, batch_count(job)) + threads * panel_floats(table_of(job), job));
}

/// Products of rows [from, to) of matrix n with panels [first, end).
static void multiply(const run *r, size_t n, size_t from, size_t to, size_t first, size_t end, float *memory) {
    const lt_gemm_job *job = r->job;
    const lt_gemm_table *table = r->table;
    const lt_placement *ap = &job->a_place;
    size_t depth = job->depth, a_row = ap->row, line = ap->line ? ap->line : SIZE_MAX;
    const float *a = job->a + batch_offset(job, n, job->a_batch), *b = job->b + batch_offset(job, n, job->b_batch);
    const float *gate = job->gate ? job->gate + batch_offset(job, n, job->gate_batch) : NULL;
    size_t c_offset = batch_offset(job, n, job->c_batch);
    size_t block = ap->block ? ap->block : SIZE_MAX, blocks = ap->blocks;
    if (job->a_transposed) {
        a = r->transposed + n * job->rows * depth;
        a_row = depth;
        line = block = SIZE_MAX;
    }
    lt_gemm_tile tile = {.job = job, .block = block, .blocks = blocks, .row = job->c_place.row};
    tile.half = table->block == 8 && job->c_place.block ? job->c_place.blocks : 8;
    tile.vector = job->c_place.block ? job->c_place.blocks * (16 / table->block) : 16;
    // Blocks of 16 channels end with a whole vector.
    int isWhole = job->c_place.block == 16 && keeps_zero(job);
    size_t chunk = end - first > 1 ? LT_GEMM_CHUNK / (depth + job->columns) : to - from;
    if (chunk < 64) chunk = 64;
    size_t chunks = ceiling(to - from, chunk);
    // Sums of parts wait in C, which must be as precise.
    size_t parts = job->c_half ? 1 : ceiling(depth, LT_GEMM_DEPTH), part = ceiling(depth, parts);
    if (block != SIZE_MAX) part = ceiling(part, block) * block;
    for (size_t c = 0; c < chunks; c++) {
        size_t top = from + (to - from) * c / chunks, bottom = from + (to - from) * (c + 1) / chunks;
        size_t tiles = ceiling(bottom - top, (size_t)table->rows);
        for (size_t p = first; p < end; p++) {
            size_t v = panel_start(r->vectors, r->panels, p), after = panel_start(r->vectors, r->panels, p + 1);
            tile.vectors = (int)(after - v);
            tile.columns = after * 16 < job->columns ? (after - v) * 16 : job->columns - v * 16;
            const float *panel = b + v * 16 * depth;
            if (job->b_form != LT_GEMM_PACKED) {
                int isRows = job->b_form == LT_GEMM_ROWS;
                size_t rs = isRows ? job->b_stride : 1, cs = isRows ? 1 : job->b_stride;
                table->pack(b + v * 16 * cs, rs, cs, depth, tile.columns, tile.vectors, memory);
                panel = memory;
            }
            if (gate) {
                table->scale(panel, gate, depth, tile.vectors, memory);
                panel = memory;
            }
            if (isWhole) tile.columns = (size_t)tile.vectors * 16;
            size_t column = c_offset + v * tile.vector;
            for (size_t k = 0; k < depth; k += part) {
                tile.depth = depth - k < part ? depth - k : part;
                tile.adds = k > 0;
                tile.ends = k + part >= depth;
                tile.b = panel + k * (size_t)tile.vectors * 16;
                // Packed parts lie in the order in which they are read.
                size_t part_floats = tile.depth * (size_t)tile.vectors * 16;
                int isLast = panel == memory || (p + 1 == end && tile.ends);
                tile.ahead_step = isLast ? 0 : ceiling((size_t)tile.vectors * 16, tiles);
                tile.bias = tile.adds || !job->bias ? NULL : job->bias + v * 16;
                size_t shift = block == SIZE_MAX ? k : k / block * blocks;
                for (size_t t = 0; t < tiles; t++) {
                    size_t i = top + (bottom - top) * t / tiles;
                    tile.rows = (int)(top + (bottom - top) * (t + 1) / tiles - i);
                    if (line == SIZE_MAX) {
                        const float *first_row = a + i * a_row + shift;
                        for (int row = 0; row < LT_TILE_ROWS; row++) tile.a[row] = first_row + (size_t)row * a_row;
                    } else {
                        size_t y = i / line, x = i % line;
                        for (int row = 0; row < tile.rows; row++) {
                            tile.a[row] = a + y * ap->lines + x * a_row + shift;
                            if (++x == line) x = 0, y++;
                        }
                    }
                    tile.ahead = isLast ? tile.b : tile.b + part_floats + t * tile.depth * tile.ahead_step;
                    size_t at = column + i * tile.row;
                    tile.c = element(job, job->c, at);
                    tile.residual = tile.adds || !job->residual ? NULL : element(job, job->residual, at);
                    table->tiles[(tile.vectors - 1) * table->rows + tile.rows - 1](&tile);
                }
            }
        }
    }
}

static void multiply_share(void *context, int index, int count) {
    (void)count;
    const run *r = context;
    float *memory = r->panel_memory + (size_t)index * panel_floats(r->table, r->job);
    size_t rows = r->job->rows;
    if (r->batch == 1 && r->row_teams == 1) {
        // Tiles, one panel after another: two threads may share a panel.
        size_t units = r->panels * r->tiles, a = units * (size_t)index / r->column_teams;
        size_t b = units * ((size_t)index + 1) / r->column_teams, first = a / r->tiles, end = b / r->tiles;
        size_t top = rows * (a % r->tiles) / r->tiles, bottom = rows * (b % r->tiles) / r->tiles;
        if (top > 0) {
            multiply(r, 0, top, first == end ? bottom : rows, first, first + 1, memory);
            if (first++ == end) return;
        }
        if (first < end) multiply(r, 0, 0, rows, first, end, memory);
        if (bottom > 0) multiply(r, 0, 0, bottom, end, end + 1, memory);
        return;
    }
    size_t column = (size_t)index % r->column_teams, row = (size_t)index / r->column_teams;
    size_t first = r->panels * column / r->column_teams, end = r->panels * (column + 1) / r->column_teams;
    // Rows of all matrices in tiles.
    size_t total = r->batch * r->tiles, from = total * row / r->row_teams, to = total * (row + 1) / r->row_teams;
    while (from < to) {
        size_t n = from / r->tiles, start = from % r->tiles, stop = r->tiles < start + to - from ? r->tiles : start + to - from;
        multiply(r, n, rows * start / r->tiles, rows * stop / r->tiles, first, end, memory);
        from += stop - start;
    }
}

static void transpose_share(void *context, int index, int count) {
    const run *r = context;
    const lt_gemm_job *job = r->job;
    size_t units = r->batch * r->tiles;
    for (size_t u = units * (size_t)index / (size_t)count; u < units * (size_t)(index + 1) / (size_t)count; u++) {
        size_t n = u / r->tiles, tile = u % r->tiles;
        const float *a = job->a + batch_offset(job, n, job->a_batch);
        float *out = (float *)r->transposed + n * job->rows * job->depth;
        size_t from = job->rows * tile / r->tiles, to = job->rows * (tile + 1) / r->tiles;
        for (size_t k = 0; k < job->depth; k++)
            for (size_t i = from; i < to; i++) out[i * job->depth + k] = a[k * job->a_place.row + i];
    }
}

void lt_gemm(const lt_gemm_job *job) {
    const lt_gemm_table *t = table_of(job);
    run r = {.job = job, .table = t, .batch = batch_count(job), .vectors = vectors_of(job->columns)};
    r.panels = panels_of(t, job->columns);
    r.tiles = ceiling(job->rows, (size_t)t->rows);
    size_t threads = threads_of(job, r.batch);
    // The grid of threads whose busiest does least; among equals, weights larger than A are read once.
    int wide = job->columns > r.batch * job->rows;
    size_t best = SIZE_MAX;
    for (size_t i = 1; i <= threads; i++) {
        size_t columns = wide ? threads + 1 - i : i;
        if (threads % columns != 0) continue;
        size_t cost = r.batch == 1 && columns == threads
            ? ceiling(r.tiles * r.panels, threads)
            : ceiling(r.batch * r.tiles, threads / columns) * ceiling(r.panels, columns);
        if (cost >= best) continue;
        best = cost;
        r.column_teams = columns;
        r.row_teams = threads / columns;
    }
    r.transposed = job->scratch;
    r.panel_memory = (float *)job->scratch + transposed_floats(job, r.batch);
    if (job->a_transposed) lt_parallel((int)threads, transpose_share, &r);
    lt_parallel((int)threads, multiply_share, &r);
}

typedef struct {
    const lt_gemm_job *first, *second;
    size_t tiles, chunk;
} pair;

/// Rows that go through both products at a time.
static size_t pair_rows(const lt_gemm_job *first) {
    size_t rows = (size_t)LT_GEMM_BETWEEN * (first->pairs ? 2 : 1) / (first->columns ? first->columns : 1);
    size_t tile = (size_t)table_of(first)->rows;
    return rows < 8 * tile ? 8 * tile : rows / tile * tile;
}

size_t lt_gemm_pair_scratch(const lt_gemm_job *first) {
    size_t threads = first->threads > 1 ? (size_t)first->threads : 1, rows = pair_rows(first);
    return (first->pairs ? 2 : 4) * threads * (rows < first->rows ? rows : first->rows) * ((first->columns + 15) / 16 * 16);
}

static run whole(const lt_gemm_job *job) {
    const lt_gemm_table *t = table_of(job);
    return (run){.job = job, .table = t, .batch = 1, .vectors = vectors_of(job->columns), .panels = panels_of(t, job->columns)};
}

static void pair_share(void *context, int index, int count) {
    const pair *p = context;
    lt_gemm_job first = *p->first, second = *p->second;
    size_t rows = first.rows, width = (first.columns + 15) / 16 * 16;
    size_t start = rows * (p->tiles * (size_t)index / (size_t)count) / p->tiles;
    size_t stop = rows * (p->tiles * (size_t)(index + 1) / (size_t)count) / p->tiles;
    first.c_half = first.pairs;
    first.c = element(&first, first.scratch, (size_t)index * (p->chunk < rows ? p->chunk : rows) * width);
    first.c_place.row = width;
    second.a_place.row = second.pairs ? width / 2 : width;
    second.a = first.c;
    run one = whole(&first), two = whole(&second);
    size_t chunks = ceiling(stop - start, p->chunk);
    for (size_t c = 0; c < chunks; c++) {
        size_t from = start + (stop - start) * c / chunks, some = start + (stop - start) * (c + 1) / chunks - from;
        first.a = p->first->a + from * first.a_place.row;
        second.c = element(&second, p->second->c, from * second.c_place.row);
        if (second.residual) second.residual = element(&second, p->second->residual, from * second.c_place.row);
        multiply(&one, 0, 0, some, 0, one.panels, NULL);
        multiply(&two, 0, 0, some, 0, two.panels, NULL);
    }
}

void lt_gemm_pair(const lt_gemm_job *first, const lt_gemm_job *second) {
    pair p = {.first = first, .second = second, .tiles = ceiling(first->rows, (size_t)table_of(first)->rows),
              .chunk = pair_rows(first)};
    size_t threads = threads_of(first, 1);
    lt_parallel((int)(threads < p.tiles ? threads : p.tiles), pair_share, &p);
}
