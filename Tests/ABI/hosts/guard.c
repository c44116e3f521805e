/* Inputs, pixels, files and outputs at the very end of memory, a page that nobody may touch behind them: who reads or writes
 * too far dies. What comes out must be what comes out of roomy memory, bit for bit. Arguments: the folder, then models
 * that take one tensor "x" (and, some of them, "y" like it) of the shape that they state. */
#include "host.h"

static size_t size_of(int32_t type) {
    switch (type) {
    case 1: case 6: return 4;
    case 2: case 3: case 9: return 1;
    case 4: case 5: case 10: return 2;
    case 7: case 11: return 8;
    default: exit(3);
    }
}

/* Numbers that every type can hold. */
static void fill(unsigned char *data, int32_t type, size_t count) {
    for (size_t at = 0; at < count; at++) {
        int value = (int)(at * 7 % 13) - (type == 2 || type == 9 ? 0 : 5);
        if (type == 9) value = at * 7 % 13 > 5;
        switch (type) {
        case 1: ((float *)(void *)data)[at] = (float)value * 0.37f; break;
        case 6: ((int32_t *)(void *)data)[at] = value; break;
        case 7: ((int64_t *)(void *)data)[at] = value; break;
        case 11: ((double *)(void *)data)[at] = value * 0.37; break;
        /* 0x3C00: one in float16. */
        case 4: case 5: case 10: ((uint16_t *)(void *)data)[at] = (uint16_t)(type == 10 ? 0x3C00 + at % 512 : (size_t)value); break;
        default: data[at] = (unsigned char)value; break;
        }
    }
}

static void run_model(const char *path) {
    SIZED(lt_model_options, options);
    options.threads = 2;
    lt_model *model = NULL;
    MUST(lt_model_load(path, &options, &model));
    lt_session *session = NULL;
    MUST(lt_session_create(model, &session));
    SIZED(lt_model_info, info);
    MUST(lt_model_get_info(model, &info));
    SIZED(lt_tensor_info, input);
    MUST(lt_model_get_input(model, 0, &input));
    size_t count = 1;
    for (size_t axis = 0; axis < input.rank; axis++) count *= (size_t)input.dims[axis];
    size_t size = count * size_of(input.element_type);
    void *roomy = NULL;
    if (posix_memalign(&roomy, 64, size + 4096) != 0) exit(3);
    memset(roomy, 0, size + 4096);
    fill((unsigned char *)roomy, input.element_type, count);

    lt_results *expected = NULL;
    /* Roomy; ending at the page (aligned where the size is whole lines); beginning at a line, with NaN up to the page. */
    for (int way = 0; way < 3; way++) {
        size_t shift = way == 2 ? (64 - size % 64) % 64 : 0;
        unsigned char *memory[2] = {(unsigned char *)roomy, (unsigned char *)roomy};
        lt_tensor tensors[2];
        memset(tensors, 0, sizeof tensors);
        for (size_t index = 0; index < info.input_count; index++) {
            if (way > 0) {
                memory[index] = guarded(size, shift);
                memcpy(memory[index], roomy, size);
            }
            tensors[index].struct_size = sizeof tensors[index];
            tensors[index].name = index == 0 ? "x" : "y";
            tensors[index].element_type = input.element_type;
            tensors[index].rank = input.rank;
            tensors[index].dims = input.dims;
            tensors[index].data = memory[index];
            tensors[index].size = size;
        }
        lt_results *results = NULL;
        MUST(lt_session_run(session, tensors, info.input_count, NULL, NULL, 0, &results));
        if (way == 0) expected = results;
        size_t outputs = 0;
        MUST(lt_results_get_count(results, &outputs));
        lt_output_buffer buffers[4];
        unsigned char *written[4];
        for (size_t index = 0; index < outputs; index++) {
            SIZED(lt_tensor, one);
            SIZED(lt_tensor, other);
            OK(lt_results_get_tensor(expected, index, &one));
            OK(lt_results_get_tensor(results, index, &other));
            CHECK(one.size == other.size && memcmp(one.data, other.data, one.size) == 0);
            if (index >= 4) return;
            written[index] = guarded(one.size, 0);
            memset(&buffers[index], 0, sizeof buffers[index]);
            buffers[index].struct_size = sizeof buffers[index];
            buffers[index].name = one.name;
            buffers[index].data = written[index];
            buffers[index].capacity = one.size;
        }
        /* The same memory again, now into the host's. */
        OK(lt_session_run(session, tensors, info.input_count, NULL, buffers, outputs, NULL));
        for (size_t index = 0; index < outputs; index++) {
            SIZED(lt_tensor, one);
            OK(lt_results_get_tensor(expected, index, &one));
            CHECK(memcmp(one.data, written[index], one.size) == 0 && buffers[index].size == one.size);
            release_guarded(written[index], one.size, 0);
        }
        if (way == 0) continue;
        lt_results_release(results);
        for (size_t index = 0; index < info.input_count; index++) release_guarded(memory[index], size, shift);
    }
    if (failed_checks > 0) fprintf(stderr, "%s\n", path);
    lt_results_release(expected);
    lt_session_release(session);
    lt_model_release(model);
    free(roomy);
}

/* Pixels of every format and of sizes odd and even, one image and three, files too; scores at the end of memory. */
static void run_images(const char *folder) {
    static const int32_t sides[][2] = {{1, 1}, {3, 2}, {16, 16}, {17, 5}, {31, 33}, {64, 48}, {65, 7}, {5, 129}};
    lt_model *model = NULL;
    SIZED(lt_model_options, options);
    options.threads = 1;
    MUST(lt_model_load(path_of(folder, "scores.onnx"), &options, &model));
    lt_session *session = NULL;
    MUST(lt_session_create(model, &session));
    bytes file = read_file(folder, "picture.jpg");
    for (size_t size_index = 0; size_index < 8; size_index++)
        for (int32_t format = LT_IMAGE_ENCODED; format <= LT_IMAGE_GREY; format++)
            for (size_t count = 1; count <= 3; count += 2)
                for (size_t gap = 0; gap <= 5; gap += 5) {
                    size_t width = (size_t)sides[size_index][0], height = (size_t)sides[size_index][1];
                    size_t step = format == LT_IMAGE_GREY ? 1 : format <= LT_IMAGE_BGR ? 3 : 4;
                    size_t stride = width * step + gap, size = stride * height - gap;
                    if (format == LT_IMAGE_ENCODED) size = file.size;
                    float expected[15];
                    for (int way = 0; way < 3; way++) {
                        size_t shift = way == 2 ? (64 - size % 64) % 64 : 0;
                        unsigned char *memory[3];
                        lt_image images[3];
                        for (size_t index = 0; index < count; index++) {
                            memory[index] = way == 0 ? (unsigned char *)allocate(size + 4096) : guarded(size, shift);
                            for (size_t at = 0; at < size; at++)
                                memory[index][at] = (unsigned char)(at * (3 + index) % 251);
                            if (format == LT_IMAGE_ENCODED) memcpy(memory[index], file.data, size);
                            memset(&images[index], 0, sizeof images[index]);
                            images[index].struct_size = sizeof images[index];
                            images[index].data = memory[index];
                            images[index].size = size;
                            images[index].format = format;
                            images[index].width = (int32_t)width;
                            images[index].height = (int32_t)height;
                            images[index].stride = gap == 0 ? 0 : stride;
                        }
                        float *scores = (float *)(void *)guarded(count * 5 * sizeof(float), 0);
                        uint8_t *decisions = guarded(count * 5, 0);
                        lt_status *statuses = (lt_status *)(void *)guarded(count * sizeof(lt_status), 0);
                        SIZED(lt_score_buffers, buffers);
                        buffers.class_count = 5;
                        buffers.scores = scores;
                        buffers.decisions = decisions;
                        buffers.statuses = statuses;
                        OK(lt_session_predict_into(session, images, count, NULL, &buffers));
                        for (size_t index = 0; index < count; index++) CHECK(statuses[index] == LT_OK);
                        if (way == 0) memcpy(expected, scores, count * 5 * sizeof(float));
                        CHECK(memcmp(expected, scores, count * 5 * sizeof(float)) == 0);
                        release_guarded((unsigned char *)scores, count * 5 * sizeof(float), 0);
                        release_guarded(decisions, count * 5, 0);
                        release_guarded((unsigned char *)statuses, count * sizeof(lt_status), 0);
                        for (size_t index = 0; index < count; index++)
                            if (way == 0) free(memory[index]); else release_guarded(memory[index], size, shift);
                    }
                }
    lt_session_release(session);
    lt_model_release(model);
    free(file.data);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    run_images(argv[1]);
    for (int index = 2; index < argc; index++) {
        run_model(argv[index]);
        if (failed_checks > 5) break;
    }
    return finish();
}
