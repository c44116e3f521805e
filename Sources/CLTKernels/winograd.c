// Winograd convolutions: how tiles and outputs are cut into pieces for caches and threads, and how weights are transformed.
// A block of tiles is transformed, multiplied point by point with the transformed weights, and transformed back.
#include "CLTKernels.h"
#include "winograd_table.h"
#include <math.h>
#include <string.h>

static const lt_winograd_table *table(int isa) {
#if defined(__x86_64__)
    if (isa == LT_ISA_AVX512) return &lt_winograd_avx512;
    if (isa == LT_ISA_AVX2) return &lt_winograd_avx2;
#endif
    return &lt_winograd_portable;
}

static int64_t up(int64_t n, int64_t by) { return (n + by - 1) / by; }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// --- Plans
static int64_t taps(const lt_winograd_plan *p) { return p->shape.volume ? 27 : 9; }
static int64_t panels(const lt_winograd_plan *p) { return up(p->output_blocks, 2); }

/// Floats that one owner of a block of tiles holds: transformed inputs, products of a panel, transformed weights.
static int64_t input_floats(const lt_winograd_plan *p) { return p->tile_block * p->input_blocks * p->points * p->lanes; }
static int64_t product_floats(const lt_winograd_plan *p) {
    return p->tile_block * least(2, p->output_blocks) * p->points * p->lanes;
}
/// Floats between the points of transformed weights, and those of one block of inputs and one panel: not a power of two.
static int64_t weight_step(const lt_winograd_plan *p, int64_t wide) { return (p->lanes * wide + 1) * p->lanes; }
static int64_t weight_block(const lt_winograd_plan *p) { return weight_step(p, least(2, p->output_blocks)) * p->points; }
static int64_t weight_floats(const lt_winograd_plan *p) {
    return weight_block(p) * (p->whole ? panels(p) * p->input_blocks : p->chunk);
}

bool lt_winograd_fit(lt_winograd_plan *p) {
    int64_t v = input_floats(p), m = product_floats(p), u = weight_floats(p), bytes;
    int64_t shared = (p->together ? v : 0) + (p->whole ? u : 0), own = (p->together ? 0 : v) + m + (p->whole ? 0 : u);
    if (__builtin_mul_overflow(shared + own * p->threads, (int64_t)4, &bytes)) return false;
    p->scratch_bytes = (size_t)bytes;
    return true;
}

/// Chooses how to cut. Transforming a weight costs as much as multiplying it with three or four tiles, so it is done once per run where all
/// transformed weights stay near, or where tiles are many; else once per block of tiles, a few blocks of inputs at a time, with
/// blocks of tiles as large as the second-level cache bears.
static void cut(lt_winograd_plan *p, int rows) {
    const int64_t near = 768 << 10, far = 12 << 20, share = 520 << 10, most = 2400 << 10;
    int64_t all = panels(p) * p->input_blocks * weight_block(p) * 4, tile = p->points * p->input_blocks * p->lanes * 4;
    int64_t block = least(p->tiles, most / tile > 32 ? most / tile : 32);
    p->chunk = least(p->input_blocks, p->shape.volume ? 2 : 4);
    p->whole = p->tiles >= rows && (all <= near || (all <= far && up(p->tiles, block) >= 3));
    if (p->whole) block = share / tile >= 2 * rows ? 2 * rows : rows;
    int64_t blocks = up(p->tiles, block);
    p->together = !p->whole && blocks < 2 * p->threads && p->threads > 1;
    // Each thread has as many blocks as the others.
    if (!p->together) blocks = least(up(blocks, p->threads) * p->threads, p->tiles);
    p->tile_block = up(p->tiles, blocks);
}

bool lt_winograd_make(const lt_winograd_shape *shape, int isa, int threads, lt_winograd_plan *plan) {
    const lt_winograd_table *t = table(isa);
    lt_winograd_plan p = {.shape = *shape, .isa = isa, .lanes = t->lanes, .threads = threads > 1 ? threads : 1};
    p.points = shape->volume ? 144 : 36;
    p.input_blocks = up(shape->inputs, t->lanes);
    p.output_blocks = up(shape->outputs, t->lanes);
    p.across[0] = shape->volume ? up(shape->out[0], 2) : 1;
    p.across[1] = up(shape->out[1], 4);
    p.across[2] = up(shape->out[2], 4);
    p.tiles = shape->batch;
    for (int d = 0; d < 3; d++)
        if (__builtin_mul_overflow(p.tiles, p.across[d], &p.tiles)) return false;
    int64_t weights = (shape->volume ? 27 : 9) * 4, pair = p.lanes * p.lanes;
    if (__builtin_mul_overflow(weights, p.input_blocks, &weights) || __builtin_mul_overflow(weights, p.output_blocks, &weights) ||
        __builtin_mul_overflow(weights, pair, &weights))
        return false;
    p.weight_bytes = (size_t)weights;
    cut(&p, t->rows);
    if (!lt_winograd_fit(&p)) return false;
    *plan = p;
    return true;
}

/// Cycles of one core, measured on an Emerald Rapids: a vector's transforms, two fused multiply-adds each cycle, bytes of weights
/// from the third-level cache.
double lt_winograd_gain(const lt_winograd_plan *p) {
    const lt_winograd_shape *s = &p->shape;
    const double input = 240, output = 150, weight = p->shape.volume ? 230 : 135, byte = 0.2, start = 5000;
    double tiles = (double)p->tiles, in = (double)p->input_blocks, out = (double)p->output_blocks, lanes = p->lanes;
    double blocks = (double)up(p->tiles, p->tile_block), frames = (double)p->points / 36, streamed = (double)p->weight_bytes * byte;
    double pixels = (double)s->batch * (double)s->out[0] * (double)s->out[1] * (double)s->out[2];
    // Pictures come with a few channels: direct kernels do not pad those.
    double channels = s->inputs < p->lanes ? (double)s->inputs : in * lanes;
    double direct = pixels * channels * out * (double)taps(p) / 2 * 1.05 + streamed + start;
    double multiply = (double)p->points * in * lanes * out * tiles / 2 * 1.15;
    double transforms = frames * (tiles * in * input + tiles * out * output + in * lanes * out * weight * (p->whole ? 1 : blocks));
    return direct / (multiply + transforms + streamed + start);
}

// --- Weights
static int64_t blocks_of(const lt_winograd_plan *p, int64_t panel) { return least(2, p->output_blocks - panel * 2); }

/// Where the packed weights of a panel start.
static int64_t packed_at(const lt_winograd_plan *p, int64_t panel) {
    return panel * 2 * p->lanes * p->input_blocks * p->lanes * taps(p);
}

typedef struct {
    const lt_winograd_plan *plan;
    const float *weights;
    float *packed;
} packing;

static void pack(void *context, int index, int count) {
    packing *job = context;
    const lt_winograd_plan *p = job->plan;
    const lt_winograd_shape *s = &p->shape;
    int64_t n = taps(p), all = panels(p);
    for (int64_t panel = all * index / count; panel < all * (index + 1) / count; panel++) {
        int64_t wide = blocks_of(p, panel) * p->lanes;
        float *to = job->packed + packed_at(p, panel);
        for (int64_t i = 0; i < p->input_blocks * p->lanes; i++, to += n * wide) {
            int64_t some = i < s->inputs ? least(wide, s->outputs - panel * 2 * p->lanes) : 0;
            if (some < wide) memset(to, 0, (size_t)(n * wide) * 4);
            for (int64_t o = 0; o < some; o++) {
                const float *from = job->weights + ((panel * 2 * p->lanes + o) * s->inputs + i) * n;
                for (int64_t k = 0; k < n; k++) to[k * wide + o] = from[k];
            }
        }
    }
}

void lt_winograd_pack(const lt_winograd_plan *plan, const float *weights, float *packed) {
    packing job = {plan, weights, packed};
    lt_parallel((int)least(plan->threads, panels(plan)), pack, &job);
}

// --- Runs
typedef struct {
    lt_winograd_call call;
    const lt_winograd_table *table;
    // All transformed weights, if they are made first.
    float *weights;
    float *scratch;
    // The block of tiles that all threads work on.
    int64_t from, to;
} run;

/// Row blocks of `n` tiles, as even as can be.
static int64_t row_blocks(const run *r, int64_t n) { return up(n, r->table->rows); }

/// Where tile `tile` lies, in tiles: image, depth, height, width.
static void place(const lt_winograd_plan *p, int64_t tile, int64_t at[4]) {
    for (int d = 2; d >= 0; d--) {
        at[d + 1] = tile % p->across[d];
        tile /= p->across[d];
    }
    at[0] = tile;
}
static void advance(const lt_winograd_plan *p, int64_t at[4]) {
    for (int d = 2; d >= 0; d--) {
        if (++at[d + 1] < p->across[d]) return;
        at[d + 1] = 0;
    }
    at[0]++;
}

/// Transforms (tile, channel) pairs `first ..< last` of the tiles `from ..< to`.
static void inputs(const run *r, int64_t from, int64_t to, int64_t first, int64_t last, float *v) {
    const lt_winograd_plan *p = r->call.plan;
    int64_t n = to - from, blocks = row_blocks(r, n), block = 0, start = 0, end = n / blocks, channels = p->input_blocks;
    int64_t t = first / channels, channel = first % channels, at[4];
    place(p, from + t, at);
    for (int64_t i = first; i < last; i++) {
        while (t >= end) {
            block++;
            start = n * block / blocks;
            end = n * (block + 1) / blocks;
        }
        int64_t rows = end - start, step = rows * p->lanes;
        r->table->input(&r->call, at, channel,
                        v + start * channels * p->points * p->lanes + channel * p->points * step + (t - start) * p->lanes, step);
        if (++channel < channels) continue;
        channel = 0;
        t++;
        advance(p, at);
    }
}

/// Transforms the weights of blocks of inputs `first ..< last` and a panel.
static void weights(const run *r, int64_t panel, int64_t first, int64_t last, float *u) {
    const lt_winograd_plan *p = r->call.plan;
    int64_t wide = blocks_of(p, panel), step = weight_step(p, wide);
    const float *w = r->call.packed + packed_at(p, panel) + first * p->lanes * taps(p) * wide * p->lanes;
    for (int64_t i = first; i < last; i++, u += step * p->points, w += p->lanes * taps(p) * wide * p->lanes)
        r->table->weights(p->shape.volume, (int)wide, p->lanes, w, u, step);
}

/// Multiplies and transforms back: a panel for the row blocks `b0 ..< b1` of the tiles `from ..< to`.
static void outputs(const run *r, int64_t from, int64_t to, int64_t panel, int64_t b0, int64_t b1, const float *v, float *m,
                    float *own) {
    const lt_winograd_plan *p = r->call.plan;
    int64_t n = to - from, blocks = row_blocks(r, n), lanes = p->lanes, base = n * b0 / blocks;
    int64_t wide = blocks_of(p, panel), u_step = weight_step(p, wide), chunk = p->whole ? p->input_blocks : p->chunk;
    for (int64_t first = 0; first < p->input_blocks; first += chunk) {
        int64_t last = least(first + chunk, p->input_blocks);
        const float *u = p->whole ? r->weights + panel * p->input_blocks * weight_block(p) : own;
        if (!p->whole) weights(r, panel, first, last, own);
        for (int64_t q = 0; q < p->points; q++)
            for (int64_t b = b0; b < b1; b++) {
                int64_t start = n * b / blocks, rows = n * (b + 1) / blocks - start, step = rows * lanes;
                float *m0 = m + (start - base) * wide * p->points * lanes + q * step;
                r->table->multiply((int)rows, last - first, first > 0,
                                   v + (start * p->input_blocks * lanes + first * step) * p->points + q * step, p->points * step,
                                   u + q * u_step, p->points * u_step, m0, wide > 1 ? m0 + p->points * step : NULL);
            }
    }
    int64_t at[4];
    place(p, from + base, at);
    for (int64_t b = b0; b < b1; b++) {
        int64_t start = n * b / blocks, rows = n * (b + 1) / blocks - start, step = rows * lanes;
        const float *mb = m + (start - base) * wide * p->points * lanes;
        for (int64_t t = 0; t < rows; t++, advance(p, at))
            for (int64_t o = 0; o < wide; o++)
                r->table->output(&r->call, at, panel * 2 + o, mb + o * p->points * step + t * lanes, step);
    }
}

static void all_weights(void *context, int index, int count) {
    run *r = context;
    const lt_winograd_plan *p = r->call.plan;
    int64_t all = panels(p);
    for (int64_t panel = all * index / count; panel < all * (index + 1) / count; panel++)
        weights(r, panel, 0, p->input_blocks, r->weights + panel * p->input_blocks * weight_block(p));
}

/// Each thread on blocks of its own.
static void apart(void *context, int index, int count) {
    run *r = context;
    const lt_winograd_plan *p = r->call.plan;
    int64_t own = input_floats(p) + product_floats(p) + (p->whole ? 0 : weight_floats(p));
    float *v = r->scratch + index * own, *m = v + input_floats(p), *u = m + product_floats(p);
    int64_t blocks = up(p->tiles, p->tile_block);
    for (int64_t b = blocks * index / count; b < blocks * (index + 1) / count; b++) {
        int64_t from = p->tiles * b / blocks, to = p->tiles * (b + 1) / blocks;
        inputs(r, from, to, 0, (to - from) * p->input_blocks, v);
        for (int64_t panel = 0; panel < panels(p); panel++)
            outputs(r, from, to, panel, 0, row_blocks(r, to - from), v, m, u);
    }
}

/// All threads on one block: first its inputs …
static void together_inputs(void *context, int index, int count) {
    run *r = context;
    int64_t pairs = (r->to - r->from) * r->call.plan->input_blocks;
    inputs(r, r->from, r->to, pairs * index / count, pairs * (index + 1) / count, r->scratch);
}

/// … then panels, cut further along the tiles where they do not share out evenly.
static void together_outputs(void *context, int index, int count) {
    run *r = context;
    const lt_winograd_plan *p = r->call.plan;
    int64_t own = product_floats(p) + (p->whole ? 0 : weight_floats(p));
    float *m = r->scratch + input_floats(p) + index * own, *u = m + product_floats(p);
    int64_t all = panels(p), blocks = row_blocks(r, r->to - r->from);
    int64_t cuts = all % count == 0 || all >= 8 * count ? 1 : least(blocks, count);
    for (int64_t i = all * cuts * index / count; i < all * cuts * (index + 1) / count; i++) {
        int64_t panel = i / cuts, cut = i % cuts;
        outputs(r, r->from, r->to, panel, blocks * cut / cuts, blocks * (cut + 1) / cuts, r->scratch, m, u);
    }
}

void lt_winograd(const lt_winograd_plan *plan, const float *x, const float *packed, const float *bias,
                 const float *residual, lt_unary_op op, float a, float b, float *y, float *scratch) {
    run r = {.call = {.plan = plan, .x = x, .packed = packed, .bias = bias, .residual = residual, .y = y, .op = op, .a = a, .b = b},
             .table = table(plan->isa),
             .scratch = scratch};
    if (plan->whole) {
        r.weights = scratch;
        r.scratch = scratch + weight_floats(plan);
        lt_parallel((int)least(plan->threads, panels(plan)), all_weights, &r);
    }
    int64_t blocks = up(plan->tiles, plan->tile_block);
    if (!plan->together) {
        lt_parallel((int)least(plan->threads, blocks), apart, &r);
        return;
    }
    for (int64_t block = 0; block < blocks; block++) {
        r.from = plan->tiles * block / blocks;
        r.to = plan->tiles * (block + 1) / blocks;
        lt_parallel(plan->threads, together_inputs, &r);
        lt_parallel(plan->threads, together_outputs, &r);
    }
}

// --- Accuracy
/// Numbers in 0 ..< 1 from a linear congruential generator.
static float next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) * 0x1p-24f;
}

enum { MAX_PROBED = 16 };

static double error_of(const lt_winograd_plan *p, const float *x, const float *w, const float *y) {
    const lt_winograd_shape *s = &p->shape;
    int64_t n = taps(p), lanes = p->lanes, depth = s->out[0], layers = s->in[0];
    double sums[MAX_PROBED][2][16] = {0}, patch[4][36];
    for (int64_t c = 0; c < s->inputs; c++) {
        const float *xc = x + c / lanes * layers * 36 * lanes + c % lanes;
        for (int64_t i = 0; i < layers * 36; i++) patch[i / 36][i % 36] = xc[i * lanes];
        for (int64_t o = 0; o < s->outputs; o++)
            for (int64_t z = 0; z < depth; z++)
                for (int64_t k = 0; k < n; k++) {
                    double weight = w[(o * s->inputs + c) * n + k];
                    const double *from = patch[z + k / 9] + k / 3 % 3 * 6 + k % 3;
                    for (int row = 0; row < 4; row++)
                        for (int column = 0; column < 4; column++)
                            sums[o][z][row * 4 + column] += weight * from[row * 6 + column];
                }
    }
    double worst = 0, largest = 0;
    for (int64_t o = 0; o < s->outputs; o++)
        for (int64_t i = 0; i < depth * 16; i++) {
            double sum = sums[o][i / 16][i % 16];
            double error = fabs((double)y[((o / lanes * depth) * 16 + i) * lanes + o % lanes] - sum);
            if (!(error < INFINITY)) return INFINITY;
            if (error > worst) worst = error;
            if (fabs(sum) > largest) largest = fabs(sum);
        }
    return worst == 0 ? 0 : worst / largest;
}

double lt_winograd_error(const lt_winograd_plan *plan, const float *weights, int64_t channels) {
    lt_winograd_shape s = plan->shape;
    int64_t all = s.outputs, n = taps(plan);
    s.batch = 1;
    s.outputs = least(least(channels, MAX_PROBED), all);
    s.in[0] = s.volume ? 4 : 1, s.out[0] = s.volume ? 2 : 1;
    s.in[1] = s.in[2] = 6, s.out[1] = s.out[2] = 4;
    s.pad[0] = s.pad[1] = s.pad[2] = 0;
    lt_winograd_plan p;
    if (!lt_winograd_make(&s, plan->isa, 1, &p)) return INFINITY;
    size_t taken = (size_t)(s.outputs * s.inputs * n), in = (size_t)(p.input_blocks * p.lanes * s.in[0] * 36);
    size_t out = (size_t)(p.output_blocks * p.lanes * s.out[0] * 16), packed = p.weight_bytes / 4;
    float *memory = lt_allocate((taken + in + out + packed + 64) * 4 + p.scratch_bytes);
    if (!memory) return -1;
    float *x = memory, *y = x + in, *u = y + out, *scratch = u + packed, *w = scratch + p.scratch_bytes / 4;
    for (int64_t o = 0; o < s.outputs; o++)
        memcpy(w + o * s.inputs * n, weights + o * all / s.outputs * s.inputs * n, (size_t)(s.inputs * n) * 4);
    uint32_t state = 1;
    memset(x, 0, in * 4);
    for (int64_t c = 0; c < s.inputs; c++)
        for (int64_t i = 0; i < s.in[0] * 36; i++)
            x[(c / p.lanes * s.in[0] * 36 + i) * p.lanes + c % p.lanes] = next_random(&state);
    lt_winograd_pack(&p, w, u);
    lt_winograd(&p, x, u, NULL, NULL, LT_UNARY_COPY, 0, 0, y, scratch);
    double error = error_of(&p, x, w, y);
    lt_release(memory);
    return error;
}
