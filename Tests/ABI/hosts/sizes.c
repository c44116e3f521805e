/* Structs of hosts of other versions: longer ones (what this library does not know must be zero on the way in and is zero
 * on the way out), and in arrays of longer ones every element is found. Arguments: the folder. */
#include "host.h"

enum { TAIL = 40 };

/* A struct of the interface with TAIL more bytes behind it, and 8 that no size covers. */
#define LONGER(type, name) \
    struct { \
        type known; \
        unsigned char tail[TAIL]; \
        unsigned char beyond[8]; \
    } name; \
    memset(&name, 0, sizeof name); \
    memset(name.beyond, 0xB7, sizeof name.beyond); \
    name.known.struct_size = sizeof name.known + TAIL

/* Options: a zero tail is taken, one with a bit set is not. */
#define TAKES_ZEROS(name, call, undo) \
    do { \
        OK(call); \
        undo; \
        for (size_t tail_at = 0; tail_at < TAIL; tail_at += 13) { \
            name.tail[tail_at] = 1; \
            FAILS(LT_UNSUPPORTED, call); \
            name.tail[tail_at] = 0; \
        } \
    } while (0)

/* Queries: the tail comes back as zeros, what lies beyond the size is left alone, the size is the host's. */
#define FILLS(type, call) \
    do { \
        LONGER(type, filled); \
        memset(filled.tail, 0xC3, TAIL); \
        size_t size = filled.known.struct_size; \
        type *place = &filled.known; \
        OK(call); \
        CHECK(filled.known.struct_size == size); \
        for (size_t tail_at = 0; tail_at < TAIL; tail_at++) CHECK(filled.tail[tail_at] == 0); \
        for (size_t tail_at = 0; tail_at < 8; tail_at++) CHECK(filled.beyond[tail_at] == 0xB7); \
        SIZED(type, usual); \
        place = &usual; \
        OK(call); \
        usual.struct_size = size; \
        CHECK(memcmp(&usual, &filled.known, sizeof usual) == 0); \
    } while (0)

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    LONGER(lt_model_options, options);
    options.known.threads = 1;
    lt_model *model = NULL;
    const char *folder = argv[1];
    TAKES_ZEROS(
        options, lt_model_load(path_of(folder, "scores.onnx"), &options.known, &model), lt_model_release(model));
    MUST(lt_model_load(path_of(folder, "scores.onnx"), &options.known, &model));
    FILLS(lt_model_info, lt_model_get_info(model, place));
    FILLS(lt_tensor_info, lt_model_get_input(model, 0, place));
    FILLS(lt_tensor_info, lt_model_get_output(model, 0, place));
    FILLS(lt_class_info, lt_model_get_class(model, 2, place));

    lt_session *session = NULL;
    MUST(lt_session_create(model, &session));
    bytes jpeg = read_file(folder, "picture.jpg"), png = read_file(folder, "colour.png");
    LONGER(lt_image, image);
    image.known.data = jpeg.data;
    image.known.size = jpeg.size;
    LONGER(lt_run_options, run);
    run.known.timeout_ms = 3600000;
    lt_results *results = NULL;
    TAKES_ZEROS(
        image, lt_session_predict(session, &image.known, 1, &run.known, &results), lt_results_release(results));
    TAKES_ZEROS(run, lt_session_predict(session, &image.known, 1, &run.known, &results), lt_results_release(results));

    /* An array whose elements lie further apart than this library's struct is long. */
    unsigned char array[3 * (sizeof(lt_image) + TAIL)];
    memset(array, 0, sizeof array);
    for (size_t index = 0; index < 3; index++) {
        lt_image one = encoded_image(index == 1 ? png : jpeg);
        one.struct_size = sizeof one + TAIL;
        memcpy(array + index * one.struct_size, &one, sizeof one);
    }
    MUST(lt_session_predict(session, (const lt_image *)(const void *)array, 3, NULL, &results));
    FILLS(lt_image_result, lt_results_get_image(results, 1, place));
    FILLS(lt_label, lt_results_get_label(results, 1, 2, place));
    LONGER(lt_score_buffers, buffers);
    float scores[15], alone[5];
    buffers.known.class_count = 5;
    buffers.known.scores = scores;
    TAKES_ZEROS(
        buffers,
        lt_session_predict_into(session, (const lt_image *)(const void *)array, 3, NULL, &buffers.known), (void)0);
    lt_image second = encoded_image(png);
    buffers.known.scores = alone;
    OK(lt_session_predict_into(session, &second, 1, NULL, &buffers.known));
    for (int index = 0; index < 5; index++) CHECK(scores[5 + index] - alone[index] < 1e-6f);
    CHECK(memcmp(scores, scores + 10, 5 * sizeof(float)) == 0 && memcmp(scores, scores + 5, 5 * sizeof(float)) != 0);
    lt_results_release(results);
    lt_session_release(session);
    lt_model_release(model);

    MUST(lt_model_load(path_of(folder, "detector.onnx"), NULL, &model));
    MUST(lt_session_create(model, &session));
    MUST(lt_session_predict(session, &second, 1, NULL, &results));
    FILLS(lt_detection, lt_results_get_detection(results, 0, 1, place));
    lt_results_release(results);
    lt_session_release(session);
    lt_model_release(model);

    MUST(lt_model_load(path_of(folder, "tensors.onnx"), NULL, &model));
    MUST(lt_session_create(model, &session));
    struct {
        lt_tensor known;
        unsigned char tail[TAIL];
    } inputs[2];
    struct {
        lt_output_buffer known;
        unsigned char tail[TAIL];
    } outputs[2];
    memset(inputs, 0, sizeof inputs);
    memset(outputs, 0, sizeof outputs);
    static float a[60], doubled[60];
    static int64_t b[1] = {5}, twice[1];
    static const int64_t a_dims[4] = {1, 3, 4, 5}, b_dims[1] = {1};
    for (int index = 0; index < 2; index++) {
        inputs[index].known.struct_size = sizeof inputs[0];
        outputs[index].known.struct_size = sizeof outputs[0];
        memset(outputs[index].tail, 0, TAIL);
        inputs[index].known.name = index == 0 ? "a" : "b";
        inputs[index].known.element_type = index == 0 ? 1 : 7;
        inputs[index].known.rank = index == 0 ? 4 : 1;
        inputs[index].known.dims = index == 0 ? a_dims : b_dims;
        inputs[index].known.data = index == 0 ? (const void *)a : (const void *)b;
        inputs[index].known.size = index == 0 ? sizeof a : sizeof b;
        outputs[index].known.name = index == 0 ? "doubled" : "twice";
        outputs[index].known.data = index == 0 ? (void *)doubled : (void *)twice;
        outputs[index].known.capacity = index == 0 ? sizeof doubled : sizeof twice;
    }
    a[59] = 1.5f;
    OK(lt_session_run(session, &inputs[0].known, 2, NULL, &outputs[0].known, 2, NULL));
    CHECK(doubled[59] == 3 && twice[0] == 10 && outputs[1].known.size == 8 && outputs[1].known.dims[0] == 1);
    CHECK(outputs[0].known.struct_size == sizeof outputs[0]);
    inputs[1].tail[0] = 1;
    FAILS(LT_UNSUPPORTED, lt_session_run(session, &inputs[0].known, 2, NULL, &outputs[0].known, 2, NULL));
    inputs[1].tail[0] = 0;
    MUST(lt_session_run(session, &inputs[0].known, 2, NULL, NULL, 0, &results));
    FILLS(lt_tensor, lt_results_get_tensor(results, 1, place));
    lt_results_release(results);
    lt_session_release(session);
    lt_model_release(model);
    free(jpeg.data);
    free(png.data);
    return finish();
}
