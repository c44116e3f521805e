/* A host that brings its own memory. Arguments: the folder of models and images. */
#include "host.h"

#include <pthread.h>

typedef struct heap {
    pthread_mutex_t lock;
    size_t requests, outstanding, bytes, wrong;
} heap;

static void *heap_allocate(void *context, size_t size, size_t alignment) {
    heap *all = (heap *)context;
    void *memory = NULL;
    if (posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, size + 64) != 0) return NULL;
    memset(memory, 0xFF, size);
    pthread_mutex_lock(&all->lock);
    all->requests++;
    all->outstanding++;
    all->bytes += size;
    if (alignment == 0 || (alignment & (alignment - 1)) != 0) all->wrong++;
    pthread_mutex_unlock(&all->lock);
    return memory;
}

static void heap_release(void *context, void *memory, size_t size) {
    heap *all = (heap *)context;
    pthread_mutex_lock(&all->lock);
    if (memory == NULL || all->outstanding == 0 || all->bytes < size) all->wrong++;
    all->outstanding--;
    all->bytes -= size;
    pthread_mutex_unlock(&all->lock);
    free(memory);
}

static void allocating(const char *folder) {
    heap all;
    memset(&all, 0, sizeof all);
    pthread_mutex_init(&all.lock, NULL);
    /* As a host of a later header has it, whose new field is not used. */
    struct {
        lt_allocator known;
        unsigned char tail[8];
    } allocator;
    memset(&allocator, 0, sizeof allocator);
    allocator.known.struct_size = sizeof allocator;
    allocator.known.context = &all;
    allocator.known.allocate = heap_allocate;
    allocator.known.release = heap_release;
    bytes jpeg = read_file(folder, "picture.jpg");
    lt_image image = encoded_image(jpeg);
    float mine[5], theirs[5];
    SIZED(lt_score_buffers, buffers);
    buffers.class_count = 5;
    for (int own = 1; own >= 0; own--) {
        OK(lt_set_allocator(own ? &allocator.known : NULL));
        lt_model *model = NULL;
        MUST(lt_model_load(path_of(folder, "scores.onnx"), NULL, &model));
        lt_session *session = NULL;
        MUST(lt_session_create(model, &session));
        buffers.scores = own ? mine : theirs;
        OK(lt_session_predict_into(session, &image, 1, NULL, &buffers));
        if (own) {
            CHECK(all.requests > 3 && all.outstanding > 0);
            /* What exists goes back to where it came from. */
            OK(lt_set_allocator(NULL));
        }
        size_t requests = all.requests;
        OK(lt_session_predict_into(session, &image, 1, NULL, &buffers));
        CHECK(all.requests == requests);
        lt_session_release(session);
        lt_model_release(model);
    }
    allocator.tail[7] = 1;
    FAILS(LT_UNSUPPORTED, lt_set_allocator(&allocator.known));
    CHECK(all.outstanding == 0 && all.bytes == 0 && all.wrong == 0);
    CHECK(memcmp(mine, theirs, sizeof mine) == 0);
    free(jpeg.data);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    allocating(argv[1]);
    return finish();
}
