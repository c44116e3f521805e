// Opens a library and looks up the functions of its table, which is an array of addresses in the order of their names.
#define _GNU_SOURCE
#include "CCUDA.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Whether an ELF file ends before what it says it holds: the loader maps it all the same, and touching the rest ends the process.
static int is_cut_off(const char *file) {
    int descriptor = open(file, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return 0;
    struct stat status;
    Elf64_Ehdr header;
    int cut = 0;
    if (fstat(descriptor, &status) == 0 && pread(descriptor, &header, sizeof header, 0) == sizeof header
        && memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64
        && header.e_phentsize == sizeof(Elf64_Phdr)) {
        uint64_t size = (uint64_t)status.st_size;
        for (unsigned index = 0; index < header.e_phnum && !cut; index++) {
            Elf64_Phdr part;
            off_t place = (off_t)(header.e_phoff + index * sizeof part);
            cut = pread(descriptor, &part, sizeof part, place) != sizeof part
                || (part.p_type == PT_LOAD && (part.p_offset > size || part.p_filesz > size - part.p_offset));
        }
    }
    close(descriptor);
    return cut;
}

static int open_table(
    const char *file, const char *const *names, size_t count, void *table, char *detail, size_t capacity) {
    if (strchr(file, '/') && is_cut_off(file)) {
        snprintf(detail, capacity, "the file is cut off");
        return LT_CUDA_UNUSABLE;
    }
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *words = dlerror();
        snprintf(detail, capacity, "%s", words ? words : "the loader does not say why");
        // A name that the loader finds nowhere begins its words; of what it found, or what that needs, it names the file.
        size_t length = strlen(file);
        int absent = !strchr(file, '/') && strncmp(detail, file, length) == 0 && detail[length] == ':';
        return absent ? LT_CUDA_ABSENT : LT_CUDA_UNUSABLE;
    }
    void *found[16];
    for (size_t index = 0; index < count; index++) {
        found[index] = dlsym(library, names[index]);
        if (!found[index]) {
            snprintf(detail, capacity, "%s", names[index]);
            dlclose(library);
            return LT_CUDA_LACKS_SYMBOL;
        }
    }
    Dl_info place;
    int known = dladdr(found[0], &place) != 0 && place.dli_fname;
    snprintf(detail, capacity, "%s", known ? place.dli_fname : file);
    memcpy(table, found, count * sizeof *found);
    return LT_CUDA_OPENED;
}

#define NAME(result, name, parameters) #name,
#define DEFINE(function, type, functions)                                                                   \
    int function(const char *file, type *table, char *detail, size_t capacity) {                            \
        static const char *const names[] = {functions(NAME)};                                               \
        _Static_assert(sizeof(type) == sizeof names && sizeof names <= 16 * sizeof *names, "one address each"); \
        return open_table(file, names, sizeof names / sizeof *names, table, detail, capacity);              \
    }

DEFINE(lt_cuda_open_driver, lt_cuda_driver, LT_CUDA_DRIVER_FUNCTIONS)
DEFINE(lt_cuda_open_nvrtc, lt_nvrtc, LT_NVRTC_FUNCTIONS)
DEFINE(lt_cuda_open_cublaslt, lt_cublaslt, LT_CUBLASLT_FUNCTIONS)
DEFINE(lt_cuda_open_cudnn, lt_cudnn, LT_CUDNN_FUNCTIONS)
