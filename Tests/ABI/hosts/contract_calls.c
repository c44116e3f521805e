/* What goes around calls: stopping them from other threads and by the clock, a session that is at work, messages of each
 * thread, the log. Arguments: the folder of models and images. */
#include "host.h"

#include <pthread.h>

/* ---- slow.onnx: seconds of matrix products on [1,512] -------------------------------------------------------------- */

typedef struct slow_call {
    lt_session *session;
    const lt_cancellation *cancellation;
    int64_t timeout_ms;
    volatile int started;
    lt_status status;
    char message[256];
    int results_untouched;
} slow_call;

static lt_status run_slow(lt_session *session, const lt_run_options *options, lt_results **results) {
    static float zeros[512 * 512];
    static const int64_t dims[2] = {512, 512};
    SIZED(lt_tensor, input);
    input.name = "x";
    input.element_type = 1;
    input.rank = 2;
    input.dims = dims;
    input.data = zeros;
    input.size = sizeof zeros;
    return lt_session_run(session, &input, 1, options, NULL, 0, results);
}

static void *call_slowly(void *context) {
    slow_call *call = (slow_call *)context;
    lt_results *results = (lt_results *)call;
    SIZED(lt_run_options, options);
    options.cancellation = call->cancellation;
    options.timeout_ms = call->timeout_ms;
    call->started = 1;
    call->status = run_slow(call->session, &options, &results);
    call->results_untouched = results == (lt_results *)call;
    snprintf(call->message, sizeof call->message, "%s", lt_last_error_message());
    if (call->status == LT_OK) lt_results_release(results);
    return NULL;
}

static void stopping(const char *folder) {
    SIZED(lt_model_options, model_options);
    model_options.threads = 1;
    lt_model *model = NULL;
    MUST(lt_model_load(path_of(folder, "slow.onnx"), &model_options, &model));
    lt_session *session = NULL;
    MUST(lt_session_create(model, &session));
    lt_cancellation *cancellation = NULL;
    MUST(lt_cancellation_create(&cancellation));

    /* By the clock. */
    slow_call call;
    memset(&call, 0, sizeof call);
    call.session = session;
    call.timeout_ms = 30;
    call_slowly(&call);
    CHECK(call.status == LT_TIMED_OUT && call.results_untouched && call.message[0] != 0);

    /* From another thread, while this one finds the session at work and has a message of its own. */
    call.timeout_ms = 0;
    call.cancellation = cancellation;
    call.message[0] = 0;
    call.started = 0;
    const char *value = NULL;
    FAILS(LT_NOT_FOUND, lt_model_get_metadata(model, "nothing of that name", &value));
    char before[256];
    snprintf(before, sizeof before, "%s", lt_last_error_message());
    pthread_t thread;
    if (pthread_create(&thread, NULL, call_slowly, &call) != 0) exit(1);
    while (!call.started) usleep(100);
    CHECK(strcmp(before, lt_last_error_message()) == 0);
    SIZED(lt_run_options, brief);
    brief.timeout_ms = 1;
    lt_status busy = LT_OK;
    /* The other thread needs a moment to begin; once it has, the session is at work until it is stopped. */
    for (int attempt = 0; attempt < 2000 && busy != LT_BUSY; attempt++) {
        lt_results *results = NULL;
        busy = run_slow(session, &brief, &results);
        CHECK(results == NULL);
    }
    CHECK(busy == LT_BUSY);
    OK(lt_cancellation_cancel(cancellation));
    pthread_join(thread, NULL);
    /* Where this thread was first, the other one was turned away. */
    CHECK(call.status == LT_CANCELLED || call.status == LT_BUSY);
    CHECK(call.results_untouched && call.message[0] != 0 && strcmp(before, call.message) != 0);

    /* Raised stays raised until it is lowered; the session is as good as new. */
    call_slowly(&call);
    CHECK(call.status == LT_CANCELLED);
    OK(lt_cancellation_reset(cancellation));
    call.timeout_ms = 20;
    call_slowly(&call);
    CHECK(call.status == LT_TIMED_OUT);
    lt_cancellation_release(cancellation);
    call_slowly(&call);
    CHECK(call.status == LT_INVALID_HANDLE);
    lt_session_release(session);
    lt_model_release(model);
}

/* Images too: a cancelled call gives nothing, a later one everything. */
static void stopping_images(const char *folder) {
    lt_model *model = NULL;
    MUST(lt_model_load(path_of(folder, "scores.onnx"), NULL, &model));
    lt_session *session = NULL;
    MUST(lt_session_create(model, &session));
    lt_cancellation *cancellation = NULL;
    MUST(lt_cancellation_create(&cancellation));
    bytes jpeg = read_file(folder, "picture.jpg");
    lt_image images[3];
    for (int index = 0; index < 3; index++) images[index] = encoded_image(jpeg);
    SIZED(lt_run_options, options);
    options.cancellation = cancellation;
    options.timeout_ms = 600000;
    float before[15], after[15], untouched[15];
    SIZED(lt_score_buffers, buffers);
    buffers.class_count = 5;
    buffers.scores = before;
    OK(lt_session_predict_into(session, images, 3, &options, &buffers));
    OK(lt_cancellation_cancel(cancellation));
    memset(after, 0xFF, sizeof after);
    memset(untouched, 0xFF, sizeof untouched);
    buffers.scores = after;
    FAILS(LT_CANCELLED, lt_session_predict_into(session, images, 3, &options, &buffers));
    CHECK(memcmp(after, untouched, sizeof after) == 0);
    lt_results *results = NULL;
    FAILS(LT_CANCELLED, lt_session_predict(session, images, 3, &options, &results));
    CHECK(results == NULL);
    OK(lt_cancellation_reset(cancellation));
    OK(lt_session_predict_into(session, images, 3, &options, &buffers));
    CHECK(memcmp(after, before, sizeof after) == 0);
    lt_cancellation_release(cancellation);
    lt_session_release(session);
    lt_model_release(model);
    free(jpeg.data);
}

/* ---- log ----------------------------------------------------------------------------------------------------------- */

typedef struct heard {
    int count[3];
    int empty;
} heard;

static void hear(void *context, lt_log_level level, const char *message) {
    heard *all = (heard *)context;
    if (level >= 0 && level <= 2) all->count[level]++;
    if (message == NULL || message[0] == 0) all->empty++;
}

static void load_and_predict_junk(const char *folder) {
    lt_model *model = NULL;
    MUST(lt_model_load(path_of(folder, "scores.onnx"), NULL, &model));
    lt_session *session = NULL;
    MUST(lt_session_create(model, &session));
    SIZED(lt_image, image);
    image.data = "junk";
    image.size = 4;
    lt_results *results = NULL;
    MUST(lt_session_predict(session, &image, 1, NULL, &results));
    lt_results_release(results);
    lt_session_release(session);
    lt_model_release(model);
}

static void logging(const char *folder) {
    heard all;
    memset(&all, 0, sizeof all);
    OK(lt_set_log(hear, &all, LT_LOG_INFO));
    load_and_predict_junk(folder);
    CHECK(all.count[LT_LOG_INFO] > 0 && all.count[LT_LOG_WARNING] > 0 && all.count[LT_LOG_DEBUG] == 0);
    int infos = all.count[LT_LOG_INFO], warnings = all.count[LT_LOG_WARNING];
    OK(lt_set_log(hear, &all, LT_LOG_WARNING));
    load_and_predict_junk(folder);
    CHECK(all.count[LT_LOG_INFO] == infos && all.count[LT_LOG_WARNING] > warnings);
    warnings = all.count[LT_LOG_WARNING];
    OK(lt_set_log(NULL, NULL, LT_LOG_DEBUG));
    load_and_predict_junk(folder);
    CHECK(all.count[LT_LOG_INFO] == infos && all.count[LT_LOG_WARNING] == warnings && all.empty == 0);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    stopping(argv[1]);
    stopping_images(argv[1]);
    logging(argv[1]);
    return finish();
}
