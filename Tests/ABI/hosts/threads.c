/* One model shared by many threads, a session for each: what they find is what one thread alone finds, bit for bit. They
 * read the first thread's results at the same time, too. Arguments: the folder, threads, threads of a session, rounds. */
#include "host.h"

#include <pthread.h>

enum { IMAGES = 3, CLASSES = 4 };

static lt_model *model;
static lt_image images[IMAGES];
static float expected[IMAGES * CLASSES];
static lt_results *shared;
static long rounds;

static void predict(lt_session *session, float *scores) {
    SIZED(lt_score_buffers, buffers);
    buffers.class_count = CLASSES;
    buffers.scores = scores;
    OK(lt_session_predict_into(session, images, IMAGES, NULL, &buffers));
}

/* Checks count in each thread on its own. */
static void *work(void *context) {
    long *wrong = (long *)context;
    lt_session *session = NULL;
    if (lt_session_create(model, &session) != LT_OK) {
        (*wrong)++;
        return NULL;
    }
    for (long round = 0; round < rounds; round++) {
        float scores[IMAGES * CLASSES];
        SIZED(lt_score_buffers, buffers);
        buffers.class_count = CLASSES;
        buffers.scores = scores;
        if (lt_session_predict_into(session, images, IMAGES, NULL, &buffers) != LT_OK) (*wrong)++;
        if (memcmp(scores, expected, sizeof scores) != 0) (*wrong)++;
        SIZED(lt_label, label);
        for (size_t image = 0; image < IMAGES; image++) {
            if (lt_results_get_label(shared, image, 0, &label) != LT_OK) (*wrong)++;
            if (label.score != expected[image * CLASSES + label.index]) (*wrong)++;
        }
        if (lt_results_get_label(shared, IMAGES, 0, &label) != LT_NOT_FOUND) (*wrong)++;
        if (strstr(lt_last_error_message(), "image 3") == NULL) (*wrong)++;
        /* Results of its own beside the shared ones. */
        if (round == 1) {
            lt_results *results = NULL;
            if (lt_session_predict(session, images, IMAGES, NULL, &results) != LT_OK) (*wrong)++;
            lt_results_release(results);
        }
    }
    lt_session_release(session);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    int count = atoi(argv[2]);
    rounds = atol(argv[4]);
    bytes jpeg = read_file(argv[1], "small.jpg"), png = read_file(argv[1], "small.png");
    images[0] = encoded_image(jpeg);
    images[1] = images[2] = encoded_image(png);
    SIZED(lt_model_options, options);
    options.threads = atoi(argv[3]);
    MUST(lt_model_load(path_of(argv[1], "tiny.onnx"), &options, &model));
    lt_session *session = NULL;
    MUST(lt_session_create(model, &session));
    predict(session, expected);
    MUST(lt_session_predict(session, images, IMAGES, NULL, &shared));
    lt_session_release(session);
    pthread_t threads[64];
    long wrong[64] = {0};
    if (count > 64) return 2;
    /* What is made once (kernels, type descriptions, rankings) is made now: helgrind cannot see how the library guards it. */
    work(&wrong[0]);
    for (int index = 0; index < count; index++)
        if (pthread_create(&threads[index], NULL, work, &wrong[index]) != 0) return 2;
    for (int index = 0; index < count; index++) {
        pthread_join(threads[index], NULL);
        CHECK(wrong[index] == 0);
    }
    lt_results_release(shared);
    lt_model_release(model);
    free(jpeg.data);
    free(png.data);
    return finish();
}
