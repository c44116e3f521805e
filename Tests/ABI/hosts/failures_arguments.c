/* Every function with every argument wrong: NULL, handles that are stale, of another kind or made up, sizes of structs that
 * no version had, numbers beyond their ranges. Arguments: the folder of models and images. */
#include "refusals.h"

#include <limits.h>

static lt_model *model, *detector, *tensors;
static lt_session *session, *detector_session, *tensor_session;
static lt_results *results, *detections, *made;
static lt_cancellation *cancellation;
static const char *folder;
static lt_image picture;
static lt_tensor inputs[2];
static float a[60];
static int64_t b[1] = {3};
static const int64_t a_dims[4] = {1, 3, 4, 5}, b_dims[1] = {1};

static void prepare(void) {
    static bytes jpeg;
    jpeg = read_file(folder, "picture.jpg");
    picture = encoded_image(jpeg);
    MUST(lt_model_load(path_of(folder, "scores.onnx"), NULL, &model));
    MUST(lt_model_load(path_of(folder, "detector.onnx"), NULL, &detector));
    MUST(lt_model_load(path_of(folder, "tensors.onnx"), NULL, &tensors));
    MUST(lt_session_create(model, &session));
    MUST(lt_session_create(detector, &detector_session));
    MUST(lt_session_create(tensors, &tensor_session));
    MUST(lt_cancellation_create(&cancellation));
    MUST(lt_session_predict(session, &picture, 1, NULL, &results));
    MUST(lt_session_predict(detector_session, &picture, 1, NULL, &detections));
    memset(inputs, 0, sizeof inputs);
    for (int index = 0; index < 2; index++) {
        inputs[index].struct_size = sizeof inputs[index];
        inputs[index].name = index == 0 ? "a" : "b";
        inputs[index].element_type = index == 0 ? 1 : 7;
        inputs[index].rank = index == 0 ? 4 : 1;
        inputs[index].dims = index == 0 ? a_dims : b_dims;
        inputs[index].data = index == 0 ? (const void *)a : (const void *)b;
        inputs[index].size = index == 0 ? sizeof a : sizeof b;
    }
    MUST(lt_session_run(tensor_session, inputs, 2, NULL, NULL, 0, &made));
    mark_model = model;
    reset_places();
}

/* ---- NULL ---------------------------------------------------------------------------------------------------------- */

static void *some_allocate(void *context, size_t size, size_t alignment) {
    (void)context, (void)size, (void)alignment;
    return NULL;
}

static void some_release(void *context, void *memory, size_t size) { (void)context, (void)memory, (void)size; }

static void null_arguments(void) {
    const lt_status bad = LT_INVALID_ARGUMENT;
    lt_score_buffers buffers = score_buffers(5);
    SIZED(lt_allocator, allocator);
    REFUSED(bad, lt_set_allocator(&allocator));
    allocator.allocate = some_allocate;
    REFUSED(bad, lt_set_allocator(&allocator));
    allocator.allocate = NULL;
    allocator.release = some_release;
    REFUSED(bad, lt_set_allocator(&allocator));
    bytes file = read_file(folder, "scores.onnx");
    REFUSED(bad, lt_model_load(NULL, NULL, &out.model));
    REFUSED(bad, lt_model_load(path_of(folder, "scores.onnx"), NULL, NULL));
    REFUSED(bad, lt_model_load_from_memory(NULL, 0, NULL, &out.model));
    REFUSED(bad, lt_model_load_from_memory(NULL, 100, NULL, &out.model));
    REFUSED(bad, lt_model_load_from_memory(file.data, file.size, NULL, NULL));
    REFUSED(bad, lt_model_get_info(NULL, &out.model_info));
    REFUSED(bad, lt_model_get_info(model, NULL));
    REFUSED(bad, lt_model_get_input(NULL, 0, &out.tensor_info));
    REFUSED(bad, lt_model_get_input(model, 0, NULL));
    REFUSED(bad, lt_model_get_output(NULL, 0, &out.tensor_info));
    REFUSED(bad, lt_model_get_output(model, 0, NULL));
    REFUSED(bad, lt_model_get_class(NULL, 0, &out.class_info));
    REFUSED(bad, lt_model_get_class(model, 0, NULL));
    REFUSED(bad, lt_model_get_metadata(NULL, "lt.task", &out.text));
    REFUSED(bad, lt_model_get_metadata(model, NULL, &out.text));
    REFUSED(bad, lt_model_get_metadata(model, "lt.task", NULL));
    REFUSED(bad, lt_model_get_clip_frames(NULL, 16, out.frames, 8));
    REFUSED(bad, lt_model_get_clip_frames(model, 16, NULL, 8));
    REFUSED(bad, lt_session_create(NULL, &out.session));
    REFUSED(bad, lt_session_create(model, NULL));
    REFUSED(bad, lt_cancellation_create(NULL));
    REFUSED(bad, lt_cancellation_cancel(NULL));
    REFUSED(bad, lt_cancellation_reset(NULL));
    REFUSED(bad, lt_session_predict(NULL, &picture, 1, NULL, &out.results));
    REFUSED(bad, lt_session_predict(session, NULL, 1, NULL, &out.results));
    REFUSED(bad, lt_session_predict(session, &picture, 1, NULL, NULL));
    REFUSED(bad, lt_session_predict_into(NULL, &picture, 1, NULL, &buffers));
    REFUSED(bad, lt_session_predict_into(session, NULL, 1, NULL, &buffers));
    REFUSED(bad, lt_session_predict_into(session, &picture, 1, NULL, NULL));
    REFUSED(bad, lt_results_get_count(NULL, &out.count));
    REFUSED(bad, lt_results_get_count(results, NULL));
    REFUSED(bad, lt_results_get_image(NULL, 0, &out.image_result));
    REFUSED(bad, lt_results_get_image(results, 0, NULL));
    REFUSED(bad, lt_results_get_label(NULL, 0, 0, &out.label));
    REFUSED(bad, lt_results_get_label(results, 0, 0, NULL));
    REFUSED(bad, lt_results_get_detection(NULL, 0, 0, &out.detection));
    REFUSED(bad, lt_results_get_detection(detections, 0, 0, NULL));
    REFUSED(bad, lt_results_copy_mask(NULL, 0, 0, out.mask, sizeof out.mask, 0));
    REFUSED(bad, lt_results_copy_mask(detections, 0, 0, NULL, sizeof out.mask, 0));
    REFUSED(bad, lt_session_run(NULL, inputs, 2, NULL, NULL, 0, &out.results));
    REFUSED(bad, lt_session_run(tensor_session, NULL, 2, NULL, NULL, 0, &out.results));
    REFUSED(bad, lt_session_run(tensor_session, inputs, 2, NULL, NULL, 0, NULL));
    REFUSED(bad, lt_session_run(tensor_session, inputs, 2, NULL, NULL, 2, NULL));
    REFUSED(bad, lt_session_run(tensor_session, inputs, 2, NULL, out.outputs, 2, &out.results));
    REFUSED(bad, lt_results_get_tensor(NULL, 0, &out.tensor));
    REFUSED(bad, lt_results_get_tensor(made, 0, NULL));

    /* Pointers inside structs. */
    SIZED(lt_model_options, options);
    lt_metadata entry = {NULL, "1"};
    options.metadata_count = 1;
    REFUSED(bad, lt_model_load(path_of(folder, "scores.onnx"), &options, &out.model));
    options.metadata = &entry;
    REFUSED(bad, lt_model_load(path_of(folder, "scores.onnx"), &options, &out.model));
    entry.key = "lt.task";
    entry.value = NULL;
    REFUSED(bad, lt_model_load_from_memory(file.data, file.size, &options, &out.model));
    lt_tensor wrong[2];
    for (int field = 0; field < 3; field++) {
        memcpy(wrong, inputs, sizeof wrong);
        if (field == 0) wrong[1].name = NULL;
        if (field == 1) wrong[1].dims = NULL;
        if (field == 2) wrong[1].data = NULL;
        REFUSED(bad, lt_session_run(tensor_session, wrong, 2, NULL, NULL, 0, &out.results));
        REFUSED(bad, lt_session_run(tensor_session, wrong, 2, NULL, out.outputs, 2, NULL));
    }
    out.outputs[1].name = NULL;
    REFUSED(bad, lt_session_run(tensor_session, inputs, 2, NULL, out.outputs, 2, NULL));
    out.outputs[1].data = NULL;
    REFUSED(bad, lt_session_run(tensor_session, inputs, 2, NULL, out.outputs, 2, NULL));
    free(file.data);

    /* What releases takes NULL. */
    lt_model_release(NULL);
    lt_session_release(NULL);
    lt_results_release(NULL);
    lt_cancellation_release(NULL);
}

/* ---- handles ------------------------------------------------------------------------------------------------------- */

typedef lt_status (*taker)(const void *handle);
static lt_status take_info(const void *h) { return lt_model_get_info((const lt_model *)h, &out.model_info); }
static lt_status take_input(const void *h) { return lt_model_get_input((const lt_model *)h, 0, &out.tensor_info); }
static lt_status take_output(const void *h) { return lt_model_get_output((const lt_model *)h, 0, &out.tensor_info); }
static lt_status take_class(const void *h) { return lt_model_get_class((const lt_model *)h, 0, &out.class_info); }
static lt_status take_key(const void *h) { return lt_model_get_metadata((const lt_model *)h, "lt.task", &out.text); }
static lt_status take_clip(const void *h) { return lt_model_get_clip_frames((const lt_model *)h, 9, out.frames, 8); }
static lt_status take_model(const void *h) { return lt_session_create((const lt_model *)h, &out.session); }
static lt_status take_session(const void *h) {
    return lt_session_predict((lt_session *)(uintptr_t)h, &picture, 1, NULL, &out.results);
}
static lt_status take_session_into(const void *h) {
    lt_score_buffers buffers = score_buffers(5);
    return lt_session_predict_into((lt_session *)(uintptr_t)h, &picture, 1, NULL, &buffers);
}
static lt_status take_session_run(const void *h) {
    return lt_session_run((lt_session *)(uintptr_t)h, inputs, 2, NULL, out.outputs, 2, NULL);
}
static lt_status take_cancel(const void *h) { return lt_cancellation_cancel((const lt_cancellation *)h); }
static lt_status take_reset(const void *h) { return lt_cancellation_reset((const lt_cancellation *)h); }
static lt_status take_stop(const void *h) {
    SIZED(lt_run_options, options);
    options.cancellation = (const lt_cancellation *)h;
    return lt_session_predict(session, &picture, 1, &options, &out.results);
}
static lt_status take_count(const void *h) { return lt_results_get_count((const lt_results *)h, &out.count); }
static lt_status take_image(const void *h) { return lt_results_get_image((const lt_results *)h, 0, &out.image_result); }
static lt_status take_label(const void *h) { return lt_results_get_label((const lt_results *)h, 0, 0, &out.label); }
static lt_status take_found(const void *h) {
    return lt_results_get_detection((const lt_results *)h, 0, 0, &out.detection);
}
static lt_status take_mask(const void *h) {
    return lt_results_copy_mask((const lt_results *)h, 0, 0, out.mask, sizeof out.mask, 0);
}
static lt_status take_tensor(const void *h) { return lt_results_get_tensor((const lt_results *)h, 0, &out.tensor); }

enum { MODEL, SESSION, CANCELLATION, RESULTS };
static const struct {
    int kind;
    taker call;
} takers[] = {
    {MODEL, take_info},          {MODEL, take_input},           {MODEL, take_output},        {MODEL, take_class},
    {MODEL, take_key},           {MODEL, take_clip},            {MODEL, take_model},         {SESSION, take_session},
    {SESSION, take_session_into}, {SESSION, take_session_run},  {CANCELLATION, take_cancel}, {CANCELLATION, take_reset},
    {CANCELLATION, take_stop},   {RESULTS, take_count},         {RESULTS, take_image},       {RESULTS, take_label},
    {RESULTS, take_found},       {RESULTS, take_mask},          {RESULTS, take_tensor},
};

static void release_all_kinds(uintptr_t handle) {
    lt_model_release((lt_model *)handle);
    lt_session_release((lt_session *)handle);
    lt_cancellation_release((lt_cancellation *)handle);
    lt_results_release((lt_results *)handle);
}

static void handles(void) {
    /* Stale ones of each kind; their slots are in use again. */
    lt_model *old_model = NULL;
    lt_session *old_session = NULL;
    lt_cancellation *old_cancellation = NULL;
    lt_results *old_results = NULL;
    MUST(lt_model_load(path_of(folder, "tiny.onnx"), NULL, &old_model));
    MUST(lt_session_create(old_model, &old_session));
    MUST(lt_cancellation_create(&old_cancellation));
    MUST(lt_session_predict(old_session, &picture, 1, NULL, &old_results));
    const uintptr_t stale[4] = {
        (uintptr_t)old_model, (uintptr_t)old_session, (uintptr_t)old_cancellation, (uintptr_t)old_results};
    lt_results_release(old_results);
    lt_cancellation_release(old_cancellation);
    lt_session_release(old_session);
    lt_model_release(old_model);
    lt_session *next[4];
    for (int index = 0; index < 4; index++) MUST(lt_session_create(model, &next[index]));
    const uintptr_t live[4] = {(uintptr_t)model, (uintptr_t)session, (uintptr_t)cancellation, (uintptr_t)results};

    uint64_t state = 20240601;
    int local = 0;
    for (size_t index = 0; index < sizeof takers / sizeof takers[0]; index++) {
        int kind = takers[index].kind;
        for (int other = 0; other < 4; other++) {
            REFUSED(LT_INVALID_HANDLE, takers[index].call((const void *)stale[other]));
            if (other != kind) REFUSED(LT_INVALID_HANDLE, takers[index].call((const void *)live[other]));
        }
        /* Addresses, small numbers, all ones, single bits that are wrong (not in the slot's number, which may be that of
         * another live one), and anything at all. */
        REFUSED(LT_INVALID_HANDLE, takers[index].call(&local));
        REFUSED(LT_INVALID_HANDLE, takers[index].call(&takers));
        REFUSED(LT_INVALID_HANDLE, takers[index].call((const void *)UINTPTR_MAX));
        for (uintptr_t number = 1; number <= 64; number++)
            REFUSED(LT_INVALID_HANDLE, takers[index].call((const void *)number));
        for (int bit = 24; bit < 64; bit++)
            REFUSED(LT_INVALID_HANDLE, takers[index].call((const void *)(live[kind] ^ (uintptr_t)1 << bit)));
        for (int number = 0; number < 500; number++)
            REFUSED(LT_INVALID_HANDLE, takers[index].call((const void *)(uintptr_t)(draw(&state) | 1)));
    }

    /* Releasing what is no handle releases nothing. */
    for (int other = 0; other < 4; other++) release_all_kinds(stale[other]);
    for (int number = 0; number < 2000; number++) release_all_kinds((uintptr_t)draw(&state));
    for (int bit = 24; bit < 64; bit++) release_all_kinds((uintptr_t)model ^ (uintptr_t)1 << bit);
    lt_session_release((lt_session *)(uintptr_t)model);
    lt_results_release((lt_results *)(uintptr_t)model);
    lt_model_release((lt_model *)(uintptr_t)session);
    lt_model_release((lt_model *)(uintptr_t)results);
    lt_model_release((lt_model *)(uintptr_t)cancellation);
    OK(lt_cancellation_reset(cancellation));
    for (size_t index = 0; index < sizeof takers / sizeof takers[0]; index++) {
        taker call = takers[index].call;
        if (call == take_clip || call == take_session_run || call == take_found || call == take_mask) continue;
        if (call == take_tensor || call == take_cancel) continue;
        OK(call((const void *)live[takers[index].kind]));
        if (call == take_model) lt_session_release(out.session);
        if (call == take_session || call == take_stop) lt_results_release(out.results);
        reset_places();
    }
    for (int index = 0; index < 4; index++) lt_session_release(next[index]);
}

/* ---- sizes of structs ---------------------------------------------------------------------------------------------- */

static void struct_sizes(void) {
    const size_t wrong[] = {0, 1, 7, 8, 4097, (size_t)1 << 31, SIZE_MAX / 2 + 1, SIZE_MAX};
    for (size_t index = 0; index <= sizeof wrong / sizeof wrong[0]; index++) {
#define BAD_SIZE(type) SMALLER_THAN(sizeof(type))
#define SMALLER_THAN(size) (index == sizeof wrong / sizeof wrong[0] ? (size) - 1 : wrong[index])
        const lt_status bad = LT_INVALID_ARGUMENT;
        SIZED(lt_allocator, allocator);
        allocator.allocate = some_allocate;
        allocator.release = some_release;
        allocator.struct_size = BAD_SIZE(lt_allocator);
        REFUSED(bad, lt_set_allocator(&allocator));
        SIZED(lt_model_options, options);
        /* The first header's ends before `exact`. */
        options.struct_size = SMALLER_THAN(offsetof(lt_model_options, exact));
        REFUSED(bad, lt_model_load(path_of(folder, "scores.onnx"), &options, &out.model));
        out.model_info.struct_size = BAD_SIZE(lt_model_info);
        REFUSED(bad, lt_model_get_info(model, &out.model_info));
        out.tensor_info.struct_size = BAD_SIZE(lt_tensor_info);
        REFUSED(bad, lt_model_get_input(model, 0, &out.tensor_info));
        out.tensor_info.struct_size = BAD_SIZE(lt_tensor_info);
        REFUSED(bad, lt_model_get_output(model, 0, &out.tensor_info));
        out.class_info.struct_size = BAD_SIZE(lt_class_info);
        REFUSED(bad, lt_model_get_class(model, 0, &out.class_info));
        SIZED(lt_run_options, run);
        run.struct_size = BAD_SIZE(lt_run_options);
        REFUSED(bad, lt_session_predict(session, &picture, 1, &run, &out.results));
        REFUSED(bad, lt_session_run(tensor_session, inputs, 2, &run, out.outputs, 2, NULL));
        lt_image images[2] = {picture, picture};
        images[0].struct_size = BAD_SIZE(lt_image);
        REFUSED(bad, lt_session_predict(session, images, 1, NULL, &out.results));
        images[0].struct_size = sizeof images[0];
        images[1].struct_size = BAD_SIZE(lt_image);
        REFUSED(bad, lt_session_predict(session, images, 2, NULL, &out.results));
        lt_score_buffers buffers = score_buffers(5);
        REFUSED(bad, lt_session_predict_into(session, images, 2, NULL, &buffers));
        buffers.struct_size = BAD_SIZE(lt_score_buffers);
        REFUSED(bad, lt_session_predict_into(session, &picture, 1, NULL, &buffers));
        out.image_result.struct_size = BAD_SIZE(lt_image_result);
        REFUSED(bad, lt_results_get_image(results, 0, &out.image_result));
        out.label.struct_size = BAD_SIZE(lt_label);
        REFUSED(bad, lt_results_get_label(results, 0, 0, &out.label));
        out.detection.struct_size = BAD_SIZE(lt_detection);
        REFUSED(bad, lt_results_get_detection(detections, 0, 0, &out.detection));
        lt_tensor two[2] = {inputs[0], inputs[1]};
        two[index % 2].struct_size = BAD_SIZE(lt_tensor);
        REFUSED(bad, lt_session_run(tensor_session, two, 2, NULL, NULL, 0, &out.results));
        out.outputs[index % 2].struct_size = BAD_SIZE(lt_output_buffer);
        REFUSED(bad, lt_session_run(tensor_session, inputs, 2, NULL, out.outputs, 2, NULL));
        out.tensor.struct_size = BAD_SIZE(lt_tensor);
        REFUSED(bad, lt_results_get_tensor(made, 0, &out.tensor));
    }
}

/* ---- numbers ------------------------------------------------------------------------------------------------------- */

static void enumerations_and_ranges(void) {
    const lt_status bad = LT_INVALID_ARGUMENT;
    const int32_t odd[] = {-1, INT_MIN, INT_MAX, 1 << 20};
    const size_t huge[] = {SIZE_MAX, SIZE_MAX / 2 + 1, SIZE_MAX / 2, (size_t)1 << 40, (size_t)1 << 32};
    const int64_t low[] = {-1, INT64_MIN, -((int64_t)1 << 40)};
    for (size_t index = 0; index < 4; index++) {
        REFUSED(bad, lt_set_log(NULL, NULL, index == 3 ? 3 : odd[index]));
        SIZED(lt_model_options, options);
        options.threads = odd[index];
        REFUSED(bad, lt_model_load(path_of(folder, "scores.onnx"), &options, &out.model));
        options.threads = 0;
        options.precision = index == 3 ? 77 : odd[index];
        REFUSED(ANY_FAILURE, lt_model_load(path_of(folder, "scores.onnx"), &options, &out.model));
        lt_tensor two[2] = {inputs[0], inputs[1]};
        two[0].element_type = odd[index];
        REFUSED(bad, lt_session_run(tensor_session, two, 2, NULL, NULL, 0, &out.results));
    }
    lt_tensor two[2] = {inputs[0], inputs[1]};
    for (int32_t type = 0; type < 64; type++) {
        two[0].element_type = type;
        if (type != 1) REFUSED(ANY_FAILURE, lt_session_run(tensor_session, two, 2, NULL, NULL, 0, &out.results));
    }
    SIZED(lt_model_options, options);
    const struct {
        const char *name;
        lt_status expected;
    } devices[] = {
        {"", LT_NOT_FOUND}, {"gpu", LT_NOT_FOUND}, {"CPU", LT_NOT_FOUND}, {"cpu:1", LT_NOT_FOUND},
        {"reference ", LT_NOT_FOUND}, {"\xFF", ANY_FAILURE}, {"cuda", LT_UNSUPPORTED}, {"cuda:0", LT_UNSUPPORTED},
        {"cuda:0,cuda:1", LT_UNSUPPORTED}, {"cuda:x", bad}, {"cuda:-1", bad}, {"cuda:0,cuda:0", bad}, {"cuda:0,cpu", bad},
    };
    for (size_t index = 0; index < sizeof devices / sizeof *devices; index++) {
        options.device = devices[index].name;
        REFUSED(devices[index].expected, lt_model_load(path_of(folder, "scores.onnx"), &options, &out.model));
    }
    options.device = NULL;
    lt_metadata entry = {"a", "b"};
    options.metadata = &entry;
    for (size_t index = 0; index < 5; index++) {
        options.metadata_count = huge[index];
        REFUSED(bad, lt_model_load(path_of(folder, "scores.onnx"), &options, &out.model));
        REFUSED(ANY_FAILURE, lt_model_get_input(model, huge[index], &out.tensor_info));
        REFUSED(LT_NOT_FOUND, lt_model_get_output(model, huge[index], &out.tensor_info));
        REFUSED(LT_NOT_FOUND, lt_model_get_class(model, huge[index], &out.class_info));
        REFUSED(LT_NOT_FOUND, lt_results_get_image(results, huge[index], &out.image_result));
        REFUSED(LT_NOT_FOUND, lt_results_get_label(results, huge[index], 0, &out.label));
        REFUSED(LT_NOT_FOUND, lt_results_get_label(results, 0, huge[index], &out.label));
        REFUSED(LT_NOT_FOUND, lt_results_get_detection(detections, 0, huge[index], &out.detection));
        REFUSED(LT_NOT_FOUND, lt_results_copy_mask(detections, huge[index], 0, out.mask, sizeof out.mask, 0));
        REFUSED(ANY_FAILURE, lt_results_copy_mask(detections, 0, 0, out.mask, sizeof out.mask, huge[index]));
        REFUSED(LT_NOT_FOUND, lt_results_get_tensor(made, huge[index], &out.tensor));
        REFUSED(bad, lt_session_predict(session, &picture, huge[index], NULL, &out.results));
        lt_score_buffers buffers = score_buffers(huge[index]);
        REFUSED(LT_SHAPE_MISMATCH, lt_session_predict_into(session, &picture, 1, NULL, &buffers));
        REFUSED(bad, lt_session_run(tensor_session, inputs, huge[index], NULL, NULL, 0, &out.results));
        REFUSED(bad, lt_session_run(tensor_session, inputs, 2, NULL, out.outputs, huge[index], NULL));
        memcpy(two, inputs, sizeof two);
        two[0].rank = huge[index];
        REFUSED(bad, lt_session_run(tensor_session, two, 2, NULL, NULL, 0, &out.results));
        two[0].rank = 4;
        two[0].size = huge[index];
        REFUSED(ANY_FAILURE, lt_session_run(tensor_session, two, 2, NULL, NULL, 0, &out.results));
    }
    options.metadata_count = 4097;
    REFUSED(bad, lt_model_load(path_of(folder, "scores.onnx"), &options, &out.model));
    REFUSED(LT_NOT_FOUND, lt_results_get_label(results, 1, 0, &out.label));
    REFUSED(LT_BUFFER_TOO_SMALL, lt_results_copy_mask(detections, 0, 0, out.mask, 0, 0));
    REFUSED(bad, lt_results_copy_mask(detections, 0, 0, out.mask, sizeof out.mask, 1));
    for (size_t index = 0; index < 3; index++) {
        options.metadata_count = 0;
        options.max_batch = low[index];
        REFUSED(bad, lt_model_load(path_of(folder, "scores.onnx"), &options, &out.model));
        options.max_batch = 0;
        options.exact = low[index];
        REFUSED(bad, lt_model_load(path_of(folder, "scores.onnx"), &options, &out.model));
        options.exact = 0;
        char cache[4096];
        snprintf(cache, sizeof cache, "%s", path_of(folder, index == 0 ? "scores.onnx" : index == 1 ? "no/such" : "\xff/a"));
        options.cache = cache;
        REFUSED(ANY_FAILURE, lt_model_load(path_of(folder, "scores.onnx"), &options, &out.model));
        options.cache = NULL;
        SIZED(lt_run_options, run);
        run.timeout_ms = low[index];
        REFUSED(bad, lt_session_predict(session, &picture, 1, &run, &out.results));
        REFUSED(ANY_FAILURE, lt_model_get_clip_frames(model, low[index], out.frames, 8));
        int64_t dims[4] = {1, 3, 4, 5};
        memcpy(two, inputs, sizeof two);
        two[0].dims = dims;
        for (int axis = 0; axis < 4; axis++) {
            int64_t kept = dims[axis];
            dims[axis] = low[index];
            REFUSED(ANY_FAILURE, lt_session_run(tensor_session, two, 2, NULL, NULL, 0, &out.results));
            dims[axis] = index == 0 ? INT64_MAX : (int64_t)1 << (20 + 20 * index);
            REFUSED(ANY_FAILURE, lt_session_run(tensor_session, two, 2, NULL, NULL, 0, &out.results));
            dims[axis] = kept;
        }
        dims[0] = dims[1] = dims[2] = dims[3] = (int64_t)1 << 31;
        REFUSED(ANY_FAILURE, lt_session_run(tensor_session, two, 2, NULL, NULL, 0, &out.results));
    }
    /* A century and more is no time limit. */
    SIZED(lt_run_options, patient);
    patient.timeout_ms = INT64_MAX;
    OK(lt_session_predict(session, &picture, 1, &patient, &out.results));
    lt_results_release(out.results);
    reset_places();

    /* Texts. */
    char *path = (char *)allocate(1 << 20);
    memset(path, 'x', (1 << 20) - 1);
    path[(1 << 20) - 1] = 0;
    REFUSED(ANY_FAILURE, lt_model_load(path, NULL, &out.model));
    REFUSED(LT_NOT_FOUND, lt_model_get_metadata(model, path, &out.text));
    free(path);
    REFUSED(bad, lt_model_load("\xC3\x28.onnx", NULL, &out.model));
    REFUSED(bad, lt_model_get_metadata(model, "\xC3\x28", &out.text));
    REFUSED(LT_NOT_FOUND, lt_model_get_metadata(model, "", &out.text));
    REFUSED(LT_IO, lt_model_load("", NULL, &out.model));
    REFUSED(LT_IO, lt_model_load("/nothing/there.onnx", NULL, &out.model));
    REFUSED(ANY_FAILURE, lt_model_load(folder, NULL, &out.model));
    REFUSED(LT_MALFORMED, lt_model_load(path_of(folder, "junk.onnx"), NULL, &out.model));
    REFUSED(LT_MALFORMED, lt_model_load(path_of(folder, "empty.onnx"), NULL, &out.model));
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    folder = argv[1];
    prepare();
    null_arguments();
    handles();
    struct_sizes();
    enumerations_and_ranges();
    /* After all that everything still works. */
    OK(lt_session_predict(session, &picture, 1, NULL, &out.results));
    lt_results_release(out.results);
    OK(lt_session_run(tensor_session, inputs, 2, NULL, NULL, 0, &out.results));
    lt_results_release(out.results);
    return finish();
}
