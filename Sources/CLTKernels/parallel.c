// Parallel regions on libgomp's pool, the one that oneDNN and OpenBLAS (OpenMP flavour) use. Swift's clang emits no
// OpenMP, so the runtime's entry points are declared here.
#define _GNU_SOURCE
#include "CLTKernels.h"
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

void GOMP_parallel(void (*fn)(void *), void *data, unsigned num_threads, unsigned flags);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
int omp_get_max_threads(void);
void omp_set_num_threads(int);

typedef struct {
    void (*body)(void *, int, int);
    void *context;
    int count;
} region;

static void enter(void *data) {
    region *r = data;
    int team = omp_get_num_threads();
    // libgomp may grant fewer threads than asked for: each takes every team-th share.
    for (int i = omp_get_thread_num(); i < r->count; i += team) r->body(r->context, i, r->count);
}

void lt_parallel(int count, void (*body)(void *, int, int), void *context) {
    if (count <= 1) {
        body(context, 0, 1);
        return;
    }
    region r = {body, context, count};
    // Never a smaller team than the last one: libgomp ends the threads that are left over and makes new ones for the next.
    int most = omp_get_max_threads();
    GOMP_parallel(enter, &r, (unsigned)(count > most ? count : most), 0);
}

int lt_available_threads(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? count : 1;
}

void lt_set_threads(int threads) { omp_set_num_threads(threads > 0 ? threads : 1); }
int lt_threads(void) { return omp_get_max_threads(); }

void lt_configure_waiting(char **argv) {
    if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY")) return;
    // Some tens of microseconds: longer than the gap between two kernels, shorter than a time slice.
    if (setenv("GOMP_SPINCOUNT", "2000", 1) == 0) execv("/proc/self/exe", argv);
}
