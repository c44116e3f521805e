/* classify_folder: what a model decides about every image below a folder, as CSV on standard output.
 *
 *   classify_folder [-b BATCH] [-t THREADS] [-w MILLISECONDS] [-k BEST] [-m KEY=VALUE]... MODEL FOLDER
 *
 *   -b  images per call (16)          -w  time for each call; its images become errors when it is over (no limit)
 *   -t  threads that compute (all)    -k  classes per image beside those decided for (1)
 *   -m  metadata over the model's own, e.g. -m 'lt.task="multiclass"'
 *
 * A row per image and class: the best classes and every class that is decided to be there. An image that cannot be read
 * is a row with its error. Exit code: 0, 1 failure, 2 done but some images failed, 64 usage. C99 and POSIX; also C++.
 */
#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <longtail.h>

#define LARGEST_FILE ((off_t)256 << 20)

/* Every struct of the library begins like this: all zero, its size set. */
#define INITIALISE(value) (memset(&(value), 0, sizeof(value)), (value).struct_size = sizeof(value))

struct options {
    size_t batch, best;
    int64_t timeout_ms;
};

/* ---- The files below a folder --------------------------------------------------------------------------------------- */

struct list {
    char **paths;
    size_t count, capacity;
};

/* Takes over `path`. */
static int append(struct list *list, char *path) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 256 : 2 * list->capacity;
        char **paths = (char **)realloc(list->paths, capacity * sizeof *paths);
        if (paths == NULL) return -1;
        list->paths = paths;
        list->capacity = capacity;
    }
    list->paths[list->count++] = path;
    return 0;
}

static int is_image_name(const char *name) {
    static const char *const suffixes[] = {".jpg", ".jpeg", ".png", ".webp"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t tail = strlen(suffixes[i]);
        if (length > tail && strcasecmp(name + length - tail, suffixes[i]) == 0) return 1;
    }
    return 0;
}

/* Adds the images below a folder; hidden files are left out, links to folders are not followed. */
static int walk(struct list *list, const char *folder) {
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        fprintf(stderr, "classify_folder: %s: %s\n", folder, strerror(errno));
        return -1;
    }
    int status = 0;
    for (struct dirent *entry; status == 0 && (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        size_t size = strlen(folder) + strlen(entry->d_name) + 2;
        char *path = (char *)malloc(size);
        if (path == NULL) {
            fprintf(stderr, "classify_folder: out of memory\n");
            status = -1;
            break;
        }
        snprintf(path, size, "%s/%s", folder, entry->d_name);
        struct stat self, target;
        int is_folder = lstat(path, &self) == 0 && S_ISDIR(self.st_mode);
        if (is_folder) {
            status = walk(list, path);
        } else if (is_image_name(entry->d_name) && (stat(path, &target) != 0 || S_ISREG(target.st_mode))) {
            status = append(list, path);
            if (status == 0) path = NULL;
        }
        free(path);
    }
    closedir(directory);
    return status;
}

static int compare(const void *one, const void *other) {
    return strcmp(*(char *const *)one, *(char *const *)other);
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

/* ---- CSV (RFC 4180) ------------------------------------------------------------------------------------------------ */

static void print_field(const char *text) {
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"') putchar('"');
        putchar(*text);
    }
    putchar('"');
}

static void print_error(const char *path, const char *message) {
    print_field(path);
    fputs(",,,,", stdout);
    print_field(message);
    fputs("\r\n", stdout);
}

static void print_label(const char *path, const lt_label *label) {
    char id[32];
    snprintf(id, sizeof id, "%lld", (long long)label->id);
    print_field(path);
    putchar(',');
    print_field(label->name[0] != '\0' ? label->name : id);
    printf(",%.9g,%d,\r\n", label->score, (int)label->is_positive);
}

/* ---- Classification ------------------------------------------------------------------------------------------------ */

static int failed(lt_status status, const char *what) {
    if (status == LT_OK) return 0;
    fprintf(stderr, "classify_folder: %s: %s\n", what, lt_last_error_message());
    return 1;
}

/* Prints what was found in an image. Returns 0, 1 for an image that failed, -1 for an error. */
static int print_image(const lt_results *results, size_t index, const char *path, size_t best) {
    lt_image_result image;
    INITIALISE(image);
    if (failed(lt_results_get_image(results, index, &image), path)) return -1;
    if (image.status != LT_OK) {
        print_error(path, image.message);
        return 1;
    }
    for (size_t rank = 0; rank < image.count; rank++) {
        lt_label label;
        INITIALISE(label);
        if (failed(lt_results_get_label(results, index, rank, &label), path)) return -1;
        if (rank < best || label.is_positive) print_label(path, &label);
    }
    return 0;
}

struct file {
    void *bytes; /* NULL where it cannot be read */
    int reason;  /* errno */
};

/* One batch; `images` and `files` have room for it. Returns the number of images that failed, -1 for an error. */
static int classify(
    lt_session *session, char *const *paths, size_t count, const struct options *options, lt_image *images,
    struct file *files) {
    size_t readable = 0;
    for (size_t i = 0; i < count; i++) {
        size_t size = 0;
        files[i].bytes = read_file(paths[i], &size);
        files[i].reason = errno;
        if (files[i].bytes == NULL) continue;
        INITIALISE(images[readable]);
        images[readable].data = files[i].bytes;
        images[readable].size = size;
        images[readable].format = LT_IMAGE_ENCODED;
        readable++;
    }

    lt_run_options run;
    INITIALISE(run);
    run.timeout_ms = options->timeout_ms;
    lt_results *results = NULL;
    lt_status status = LT_OK;
    if (readable > 0) status = lt_session_predict(session, images, readable, &run, &results);
    /* A batch that ran out of time costs its own images only. */
    int timed_out = status == LT_TIMED_OUT;
    int broken = !timed_out && failed(status, "predicting");
    int failures = 0;
    size_t index = 0;
    for (size_t i = 0; i < count && !broken; i++) {
        int outcome = 1;
        if (files[i].bytes == NULL) {
            print_error(paths[i], strerror(files[i].reason));
        } else if (timed_out) {
            print_error(paths[i], lt_last_error_message());
        } else {
            outcome = print_image(results, index++, paths[i], options->best);
        }
        broken = outcome < 0;
        failures += outcome;
    }
    lt_results_release(results);
    for (size_t i = 0; i < count; i++) free(files[i].bytes);
    return broken ? -1 : failures;
}

/* All images, batch by batch. Returns the exit code. */
static int classify_all(lt_session *session, const struct list *list, const struct options *options) {
    lt_image *images = (lt_image *)calloc(options->batch, sizeof *images);
    struct file *files = (struct file *)calloc(options->batch, sizeof *files);
    int code = 0;
    if (images == NULL || files == NULL) {
        fprintf(stderr, "classify_folder: out of memory\n");
        code = 1;
    }
    if (code == 0) fputs("image,label,score,decision,error\r\n", stdout);
    for (size_t first = 0; first < list->count && code != 1; first += options->batch) {
        size_t count = list->count - first < options->batch ? list->count - first : options->batch;
        int failures = classify(session, list->paths + first, count, options, images, files);
        if (failures < 0) code = 1;
        if (failures > 0) code = 2;
    }
    free(images);
    free(files);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "classify_folder: cannot write: %s\n", strerror(errno));
        code = 1;
    }
    return code;
}

/* Whether the model gives scores of classes for single images; says why not. */
static int is_classifier(const lt_model *model) {
    lt_model_info info;
    INITIALISE(info);
    if (failed(lt_model_get_info(model, &info), "model")) return 0;
    const char *reason = NULL;
    if (!info.takes_images) reason = info.images_reason;
    if (info.task == LT_TASK_DETECTION || info.task == LT_TASK_SEGMENTATION) reason = "it detects objects: see detect.c";
    if (info.clip_frames > 0) reason = "it takes clips of frames, not single images";
    if (reason != NULL) fprintf(stderr, "classify_folder: the model does not classify images: %s\n", reason);
    return reason == NULL;
}

static int run(const char *path, const char *folder, const lt_model_options *model_options, const struct options *options) {
    struct list list = {NULL, 0, 0};
    lt_model *model = NULL;
    lt_session *session = NULL;
    int code = 1;
    if (walk(&list, folder) == 0 && !failed(lt_model_load(path, model_options, &model), path) && is_classifier(model)
        && !failed(lt_session_create(model, &session), "session")) {
        if (list.count > 0) qsort(list.paths, list.count, sizeof *list.paths, compare);
        code = classify_all(session, &list, options);
    }
    lt_session_release(session);
    lt_model_release(model);
    for (size_t i = 0; i < list.count; i++) free(list.paths[i]);
    free(list.paths);
    return code;
}

/* ---- Command line -------------------------------------------------------------------------------------------------- */

static int usage(void) {
    fputs(
        "usage: classify_folder [-b BATCH] [-t THREADS] [-w MILLISECONDS] [-k BEST] [-m KEY=VALUE]... MODEL FOLDER\n",
        stderr);
    return 64;
}

static int number(const char *text, long least, long most, long *value) {
    char *end;
    errno = 0;
    *value = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *value >= least && *value <= most;
}

int main(int argc, char **argv) {
    long batch = 16, threads = 0, timeout_ms = 0, best = 1;
    lt_metadata *metadata = (lt_metadata *)calloc((size_t)argc, sizeof *metadata);
    if (metadata == NULL) return 1;
    size_t metadata_count = 0;
    int good = 1;
    for (int option; good && (option = getopt(argc, argv, "b:t:w:k:m:")) != -1;) {
        char *equals;
        switch (option) {
        case 'b': good = number(optarg, 1, 4096, &batch); break;
        case 't': good = number(optarg, 0, 1024, &threads); break;
        case 'w': good = number(optarg, 0, 86400000, &timeout_ms); break;
        case 'k': good = number(optarg, 0, 1 << 20, &best); break;
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
    if (good && argc - optind == 2) {
        lt_model_options model_options;
        INITIALISE(model_options);
        model_options.threads = (int32_t)threads;
        model_options.metadata = metadata;
        model_options.metadata_count = metadata_count;
        struct options options;
        options.batch = (size_t)batch;
        options.best = (size_t)best;
        options.timeout_ms = timeout_ms;
        code = run(argv[optind], argv[optind + 1], &model_options, &options);
    } else {
        code = usage();
    }
    free(metadata);
    return code;
}
