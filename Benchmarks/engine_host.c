/* A process that runs one model through one engine: liblongtail.so, ONNX Runtime's or OpenVINO's C library, opened by
 * dlopen so that opening counts. models.py starts one per engine and lets them take turns.
 * usage: engine_host longtail|onnxruntime|openvino LIBRARY MODEL THREADS f32|bf16|int8 DATA SESSIONS INPUT OUTPUTS DIM...
 * CACHE in the environment is a folder in which the engine may keep what it makes of the model (ONNX Runtime has no such thing).
 * DATA holds the input as raw float32; OUTPUTS are names with commas between. Prints a line once the first result is there,
 * then obeys lines on stdin:
 *   run N    N runs; prints their milliseconds
 *   load N   N runs in each of SESSIONS threads at once; prints the milliseconds of all and what it took in all
 *   peak     prints the peak of the resident memory in KiB
 *   dump F   writes the first output of the latest run to F */
#define _GNU_SOURCE
#include "longtail.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) {
    fprintf(stderr, "engine_host: %s\n", what);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

enum { MAX_OUTPUTS = 8, MAX_SESSIONS = 16 };
static struct {
    const char *library, *model, *precision, *input, *outputs[MAX_OUTPUTS];
    int threads, sessions;
    size_t rank, elements, output_count;
    int64_t dims[LT_MAX_RANK];
    float *data;
} job;

/* What an engine does: load, then run in session i, the first output of whose latest run `dump` writes. */
struct engine {
    void (*open)(void *library);
    void (*run)(int session);
    void (*dump)(int session, FILE *file);
};

static void *symbol(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (!found) fail(dlerror());
    return found;
}

/* ---- LongTail */
static struct {
    lt_status (*run)(lt_session *, const lt_tensor *, size_t, const lt_run_options *, lt_output_buffer *, size_t,
                     lt_results **);
    void (*release)(lt_results *);
    lt_status (*tensor)(const lt_results *, size_t, lt_tensor *);
    const char *(*message)(void);
    lt_session *sessions[MAX_SESSIONS];
    lt_results *results[MAX_SESSIONS];
    lt_tensor input;
} lt;

static void open_longtail(void *library) {
    lt_status (*load)(const char *, const lt_model_options *, lt_model **);
    lt_status (*create)(const lt_model *, lt_session **);
    *(void **)&load = symbol(library, "lt_model_load");
    *(void **)&create = symbol(library, "lt_session_create");
    *(void **)&lt.run = symbol(library, "lt_session_run");
    *(void **)&lt.release = symbol(library, "lt_results_release");
    *(void **)&lt.tensor = symbol(library, "lt_results_get_tensor");
    *(void **)&lt.message = symbol(library, "lt_last_error_message");
    lt_model_options options = {.struct_size = sizeof options, .threads = job.threads, .precision = LT_PRECISION_FP32,
                                .cache = getenv("CACHE")};
    if (!strcmp(job.precision, "bf16")) options.precision = LT_PRECISION_BF16;
    if (!strcmp(job.precision, "int8")) options.precision = LT_PRECISION_INT8;
    lt_model *model;
    if (load(job.model, &options, &model)) fail(lt.message());
    for (int index = 0; index < job.sessions; index++)
        if (create(model, &lt.sessions[index])) fail(lt.message());
    lt.input = (lt_tensor){.struct_size = sizeof lt.input, .name = job.input, .element_type = 1, .rank = job.rank,
                           .dims = job.dims, .data = job.data, .size = job.elements * sizeof(float)};
}

static void run_longtail(int session) {
    lt.release(lt.results[session]);
    lt.results[session] = NULL;
    if (lt.run(lt.sessions[session], &lt.input, 1, NULL, NULL, 0, &lt.results[session])) fail(lt.message());
}

static void dump_longtail(int session, FILE *file) {
    lt_tensor tensor = {.struct_size = sizeof tensor};
    if (lt.tensor(lt.results[session], 0, &tensor)) fail(lt.message());
    fwrite(tensor.data, 1, tensor.size, file);
}

/* ---- ONNX Runtime: its API is a table of functions; the places are those of its header, which never change. */
enum { CREATE_ENV = 3, CREATE_SESSION = 7, RUN = 9, CREATE_OPTIONS = 10, SET_THREADS = 24, CREATE_TENSOR = 49, DATA = 51,
       ELEMENTS = 64, SHAPE_INFO = 65, CREATE_MEMORY_INFO = 69, RELEASE_VALUE = 96 };
static struct {
    void **api, *session, *input, *outputs[MAX_SESSIONS][MAX_OUTPUTS];
} ort;

static void check_ort(void *status) {
    if (status) fail(((const char *(*)(const void *))ort.api[2])(status));
}

static void open_ort(void *library) {
    void *env, *options, *memory;
    struct base { void **(*get_api)(uint32_t); const char *(*version)(void); };
    const struct base *(*get_base)(void);
    *(void **)&get_base = symbol(library, "OrtGetApiBase");
    ort.api = get_base()->get_api(17);
    check_ort(((void *(*)(int, const char *, void **))ort.api[CREATE_ENV])(3, "bench", &env));
    check_ort(((void *(*)(void **))ort.api[CREATE_OPTIONS])(&options));
    check_ort(((void *(*)(void *, int))ort.api[SET_THREADS])(options, job.threads));
    check_ort(((void *(*)(void *, const char *, void *, void **))ort.api[CREATE_SESSION])(env, job.model, options, &ort.session));
    check_ort(((void *(*)(int, int, void **))ort.api[CREATE_MEMORY_INFO])(1, 0, &memory));
    check_ort(((void *(*)(void *, void *, size_t, const int64_t *, size_t, int, void **))ort.api[CREATE_TENSOR])(
        memory, job.data, job.elements * sizeof(float), job.dims, job.rank, 1, &ort.input));
}

static void run_ort(int session) {
    for (size_t index = 0; index < job.output_count; index++) {
        if (ort.outputs[session][index]) ((void (*)(void *))ort.api[RELEASE_VALUE])(ort.outputs[session][index]);
        ort.outputs[session][index] = NULL;
    }
    const void *const inputs[1] = {ort.input};
    check_ort(((void *(*)(void *, const void *, const char *const *, const void *const *, size_t, const char *const *, size_t,
                          void **))ort.api[RUN])(ort.session, NULL, &job.input, inputs, 1, job.outputs, job.output_count,
                                                 ort.outputs[session]));
}

static void dump_ort(int session, FILE *file) {
    void *data, *info;
    size_t count;
    check_ort(((void *(*)(void *, void **))ort.api[DATA])(ort.outputs[session][0], &data));
    check_ort(((void *(*)(void *, void **))ort.api[SHAPE_INFO])(ort.outputs[session][0], &info));
    check_ort(((void *(*)(void *, size_t *))ort.api[ELEMENTS])(info, &count));
    fwrite(data, sizeof(float), count, file);
}

/* ---- OpenVINO, by the C functions of its header; the shapes of the input are fixed before compiling, as its guide advises. */
struct ov_shape { int64_t rank, *dims; };
struct ov_dimension { int64_t min, max; };
struct ov_partial_shape { struct ov_dimension rank; struct ov_dimension *dims; };
static struct {
    int (*infer)(void *), (*output)(const void *, size_t, void **), (*data)(const void *, void **), (*size)(const void *, size_t *);
    const char *(*message)(void);
    void *requests[MAX_SESSIONS];
} ov;

static void check_ov(int status) {
    if (status) fail(ov.message());
}

static void open_openvino(void *library) {
    int (*create)(void **), (*read)(const void *, const char *, const char *, void **),
        (*reshape)(void *, struct ov_partial_shape), (*compile)(const void *, const void *, const char *, size_t, void **, ...),
        (*request)(const void *, void **), (*tensor)(int, struct ov_shape, void *, void **), (*set)(void *, size_t, const void *);
    *(void **)&ov.message = symbol(library, "ov_get_last_err_msg");
    *(void **)&create = symbol(library, "ov_core_create");
    *(void **)&read = symbol(library, "ov_core_read_model");
    *(void **)&reshape = symbol(library, "ov_model_reshape_single_input");
    *(void **)&compile = symbol(library, "ov_core_compile_model");
    *(void **)&request = symbol(library, "ov_compiled_model_create_infer_request");
    *(void **)&tensor = symbol(library, "ov_tensor_create_from_host_ptr");
    *(void **)&set = symbol(library, "ov_infer_request_set_input_tensor_by_index");
    *(void **)&ov.infer = symbol(library, "ov_infer_request_infer");
    *(void **)&ov.output = symbol(library, "ov_infer_request_get_output_tensor_by_index");
    *(void **)&ov.data = symbol(library, "ov_tensor_data");
    *(void **)&ov.size = symbol(library, "ov_tensor_get_byte_size");
    void *core, *model, *compiled, *input;
    check_ov(create(&core));
    check_ov(read(core, job.model, NULL, &model));
    struct ov_dimension dims[LT_MAX_RANK];
    for (size_t index = 0; index < job.rank; index++) dims[index] = (struct ov_dimension){job.dims[index], job.dims[index]};
    struct ov_partial_shape shape = {{(int64_t)job.rank, (int64_t)job.rank}, dims};
    check_ov(reshape(model, shape));
    char threads[24], sessions[24];
    long cpus = sysconf(_SC_NPROCESSORS_ONLN), wanted = (long)job.threads * job.sessions;
    snprintf(threads, sizeof threads, "%ld", wanted < cpus ? wanted : cpus);
    snprintf(sessions, sizeof sessions, "%d", job.sessions);
    const char *precision = strcmp(job.precision, "bf16") == 0 ? "bf16" : "f32";
    const char *cache = getenv("CACHE");
    check_ov(compile(core, model, "CPU", cache ? 10 : 8, &compiled, "INFERENCE_NUM_THREADS", threads, "NUM_STREAMS", sessions,
                     "PERFORMANCE_HINT", "LATENCY", "INFERENCE_PRECISION_HINT", precision, "CACHE_DIR", cache));
    for (int index = 0; index < job.sessions; index++) {
        check_ov(request(compiled, &ov.requests[index]));
        check_ov(tensor(4, (struct ov_shape){(int64_t)job.rank, job.dims}, job.data, &input));
        check_ov(set(ov.requests[index], 0, input));
    }
}

static void run_openvino(int session) { check_ov(ov.infer(ov.requests[session])); }

static void dump_openvino(int session, FILE *file) {
    void *tensor, *data;
    size_t size;
    check_ov(ov.output(ov.requests[session], 0, &tensor));
    check_ov(ov.data(tensor, &data));
    check_ov(ov.size(tensor, &size));
    fwrite(data, 1, size, file);
}

static const struct engine engines[] = {{open_longtail, run_longtail, dump_longtail}, {open_ort, run_ort, dump_ort},
                                        {open_openvino, run_openvino, dump_openvino}};
static const struct engine *engine;

/* ---- Commands */
struct share { int session, runs; double *times; };

static void *repeat(void *context) {
    struct share *share = context;
    for (int index = 0; index < share->runs; index++) {
        double begin = now();
        engine->run(share->session);
        share->times[index] = now() - begin;
    }
    return NULL;
}

static void measure(int runs, int sessions) {
    struct share shares[MAX_SESSIONS];
    pthread_t threads[MAX_SESSIONS];
    double *times = malloc(sizeof(double) * (size_t)runs * (size_t)sessions);
    if (!times) fail("no memory");
    for (int index = 0; index < sessions; index++) shares[index] = (struct share){index, runs, times + index * runs};
    double begin = now();
    for (int index = 1; index < sessions; index++) pthread_create(&threads[index], NULL, repeat, &shares[index]);
    repeat(&shares[0]);
    for (int index = 1; index < sessions; index++) pthread_join(threads[index], NULL);
    double total = now() - begin;
    for (int index = 0; index < runs * sessions; index++) printf("%.4f ", times[index]);
    if (sessions > 1) printf("%.4f", total);
    printf("\n");
    fflush(stdout);
    free(times);
}

int main(int count, char **words) {
    if (count < 11) fail("usage: engine_host ENGINE LIBRARY MODEL THREADS PRECISION DATA SESSIONS INPUT OUTPUTS DIM...");
    int kind = !strcmp(words[1], "longtail") ? 0 : !strcmp(words[1], "onnxruntime") ? 1 : 2;
    engine = &engines[kind];
    job.library = words[2];
    job.model = words[3];
    job.threads = atoi(words[4]);
    job.precision = words[5];
    job.sessions = atoi(words[7]);
    job.input = words[8];
    if (job.sessions < 1 || job.sessions > MAX_SESSIONS) fail("SESSIONS must be 1 to 16");
    for (char *name = strtok(words[9], ","); name && job.output_count < MAX_OUTPUTS; name = strtok(NULL, ","))
        job.outputs[job.output_count++] = name;
    job.elements = 1;
    for (int index = 10; index < count && job.rank < LT_MAX_RANK; index++) {
        job.dims[job.rank] = atoll(words[index]);
        job.elements *= (size_t)job.dims[job.rank++];
    }
    job.data = aligned_alloc(64, (job.elements * sizeof(float) + 63) / 64 * 64);
    FILE *file = fopen(words[6], "rb");
    if (!job.data || !file || fread(job.data, sizeof(float), job.elements, file) != job.elements) fail("cannot read DATA");
    fclose(file);
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    for (int index = 0; index < job.threads * job.sessions; index++) CPU_SET(index, &cpus);
    sched_setaffinity(0, sizeof cpus, &cpus);
    double start = now();
    void *library = dlopen(job.library, RTLD_NOW);
    if (!library) fail(dlerror());
    engine->open(library);
    double loaded = now();
    engine->run(0);
    printf("%.3f %.3f\n", loaded - start, now() - start);
    fflush(stdout);
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, "run ", 4)) measure(atoi(line + 4), 1);
        else if (!strncmp(line, "load ", 5)) measure(atoi(line + 5), job.sessions);
        else if (!strncmp(line, "dump ", 5)) {
            FILE *output = fopen(line + 5, "wb");
            if (!output) fail("cannot write the output");
            engine->dump(0, output);
            fclose(output);
            printf("done\n");
            fflush(stdout);
        } else if (!strcmp(line, "peak")) {
            FILE *status = fopen("/proc/self/status", "r");
            char text[256];
            while (status && fgets(text, sizeof text, status))
                if (!strncmp(text, "VmHWM:", 6)) printf("%ld\n", atol(text + 6));
            if (status) fclose(status);
            fflush(stdout);
        } else fail("unknown command");
    }
    return 0;
}
