/* refusals.h: how calls that must fail are checked: a status, a message of the call's own, and out-parameters that hold,
 * bit for bit, what was put there before. */
#ifndef REFUSALS_H
#define REFUSALS_H

#include "host.h"

enum { ANY_FAILURE = -1, OUTPUTS = 2, SCORES = 64 };

/* Everything that calls write to. */
typedef struct places {
    lt_model *model;
    lt_session *session;
    lt_cancellation *cancellation;
    lt_results *results;
    const char *text;
    size_t count;
    int64_t frames[8];
    lt_model_info model_info;
    lt_tensor_info tensor_info;
    lt_class_info class_info;
    lt_image_result image_result;
    lt_label label;
    lt_detection detection;
    lt_tensor tensor;
    unsigned char mask[40 * 20];
    float raw[SCORES], scores[SCORES];
    uint8_t decisions[SCORES];
    lt_status statuses[SCORES];
    lt_output_buffer outputs[OUTPUTS];
    unsigned char output_data[OUTPUTS][512];
} places;

static places out, before;
static lt_model *mark_model;

static inline void reset_places(void) {
    static const char *const names[OUTPUTS] = {"doubled", "twice"};
    memset(&out, 0xA5, sizeof out);
    out.model_info.struct_size = sizeof out.model_info;
    out.tensor_info.struct_size = sizeof out.tensor_info;
    out.class_info.struct_size = sizeof out.class_info;
    out.image_result.struct_size = sizeof out.image_result;
    out.label.struct_size = sizeof out.label;
    out.detection.struct_size = sizeof out.detection;
    out.tensor.struct_size = sizeof out.tensor;
    for (size_t index = 0; index < OUTPUTS; index++) {
        out.outputs[index].struct_size = sizeof out.outputs[index];
        out.outputs[index].name = names[index];
        out.outputs[index].data = out.output_data[index];
        out.outputs[index].capacity = sizeof out.output_data[index];
    }
}

static inline lt_score_buffers score_buffers(size_t class_count) {
    SIZED(lt_score_buffers, buffers);
    buffers.class_count = class_count;
    buffers.raw = out.raw;
    buffers.scores = out.scores;
    buffers.decisions = out.decisions;
    buffers.statuses = out.statuses;
    return buffers;
}

/* Puts a known message in this thread's place, so that the next one is seen to be new. */
static inline void put_mark(void) {
    const char *nothing = NULL;
    (void)lt_model_get_metadata(mark_model, "the message before", &nothing);
}

static inline void check_refusal(const char *file, int line, const char *what, lt_status expected, lt_status status) {
    const char *message = lt_last_error_message();
    if (status == LT_OK || (expected != ANY_FAILURE && status != expected) || status < 0 || status > LT_INTERNAL)
        fail_check(file, line, what, lt_status_name(status));
    else if (message[0] == 0 || strstr(message, "the message before") != NULL)
        fail_check(file, line, what, "leaves no message");
    if (memcmp(&before, &out, sizeof out) != 0) fail_check(file, line, what, "touched an out-parameter");
    reset_places();
}

#define REFUSED(expected, call) \
    do { \
        put_mark(); \
        memcpy(&before, &out, sizeof out); \
        lt_status refused_status = (call); \
        check_refusal(__FILE__, __LINE__, #call, (expected), refused_status); \
    } while (0)

#endif
