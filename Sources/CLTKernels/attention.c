// Attention: the split over batch entries, heads and queries around the kernel of this machine's instruction set.
#include "CLTKernels.h"
#include "math_table.h"

typedef struct {
    const lt_attention_job *job;
    void (*kernel)(const lt_attention_job *, size_t, size_t, size_t, size_t, float *);
    size_t splits, floats;
    float *scratch;
} attention;

/// Floats that one thread works in.
static size_t working(const lt_attention_job *j) {
    size_t wide = (j->keys + 15) / 16 * 16, channels = (j->width + 15) / 16 * 16;
    size_t floats = j->depth * wide + j->keys * channels + LT_ATTENTION_MAX_ROWS * (wide + channels);
    return (floats + 15) / 16 * 16;
}

size_t lt_attention_scratch(const lt_attention_job *job, int threads) { return working(job) * (size_t)threads; }

static void body(void *context, int index, int count) {
    attention *a = context;
    const lt_attention_job *j = a->job;
    size_t items = j->batch * j->heads * a->splits;
    size_t from = items * (size_t)index / (size_t)count, to = items * (size_t)(index + 1) / (size_t)count;
    for (size_t item = from; item < to; item++) {
        size_t split = item % a->splits, head = item / a->splits % j->heads, batch = item / a->splits / j->heads;
        a->kernel(j, batch, head, j->queries * split / a->splits, j->queries * (split + 1) / a->splits,
                  a->scratch + a->floats * (size_t)index);
    }
}

void lt_attention(const lt_attention_job *job, float *scratch) {
    attention a = {.job = job, .kernel = lt_math()->attention, .splits = 1, .floats = working(job), .scratch = scratch};
#if defined(__x86_64__)
    if (job->half) a.kernel = lt_attention_half;
#endif
    size_t heads = job->batch * job->heads, threads = (size_t)lt_threads();
    // Queries of a head are divided, each part packing the keys anew, where whole heads would leave threads idle.
    if (heads < 8 * threads && heads % threads != 0 && job->queries >= 16 * threads) a.splits = threads;
    size_t items = heads * a.splits;
    if (threads > items) threads = items;
    if (heads * job->queries * job->keys * (job->depth + job->width) < 65536) threads = 1;
    lt_parallel((int)threads, body, &a);
}
