// Working memory: a header in front of each block remembers its size and who takes it back.
#include "lt_memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LT_HEADER = 64 };

struct lt_block_header {
    size_t bytes;
    void *owner;
    lt_release_hook *release;
};

_Static_assert(sizeof(struct lt_block_header) <= LT_HEADER, "the header fits");

static lt_allocate_hook *lt_hook;
static lt_release_hook *lt_hook_release;
static _Thread_local size_t lt_refused;

size_t lt_refusals(void) { return lt_refused; }

void lt_set_memory(lt_allocate_hook *allocate, lt_release_hook *release) {
    if (release) __atomic_store_n(&lt_hook_release, release, __ATOMIC_RELEASE);
    __atomic_store_n(&lt_hook, allocate, __ATOMIC_RELEASE);
}

void *lt_allocate(size_t bytes) {
    struct lt_block_header header = {bytes, NULL, NULL};
    void *memory = NULL;
    lt_allocate_hook *allocate = __atomic_load_n(&lt_hook, __ATOMIC_ACQUIRE);
    if (bytes > SIZE_MAX / 4) {
        // No memory is as large.
    } else if (allocate) {
        header.release = __atomic_load_n(&lt_hook_release, __ATOMIC_ACQUIRE);
        memory = allocate(LT_HEADER + bytes, &header.owner);
    } else if (posix_memalign(&memory, LT_HEADER, LT_HEADER + bytes) != 0) {
        memory = NULL;
    }
    if (!memory) {
        lt_refused++;
        return NULL;
    }
    memcpy(memory, &header, sizeof header);
    return (char *)memory + LT_HEADER;
}

void *lt_allocate_zeroed(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
    void *memory = lt_allocate(bytes);
    if (memory) memset(memory, 0, bytes);
    return memory;
}

static void *lt_header(void *memory, struct lt_block_header *header) {
    void *start = (char *)memory - LT_HEADER;
    memcpy(header, start, sizeof *header);
    return start;
}

void *lt_reallocate(void *memory, size_t bytes) {
    void *moved = lt_allocate(bytes);
    if (!moved || !memory) return moved;
    struct lt_block_header header;
    lt_header(memory, &header);
    memcpy(moved, memory, header.bytes < bytes ? header.bytes : bytes);
    lt_release(memory);
    return moved;
}

void lt_release(void *memory) {
    if (!memory) return;
    struct lt_block_header header;
    void *start = lt_header(memory, &header);
    if (header.release) header.release(header.owner);
    else free(start);
}
