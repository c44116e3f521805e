/* An allocator that fails at its n-th request, for every n until all goes well: LT_OUT_OF_MEMORY, nothing lost, nothing
 * touched, and the same scores afterwards. Arguments: the folder, a model with one score per class. */
#include "refusals.h"

typedef struct heap {
    size_t requests, fails_at, outstanding;
} heap;

static heap all;

static void *heap_allocate(void *context, size_t size, size_t alignment) {
    heap *mine = (heap *)context;
    void *memory = NULL;
    if (__sync_add_and_fetch(&mine->requests, 1) == mine->fails_at) return NULL;
    if (posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) != 0) return NULL;
    __sync_add_and_fetch(&mine->outstanding, 1);
    return memory;
}

static void heap_release(void *context, void *memory, size_t size) {
    heap *mine = (heap *)context;
    (void)size;
    __sync_sub_and_fetch(&mine->outstanding, 1);
    free(memory);
}

enum { IMAGES = 3, STEPS = 5 };
static bytes model_file;
static lt_image images[IMAGES];
static size_t classes;

static lt_status run_tensor(lt_session *session) {
    static float zeros[3 * 16 * 16 + 1];
    static const int64_t dims[4] = {1, 3, 16, 16};
    SIZED(lt_tensor, input);
    input.name = "image";
    input.element_type = 1;
    input.rank = 4;
    input.dims = dims;
    /* Not aligned to 64, so that it is copied. */
    input.data = zeros + 1;
    input.size = 3 * 16 * 16 * sizeof(float);
    return lt_session_run(session, &input, 1, NULL, NULL, 0, &out.results);
}

/* Everything that needs memory, in order; `step` tells how far it came. Scores only change by a call that succeeds. */
static lt_status everything(lt_model **model, lt_session **session, int *step, float *scores) {
    lt_status status = LT_OK;
    SIZED(lt_model_options, options);
    options.threads = 1;
    lt_score_buffers buffers = score_buffers(classes);
    while (*step < STEPS) {
        put_mark();
        memcpy(&before, &out, sizeof out);
        switch (*step) {
        case 0: status = lt_model_load_from_memory(model_file.data, model_file.size, &options, &out.model); break;
        case 1: status = lt_session_create(*model, &out.session); break;
        case 2: status = lt_session_predict(*session, images, IMAGES, NULL, &out.results); break;
        case 3: status = lt_session_predict_into(*session, images, IMAGES, NULL, &buffers); break;
        default: status = run_tensor(*session); break;
        }
        if (status != LT_OK) {
            check_refusal(__FILE__, __LINE__, "without memory", LT_OUT_OF_MEMORY, status);
            return status;
        }
        if (*step == 0) *model = out.model;
        if (*step == 1) *session = out.session;
        /* An image that there is no memory for fails alone. */
        for (size_t index = 0; (*step == 2 || *step == 3) && index < IMAGES; index++) {
            SIZED(lt_image_result, result);
            if (*step == 2) OK(lt_results_get_image(out.results, index, &result));
            if (*step == 3) result.status = out.statuses[index];
            CHECK(result.status == LT_OK || result.status == LT_OUT_OF_MEMORY);
            if (result.status != LT_OK) status = result.status;
        }
        if (*step == 3 && status == LT_OK) memcpy(scores, out.scores, IMAGES * classes * sizeof(float));
        if (*step == 2 || *step == 4) lt_results_release(out.results);
        reset_places();
        if (status != LT_OK) return status;
        ++*step;
    }
    return status;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    model_file = read_file(argv[1], argv[2]);
    bytes jpeg = read_file(argv[1], "small.jpg"), png = read_file(argv[1], "small.png");
    bytes webp = read_file(argv[1], "picture.webp");
    images[0] = encoded_image(jpeg);
    images[1] = encoded_image(png);
    images[2] = encoded_image(webp);
    MUST(lt_model_load_from_memory(model_file.data, model_file.size, NULL, &mark_model));
    SIZED(lt_model_info, info);
    MUST(lt_model_get_info(mark_model, &info));
    classes = info.class_count;
    CHECK(classes * IMAGES <= SCORES);
    reset_places();
    SIZED(lt_allocator, allocator);
    allocator.context = &all;
    allocator.allocate = heap_allocate;
    allocator.release = heap_release;
    MUST(lt_set_allocator(&allocator));
    float expected[SCORES], scores[SCORES];
    size_t failures = 0, steps[STEPS] = {0};
    for (size_t fails_at = 0; fails_at < 100000; fails_at++) {
        lt_model *model = NULL;
        lt_session *session = NULL;
        int step = 0;
        memset(&all, 0, sizeof all);
        all.fails_at = fails_at;
        lt_status status = everything(&model, &session, &step, fails_at == 0 ? expected : scores);
        if (status != LT_OK) {
            failures++;
            steps[step]++;
            /* What failed once works when there is memory again. */
            all.fails_at = 0;
            OK(everything(&model, &session, &step, scores));
        }
        if (fails_at > 0) CHECK(memcmp(scores, expected, IMAGES * classes * sizeof(float)) == 0);
        lt_session_release(session);
        lt_model_release(model);
        CHECK(all.outstanding == 0);
        if (status == LT_OK && fails_at > all.requests) break;
        /* Memory that is only a help may be done without. */
        CHECK(fails_at < 99999);
    }
    OK(lt_set_allocator(NULL));
    CHECK(failures > 10 && steps[0] > 0 && steps[2] > 0 && steps[3] + steps[4] > 0);
    lt_model_release(mark_model);
    free(model_file.data);
    free(jpeg.data);
    free(png.data);
    free(webp.data);
    return finish();
}
