// The machine's peak: independent multiply-adds in registers, what a kernel could reach if it never waited for memory.
#include "CLTKernels.h"

#include <time.h>

enum { CHAINS = 12, ROUNDS = 20000 };

// As many floats as a register holds, of which two multiply-adds a cycle take four to five cycles each: twelve chains keep both
// units busy.
#define LT_PEAK(NAME, LANES, TARGET)                                                            \
    TARGET static float NAME(float seed) {                                                      \
        typedef float vector __attribute__((vector_size(LANES * 4)));                           \
        vector sums[CHAINS], factor = {0}, term = {0};                                          \
        factor += 0.5f + seed;                                                                  \
        term += 0.25f + seed;                                                                   \
        for (int i = 0; i < CHAINS; i++) sums[i] = term * (float)i;                             \
        for (int round = 0; round < ROUNDS; round++) {                                          \
            _Pragma("clang loop unroll(full)")                                                  \
            for (int i = 0; i < CHAINS; i++) sums[i] = sums[i] * factor + term;                 \
        }                                                                                       \
        float total = 0;                                                                        \
        for (int i = 0; i < CHAINS; i++) for (int lane = 0; lane < LANES; lane++) total += sums[i][lane]; \
        return total;                                                                           \
    }

#if defined(__x86_64__)
#pragma clang fp contract(fast)
LT_PEAK(peak_avx512, 16, __attribute__((target("avx512f,fma"))))
LT_PEAK(peak_avx2, 8, __attribute__((target("avx2,fma"))))
#endif
LT_PEAK(peak_portable, 4, )

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

typedef struct { float (*body)(float); float *sink; } peak_job;

static void run_peak(void *context, int index, int count) {
    (void)count;
    peak_job *job = context;
    for (int repeat = 0; repeat < 10; repeat++) job->sink[index * 16] += job->body(job->sink[index * 16] * 1e-30f);
}

double lt_peak_gflops(int threads) {
    lt_isa level = lt_isa_level();
    int lanes = level == LT_ISA_AVX512 ? 16 : level == LT_ISA_AVX2 ? 8 : 4;
    float (*body)(float) = peak_portable;
#if defined(__x86_64__)
    if (level == LT_ISA_AVX512) body = peak_avx512;
    if (level == LT_ISA_AVX2) body = peak_avx2;
#endif
    if (threads < 1) threads = 1;
    float *sink = lt_allocate_zeroed((size_t)threads, 64);
    if (!sink) return 0;
    peak_job job = {body, sink};
    double best = 0;
    for (int attempt = 0; attempt < 8; attempt++) {
        double start = now();
        lt_parallel(threads, run_peak, &job);
        double rate = 2.0 * lanes * CHAINS * ROUNDS * 10 * threads / (now() - start) / 1e9;
        if (rate > best) best = rate;
    }
    lt_release(sink);
    return best;
}
