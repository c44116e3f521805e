/* Prints what a model finds in images, numbers as their bits. Per image a line: position, status, then of each class
 * raw:score:decision, of each detection class:raw:score:decision:x1:y1:x2:y2:mask. Arguments: the model, images of a call
 * (0: all in one), then the images. */
#include "host.h"

static unsigned bits(float value) {
    uint32_t result;
    memcpy(&result, &value, sizeof result);
    return (unsigned)result;
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    SIZED(lt_model_options, options);
    options.threads = 2;
    lt_model *model = NULL;
    MUST(lt_model_load(argv[1], &options, &model));
    lt_session *session = NULL;
    MUST(lt_session_create(model, &session));
    size_t count = (size_t)(argc - 3), step = (size_t)atol(argv[2]);
    if (step == 0) step = count;
    lt_image *images = (lt_image *)allocate(count * sizeof *images);
    bytes *files = (bytes *)allocate(count * sizeof *files);
    for (size_t index = 0; index < count; index++) {
        files[index] = read_file("/", argv[3 + index]);
        images[index] = encoded_image(files[index]);
    }
    for (size_t start = 0; start < count; start += step) {
        size_t here = count - start < step ? count - start : step;
        lt_results *results = NULL;
        MUST(lt_session_predict(session, images + start, here, NULL, &results));
        for (size_t at = 0; at < here; at++) {
            SIZED(lt_image_result, result);
            OK(lt_results_get_image(results, at, &result));
            printf("%zu %s", start + at, lt_status_name(result.status));
            for (size_t index = 0; index < result.count; index++) {
                if (result.kind == LT_RESULT_CLASSES) {
                    printf(" %08x:%08x:%d", bits(result.raw[index]), bits(result.scores[index]), result.decisions[index]);
                    continue;
                }
                SIZED(lt_detection, found);
                OK(lt_results_get_detection(results, at, index, &found));
                printf(" %zu:%08x:%08x:%d:%08x:%08x:%08x:%08x", found.index, bits(found.raw), bits(found.score),
                    (int)found.is_positive, bits(found.x1), bits(found.y1), bits(found.x2), bits(found.y2));
                printf(":%s", found.mask_counts == NULL ? "" : found.mask_counts);
            }
            printf("\n");
        }
        lt_results_release(results);
    }
    lt_session_release(session);
    lt_model_release(model);
    for (size_t index = 0; index < count; index++) free(files[index].data);
    free(files);
    free(images);
    return finish();
}
