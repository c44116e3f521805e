/* A host that loads a model and runs it on zeros through liblongtail.so or through ONNX Runtime's C library, opened by
 * dlopen so that opening counts too. Prints milliseconds from before the library is opened to the first result, and the
 * median microseconds of the calls after it.
 * usage: c_api longtail|onnxruntime LIBRARY MODEL INPUT OUTPUT THREADS CALLS DIM... */
#define _GNU_SOURCE
#include "longtail.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void fail(const char *what) {
    fprintf(stderr, "c_api: %s\n", what);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct job {
    const char *library, *model, *input, *output;
    int threads;
    size_t rank, elements;
    int64_t dims[LT_MAX_RANK];
    float *data;
};

/* One call after the other; the first returns after the model was loaded. */
typedef void (*caller)(void);

/* ---- LongTail */
static lt_session *session;
static lt_tensor tensor;
static lt_status (*run)(lt_session *, const lt_tensor *, size_t, const lt_run_options *, lt_output_buffer *, size_t,
                        lt_results **);
static void (*release_results)(lt_results *);

static void call_longtail(void) {
    lt_results *results;
    if (run(session, &tensor, 1, NULL, NULL, 0, &results)) fail("lt_session_run failed");
    release_results(results);
}

static caller open_longtail(const struct job *job) {
    void *library = dlopen(job->library, RTLD_NOW);
    if (!library) fail(dlerror());
    lt_status (*load)(const char *, const lt_model_options *, lt_model **) =
        (lt_status(*)(const char *, const lt_model_options *, lt_model **))dlsym(library, "lt_model_load");
    lt_status (*create)(const lt_model *, lt_session **) =
        (lt_status(*)(const lt_model *, lt_session **))dlsym(library, "lt_session_create");
    const char *(*message)(void) = (const char *(*)(void))dlsym(library, "lt_last_error_message");
    *(void **)&run = dlsym(library, "lt_session_run");
    *(void **)&release_results = dlsym(library, "lt_results_release");
    lt_model_options options = {.struct_size = sizeof options, .threads = job->threads};
    lt_model *model;
    if (load(job->model, &options, &model) || create(model, &session)) fail(message());
    tensor.struct_size = sizeof tensor;
    tensor.name = job->input;
    tensor.element_type = 1;
    tensor.rank = job->rank;
    tensor.dims = job->dims;
    tensor.data = job->data;
    tensor.size = job->elements * sizeof(float);
    return call_longtail;
}

/* ---- ONNX Runtime: its API is a table of functions; the places are those of its header, which never change. */
enum { CREATE_ENV = 3, CREATE_SESSION = 7, RUN = 9, CREATE_OPTIONS = 10, SET_THREADS = 24, CREATE_TENSOR = 49,
       CREATE_MEMORY_INFO = 69, RELEASE_VALUE = 96 };
static void **ort;
static void *ort_session, *ort_input;
static const char *ort_names[2];

static void check(void *status) {
    if (status) fail(((const char *(*)(const void *))ort[2])(status));
}

static void call_ort(void) {
    void *output = NULL;
    const void *const inputs[1] = {ort_input};
    check(((void *(*)(void *, const void *, const char *const *, const void *const *, size_t, const char *const *, size_t,
                      void **))ort[RUN])(ort_session, NULL, &ort_names[0], inputs, 1, &ort_names[1], 1, &output));
    ((void (*)(void *))ort[RELEASE_VALUE])(output);
}

static caller open_ort(const struct job *job) {
    void *library = dlopen(job->library, RTLD_NOW), *env, *options, *memory;
    if (!library) fail(dlerror());
    struct base { void **(*get_api)(uint32_t); const char *(*version)(void); };
    const struct base *(*get_base)(void) = (const struct base *(*)(void))dlsym(library, "OrtGetApiBase");
    ort = get_base()->get_api(17);
    check(((void *(*)(int, const char *, void **))ort[CREATE_ENV])(3, "bench", &env));
    check(((void *(*)(void **))ort[CREATE_OPTIONS])(&options));
    check(((void *(*)(void *, int))ort[SET_THREADS])(options, job->threads));
    check(((void *(*)(void *, const char *, void *, void **))ort[CREATE_SESSION])(env, job->model, options, &ort_session));
    check(((void *(*)(int, int, void **))ort[CREATE_MEMORY_INFO])(1, 0, &memory));
    check(((void *(*)(void *, void *, size_t, const int64_t *, size_t, int, void **))ort[CREATE_TENSOR])(
        memory, job->data, job->elements * sizeof(float), job->dims, job->rank, 1, &ort_input));
    ort_names[0] = job->input;
    ort_names[1] = job->output;
    return call_ort;
}

int main(int count, char **words) {
    if (count < 9) fail("usage: c_api longtail|onnxruntime LIBRARY MODEL INPUT OUTPUT THREADS CALLS DIM...");
    struct job job = {.library = words[2], .model = words[3], .input = words[4], .output = words[5],
                      .threads = atoi(words[6]), .elements = 1};
    int calls = atoi(words[7]);
    for (int index = 8; index < count && job.rank < LT_MAX_RANK; index++) {
        job.dims[job.rank] = atoll(words[index]);
        job.elements *= (size_t)job.dims[job.rank++];
    }
    job.data = aligned_alloc(64, (job.elements * sizeof(float) + 63) / 64 * 64);
    if (!job.data) fail("no memory");
    memset(job.data, 0, job.elements * sizeof(float));
    double start = now();
    caller call = strcmp(words[1], "longtail") ? open_ort(&job) : open_longtail(&job);
    double loaded = now();
    call();
    double first = now();
    double *times = malloc(sizeof(double) * (size_t)(calls > 0 ? calls : 1));
    for (int index = 0; index < calls; index++) {
        double begin = now();
        call();
        times[index] = now() - begin;
    }
    qsort(times, (size_t)calls, sizeof(double), compare);
    printf("{\"load\": %.3f, \"first\": %.3f, \"call\": %.3f}\n", loaded - start, first - start,
           calls > 0 ? times[calls / 2] * 1e3 : 0);
    return 0;
}
