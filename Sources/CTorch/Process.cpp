// Settings of a process that trains. What libraries read from the environment when they are loaded is set by starting again.
#include "CTorch.h"

#include <ATen/Context.h>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <unistd.h>

/// The name of OpenBLAS's kernels where it takes the processor for one of 2004: older releases do so with every processor
/// that is newer than they are. nullptr: nothing to mend.
static const char *missed_kernels() {
#if defined(__x86_64__)
    using name_function = char *(*)();
    const auto name = reinterpret_cast<name_function>(dlsym(RTLD_DEFAULT, "openblas_get_corename"));
    if (!name || std::strcmp(name(), "Prescott") != 0) return nullptr;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
        return "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
    return nullptr;
}

extern "C" void lt_torch_configure_process(char **argv) {
    bool changed = false;
    const char *kernels = std::getenv("OPENBLAS_CORETYPE") ? nullptr : missed_kernels();
    if (kernels) changed = setenv("OPENBLAS_CORETYPE", kernels, 1) == 0;
    // As the runtime's tools do: idle threads sleep soon instead of taking the cores from decoding and other programs.
    if (!std::getenv("GOMP_SPINCOUNT") && !std::getenv("OMP_WAIT_POLICY"))
        changed = setenv("GOMP_SPINCOUNT", "2000", 1) == 0 || changed;
    if (changed) execv("/proc/self/exe", argv);
}

extern "C" void lt_torch_prepare_training(void) {
#ifdef __GLIBC__
    // Freed memory of any size is kept for the next call instead of going back to the system.
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
    // Threads that start from now on do the same.
    at::globalContext().setFlushDenormal(true);
}
