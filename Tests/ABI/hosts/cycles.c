/* Loads a model, decides about images and releases everything, again and again; the scores must stay the same. Arguments:
 * the folder, the number of cycles, the names of images in the folder. The last one is given whole and cut in half. */
#include "host.h"

int main(int argc, char **argv) {
    if (argc < 4 || argc > 10) return 2;
    bytes model_file = read_file(argv[1], "tiny.onnx"), files[8], raw = read_file(argv[1], "colour.rgb");
    lt_image images[8];
    size_t count = 0;
    for (int index = 3; index < argc; index++, count++) {
        files[count] = read_file(argv[1], argv[index]);
        images[count] = encoded_image(files[count]);
    }
    /* Half a file is an error in a result of its own, or a picture in part; decoded pixels need no file. */
    images[count] = images[count - 1];
    images[count++].size /= 2;
    images[count] = encoded_image(raw);
    images[count].format = LT_IMAGE_RGB;
    images[count].width = 37;
    images[count++].height = 23;
    SIZED(lt_model_options, options);
    options.threads = 1;
    float first[4] = {0};
    long cycles = atol(argv[2]);
    for (long cycle = 0; cycle < cycles; cycle++) {
        lt_model *model = NULL;
        if (cycle % 2 == 0)
            MUST(lt_model_load_from_memory(model_file.data, model_file.size, &options, &model));
        else
            MUST(lt_model_load(path_of(argv[1], "tiny.onnx"), &options, &model));
        lt_session *session = NULL;
        MUST(lt_session_create(model, &session));
        lt_results *results = NULL;
        MUST(lt_session_predict(session, images, count, NULL, &results));
        SIZED(lt_image_result, result);
        OK(lt_results_get_image(results, 0, &result));
        CHECK(result.status == LT_OK && result.count == 4);
        if (cycle == 0) memcpy(first, result.scores, sizeof first);
        CHECK(memcmp(first, result.scores, sizeof first) == 0);
        SIZED(lt_label, label);
        OK(lt_results_get_label(results, count - 1, 0, &label));
        FAILS(LT_NOT_FOUND, lt_results_get_label(results, count, 0, &label));
        lt_results_release(results);
        lt_session_release(session);
        lt_model_release(model);
    }
    for (int index = 0; index < argc - 3; index++) free(files[index].data);
    free(model_file.data);
    free(raw.data);
    return finish();
}
