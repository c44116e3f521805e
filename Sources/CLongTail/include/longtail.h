/* longtail.h: run LongTail models in a C or C++ program: images or tensors in, calibrated scores, decisions, boxes and masks
 * out. Link with `pkg-config --cflags --libs longtail`; docs/c-api.md explains every function.
 *
 * Status    Functions that can fail return lt_status. On failure nothing behind an out-parameter has changed, and
 *           lt_last_error_message() says in this thread what was wrong, where, and what to try.
 * Handles   lt_model, lt_session, lt_results, lt_cancellation are names, not addresses: one that was released, is of another
 *           kind or was never made gives LT_INVALID_HANDLE. Release functions take NULL and stale handles.
 * Structs   `struct_size` comes first and is set by the caller, also where the library fills the struct: sizeof(the struct).
 *           Later versions append fields; what an older host does not pass counts as zero, and zero is the default.
 * Threads   A model may be used by any number of threads at once, a session by one at a time (LT_BUSY otherwise), results
 *           by any number. Run a session on threads that live long: helper threads are kept per calling thread.
 * Text      UTF-8, ended by zero. What the library hands out lives as long as the handle that it came from.
 * The library never aborts, never prints, installs no signal handler, and must stay loaded (dlclose does not unload it).
 */
#ifndef LONGTAIL_H
#define LONGTAIL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Library ------------------------------------------------------------------------------------------------------- */

/* The version of this interface. It grows when something is added; what a lower version had stays as it was. */
#define LT_ABI_VERSION 0

/* The interface version of the library that is loaded, at least that of the header it was built with. */
uint32_t lt_abi_version(void);
/* The library's own version, as "0.1.0". */
const char *lt_version(void);

typedef int32_t lt_status;
enum {
    LT_OK = 0,
    LT_INVALID_ARGUMENT = 1,  /* a value outside its range, NULL where something is needed, a wrong struct_size */
    LT_INVALID_HANDLE = 2,    /* released, of another kind, or none of ours */
    LT_IO = 3,                /* a file that cannot be read */
    LT_MALFORMED = 4,         /* bytes that are not of the format they claim to be */
    LT_UNSUPPORTED = 5,       /* well formed, but nothing that this build or this model can do */
    LT_NOT_FOUND = 6,         /* a name or position that is not there */
    LT_SHAPE_MISMATCH = 7,
    LT_TYPE_MISMATCH = 8,
    LT_OUT_OF_MEMORY = 9,
    LT_CANCELLED = 10,        /* by lt_cancellation_cancel */
    LT_TIMED_OUT = 11,        /* lt_run_options.timeout_ms is over */
    LT_BUSY = 12,             /* the session is at work for another thread */
    LT_BUFFER_TOO_SMALL = 13, /* a buffer of the caller's; the message says what is needed */
    LT_CONFLICT = 14,         /* a digest or a setting that differs from the one recorded */
    LT_NOT_FINITE = 15,       /* a number that must be finite */
    LT_INTERNAL = 16          /* a failure of a library below; please report it */
};

/* "LT_NOT_FOUND" for 6; "LT_UNKNOWN" for a number that this library does not know. */
const char *lt_status_name(lt_status status);
/* What the latest failure of a function in this thread was; "" if there was none. Valid until the thread's next failure. */
const char *lt_last_error_message(void);

typedef int32_t lt_log_level;
enum { LT_LOG_DEBUG = 0, LT_LOG_INFO = 1, LT_LOG_WARNING = 2 };

/* Is called in the thread in which something happens, possibly in several at once. It must not call the library. */
typedef void (*lt_log_function)(void *context, lt_log_level level, const char *message);
/* Hears of what happens from `least` on; NULL (the default) for silence. */
lt_status lt_set_log(lt_log_function function, void *context, lt_log_level least);

/* Where the memory of tensors, weights and images comes from. */
typedef struct lt_allocator {
    size_t struct_size;
    void *context;
    /* `alignment` is a power of two; NULL: what needs it fails with LT_OUT_OF_MEMORY. Called by any thread. */
    void *(*allocate)(void *context, size_t size, size_t alignment);
    void (*release)(void *context, void *memory, size_t size);
} lt_allocator;
/* For buffers from now on; those that exist go back to where they came from. NULL: the system's. */
lt_status lt_set_allocator(const lt_allocator *allocator);

/* ---- Models -------------------------------------------------------------------------------------------------------- */

/* A model made ready to run; immutable. */
typedef struct lt_model lt_model;

/* One entry of the model's metadata (`lt.task`, `lt.preprocess`, `lt.labels`, …: docs/decision-layer.md). */
typedef struct lt_metadata {
    const char *key;
    const char *value;
} lt_metadata;

typedef int32_t lt_precision;
enum {
    LT_PRECISION_FP32 = 0,
    LT_PRECISION_BF16 = 1, /* values may be held in bfloat16, sums are float32; LT_UNSUPPORTED on CPUs without AVX-512 BF16 */
    LT_PRECISION_INT8 = 2  /* a file in QDQ form runs on its integers; LT_UNSUPPORTED on CPUs without AVX-512 VNNI or AVX-VNNI */
};

typedef struct lt_model_options {
    size_t struct_size;
    const char *device;          /* NULL or "cpu"; "reference": slow and plain, for comparison; "auto": the log says what; CUDA
                                    devices ("cuda:0") are refused with the reason: LT_UNSUPPORTED */
    int32_t threads;             /* of one session; 0: the processors that the process may use */
    lt_precision precision;
    int64_t max_batch;           /* refuses larger batches of lt_session_run; 0: any */
    const lt_metadata *metadata; /* put over the file's own entries, for models that do not say everything themselves */
    size_t metadata_count;
    int64_t exact;               /* 1: convolutions as direct sums, no Winograd form (faster, rounds differently); 0: either */
    const char *cache;           /* a folder in which packed weights are kept, so that later processes start faster; NULL: none */
} lt_model_options;

/* Loads an ONNX file with what lies beside it. `options` may be NULL. */
lt_status lt_model_load(const char *path, const lt_model_options *options, lt_model **model);
/* The same for a file in memory, which may be released afterwards; its weights must be inside. */
lt_status lt_model_load_from_memory(const void *data, size_t size, const lt_model_options *options, lt_model **model);
/* Sessions and results keep what they need. */
void lt_model_release(lt_model *model);

typedef int32_t lt_task;
enum {
    LT_TASK_UNKNOWN = 0,    /* the model does not say */
    LT_TASK_MULTICLASS = 1, /* exactly one class is right */
    LT_TASK_MULTILABEL = 2, /* any number of classes */
    LT_TASK_DETECTION = 3,
    LT_TASK_SEGMENTATION = 4, /* detections with masks */
    LT_TASK_CLIP = 5          /* a clip of frames, exactly one class is right */
};

typedef struct lt_model_info {
    size_t struct_size;
    lt_task task;
    int32_t takes_images;      /* whether lt_session_predict works; else images_reason says why not */
    const char *images_reason; /* NULL where it works */
    const char *digest;        /* SHA-256 of the model, in hex; NULL where its file has changed since it was loaded */
    const char *device;
    int32_t threads;
    lt_precision precision;
    size_t input_count;
    size_t output_count;
    size_t class_count;        /* 0 where the model does not say */
    int64_t largest_batch;     /* images that go through the model together; lt_session_predict splits longer lists */
    int64_t clip_frames;       /* of a model of clips, the frames that one takes; 0 otherwise */
    const char *preprocess;    /* JSON: how images become the input; NULL where nobody says */
    const char *group_rule;    /* by which classes are split into frequency groups; NULL where nobody says */
} lt_model_info;
lt_status lt_model_get_info(const lt_model *model, lt_model_info *info);

/* What the model takes or gives. `element_type` is ONNX's TensorProto.DataType (1: float); 0 for what is no tensor. */
typedef struct lt_tensor_info {
    size_t struct_size;
    const char *name;
    int32_t element_type;
    int32_t has_shape; /* 0: the model does not state a shape; rank is 0 then as for a scalar */
    size_t rank;
    const int64_t *dims; /* -1 where any size goes */
} lt_tensor_info;
lt_status lt_model_get_input(const lt_model *model, size_t index, lt_tensor_info *info);
lt_status lt_model_get_output(const lt_model *model, size_t index, lt_tensor_info *info);

typedef struct lt_class_info {
    size_t struct_size;
    int64_t id;            /* the data set's own number */
    const char *name;      /* "" where the model does not say */
    int64_t train_count;   /* training images with it; -1 where the model does not say */
    const char *group;     /* "head", "tail", "r", …; NULL where the model does not say */
    int32_t has_threshold; /* whether the model has one of its own for it */
    float threshold;       /* what its calibrated score has to reach; of a multiclass model only where has_threshold */
} lt_class_info;
/* `index` is the position in the model's output. */
lt_status lt_model_get_class(const lt_model *model, size_t index, lt_class_info *info);
/* The value of an entry of the metadata, as loaded; LT_NOT_FOUND where there is none. */
lt_status lt_model_get_metadata(const lt_model *model, const char *key, const char **value);
/* Which of `frame_count` frames of a video a model of clips wants: `indices` gets lt_model_info.clip_frames positions. */
lt_status lt_model_get_clip_frames(const lt_model *model, int64_t frame_count, int64_t *indices, size_t capacity);

/* ---- Sessions and images ------------------------------------------------------------------------------------------- */

/* One running copy of a model with its scratch memory. */
typedef struct lt_session lt_session;
lt_status lt_session_create(const lt_model *model, lt_session **session);
void lt_session_release(lt_session *session);

/* Stops calls that were given it, from any thread: they return LT_CANCELLED as soon as the step at hand is done. */
typedef struct lt_cancellation lt_cancellation;
lt_status lt_cancellation_create(lt_cancellation **cancellation);
lt_status lt_cancellation_cancel(const lt_cancellation *cancellation);
/* Makes it usable again. */
lt_status lt_cancellation_reset(const lt_cancellation *cancellation);
void lt_cancellation_release(lt_cancellation *cancellation);

typedef struct lt_run_options {
    size_t struct_size;
    int64_t timeout_ms; /* 0: none */
    const lt_cancellation *cancellation;
} lt_run_options;

typedef int32_t lt_image_format;
enum {
    LT_IMAGE_ENCODED = 0, /* a JPEG, PNG or WebP file */
    LT_IMAGE_RGB = 1,     /* decoded pixels, 8 bits a channel, rows from the top */
    LT_IMAGE_BGR = 2,
    LT_IMAGE_RGBA = 3,
    LT_IMAGE_BGRA = 4,
    LT_IMAGE_GREY = 5
};

/* In an array of images all have the struct_size of the first. */
typedef struct lt_image {
    size_t struct_size;
    const void *data;
    size_t size; /* bytes at data */
    lt_image_format format;
    int32_t width; /* of decoded pixels */
    int32_t height;
    size_t stride; /* bytes from row to row of decoded pixels; 0: rows without gaps */
} lt_image;

/* What was found, owned by the library. */
typedef struct lt_results lt_results;
void lt_results_release(lt_results *results);

/* Decides about images, in order. An image that cannot be read fails alone: its own result has the status. Of a model of
 * clips each lt_model_info.clip_frames images in a row are one clip and get one result. `options` may be NULL. */
lt_status lt_session_predict(
    lt_session *session, const lt_image *images, size_t count, const lt_run_options *options, lt_results **results);

/* The caller's memory for the scores of `count` images (or clips), row by row; what is NULL is left out. */
typedef struct lt_score_buffers {
    size_t struct_size;
    size_t class_count;   /* columns of a row: lt_model_info.class_count */
    float *raw;           /* [count][class_count] raw outputs */
    float *scores;        /* [count][class_count] calibrated scores */
    uint8_t *decisions;   /* [count][class_count] 1: the class is decided to be there */
    lt_status *statuses;  /* [count] of each image; rows of images that failed are zero */
} lt_score_buffers;
/* The same into the caller's memory, for models with one score per class. */
lt_status lt_session_predict_into(
    lt_session *session, const lt_image *images, size_t count, const lt_run_options *options,
    const lt_score_buffers *buffers);

/* ---- Results ------------------------------------------------------------------------------------------------------- */

typedef int32_t lt_result_kind;
enum { LT_RESULT_NONE = 0, LT_RESULT_CLASSES = 1, LT_RESULT_DETECTIONS = 2 };

/* Images (or clips) of lt_session_predict, tensors of lt_session_run. */
lt_status lt_results_get_count(const lt_results *results, size_t *count);

typedef struct lt_image_result {
    size_t struct_size;
    lt_status status;     /* LT_OK, or why this image failed */
    const char *message;  /* of the failure; NULL otherwise */
    lt_result_kind kind;  /* LT_RESULT_NONE for an image that failed */
    size_t count;         /* classes or detections */
    const float *raw;     /* [count] raw outputs of classes; NULL for detections */
    const float *scores;  /* [count] calibrated, in the order of classes or of detections */
    const uint8_t *decisions; /* [count] 1: decided to be there */
} lt_image_result;
lt_status lt_results_get_image(const lt_results *results, size_t image, lt_image_result *result);

typedef struct lt_label {
    size_t struct_size;
    size_t index;     /* of the class */
    int64_t id;
    const char *name; /* "" where the model does not say */
    float raw;
    float score;      /* calibrated */
    int32_t is_positive;
} lt_label;
/* The class with the `rank`-th best score of an image, from 0 on; equal scores in the order of classes. */
lt_status lt_results_get_label(const lt_results *results, size_t image, size_t rank, lt_label *label);

typedef struct lt_detection {
    size_t struct_size;
    size_t index;     /* of the class */
    int64_t id;
    const char *name; /* "" where the model does not say */
    float raw;        /* score before calibration */
    float score;      /* calibrated */
    int32_t is_positive;
    float x1, y1, x2, y2; /* pixels of the upright original image */
    int32_t mask_width;   /* of the original image; 0: no mask */
    int32_t mask_height;
    const uint32_t *mask_runs; /* COCO's run lengths: down the columns, alternately of 0s and 1s, beginning with 0s */
    size_t mask_run_count;
    const char *mask_counts;   /* the same compressed, as in COCO's JSON; NULL: no mask */
} lt_detection;
/* Detection `index` of an image, best first. */
lt_status lt_results_get_detection(const lt_results *results, size_t image, size_t index, lt_detection *detection);
/* Writes the mask of a detection as rows of bytes 0 and 1 into the caller's memory; stride 0: rows without gaps. */
lt_status lt_results_copy_mask(
    const lt_results *results, size_t image, size_t index, uint8_t *pixels, size_t size, size_t stride);

/* ---- Tensors ------------------------------------------------------------------------------------------------------- */

/* Row-major elements; of 4-bit and 2-bit types the first in the low bits. Strings are not passed. */
typedef struct lt_tensor {
    size_t struct_size;
    const char *name;
    int32_t element_type; /* ONNX's TensorProto.DataType; 1: float */
    size_t rank;
    const int64_t *dims;
    const void *data;
    size_t size; /* bytes at data */
} lt_tensor;

#define LT_MAX_RANK 16

/* The caller's memory for one output. */
typedef struct lt_output_buffer {
    size_t struct_size;
    const char *name; /* in: which output */
    void *data;       /* in */
    size_t capacity;  /* in: bytes at data */
    size_t size;      /* out: bytes written */
    int32_t element_type;      /* out */
    size_t rank;               /* out */
    int64_t dims[LT_MAX_RANK]; /* out */
} lt_output_buffer;

/* Runs any model on raw tensors, without preprocessing and decisions. Inputs are read where they are if they are aligned to
 * 64 bytes, else copied. Outputs go into `outputs` (those that it names), or all into `results` in the order of the model;
 * one of both is NULL. In an array of tensors or buffers all have the struct_size of the first. */
lt_status lt_session_run(
    lt_session *session, const lt_tensor *inputs, size_t input_count, const lt_run_options *options,
    lt_output_buffer *outputs, size_t output_count, lt_results **results);
/* Output `index` of lt_session_run. */
lt_status lt_results_get_tensor(const lt_results *results, size_t index, lt_tensor *tensor);

#ifdef __cplusplus
}
#endif

#endif /* LONGTAIL_H */
