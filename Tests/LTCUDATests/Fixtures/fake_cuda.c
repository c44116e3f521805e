/* Stand-ins for NVIDIA's libraries, without a GPU behind them: what they answer are macros, and -DcuInit=absent takes a
 * function away. */
#include <stddef.h>
#include <string.h>

#ifndef VERSION
#define VERSION 12040
#endif
#ifndef INIT
#define INIT 0
#endif
#ifndef COUNT
#define COUNT 2
#endif
#ifndef NAME
#define NAME 0
#endif
#ifndef CUDART
#define CUDART 12040
#endif

/* The driver. */
int cuDriverGetVersion(int *version) { *version = VERSION; return 0; }
int cuInit(unsigned flags) { return flags ? 1 : INIT; }
int cuDeviceGetCount(int *count) { *count = COUNT; return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal + 40; return 0; }
int cuDeviceGetName(char *name, int capacity, int device) {
    strncpy(name, device == 40 ? "Fake A" : "Fake B", (size_t)capacity);
    return NAME;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? (device == 40 ? 9 : 8) : attribute == 76 ? (device == 40 ? 0 : 6) : -1;
    return 0;
}
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = (size_t)(device - 39) << 30; return 0; }
int cuGetErrorName(int error, const char **name) {
    if (error != 999) return 1;
    *name = "CUDA_ERROR_UNKNOWN";
    return 0;
}
int cuGetErrorString(int error, const char **text) {
    if (error != 999) return 1;
    *text = "unknown error";
    return 0;
}

/* NVRTC, which compiles nothing. */
int nvrtcVersion(int *major, int *minor) { *major = VERSION / 1000; *minor = VERSION % 1000 / 10; return INIT; }
const char *nvrtcGetErrorString(int error) { return error == 11 ? "NVRTC_ERROR_INTERNAL_ERROR" : "NVRTC_ERROR"; }
int nvrtcCreateProgram(void **program, const char *source, const char *name, int count, const char *const *headers,
                       const char *const *names) {
    (void)source, (void)name, (void)count, (void)headers, (void)names;
    *program = NULL;
    return 11;
}
int nvrtcCompileProgram(void *program, int count, const char *const *options) { (void)program, (void)count, (void)options; return 11; }
int nvrtcGetProgramLogSize(void *program, size_t *size) { (void)program; *size = 0; return 11; }
int nvrtcGetProgramLog(void *program, char *log) { (void)program, (void)log; return 11; }
int nvrtcGetCUBINSize(void *program, size_t *size) { (void)program; *size = 0; return 11; }
int nvrtcGetCUBIN(void *program, char *cubin) { (void)program, (void)cubin; return 11; }
int nvrtcDestroyProgram(void **program) { (void)program; return 11; }

/* cuBLASLt and cuDNN. */
size_t cublasLtGetVersion(void) { return VERSION; }
size_t cudnnGetVersion(void) { return VERSION; }
size_t cudnnGetCudartVersion(void) { return CUDART; }
