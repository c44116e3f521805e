/* What a host does with detectors and with models of clips. Arguments: the folder of models and images. */
#include "host.h"

/* A mask by its runs, by its rows of bytes, and by the compressed runs must be the same. */
static void check_mask(const lt_results *results, size_t image, size_t index, const lt_detection *found) {
    size_t width = (size_t)found->mask_width, height = (size_t)found->mask_height;
    CHECK(found->mask_runs != NULL && found->mask_counts != NULL && found->mask_counts[0] != 0);
    for (size_t gap = 0; gap <= 3; gap += 3) {
        size_t stride = width + gap, size = stride * height - gap;
        unsigned char *pixels = (unsigned char *)allocate(size);
        memset(pixels, 0x77, size);
        OK(lt_results_copy_mask(results, image, index, pixels, size, gap == 0 ? 0 : stride));
        size_t at = 0, set = 0;
        for (size_t run = 0; run < found->mask_run_count; run++)
            for (uint32_t left = found->mask_runs[run]; left > 0; left--, at++) {
                CHECK(at < width * height);
                if (at >= width * height) return;
                CHECK(pixels[at % height * stride + at / height] == run % 2);
                set += run % 2;
            }
        CHECK(at == width * height && set > 0);
        for (size_t y = 0; y + 1 < height; y++)
            for (size_t x = width; x < stride; x++) CHECK(pixels[y * stride + x] == 0x77);
        FAILS(LT_BUFFER_TOO_SMALL, lt_results_copy_mask(results, image, index, pixels, size - 1, gap == 0 ? 0 : stride));
        free(pixels);
    }
}

static void detections(const char *folder) {
    lt_model *model = NULL;
    MUST(lt_model_load(path_of(folder, "detector.onnx"), NULL, &model));
    SIZED(lt_model_info, info);
    OK(lt_model_get_info(model, &info));
    CHECK(info.task == LT_TASK_SEGMENTATION && info.takes_images == 1 && info.largest_batch == 1);
    CHECK(info.class_count == 2 && info.output_count == 4);
    SIZED(lt_class_info, left);
    OK(lt_model_get_class(model, 0, &left));
    CHECK(left.id == 1 && strcmp(left.name, "left") == 0 && left.train_count == -1 && left.group == NULL);
    lt_session *session = NULL;
    MUST(lt_session_create(model, &session));
    lt_model_release(model);

    bytes white = read_file(folder, "white.png"), turned = read_file(folder, "turned.jpg"), junk;
    junk = read_file(folder, "junk.jpg");
    lt_image images[3];
    images[0] = encoded_image(white);
    images[1] = encoded_image(junk);
    images[2] = encoded_image(turned);
    lt_results *results = NULL;
    MUST(lt_session_predict(session, images, 3, NULL, &results));
    SIZED(lt_score_buffers, buffers);
    buffers.class_count = 2;
    FAILS(LT_UNSUPPORTED, lt_session_predict_into(session, images, 3, NULL, &buffers));
    lt_session_release(session);

    SIZED(lt_image_result, result);
    OK(lt_results_get_image(results, 1, &result));
    CHECK(result.status != LT_OK && result.kind == LT_RESULT_NONE);
    /* The white picture is 40 × 20; the turned one is stored so and upright 20 × 40. */
    for (size_t image = 0; image < 3; image += 2) {
        float width = image == 0 ? 40 : 20, height = image == 0 ? 20 : 40;
        OK(lt_results_get_image(results, image, &result));
        CHECK(result.status == LT_OK && result.kind == LT_RESULT_DETECTIONS && result.count == 3 && result.raw == NULL);
        if (result.count != 3) return;
        for (size_t index = 0; index < 3; index++) {
            SIZED(lt_detection, found);
            OK(lt_results_get_detection(results, image, index, &found));
            CHECK(found.score == result.scores[index] && found.is_positive == result.decisions[index]);
            CHECK(index == 0 || found.score <= result.scores[index - 1]);
            CHECK(found.id == (int64_t)found.index + 1 && strcmp(found.name, found.index == 0 ? "left" : "right") == 0);
            CHECK(found.mask_width == (int32_t)width && found.mask_height == (int32_t)height);
            check_mask(results, image, index, &found);
            if (index == 0) CHECK(found.x1 == 0 && found.y1 == 0 && found.x2 == width / 2 && found.y2 == height / 4);
            if (index == 2) CHECK(found.x1 == 0 && found.y1 == 0 && found.x2 == width && found.y2 == height);
        }
    }
    SIZED(lt_detection, missing);
    FAILS(LT_NOT_FOUND, lt_results_get_detection(results, 0, 3, &missing));
    FAILS(LT_NOT_FOUND, lt_results_get_detection(results, 1, 0, &missing));
    SIZED(lt_label, label);
    FAILS(LT_TYPE_MISMATCH, lt_results_get_label(results, 0, 0, &label));
    lt_results_release(results);
    free(white.data);
    free(turned.data);
    free(junk.data);
}

static void clips(const char *folder) {
    lt_model *model = NULL;
    MUST(lt_model_load(path_of(folder, "clip.onnx"), NULL, &model));
    SIZED(lt_model_info, info);
    OK(lt_model_get_info(model, &info));
    CHECK(info.task == LT_TASK_CLIP && info.takes_images == 1 && info.clip_frames == 4);
    int64_t frames[4];
    OK(lt_model_get_clip_frames(model, 16, frames, 4));
    CHECK(frames[0] == 2 && frames[1] == 6 && frames[2] == 10 && frames[3] == 14);
    FAILS(LT_BUFFER_TOO_SMALL, lt_model_get_clip_frames(model, 16, frames, 3));
    lt_session *session = NULL;
    MUST(lt_session_create(model, &session));

    /* Two clips of four frames: one of files and one of pixels; each class is a frame's channel. */
    bytes white = read_file(folder, "white.png");
    unsigned char black[8 * 8 * 3] = {0};
    lt_image images[8];
    for (int index = 0; index < 8; index++) {
        images[index] = encoded_image(white);
        if (index % 2 == 0) continue;
        images[index].data = black;
        images[index].size = sizeof black;
        images[index].format = LT_IMAGE_RGB;
        images[index].width = images[index].height = 8;
    }
    lt_results *results = NULL;
    MUST(lt_session_predict(session, images, 8, NULL, &results));
    size_t count = 0;
    OK(lt_results_get_count(results, &count));
    CHECK(count == 2);
    for (size_t clip = 0; clip < 2; clip++) {
        SIZED(lt_image_result, result);
        OK(lt_results_get_image(results, clip, &result));
        CHECK(result.status == LT_OK && result.kind == LT_RESULT_CLASSES && result.count == 12);
        for (size_t index = 0; result.count == 12 && index < 12; index++)
            CHECK(result.raw[index] == (index % 4 % 2 == 0 ? 1.0f : 0.0f));
    }
    lt_results *none = NULL;
    FAILS(LT_INVALID_ARGUMENT, lt_session_predict(session, images, 7, NULL, &none));
    /* A frame that cannot be read takes its clip along, and no other. */
    unsigned char junk[3] = {1, 2, 3};
    images[5].format = LT_IMAGE_ENCODED;
    images[5].data = junk;
    images[5].size = sizeof junk;
    MUST(lt_session_predict(session, images, 8, NULL, &none));
    SIZED(lt_image_result, first);
    SIZED(lt_image_result, second);
    OK(lt_results_get_image(none, 0, &first));
    OK(lt_results_get_image(none, 1, &second));
    CHECK(first.status == LT_OK && second.status != LT_OK && second.message != NULL);
    lt_results_release(none);
    lt_results_release(results);
    lt_session_release(session);
    lt_model_release(model);
    free(white.data);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    detections(argv[1]);
    clips(argv[1]);
    return finish();
}
