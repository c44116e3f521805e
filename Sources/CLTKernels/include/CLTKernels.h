// CLTKernels: SIMD kernels in C and the thread pool they share with oneDNN (libgomp). Each kernel exists for AVX-512,
// AVX2+FMA and portable C; CPUID chooses, LT_ISA=portable|avx2|avx512 forces a lower one.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lt_attention.h"
#include "lt_depthwise.h"
#include "lt_depthwise_rows.h"
#include "lt_gemm.h"
#include "lt_image.h"
#include "lt_math.h"
#include "lt_memory.h"
#include "lt_picture.h"
#include "lt_quantized.h"
#include "lt_sampling.h"
#include "lt_unfold.h"
#include "lt_winograd.h"

#ifdef __cplusplus
extern "C" {
#endif

// --- Threads (parallel.c)
/// CPUs that this process may run on, at least 1.
int lt_available_threads(void);
/// Sets how many threads parallel regions of the calling thread use (oneDNN's and OpenBLAS's OpenMP too).
void lt_set_threads(int threads);
/// Threads that the next region of the calling thread would use.
int lt_threads(void);
/// Runs body(context, index, count) on `count` threads of the calling thread's libgomp pool, index 0 ..< count.
/// Regions start from long-lived threads only: libgomp keeps a pool per calling thread.
void lt_parallel(int count, void (*body)(void *context, int index, int count), void *context);

/// Starts the program again with GOMP_SPINCOUNT set, unless that or OMP_WAIT_POLICY is set already; returns where it cannot.
void lt_configure_waiting(char **argv);

// --- Instruction sets (isa.c)
typedef enum { LT_ISA_PORTABLE = 0, LT_ISA_AVX2 = 1, LT_ISA_AVX512 = 2 } lt_isa;
/// The level that kernels run at: what the CPU has, lowered by LT_ISA.
lt_isa lt_isa_level(void);
/// Products of bfloat16 pairs with float32 sums: no AVX-512 BF16; there, but slower than float32's (Intel's); faster (AMD's); or
/// slower beside tiles that are much faster (AMX), which oneDNN uses and our kernels do not. LT_ISA=avx512_bf16 counts those that exist
/// as faster, a lower level hides them.
typedef enum { LT_BF16_NONE = 0, LT_BF16_SLOW = 1, LT_BF16_FAST = 2, LT_BF16_TILES = 3 } lt_bf16;
lt_bf16 lt_bf16_products(void);
/// Whether there are products of 8-bit integers with sums of 32 bits (AVX-512 VNNI or AVX-VNNI, which oneDNN uses).
bool lt_int8_products(void);

/// Measures how many 10^9 float32 operations a second `threads` threads do in multiply-adds of registers at this level: the most
/// that any kernel can reach. Takes some 50 ms.
double lt_peak_gflops(int threads);

// --- Digests (sha256.c)
/// Runs SHA-256's compression function over whole 64-byte blocks with the CPU's own instructions; false, and nothing done,
/// where it has none or LT_ISA is portable. `constants`: the standard's K.
bool lt_sha256(uint32_t state[8], const uint8_t *bytes, size_t blocks, const uint32_t constants[64]);

#ifdef __cplusplus
}
#endif
