// Which instruction set kernels use: CPUID (through the compiler's builtins), lowered by the environment's LT_ISA.
#include "CLTKernels.h"
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

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

#if defined(__x86_64__)
/// CPUID's leaf 7: eax, ebx, ecx, edx of a subleaf, or zeros.
static void features(unsigned subleaf, unsigned found[4]) {
    if (!__get_cpuid_count(7, subleaf, &found[0], &found[1], &found[2], &found[3])) memset(found, 0, 4 * sizeof *found);
}
#endif

static lt_bf16 detect_bf16(void) {
#if defined(__x86_64__)
    if (lt_isa_level() < LT_ISA_AVX512) return LT_BF16_NONE;
    unsigned first[4], second[4], vendor[4] = {0};
    features(0, first);
    features(1, second);
    if (!(second[0] >> 5 & 1)) return LT_BF16_NONE;
    const char *force = getenv("LT_ISA");
    __get_cpuid(0, &vendor[0], &vendor[1], &vendor[2], &vendor[3]);
    // AMD (from Zen 4 on) does twice as many as of float32; Intel half as many, but for its tiles (AMX-BF16).
    if (vendor[1] == signature_AMD_ebx || (force && strcmp(force, "avx512_bf16") == 0)) return LT_BF16_FAST;
    return first[3] >> 22 & 1 ? LT_BF16_TILES : LT_BF16_SLOW;
#else
    return LT_BF16_NONE;
#endif
}

static bool detect_int8(void) {
#if defined(__x86_64__)
    unsigned first[4], second[4];
    features(0, first);
    features(1, second);
    if (lt_isa_level() >= LT_ISA_AVX512 && (first[2] >> 11 & 1)) return true;
    return lt_isa_level() >= LT_ISA_AVX2 && (second[0] >> 4 & 1);
#else
    return false;
#endif
}

// CPUID is slow under a hypervisor.
lt_bf16 lt_bf16_products(void) {
    static _Atomic int cached = -1;
    if (cached < 0) cached = (int)detect_bf16();
    return (lt_bf16)cached;
}

bool lt_int8_products(void) {
    static _Atomic int cached = -1;
    if (cached < 0) cached = detect_int8();
    return cached == 1;
}
