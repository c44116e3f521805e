// SHA-256's compression function (FIPS 180-4 §6.2.2) with the x86 SHA instructions: four rounds a step, the state as the
// pairs (a, b, e, f) and (c, d, g, h) that they work on.
#include "CLTKernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

static bool has_sha(void) {
    static _Atomic int cached = -1;
    if (cached < 0) {
        unsigned a = 0, b = 0, c = 0, d = 0;
        bool sha = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
        bool sse41 = __get_cpuid(1, &a, &b, &c, &d) && (c >> 19 & 1);
        cached = sha && sse41;
    }
    return cached;
}

__attribute__((target("sha,sse4.1"))) static void compress(
    uint32_t state[8], const uint8_t *bytes, size_t blocks, const uint32_t constants[64]) {
    const __m128i big_endian = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xB1);
    __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1B);
    __m128i abef = _mm_alignr_epi8(badc, hgfe, 8);
    __m128i cdgh = _mm_blend_epi16(hgfe, badc, 0xF0);
    for (; blocks > 0; blocks--, bytes += 64) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i words[4];
        for (int i = 0; i < 4; i++)
            words[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(bytes + 16 * i)), big_endian);
#pragma clang loop unroll(full)
        for (int step = 0; step < 16; step++) {
            const __m128i k = _mm_loadu_si128((const __m128i *)(constants + 4 * step));
            const __m128i sum = _mm_add_epi32(words[step & 3], k);
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
            if (step < 12) {
                const __m128i last = words[(step + 3) & 3];
                const __m128i mixed = _mm_sha256msg1_epu32(words[step & 3], words[(step + 1) & 3]);
                const __m128i shifted = _mm_alignr_epi8(last, words[(step + 2) & 3], 4);
                words[step & 3] = _mm_sha256msg2_epu32(_mm_add_epi32(mixed, shifted), last);
            }
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    const __m128i feba = _mm_shuffle_epi32(abef, 0x1B);
    const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}
#endif

bool lt_sha256(uint32_t state[8], const uint8_t *bytes, size_t blocks, const uint32_t constants[64]) {
#if defined(__x86_64__)
    if (has_sha() && lt_isa_level() > LT_ISA_PORTABLE) {
        compress(state, bytes, blocks, constants);
        return true;
    }
#else
    (void)state, (void)bytes, (void)blocks, (void)constants;
#endif
    return false;
}
