/* host.h: what the hosts share: checks that count and say what failed, structs with their size set, files, seeded numbers.
 * A host prints nothing as long as everything is right, so that a test can tell when the library prints. */
#ifndef HOST_H
#define HOST_H

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE 1
#endif
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include "longtail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int failed_checks = 0;

static inline void fail_check(const char *file, int line, const char *what, const char *detail) {
    if (++failed_checks <= 40) fprintf(stderr, "%s:%d: %s %s\n", file, line, what, detail);
}

#define CHECK(condition) \
    do { \
        if (!(condition)) fail_check(__FILE__, __LINE__, #condition, ""); \
    } while (0)

/* A call that must succeed. */
#define OK(call) \
    do { \
        lt_status ok_status = (call); \
        if (ok_status != LT_OK) fail_check(__FILE__, __LINE__, #call, lt_last_error_message()); \
    } while (0)

/* A call without which the rest makes no sense. */
#define MUST(call) \
    do { \
        lt_status must_status = (call); \
        if (must_status != LT_OK) { \
            fail_check(__FILE__, __LINE__, #call, lt_last_error_message()); \
            exit(1); \
        } \
    } while (0)

/* A call that must fail with this status, and say why. */
#define FAILS(expected, call) \
    do { \
        lt_status fails_status = (call); \
        if (fails_status != (expected) || lt_last_error_message()[0] == 0) \
            fail_check(__FILE__, __LINE__, #call " gives", lt_status_name(fails_status)); \
    } while (0)

/* Declares a struct of the interface with its size set and everything else zero. */
#define SIZED(type, name) \
    type name; \
    memset(&name, 0, sizeof name); \
    name.struct_size = sizeof name

static inline void *allocate(size_t size) {
    void *memory = malloc(size > 0 ? size : 1);
    if (memory == NULL) {
        fprintf(stderr, "no memory for %zu bytes\n", size);
        exit(1);
    }
    return memory;
}

typedef struct bytes {
    unsigned char *data;
    size_t size;
} bytes;

static inline const char *path_of(const char *folder, const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static inline bytes read_file(const char *folder, const char *name) {
    bytes result;
    FILE *file = fopen(path_of(folder, name), "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        fprintf(stderr, "cannot read %s/%s\n", folder, name);
        exit(1);
    }
    result.size = (size_t)ftell(file);
    result.data = (unsigned char *)allocate(result.size);
    rewind(file);
    if (fread(result.data, 1, result.size, file) != result.size) exit(1);
    fclose(file);
    return result;
}

/* Memory whose last byte is followed by a page that cannot be read, `shift` bytes later; never given back. The bytes in
 * between hold 0xFF: NaN as a float. */
static inline unsigned char *guarded(size_t size, size_t shift) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (size + shift + page - 1) / page * page;
    unsigned char *start =
        (unsigned char *)mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == (unsigned char *)MAP_FAILED || mprotect(start + room, page, PROT_NONE) != 0) {
        fprintf(stderr, "no guarded memory of %zu bytes\n", size);
        exit(1);
    }
    memset(start, 0xFF, room);
    return start + room - size - shift;
}

static inline void release_guarded(unsigned char *memory, size_t size, size_t shift) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (size + shift + page - 1) / page * page;
    munmap(memory + size + shift - room, room + page);
}

/* xorshift64* (Vigna 2016). */
static inline uint64_t draw(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static inline lt_image encoded_image(bytes file) {
    SIZED(lt_image, image);
    image.data = file.data;
    image.size = file.size;
    image.format = LT_IMAGE_ENCODED;
    return image;
}

static inline int finish(void) {
    if (failed_checks > 40) fprintf(stderr, "and %d more\n", failed_checks - 40);
    return failed_checks == 0 ? 0 : 1;
}

#endif
