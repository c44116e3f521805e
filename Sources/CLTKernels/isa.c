// Which instruction set kernels use: CPUID (through the compiler's builtins), lowered by the environment's LT_ISA.
#include "CLTKernels.h"
#include <stdlib.h>
#include <string.h>

static lt_isa detect(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return LT_ISA_PORTABLE;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
        return LT_ISA_AVX512;
    return LT_ISA_AVX2;
#else
    return LT_ISA_PORTABLE;
#endif
}

lt_isa lt_isa_level(void) {
    static _Atomic int cached = -1;
    int level = cached;
    if (level >= 0) return (lt_isa)level;
    lt_isa found = detect();
    const char *force = getenv("LT_ISA");
    if (force && strcmp(force, "portable") == 0) found = LT_ISA_PORTABLE;
    if (force && strcmp(force, "avx2") == 0 && found > LT_ISA_AVX2) found = LT_ISA_AVX2;
    cached = (int)found;
    return found;
}
