// CCUDA: NVIDIA's driver, NVRTC, cuBLASLt and cuDNN, opened at run time. The published C functions that are used are declared
// here, so that building needs nothing of CUDA, and nothing is opened before somebody asks. What was opened stays open.
#ifndef LT_CCUDA_H
#define LT_CCUDA_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// F(result, name, parameters): CUresult, nvrtcResult and CUdevice are ints of the binary interface.

#define LT_CUDA_DRIVER_FUNCTIONS(F)                                                     \
    F(int, cuDriverGetVersion, (int *_Nonnull version))                                 \
    F(int, cuInit, (unsigned flags))                                                    \
    F(int, cuDeviceGetCount, (int *_Nonnull count))                                     \
    F(int, cuDeviceGet, (int *_Nonnull device, int ordinal))                            \
    F(int, cuDeviceGetName, (char *_Nonnull name, int capacity, int device))            \
    F(int, cuDeviceGetAttribute, (int *_Nonnull value, int attribute, int device))      \
    F(int, cuDeviceTotalMem_v2, (size_t *_Nonnull bytes, int device))                   \
    F(int, cuGetErrorName, (int error, const char *_Nullable *_Nonnull name))           \
    F(int, cuGetErrorString, (int error, const char *_Nullable *_Nonnull text))

#define LT_NVRTC_FUNCTIONS(F)                                                                                       \
    F(int, nvrtcVersion, (int *_Nonnull major, int *_Nonnull minor))                                                \
    F(const char *_Nullable, nvrtcGetErrorString, (int error))                                                      \
    F(int, nvrtcCreateProgram,                                                                                      \
      (void *_Nullable *_Nonnull program, const char *_Nonnull source, const char *_Nullable name, int headerCount, \
       const char *_Nonnull const *_Nullable headers, const char *_Nonnull const *_Nullable includeNames))          \
    F(int, nvrtcCompileProgram,                                                                                     \
      (void *_Nonnull program, int optionCount, const char *_Nullable const *_Nullable options))                    \
    F(int, nvrtcGetProgramLogSize, (void *_Nonnull program, size_t *_Nonnull size))                                 \
    F(int, nvrtcGetProgramLog, (void *_Nonnull program, char *_Nonnull log))                                        \
    F(int, nvrtcGetCUBINSize, (void *_Nonnull program, size_t *_Nonnull size))                                      \
    F(int, nvrtcGetCUBIN, (void *_Nonnull program, char *_Nonnull cubin))                                           \
    F(int, nvrtcDestroyProgram, (void *_Nullable *_Nonnull program))

#define LT_CUBLASLT_FUNCTIONS(F) F(size_t, cublasLtGetVersion, (void))

#define LT_CUDNN_FUNCTIONS(F)              \
    F(size_t, cudnnGetVersion, (void))     \
    F(size_t, cudnnGetCudartVersion, (void))

#define LT_CUDA_FIELD(result, name, parameters) result(*_Nonnull name) parameters;

typedef struct {
    LT_CUDA_DRIVER_FUNCTIONS(LT_CUDA_FIELD)
} lt_cuda_driver;
typedef struct {
    LT_NVRTC_FUNCTIONS(LT_CUDA_FIELD)
} lt_nvrtc;
typedef struct {
    LT_CUBLASLT_FUNCTIONS(LT_CUDA_FIELD)
} lt_cublaslt;
typedef struct {
    LT_CUDNN_FUNCTIONS(LT_CUDA_FIELD)
} lt_cudnn;

#undef LT_CUDA_FIELD

// Numbers of the driver's interface.
enum { LT_CUDA_ERROR_NO_DEVICE = 100, LT_CUDA_CAPABILITY_MAJOR = 75, LT_CUDA_CAPABILITY_MINOR = 76 };

// What came of opening a library.
enum {
    LT_CUDA_OPENED = 0,
    LT_CUDA_ABSENT = 1,       // there is no such file
    LT_CUDA_UNUSABLE = 2,     // there is one that the loader refuses
    LT_CUDA_LACKS_SYMBOL = 3  // a function is missing
};

// Opens `file` (a path, or a name that the system's loader looks up) and fills the table, whole or not at all. `detail` gets
// the file that was opened, the loader's words, or the name of the missing function.
int lt_cuda_open_driver(const char *_Nonnull file, lt_cuda_driver *_Nonnull table, char *_Nonnull detail, size_t capacity);
int lt_cuda_open_nvrtc(const char *_Nonnull file, lt_nvrtc *_Nonnull table, char *_Nonnull detail, size_t capacity);
int lt_cuda_open_cublaslt(const char *_Nonnull file, lt_cublaslt *_Nonnull table, char *_Nonnull detail, size_t capacity);
int lt_cuda_open_cudnn(const char *_Nonnull file, lt_cudnn *_Nonnull table, char *_Nonnull detail, size_t capacity);

#ifdef __cplusplus
}
#endif
#endif
