/* detect: the objects in images: boxes, classes, scores and masks.
 *
 *   detect [-a] [-j] [-o FOLDER] [-t THREADS] [-w MILLISECONDS] [-m KEY=VALUE]... MODEL IMAGE...
 *
 *   -a  all detections, not only those that reach their class's threshold
 *   -j  JSON Lines with masks as COCO's run lengths; else tab-separated: image, class, score, decision, x1, y1, x2, y2
 *   -o  also writes each mask into an existing folder, as IMAGE-DETECTION.pbm (counted from 0 as they are printed)
 *   -t  threads that compute (all)     -w  time for each image (no limit)
 *   -m  metadata over the model's own, for detectors that LongTail did not export: docs/c-api.md
 *
 * An image that cannot be read is reported and does not stop the rest. Exit code: 0, 1 failure, 2 done but some images
 * failed, 64 usage. C99 and POSIX; also C++.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <longtail.h>

#define LARGEST_FILE ((off_t)256 << 20)

/* Every struct of the library begins like this: all zero, its size set. */
#define INITIALISE(value) (memset(&(value), 0, sizeof(value)), (value).struct_size = sizeof(value))

struct options {
    int all, json;
    const char *folder; /* for masks; NULL: none are written */
    int64_t timeout_ms;
};

static int failed(lt_status status, const char *what) {
    if (status == LT_OK) return 0;
    fprintf(stderr, "detect: %s: %s\n", what, lt_last_error_message());
    return 1;
}

/* The whole file, to be freed; NULL with errno set. */
static void *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    struct stat info;
    void *bytes = NULL;
    if (fstat(fileno(file), &info) == 0) {
        if (info.st_size > LARGEST_FILE) {
            errno = EFBIG;
        } else if ((bytes = malloc((size_t)info.st_size + 1)) != NULL) {
            errno = EIO;
            *size = fread(bytes, 1, (size_t)info.st_size, file);
            if (*size != (size_t)info.st_size) {
                free(bytes);
                bytes = NULL;
            }
        }
    }
    int reason = errno;
    fclose(file);
    errno = reason;
    return bytes;
}

/* ---- What is printed ------------------------------------------------------------------------------------------------ */

/* A JSON string; what it holds is UTF-8. */
static void print_string(const char *text) {
    putchar('"');
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            printf("\\%c", c);
        } else if (c < 0x20) {
            printf("\\u%04x", c);
        } else {
            putchar(c);
        }
    }
    putchar('"');
}

/* A JSON number; JSON has none that is not finite. */
static void print_number(float value) {
    if (isfinite(value)) {
        printf("%.9g", value);
    } else {
        fputs("null", stdout);
    }
}

static void print_json(const lt_detection *found) {
    printf("{\"id\":%lld,\"name\":", (long long)found->id);
    print_string(found->name);
    fputs(",\"score\":", stdout);
    print_number(found->score);
    printf(",\"decision\":%s,\"box\":[", found->is_positive ? "true" : "false");
    const float box[4] = {found->x1, found->y1, found->x2, found->y2};
    for (int i = 0; i < 4; i++) {
        if (i > 0) putchar(',');
        print_number(box[i]);
    }
    putchar(']');
    if (found->mask_counts != NULL) {
        printf(",\"segmentation\":{\"size\":[%d,%d],\"counts\":", (int)found->mask_height, (int)found->mask_width);
        print_string(found->mask_counts);
        putchar('}');
    }
    putchar('}');
}

static void print_line(const char *path, const lt_detection *found) {
    printf("%s\t", path);
    if (found->name[0] != '\0') {
        fputs(found->name, stdout);
    } else {
        printf("%lld", (long long)found->id);
    }
    printf(
        "\t%.6g\t%d\t%.6g\t%.6g\t%.6g\t%.6g\n", found->score, (int)found->is_positive, found->x1, found->y1, found->x2,
        found->y2);
}

/* Writes rows of bytes 0 and 1 as a portable bitmap (P4: eight pixels a byte, 1 is black). */
static int write_bitmap(const char *path, const uint8_t *pixels, size_t width, size_t height) {
    FILE *file = fopen(path, "wb");
    if (file == NULL) return -1;
    fprintf(file, "P4\n%zu %zu\n", width, height);
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x += 8) {
            int byte = 0;
            for (size_t bit = 0; bit < 8 && x + bit < width; bit++) byte |= pixels[y * width + x + bit] << (7 - bit);
            putc(byte, file);
        }
    }
    int bad = ferror(file);
    return fclose(file) != 0 || bad ? -1 : 0;
}

/* The mask of detection `index` as IMAGE-NUMBER.pbm. */
static int save_mask(
    const lt_results *results, size_t index, const lt_detection *found, const char *folder, size_t image,
    size_t number) {
    size_t width = (size_t)found->mask_width, height = (size_t)found->mask_height;
    size_t length = strlen(folder) + 64;
    char *path = (char *)malloc(length);
    uint8_t *pixels = (uint8_t *)malloc(width * height);
    int status = -1;
    if (path == NULL || pixels == NULL) {
        fprintf(stderr, "detect: out of memory\n");
    } else if (!failed(lt_results_copy_mask(results, 0, index, pixels, width * height, 0), "mask")) {
        snprintf(path, length, "%s/%zu-%zu.pbm", folder, image, number);
        status = write_bitmap(path, pixels, width, height);
        if (status != 0) fprintf(stderr, "detect: %s: %s\n", path, strerror(errno));
    }
    free(pixels);
    free(path);
    return status;
}

/* ---- Detection ------------------------------------------------------------------------------------------------------ */

/* Prints what was found in image `number`. Returns 0, 1 for an image that failed, -1 for an error. */
static int print_image(const lt_results *results, const char *path, size_t number, const struct options *options) {
    lt_image_result image;
    INITIALISE(image);
    if (failed(lt_results_get_image(results, 0, &image), path)) return -1;
    if (image.status != LT_OK) {
        fprintf(stderr, "detect: %s: %s\n", path, image.message);
        return 1;
    }
    if (options->json) {
        fputs("{\"image\":", stdout);
        print_string(path);
        fputs(",\"detections\":[", stdout);
    }
    size_t printed = 0;
    for (size_t index = 0; index < image.count; index++) {
        lt_detection found;
        INITIALISE(found);
        if (failed(lt_results_get_detection(results, 0, index, &found), path)) return -1;
        if (!found.is_positive && !options->all) continue;
        if (options->json) {
            if (printed > 0) putchar(',');
            print_json(&found);
        } else {
            print_line(path, &found);
        }
        if (options->folder != NULL && found.mask_width > 0
            && save_mask(results, index, &found, options->folder, number, printed) != 0)
            return -1;
        printed++;
    }
    if (options->json) fputs("]}\n", stdout);
    return 0;
}

/* Returns 0, 1 for an image that failed, -1 for an error. */
static int detect(lt_session *session, const char *path, size_t number, const struct options *options) {
    lt_image image;
    INITIALISE(image);
    void *bytes = read_file(path, &image.size);
    if (bytes == NULL) {
        fprintf(stderr, "detect: %s: %s\n", path, strerror(errno));
        return 1;
    }
    image.data = bytes;
    image.format = LT_IMAGE_ENCODED;
    lt_run_options run;
    INITIALISE(run);
    run.timeout_ms = options->timeout_ms;
    lt_results *results = NULL;
    lt_status status = lt_session_predict(session, &image, 1, &run, &results);
    int outcome = status == LT_TIMED_OUT ? 1 : -1;
    if (!failed(status, path)) outcome = print_image(results, path, number, options);
    lt_results_release(results);
    free(bytes);
    return outcome;
}

/* Whether the model detects objects in images; says why not. */
static int is_detector(const lt_model *model) {
    lt_model_info info;
    INITIALISE(info);
    if (failed(lt_model_get_info(model, &info), "model")) return 0;
    const char *reason = NULL;
    if (info.task != LT_TASK_DETECTION && info.task != LT_TASK_SEGMENTATION) reason = "see classify_folder.c";
    if (!info.takes_images) reason = info.images_reason;
    if (reason != NULL) fprintf(stderr, "detect: the model does not detect objects in images: %s\n", reason);
    return reason == NULL;
}

static int detect_all(
    const char *path, char **images, size_t count, const lt_model_options *model_options,
    const struct options *options) {
    lt_model *model = NULL;
    lt_session *session = NULL;
    int code = 1;
    if (!failed(lt_model_load(path, model_options, &model), path) && is_detector(model)
        && !failed(lt_session_create(model, &session), "session")) {
        code = 0;
        for (size_t i = 0; i < count && code != 1; i++) {
            int outcome = detect(session, images[i], i, options);
            if (outcome < 0) code = 1;
            if (outcome > 0) code = 2;
        }
    }
    lt_session_release(session);
    lt_model_release(model);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "detect: cannot write: %s\n", strerror(errno));
        code = 1;
    }
    return code;
}

/* ---- Command line --------------------------------------------------------------------------------------------------- */

static int usage(void) {
    fputs(
        "usage: detect [-a] [-j] [-o FOLDER] [-t THREADS] [-w MILLISECONDS] [-m KEY=VALUE]... MODEL IMAGE...\n", stderr);
    return 64;
}

static int number(const char *text, long least, long most, long *value) {
    char *end;
    errno = 0;
    *value = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *value >= least && *value <= most;
}

int main(int argc, char **argv) {
    long threads = 0, timeout_ms = 0;
    struct options options = {0, 0, NULL, 0};
    lt_metadata *metadata = (lt_metadata *)calloc((size_t)argc, sizeof *metadata);
    if (metadata == NULL) return 1;
    size_t metadata_count = 0;
    int good = 1;
    for (int option; good && (option = getopt(argc, argv, "ajo:t:w:m:")) != -1;) {
        char *equals;
        switch (option) {
        case 'a': options.all = 1; break;
        case 'j': options.json = 1; break;
        case 'o': options.folder = optarg; break;
        case 't': good = number(optarg, 0, 1024, &threads); break;
        case 'w': good = number(optarg, 0, 86400000, &timeout_ms); break;
        case 'm':
            good = (equals = strchr(optarg, '=')) != NULL;
            if (!good) break;
            *equals = '\0';
            metadata[metadata_count].key = optarg;
            metadata[metadata_count++].value = equals + 1;
            break;
        default: good = 0;
        }
    }
    int code;
    if (good && argc - optind >= 2) {
        lt_model_options model_options;
        INITIALISE(model_options);
        model_options.threads = (int32_t)threads;
        model_options.metadata = metadata;
        model_options.metadata_count = metadata_count;
        options.timeout_ms = timeout_ms;
        code = detect_all(argv[optind], argv + optind + 1, (size_t)(argc - optind - 1), &model_options, &options);
    } else {
        code = usage();
    }
    free(metadata);
    return code;
}
