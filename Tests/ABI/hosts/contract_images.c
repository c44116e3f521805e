/* What a host does with a model that takes images: what it can ask, files and pixels in every format in, scores, labels and
 * decisions out. Arguments: the folder of models and images. */
#include "host.h"

#define CLASSES 5

static const char *const names[CLASSES] = {"alpha", "beta", "gamma", "delta", "\xC3\xA9psilon"};
static const int64_t ids[CLASSES] = {3, 1, 4, 15, 92};
static const int64_t counts[CLASSES] = {500, 60, 60, 4, 1};
static const char *const groups[CLASSES] = {"head", "middle", "middle", "tail", "tail"};

static void library(void) {
    CHECK(lt_abi_version() + 1 > LT_ABI_VERSION);
    CHECK(lt_version() != NULL && strlen(lt_version()) >= 5);
    CHECK(strcmp(lt_last_error_message(), "") == 0);
    CHECK(strcmp(lt_status_name(LT_OK), "LT_OK") == 0);
    CHECK(strcmp(lt_status_name(LT_NOT_FOUND), "LT_NOT_FOUND") == 0);
    CHECK(strcmp(lt_status_name(LT_INTERNAL), "LT_INTERNAL") == 0);
    CHECK(strcmp(lt_status_name(-1), "LT_UNKNOWN") == 0);
    CHECK(strcmp(lt_status_name(1000000), "LT_UNKNOWN") == 0);
}

static void information(const lt_model *model, bytes file) {
    SIZED(lt_model_info, info);
    OK(lt_model_get_info(model, &info));
    CHECK(info.struct_size == sizeof info && info.task == LT_TASK_MULTILABEL);
    CHECK(info.takes_images == 1 && info.images_reason == NULL);
    CHECK(strlen(info.digest) == 64 && strspn(info.digest, "0123456789abcdef") == 64);
    CHECK(strcmp(info.device, "cpu") == 0 && info.threads == 1 && info.precision == LT_PRECISION_FP32);
    CHECK(info.input_count == 1 && info.output_count == 1 && info.class_count == CLASSES);
    CHECK(info.largest_batch > 1 && info.clip_frames == 0);
    CHECK(info.preprocess != NULL && info.preprocess[0] == '{' && strcmp(info.group_rule, "db") == 0);

    SIZED(lt_tensor_info, tensor);
    OK(lt_model_get_input(model, 0, &tensor));
    CHECK(strcmp(tensor.name, "image") == 0 && tensor.element_type == 1 && tensor.has_shape == 1 && tensor.rank == 4);
    CHECK(tensor.dims[0] == -1 && tensor.dims[1] == 3 && tensor.dims[2] == 16 && tensor.dims[3] == 16);
    OK(lt_model_get_output(model, 0, &tensor));
    CHECK(strcmp(tensor.name, "logits") == 0 && tensor.rank == 2 && tensor.dims[1] == CLASSES);
    FAILS(LT_NOT_FOUND, lt_model_get_input(model, 1, &tensor));
    FAILS(LT_NOT_FOUND, lt_model_get_output(model, 1, &tensor));

    for (size_t index = 0; index < CLASSES; index++) {
        SIZED(lt_class_info, one);
        OK(lt_model_get_class(model, index, &one));
        CHECK(strcmp(one.name, names[index]) == 0 && one.id == ids[index] && one.train_count == counts[index]);
        CHECK(one.group != NULL && strcmp(one.group, groups[index]) == 0);
        CHECK(one.has_threshold == (index != 3) && one.threshold == (index == 3 ? 0.5f : 0.125f * (float)(index + 1)));
    }

    const char *value = NULL;
    OK(lt_model_get_metadata(model, "lt.task", &value));
    CHECK(value != NULL && strstr(value, "multilabel") != NULL);
    FAILS(LT_NOT_FOUND, lt_model_get_metadata(model, "nothing", &value));

    /* The same from memory; the bytes may go at once. */
    unsigned char *copy = (unsigned char *)allocate(file.size);
    memcpy(copy, file.data, file.size);
    SIZED(lt_model_options, options);
    options.threads = 1;
    lt_model *second = NULL;
    MUST(lt_model_load_from_memory(copy, file.size, &options, &second));
    memset(copy, 0, file.size);
    free(copy);
    SIZED(lt_model_info, other);
    OK(lt_model_get_info(second, &other));
    CHECK(strcmp(info.digest, other.digest) == 0);
    lt_model_release(second);

    /* What the host says goes over the file. */
    lt_metadata over[2];
    over[0].key = "lt.labels";
    over[0].value = "[{\"id\":1,\"name\":\"a\"},{\"id\":2,\"name\":\"b\"},{\"id\":3,\"name\":\"c\"},{\"id\":4,"
                    "\"name\":\"d\"},{\"id\":5,\"name\":\"e\"}]";
    over[1].key = "owner";
    over[1].value = "host";
    options.metadata = over;
    options.metadata_count = 2;
    MUST(lt_model_load_from_memory(file.data, file.size, &options, &second));
    SIZED(lt_class_info, relabelled);
    OK(lt_model_get_class(second, 4, &relabelled));
    CHECK(strcmp(relabelled.name, "e") == 0 && relabelled.id == 5);
    OK(lt_model_get_metadata(second, "owner", &value));
    CHECK(strcmp(value, "host") == 0);
    lt_model_release(second);
}

/* The digest is that of the file that was loaded, never that of what has taken its place. */
static void digest_of_a_changed_file(const char *folder, bytes file) {
    char name[64];
    snprintf(name, sizeof name, "changed-%ld.onnx", (long)getpid());
    const char *path = path_of(folder, name);
    FILE *copy = fopen(path, "wb");
    CHECK(copy != NULL && fwrite(file.data, 1, file.size, copy) == file.size && fclose(copy) == 0);
    lt_model *before = NULL, *asked = NULL;
    MUST(lt_model_load(path, NULL, &before));
    MUST(lt_model_load(path, NULL, &asked));
    SIZED(lt_model_info, info);
    SIZED(lt_model_info, again);
    OK(lt_model_get_info(asked, &info));
    OK(lt_model_get_info(asked, &again));
    CHECK(info.digest != NULL && strlen(info.digest) == 64 && info.digest == again.digest);
    copy = fopen(path, "ab");
    CHECK(copy != NULL && fputc(0, copy) == 0 && fclose(copy) == 0);
    OK(lt_model_get_info(before, &again));
    CHECK(again.digest == NULL);
    OK(lt_model_get_info(asked, &again));
    CHECK(info.digest == again.digest);
    lt_model_release(before);
    lt_model_release(asked);
    remove(path);
}

/* Results about one image: what every part of them says must fit together. */
static void check_image(const lt_results *results, size_t image, const float *expected) {
    SIZED(lt_image_result, result);
    OK(lt_results_get_image(results, image, &result));
    CHECK(result.status == LT_OK && result.message == NULL && result.kind == LT_RESULT_CLASSES);
    CHECK(result.count == CLASSES && result.raw != NULL);
    if (result.count != CLASSES) return;
    if (expected != NULL) CHECK(memcmp(result.scores, expected, CLASSES * sizeof(float)) == 0);
    int seen[CLASSES] = {0};
    float last = 2;
    for (size_t rank = 0; rank < CLASSES; rank++) {
        SIZED(lt_label, label);
        OK(lt_results_get_label(results, image, rank, &label));
        CHECK(label.index < CLASSES && seen[label.index % CLASSES]++ == 0);
        CHECK(label.score <= last && strcmp(label.name, names[label.index]) == 0 && label.id == ids[label.index]);
        CHECK(label.score == result.scores[label.index] && label.raw == result.raw[label.index]);
        CHECK(label.is_positive == result.decisions[label.index]);
        float threshold = label.index == 3 ? 0.5f : 0.125f * (float)(label.index + 1);
        CHECK(label.is_positive == (label.score >= threshold) && label.score >= 0 && label.score <= 1);
        last = label.score;
    }
    SIZED(lt_label, label);
    FAILS(LT_NOT_FOUND, lt_results_get_label(results, image, CLASSES, &label));
    SIZED(lt_detection, detection);
    FAILS(LT_TYPE_MISMATCH, lt_results_get_detection(results, image, 0, &detection));
    SIZED(lt_tensor, tensor);
    FAILS(LT_TYPE_MISMATCH, lt_results_get_tensor(results, 0, &tensor));
}

static void predict_one(lt_session *session, lt_image image, float *scores) {
    SIZED(lt_score_buffers, buffers);
    buffers.class_count = CLASSES;
    buffers.scores = scores;
    OK(lt_session_predict_into(session, &image, 1, NULL, &buffers));
}

/* Decoded pixels in every format, with and without gaps, are what the file of the same picture is. */
static void pixels(lt_session *session, const char *folder, const char *png, const char *raw, int is_grey) {
    const int32_t width = 37, height = 23;
    bytes file = read_file(folder, png), plain = read_file(folder, raw);
    CHECK(plain.size == (size_t)(width * height * (is_grey ? 1 : 3)));
    float expected[CLASSES], scores[CLASSES];
    predict_one(session, encoded_image(file), expected);
    for (int32_t format = is_grey ? LT_IMAGE_GREY : LT_IMAGE_RGB; format <= (is_grey ? LT_IMAGE_GREY : LT_IMAGE_BGRA);
         format++) {
        size_t step = format == LT_IMAGE_GREY ? 1 : format == LT_IMAGE_RGB || format == LT_IMAGE_BGR ? 3 : 4;
        for (size_t gap = 0; gap <= 11; gap += 11) {
            size_t stride = (size_t)width * step + gap, size = stride * (size_t)height - gap;
            unsigned char *memory = (unsigned char *)allocate(size);
            memset(memory, 0x5A, size);
            for (size_t y = 0; y < (size_t)height; y++) {
                for (size_t x = 0; x < (size_t)width; x++) {
                    unsigned char *to = memory + y * stride + x * step;
                    const unsigned char *from = plain.data + (y * (size_t)width + x) * (is_grey ? 1 : 3);
                    for (size_t c = 0; c < (is_grey ? 1u : 3u); c++) {
                        int swapped = format == LT_IMAGE_BGR || format == LT_IMAGE_BGRA;
                        to[c] = from[swapped ? 2 - c : c];
                    }
                }
            }
            SIZED(lt_image, image);
            image.data = memory;
            image.size = size;
            image.format = format;
            image.width = width;
            image.height = height;
            image.stride = gap == 0 ? 0 : stride;
            memset(scores, 0, sizeof scores);
            predict_one(session, image, scores);
            CHECK(memcmp(scores, expected, sizeof scores) == 0);
            free(memory);
        }
    }
    free(file.data);
    free(plain.data);
}

static void predictions(const lt_model *model, lt_session *session, const char *folder) {
    bytes jpeg = read_file(folder, "picture.jpg"), png = read_file(folder, "colour.png");
    bytes webp = read_file(folder, "picture.webp"), junk = read_file(folder, "junk.jpg");
    lt_image images[4];
    images[0] = encoded_image(jpeg);
    images[1] = encoded_image(junk);
    images[2] = encoded_image(png);
    images[3] = encoded_image(webp);
    lt_results *results = NULL;
    OK(lt_session_predict(session, images, 4, NULL, &results));
    size_t count = 0;
    OK(lt_results_get_count(results, &count));
    CHECK(count == 4);

    /* The same into memory of the host's. */
    float raw[4 * CLASSES], scores[4 * CLASSES];
    uint8_t decisions[4 * CLASSES];
    lt_status statuses[4];
    SIZED(lt_score_buffers, buffers);
    buffers.class_count = CLASSES;
    buffers.raw = raw;
    buffers.scores = scores;
    buffers.decisions = decisions;
    buffers.statuses = statuses;
    memset(raw, 0xFF, sizeof raw);
    memset(scores, 0xFF, sizeof scores);
    memset(decisions, 0xFF, sizeof decisions);
    memset(statuses, 0xFF, sizeof statuses);
    OK(lt_session_predict_into(session, images, 4, NULL, &buffers));
    for (size_t image = 0; image < 4; image++) {
        SIZED(lt_image_result, result);
        OK(lt_results_get_image(results, image, &result));
        CHECK(statuses[image] == result.status);
        if (image == 1) {
            CHECK(result.status == LT_MALFORMED || result.status == LT_UNSUPPORTED);
            CHECK(result.message != NULL && result.message[0] != 0 && result.kind == LT_RESULT_NONE);
            CHECK(result.count == 0 && result.raw == NULL && result.scores == NULL && result.decisions == NULL);
            for (size_t at = CLASSES; at < 2 * CLASSES; at++)
                CHECK(raw[at] == 0 && scores[at] == 0 && decisions[at] == 0);
            SIZED(lt_label, label);
            FAILS(LT_NOT_FOUND, lt_results_get_label(results, image, 0, &label));
        } else {
            check_image(results, image, scores + image * CLASSES);
            CHECK(memcmp(result.raw, raw + image * CLASSES, CLASSES * sizeof(float)) == 0);
            CHECK(memcmp(result.decisions, decisions + image * CLASSES, CLASSES) == 0);
        }
    }

    /* What is NULL is left out. */
    SIZED(lt_score_buffers, some);
    some.class_count = CLASSES;
    lt_status only[4];
    some.statuses = only;
    OK(lt_session_predict_into(session, images, 4, NULL, &some));
    CHECK(memcmp(only, statuses, sizeof only) == 0);
    some.class_count = CLASSES + 1;
    FAILS(LT_SHAPE_MISMATCH, lt_session_predict_into(session, images, 4, NULL, &some));

    /* No images, no results. */
    lt_results *none = NULL;
    OK(lt_session_predict(session, NULL, 0, NULL, &none));
    OK(lt_results_get_count(none, &count));
    CHECK(count == 0);
    lt_results_release(none);
    lt_results_release(none);
    FAILS(LT_INVALID_HANDLE, lt_results_get_count(none, &count));

    pixels(session, folder, "colour.png", "colour.rgb", 0);
    pixels(session, folder, "grey.png", "grey.raw", 1);

    /* Results outlive their session and their model. */
    lt_session_release(session);
    lt_model_release((lt_model *)model);
    FAILS(LT_INVALID_HANDLE, lt_session_predict(session, images, 4, NULL, &none));
    for (size_t image = 0; image < 4; image++)
        if (image != 1) check_image(results, image, scores + image * CLASSES);
    lt_results_release(results);
    free(jpeg.data);
    free(png.data);
    free(webp.data);
    free(junk.data);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    library();
    SIZED(lt_model_options, options);
    options.threads = 1;
    lt_model *model = NULL;
    MUST(lt_model_load(path_of(argv[1], "scores.onnx"), &options, &model));
    bytes file = read_file(argv[1], "scores.onnx");
    information(model, file);
    digest_of_a_changed_file(argv[1], file);
    lt_session *session = NULL;
    MUST(lt_session_create(model, &session));
    predictions(model, session, argv[1]);

    /* What `auto` chose is told, and the reason of what cannot be chosen. */
    options.device = "auto";
    lt_model *automatic = NULL;
    MUST(lt_model_load(path_of(argv[1], "scores.onnx"), &options, &automatic));
    SIZED(lt_model_info, info);
    MUST(lt_model_get_info(automatic, &info));
    CHECK(strcmp(info.device, "cpu") == 0);
    lt_model_release(automatic);
    options.device = "cuda:0";
    CHECK(lt_model_load(path_of(argv[1], "scores.onnx"), &options, &automatic) == LT_UNSUPPORTED);
    CHECK(strstr(lt_last_error_message(), "CUDA") != NULL && strstr(lt_last_error_message(), "in device 'cuda:0'") != NULL);

    /* Another device, all processors, a session that outlives its model. */
    options.device = "reference";
    options.threads = 0;
    MUST(lt_model_load(path_of(argv[1], "scores.onnx"), &options, &model));
    MUST(lt_session_create(model, &session));
    lt_model_release(model);
    bytes jpeg = read_file(argv[1], "picture.jpg");
    float scores[CLASSES];
    predict_one(session, encoded_image(jpeg), scores);
    for (size_t index = 0; index < CLASSES; index++) CHECK(scores[index] > 0 && scores[index] < 1);
    lt_session_release(session);
    free(jpeg.data);
    free(file.data);
    return finish();
}
