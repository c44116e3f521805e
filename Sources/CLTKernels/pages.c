// Memory that is reserved first and filled later. Large pieces ask for huge pages: a page of 4 KiB costs a fault of a
// microsecond or two when it is first touched, which is a large part of what loading a model costs.
#include "lt_memory.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HUGE_PAGE = 2 << 20 };

void *lt_reserve(size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (bytes == 0 || bytes > SIZE_MAX / 4) return NULL;
    size_t whole = (bytes + page - 1) / page * page, alignment = bytes >= HUGE_PAGE ? HUGE_PAGE : page, room = whole + alignment;
    char *start = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) return NULL;
    char *memory = start + (alignment - (uintptr_t)start % alignment) % alignment, *end = memory + whole;
    if (memory > start) munmap(start, (size_t)(memory - start));
    if (start + room > end) munmap(end, (size_t)(start + room - end));
#ifdef MADV_HUGEPAGE
    // Whole huge pages only: the last piece would take as much memory as one.
    if (alignment == HUGE_PAGE) madvise(memory, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return memory;
}

void lt_unreserve(void *memory, size_t bytes) { munmap(memory, bytes); }

