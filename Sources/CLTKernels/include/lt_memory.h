// Working memory of C code (image kernels, decoders that take an allocator): malloc's, or another's for the whole process.
#ifndef LT_MEMORY_H
#define LT_MEMORY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// 64-byte aligned; NULL when memory is refused.
void *lt_allocate(size_t bytes);
void *lt_allocate_zeroed(size_t count, size_t size);
// As realloc: what lay in `memory` moves; on refusal it stays.
void *lt_reallocate(void *memory, size_t bytes);
// Takes memory of the three above, whoever was the allocator then; NULL is nothing.
void lt_release(void *memory);

// How often memory was refused to the calling thread so far; libraries do not always say that it was.
size_t lt_refusals(void);

// Gives at least `bytes` bytes, 64-byte aligned, and what `lt_release_hook` takes when they are no longer needed.
typedef void *lt_allocate_hook(size_t bytes, void **owner);
typedef void lt_release_hook(void *owner);

// From now on memory comes from `allocate`; NULL is malloc. Any thread may allocate meanwhile.
void lt_set_memory(lt_allocate_hook *allocate, lt_release_hook *release);

// --- Memory of the system's own (pages.c)
// Addresses for `bytes` bytes that read as zero and take no memory before they are written; NULL when there are none.
void *lt_reserve(size_t bytes);
void lt_unreserve(void *memory, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
