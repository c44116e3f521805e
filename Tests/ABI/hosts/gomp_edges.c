/* Preloaded under helgrind: tells it that what is done before a parallel region of libgomp comes before what the region's
 * threads do, and that before what is done after the region. libgomp waits by futexes, which helgrind does not see. */
#define _GNU_SOURCE 1

#include <dlfcn.h>
#include <stdlib.h>
#include <valgrind/helgrind.h>

typedef void (*region)(void *);
typedef void (*parallel)(region, void *, unsigned, unsigned);

typedef struct call {
    region function;
    void *data;
    char begin, end;
} call;

static void run(void *context) {
    call *one = (call *)context;
    ANNOTATE_HAPPENS_AFTER(&one->begin);
    one->function(one->data);
    ANNOTATE_HAPPENS_BEFORE(&one->end);
}

void GOMP_parallel(region function, void *data, unsigned threads, unsigned flags);
void GOMP_parallel(region function, void *data, unsigned threads, unsigned flags) {
    parallel real;
    *(void **)&real = dlsym(RTLD_NEXT, "GOMP_parallel");
    if (real == NULL) abort();
    call one;
    one.function = function;
    one.data = data;
    ANNOTATE_HAPPENS_BEFORE(&one.begin);
    real(run, &one, threads, flags);
    ANNOTATE_HAPPENS_AFTER(&one.end);
    ANNOTATE_HAPPENS_BEFORE_FORGET_ALL(&one.begin);
    ANNOTATE_HAPPENS_BEFORE_FORGET_ALL(&one.end);
}
