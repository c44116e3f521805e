/* Models and images that are cut short or changed, pixels of impossible geometry, metadata that is no JSON. All of it lies at
 * the end of readable memory, so that who reads too far dies. Arguments: the folder, changes of each image, the images. */
#include "refusals.h"

#include <limits.h>

static lt_session *session;
static const char *folder;

/* ---- models -------------------------------------------------------------------------------------------------------- */

/* Loads the bytes; what loads must also run, or say why not. Returns whether it loaded. */
static int try_model(const unsigned char *data, size_t size, const lt_image *image) {
    SIZED(lt_model_options, options);
    options.threads = 1;
    SIZED(lt_run_options, run);
    run.timeout_ms = 2000;
    put_mark();
    memcpy(&before, &out, sizeof out);
    lt_status status = lt_model_load_from_memory(data, size, &options, &out.model);
    if (status != LT_OK) {
        check_refusal(__FILE__, __LINE__, "a broken model", ANY_FAILURE, status);
        return 0;
    }
    lt_model *model = out.model;
    reset_places();
    lt_session *own = NULL;
    OK(lt_session_create(model, &own));
    memcpy(&before, &out, sizeof out);
    put_mark();
    status = lt_session_predict(own, image, 1, &run, &out.results);
    if (status == LT_OK) {
        SIZED(lt_image_result, result);
        OK(lt_results_get_image(out.results, 0, &result));
        CHECK(result.status == LT_OK || (result.message != NULL && result.message[0] != 0));
        lt_results_release(out.results);
        reset_places();
    } else {
        check_refusal(__FILE__, __LINE__, "predict with a broken model", ANY_FAILURE, status);
    }
    lt_session_release(own);
    lt_model_release(model);
    return 1;
}

static void models(const lt_image *image) {
    bytes file = read_file(folder, "tiny.onnx");
    /* Every seventh beginning of the file, and its ends. */
    size_t loaded = 0, tried = 0;
    for (size_t size = 0; size < file.size; size += size + 64 < file.size ? 7 : 1) {
        unsigned char *data = guarded(size, 0);
        memcpy(data, file.data, size);
        loaded += (size_t)try_model(data, size, image);
        tried++;
        release_guarded(data, size, 0);
    }
    CHECK(tried > 200 && loaded < tried / 2);

    uint64_t state = 7;
    tried = loaded = 0;
    for (; tried < 400; tried++) {
        unsigned char *data = guarded(file.size, 0);
        memcpy(data, file.data, file.size);
        for (uint64_t change = 0, changes = 1 + draw(&state) % 6; change < changes; change++) {
            size_t at = (size_t)(draw(&state) % file.size);
            /* The structure is in the names and dimensions, not in the weights. */
            switch (draw(&state) % 4) {
            case 0: data[at] ^= (unsigned char)(1u << draw(&state) % 8); break;
            case 1: data[at] = (unsigned char)draw(&state); break;
            case 2: data[at] = 0xFF; break;
            default: memmove(data + at, data + at / 2, (file.size - at) / 2); break;
            }
        }
        loaded += (size_t)try_model(data, file.size, image);
        release_guarded(data, file.size, 0);
    }
    CHECK(loaded > 20 && loaded < tried - 20);
    free(file.data);
}

static void metadata(void) {
    static const char *const keys[] = {
        "lt.preprocess", "lt.labels", "lt.thresholds", "lt.calibration", "lt.train_counts", "lt.groups", "lt.task",
        "lt.activation", "lt.postprocess", "lt.clip", "lt.selftest", "lt.outputs", "lt.schema"};
    static const char *const values[] = {
        "", "no JSON", "{", "[", "[1,2", "{\"a\":", "nul", "1e999", "-1", "[[[[[[[[[[1]]]]]]]]]]", "\"\\ud800\"", "{}x",
        "{\"mean\":[1e40,0],\"std\":[0]}", "[{\"id\":99999999999999999999999,\"name\":3}]", "\xEF\xBB\xBF{}"};
    char *deep = (char *)allocate(200001);
    memset(deep, '[', 200000);
    deep[200000] = 0;
    size_t refused = 0;
    for (size_t key = 0; key < sizeof keys / sizeof keys[0]; key++)
        for (size_t value = 0; value <= sizeof values / sizeof values[0]; value++) {
            lt_metadata entry;
            entry.key = keys[key];
            entry.value = value == sizeof values / sizeof values[0] ? deep : values[value];
            SIZED(lt_model_options, options);
            options.metadata = &entry;
            options.metadata_count = 1;
            options.threads = 1;
            put_mark();
            memcpy(&before, &out, sizeof out);
            lt_status status = lt_model_load(path_of(folder, "tiny.onnx"), &options, &out.model);
            if (status == LT_OK) {
                lt_model_release(out.model);
                reset_places();
            } else {
                check_refusal(__FILE__, __LINE__, keys[key], ANY_FAILURE, status);
                refused++;
            }
        }
    CHECK(refused > 80);
    lt_metadata entry = {"lt.labels", "no JSON"};
    SIZED(lt_model_options, options);
    options.metadata = &entry;
    options.metadata_count = 1;
    REFUSED(LT_MALFORMED, lt_model_load(path_of(folder, "tiny.onnx"), &options, &out.model));
    free(deep);
}

/* ---- images -------------------------------------------------------------------------------------------------------- */

/* Predicts one image between two good ones: what is wrong with it concerns nobody else. Returns its status. */
static lt_status try_image(const lt_image *good, const lt_image *image) {
    static float scores[4];
    static int known = 0;
    lt_image images[3] = {*good, *image, *good};
    lt_status result = LT_INTERNAL;
    lt_results *results = NULL;
    OK(lt_session_predict(session, images, 3, NULL, &results));
    for (size_t index = 0; index < 3; index++) {
        SIZED(lt_image_result, one);
        OK(lt_results_get_image(results, index, &one));
        CHECK(index == 1 || one.status == LT_OK);
        if (one.status == LT_OK) {
            CHECK(one.message == NULL && one.kind == LT_RESULT_CLASSES && one.count == 4);
            /* The batch may be of two images or of three, which may be other kernels. */
            if (index != 1 && one.count == 4) {
                if (!known) memcpy(scores, one.scores, sizeof scores);
                known = 1;
                for (int at = 0; at < 4; at++) CHECK(one.scores[at] - scores[at] < 1e-5f && scores[at] - one.scores[at] < 1e-5f);
            }
        } else {
            CHECK(one.message != NULL && one.message[0] != 0 && one.kind == LT_RESULT_NONE && one.count == 0);
            CHECK(one.raw == NULL && one.scores == NULL && one.decisions == NULL);
        }
        if (index == 1) result = one.status;
    }
    lt_results_release(results);
    /* The same into the host's memory. */
    lt_score_buffers buffers = score_buffers(4);
    OK(lt_session_predict_into(session, images, 3, NULL, &buffers));
    CHECK(out.statuses[1] == result && out.statuses[0] == LT_OK && out.statuses[2] == LT_OK);
    if (result != LT_OK)
        for (int at = 4; at < 8; at++) CHECK(out.raw[at] == 0 && out.scores[at] == 0 && out.decisions[at] == 0);
    reset_places();
    return result;
}

static void corrupt_images(const lt_image *good, char **paths, int count, int mutations) {
    uint64_t state = 99;
    size_t refused = 0, taken = 0;
    for (int index = 0; index < count; index++) {
        bytes file = read_file("/", paths[index]);
        for (int round = 0; round < mutations; round++) {
            size_t size = round % 3 == 0 ? (size_t)(draw(&state) % (file.size + 1)) : file.size;
            unsigned char *data = guarded(size, 0);
            memcpy(data, file.data, size);
            for (uint64_t change = 0, changes = round % 3 == 0 ? 0 : 1 + draw(&state) % 8; change < changes; change++) {
                /* Half of the changes in the head, where sizes are. */
                size_t room = draw(&state) % 2 == 0 && size > 64 ? 64 : size;
                data[draw(&state) % room] = draw(&state) % 2 == 0 ? 0xFF : (unsigned char)draw(&state);
            }
            SIZED(lt_image, image);
            image.data = data;
            image.size = size;
            if (try_image(good, &image) == LT_OK) taken++; else refused++;
            release_guarded(data, size, 0);
        }
        free(file.data);
    }
    CHECK(refused > 10 && taken > 10);
}

static void impossible_pixels(const lt_image *good) {
    const size_t size = 30 * 20 * 3;
    unsigned char *data = guarded(size, 0);
    memset(data, 40, size);
    SIZED(lt_image, right);
    right.data = data;
    right.size = size;
    right.format = LT_IMAGE_RGB;
    right.width = 30;
    right.height = 20;
    CHECK(try_image(good, &right) == LT_OK);
    right.stride = 90;
    CHECK(try_image(good, &right) == LT_OK);
    const int32_t sides[] = {0, -1, 31, INT_MAX, INT_MIN, 1 << 16};
    const size_t strides[] = {1, 89, 91, SIZE_MAX, SIZE_MAX / 2 + 1, SIZE_MAX / 2, SIZE_MAX / 20};
    const int32_t formats[] = {-1, 6, 7, 255, INT_MAX, INT_MIN, LT_IMAGE_RGBA, LT_IMAGE_BGRA};
    for (int index = 0; index < 8; index++) {
        lt_image wrong = right;
        if (index < 6) {
            wrong.stride = 0;
            wrong.width = sides[index];
            CHECK(try_image(good, &wrong) != LT_OK);
            wrong.width = 30;
            wrong.height = sides[index];
            CHECK(try_image(good, &wrong) != LT_OK);
            wrong.width = sides[index];
            CHECK(try_image(good, &wrong) != LT_OK);
        }
        wrong = right;
        if (index < 7) {
            wrong.stride = strides[index];
            CHECK(try_image(good, &wrong) == LT_INVALID_ARGUMENT);
        }
        wrong = right;
        wrong.format = formats[index];
        CHECK(try_image(good, &wrong) == LT_INVALID_ARGUMENT);
    }
    lt_image wrong = right;
    wrong.size = size - 1;
    CHECK(try_image(good, &wrong) == LT_INVALID_ARGUMENT);
    wrong.size = 0;
    CHECK(try_image(good, &wrong) == LT_INVALID_ARGUMENT);
    wrong = right;
    wrong.data = NULL;
    CHECK(try_image(good, &wrong) == LT_INVALID_ARGUMENT);
    /* Sizes that are a lie cannot be told, but those beyond the machine can. */
    wrong = right;
    wrong.format = LT_IMAGE_ENCODED;
    wrong.size = SIZE_MAX;
    CHECK(try_image(good, &wrong) == LT_INVALID_ARGUMENT);
    release_guarded(data, size, 0);
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    folder = argv[1];
    int mutations = atoi(argv[2]);
    bytes png = read_file(folder, "small.png");
    lt_image good = encoded_image(png);
    SIZED(lt_model_options, options);
    options.threads = 1;
    MUST(lt_model_load(path_of(folder, "tiny.onnx"), &options, &mark_model));
    MUST(lt_session_create(mark_model, &session));
    reset_places();
    models(&good);
    metadata();
    impossible_pixels(&good);
    corrupt_images(&good, argv + 3, argc - 3, mutations);
    lt_session_release(session);
    lt_model_release(mark_model);
    free(png.data);
    return finish();
}
