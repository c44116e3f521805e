/* What a host does with raw tensors: any model, both ways out. Arguments: the folder of models and images. */
#include "host.h"

enum { FLOAT = 1, UINT8 = 2, INT64 = 7 };

static lt_tensor tensor_of(const char *name, int32_t type, size_t rank, const int64_t *dims, const void *data, size_t size) {
    SIZED(lt_tensor, tensor);
    tensor.name = name;
    tensor.element_type = type;
    tensor.rank = rank;
    tensor.dims = dims;
    tensor.data = data;
    tensor.size = size;
    return tensor;
}

static void aligned(void **memory, size_t size) {
    if (posix_memalign(memory, 64, size) != 0) exit(1);
}

/* Outputs of tensors.onnx, in its order: doubled [N,3,4,5] = 2a, shape [4] int64, same = a, sum [] = Σa, twice [K] int64 =
 * 2b, small uint8 [N,3,4,5]. */
static void check_results(lt_results *results, const float *a, size_t batch, const int64_t *b, size_t length) {
    size_t count = 0;
    OK(lt_results_get_count(results, &count));
    CHECK(count == 6);
    static const char *const names[6] = {"doubled", "shape", "same", "sum", "twice", "small"};
    static const int32_t types[6] = {FLOAT, INT64, FLOAT, FLOAT, INT64, UINT8};
    for (size_t index = 0; index < 6; index++) {
        SIZED(lt_tensor, tensor);
        OK(lt_results_get_tensor(results, index, &tensor));
        CHECK(strcmp(tensor.name, names[index]) == 0 && tensor.element_type == types[index]);
        const float *floats = (const float *)tensor.data;
        const int64_t *integers = (const int64_t *)tensor.data;
        switch (index) {
        case 0:
        case 2:
            CHECK(tensor.rank == 4 && tensor.dims[0] == (int64_t)batch && tensor.dims[3] == 5);
            CHECK(tensor.size == batch * 60 * 4);
            for (size_t at = 0; at < batch * 60; at++) CHECK(floats[at] == (index == 0 ? 2 * a[at] : a[at]));
            break;
        case 1:
            CHECK(tensor.rank == 1 && tensor.dims[0] == 4 && tensor.size == 32);
            CHECK(integers[0] == (int64_t)batch && integers[1] == 3 && integers[2] == 4 && integers[3] == 5);
            break;
        case 3: CHECK(tensor.rank == 0 && tensor.size == 4); break;
        case 4:
            CHECK(tensor.rank == 1 && tensor.dims[0] == (int64_t)length && tensor.size == length * 8);
            for (size_t at = 0; at < length; at++) CHECK(integers[at] == 2 * b[at]);
            break;
        default: CHECK(tensor.rank == 4 && tensor.size == batch * 60); break;
        }
    }
    SIZED(lt_tensor, none);
    FAILS(LT_NOT_FOUND, lt_results_get_tensor(results, 6, &none));
    SIZED(lt_image_result, image);
    FAILS(LT_TYPE_MISMATCH, lt_results_get_image(results, 0, &image));
}

static void tensors(const char *folder, const char *device) {
    SIZED(lt_model_options, options);
    options.device = device;
    options.threads = 1;
    options.max_batch = 4;
    lt_model *model = NULL;
    MUST(lt_model_load(path_of(folder, "tensors.onnx"), &options, &model));
    SIZED(lt_model_info, info);
    OK(lt_model_get_info(model, &info));
    CHECK(info.task == LT_TASK_UNKNOWN && info.takes_images == 0 && info.images_reason != NULL);
    CHECK(info.input_count == 2 && info.output_count == 6 && info.class_count == 0 && info.preprocess == NULL);
    SIZED(lt_tensor_info, scalar);
    OK(lt_model_get_output(model, 3, &scalar));
    CHECK(scalar.has_shape == 1 && scalar.rank == 0 && scalar.element_type == FLOAT);
    lt_session *session = NULL;
    MUST(lt_session_create(model, &session));
    lt_model_release(model);

    /* Memory as kernels like it, and memory that begins anywhere; the host's memory is its own again after the call. */
    for (size_t shift = 0; shift < 8; shift += 4) {
        for (size_t batch = 1; batch <= 3; batch += 2) {
            void *memory = NULL;
            aligned(&memory, 3 * 60 * 4 + 64);
            float *a = (float *)((char *)memory + shift);
            float copy[3 * 60];
            for (size_t at = 0; at < batch * 60; at++) copy[at] = a[at] = (float)((int)at % 11 - 4) * 0.5f;
            int64_t b[4] = {1, -2, 3, INT64_C(1) << 40};
            size_t length = batch == 1 ? 4 : 0;
            int64_t a_dims[4] = {0, 3, 4, 5}, b_dims[1];
            a_dims[0] = (int64_t)batch;
            b_dims[0] = (int64_t)length;
            lt_tensor inputs[2];
            inputs[0] = tensor_of("a", FLOAT, 4, a_dims, a, batch * 60 * 4);
            inputs[1] = tensor_of("b", INT64, 1, b_dims, length > 0 ? b : NULL, length * 8);
            lt_results *results = NULL;
            MUST(lt_session_run(session, inputs, 2, NULL, NULL, 0, &results));
            CHECK(memcmp(a, copy, batch * 60 * 4) == 0);
            memset(memory, 0xEE, 3 * 60 * 4 + 64);
            free(memory);
            check_results(results, copy, batch, b, length);

            /* Some outputs, in an order of the host's. */
            inputs[0].data = copy;
            int64_t shape[4];
            float doubled[3 * 60];
            lt_output_buffer outputs[2];
            memset(outputs, 0xFF, sizeof outputs);
            outputs[0].struct_size = outputs[1].struct_size = sizeof(lt_output_buffer);
            outputs[0].name = "shape";
            outputs[0].data = shape;
            outputs[0].capacity = sizeof shape;
            outputs[1].name = "doubled";
            outputs[1].data = doubled;
            outputs[1].capacity = batch * 60 * 4;
            OK(lt_session_run(session, inputs, 2, NULL, outputs, 2, NULL));
            CHECK(outputs[0].size == 32 && outputs[0].element_type == INT64 && outputs[0].rank == 1);
            CHECK(outputs[0].dims[0] == 4 && shape[0] == (int64_t)batch && shape[3] == 5);
            CHECK(outputs[1].size == batch * 60 * 4 && outputs[1].rank == 4 && outputs[1].dims[0] == (int64_t)batch);
            for (size_t at = 0; at < batch * 60; at++) CHECK(doubled[at] == 2 * copy[at]);
            outputs[1].capacity--;
            FAILS(LT_BUFFER_TOO_SMALL, lt_session_run(session, inputs, 2, NULL, outputs, 2, NULL));
            outputs[1].capacity++;
            outputs[1].name = "nothing";
            FAILS(LT_NOT_FOUND, lt_session_run(session, inputs, 2, NULL, outputs, 2, NULL));
            lt_results_release(results);
        }
    }

    float a[5 * 60] = {0};
    int64_t b[1] = {7}, a_dims[4] = {5, 3, 4, 5}, b_dims[1] = {1};
    lt_tensor inputs[2];
    inputs[0] = tensor_of("a", FLOAT, 4, a_dims, a, sizeof a);
    inputs[1] = tensor_of("b", INT64, 1, b_dims, b, sizeof b);
    lt_results *results = NULL;
    /* More than max_batch; another rank, size, type; inputs missing, unknown, twice. */
    FAILS(LT_SHAPE_MISMATCH, lt_session_run(session, inputs, 2, NULL, NULL, 0, &results));
    a_dims[0] = 1;
    inputs[0].size = 240;
    OK(lt_session_run(session, inputs, 2, NULL, NULL, 0, &results));
    lt_results_release(results);
    a_dims[2] = 5;
    a_dims[3] = 4;
    FAILS(LT_SHAPE_MISMATCH, lt_session_run(session, inputs, 2, NULL, NULL, 0, &results));
    a_dims[2] = 4;
    a_dims[3] = 5;
    inputs[0].element_type = 6;
    FAILS(LT_TYPE_MISMATCH, lt_session_run(session, inputs, 2, NULL, NULL, 0, &results));
    inputs[0].element_type = FLOAT;
    lt_status missing = lt_session_run(session, inputs, 1, NULL, NULL, 0, &results);
    CHECK(missing == LT_NOT_FOUND || missing == LT_INVALID_ARGUMENT);
    inputs[1].name = "c";
    lt_status unknown = lt_session_run(session, inputs, 2, NULL, NULL, 0, &results);
    CHECK(unknown == LT_NOT_FOUND || unknown == LT_INVALID_ARGUMENT);
    inputs[1] = inputs[0];
    FAILS(LT_INVALID_ARGUMENT, lt_session_run(session, inputs, 2, NULL, NULL, 0, &results));
    SIZED(lt_image, image);
    image.data = "";
    lt_results *none = NULL;
    lt_status unsaid = lt_session_predict(session, &image, 1, NULL, &none);
    CHECK(unsaid != LT_OK && none == NULL && lt_last_error_message()[0] != 0);
    lt_session_release(session);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    tensors(argv[1], "cpu");
    tensors(argv[1], "reference");
    return finish();
}
