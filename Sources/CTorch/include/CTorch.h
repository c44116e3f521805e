// CTorch: libtorch's tensors and autograd behind C. Every operation goes through libtorch's own operator table by
// name ("aten::conv2d"), so a new operation needs no new function here. No C++ exception crosses; a failed call
// returns non-zero and lt_torch_last_error() says why, in libtorch's words.
#ifndef LT_CTORCH_H
#define LT_CTORCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lt_torch_tensor lt_torch_tensor;

enum {
    LT_TORCH_NONE = 0,
    LT_TORCH_TENSOR = 1,   // tensors[integer]
    LT_TORCH_INT = 2,      // integer
    LT_TORCH_DOUBLE = 3,   // real
    LT_TORCH_BOOL = 4,     // integer != 0
    LT_TORCH_INTS = 5,     // ints[integer ..< integer + count]
    LT_TORCH_TENSORS = 6,  // tensors[integer ..< integer + count]
    LT_TORCH_DEFAULT = 7,  // the default of the operator's schema
    LT_TORCH_STRING = 8    // the bytes ints[integer ..< integer + count]
};

// One argument of an operator; lists are ranges of the two pools that go with the call.
typedef struct {
    int32_t kind;
    int64_t integer;
    int64_t count;
    double real;
} lt_torch_value;

// The message of this thread's last failed call.
const char *lt_torch_last_error(void);

// Calls an operator by its full name ("aten::add.Tensor": the overload follows a dot). Arguments not given take their defaults. Tensor results (lists flattened) go to `results`,
// at most `capacity`; an undefined one is NULL. Each is owned by the caller.
int32_t lt_torch_call(const char *name, const lt_torch_value *values, int32_t value_count,
                      const int64_t *ints, lt_torch_tensor *const *tensors, lt_torch_tensor **results,
                      int32_t capacity, int32_t *result_count);

// Copies host memory (row-major, ONNX element type number) into a new tensor.
int32_t lt_torch_from_host(const void *data, int32_t onnx_type, const int64_t *dims, int32_t rank,
                           lt_torch_tensor **result);
// Copies the elements, row-major, to host memory of exactly `byte_count` bytes; the type is not converted.
int32_t lt_torch_to_host(const lt_torch_tensor *tensor, void *data, size_t byte_count);
void lt_torch_release(lt_torch_tensor *tensor);

// ONNX element type number; 0 for a type that has none here.
int32_t lt_torch_type(const lt_torch_tensor *tensor);
int32_t lt_torch_rank(const lt_torch_tensor *tensor);
int64_t lt_torch_dim(const lt_torch_tensor *tensor, int32_t axis);

int32_t lt_torch_set_requires_grad(lt_torch_tensor *tensor, int32_t flag);
int32_t lt_torch_requires_grad(const lt_torch_tensor *tensor);
// Adds the gradients of a scalar to the leaves that require them.
int32_t lt_torch_backward(lt_torch_tensor *tensor);
// NULL when there is none.
int32_t lt_torch_grad(const lt_torch_tensor *tensor, lt_torch_tensor **result);
void lt_torch_clear_grad(lt_torch_tensor *tensor);

// Gradient recording of this thread; returns the previous state.
int32_t lt_torch_set_grad_enabled(int32_t flag);
void lt_torch_set_threads(int32_t count);
// Before the first thread: malloc keeps freed memory of any size, numbers below 1e-38 are 0.
void lt_torch_prepare_training(void);
// The first line of a command's main: starts the program again with OPENBLAS_CORETYPE where OpenBLAS does not know the
// processor, and with GOMP_SPINCOUNT unless the user has said how threads wait.
void lt_torch_configure_process(char **argv);
const char *lt_torch_version(void);

// CUDA devices that libtorch sees; -1 when this libtorch was built without CUDA.
int32_t lt_torch_device_count(void);
// The tensor on a device ("cpu", "cuda:0"), recorded by autograd; shares memory when it is there already.
int32_t lt_torch_to_device(const lt_torch_tensor *tensor, const char *device, lt_torch_tensor **result);
// The tensor on the device of another.
int32_t lt_torch_like(const lt_torch_tensor *tensor, const lt_torch_tensor *other, lt_torch_tensor **result);
int32_t lt_torch_is_on_host(const lt_torch_tensor *tensor);
// The elements of a row-major tensor in host memory; NULL for others.
void *lt_torch_host_memory(lt_torch_tensor *tensor);

// Whether this processor multiplies bfloat16 (AVX512_BF16).
int32_t lt_torch_has_bf16(void);
// Begins or ends this thread's autocast to bfloat16 on the CPU or on CUDA; ending forgets the weights' converted copies.
int32_t lt_torch_autocast(int32_t cuda, int32_t enabled);

// A sum over processes for operators that need one in the middle, also while going backward. `sum` adds up values in
// place and returns non-zero for a failure; `release` is called once when nobody needs `context` any more.
typedef struct {
    void *context;
    int32_t (*sum)(void *context, double *values, int64_t count);
    void (*release)(void *context);
} lt_torch_reducer;

// Batch normalisation of x [N, C, …] with the statistics of all processes' batches; running statistics change in place by
// `momentum` (libtorch's: the new batch's share).
int32_t lt_torch_sync_batch_norm(lt_torch_tensor *x, lt_torch_tensor *weight, lt_torch_tensor *bias,
                                 lt_torch_tensor *running_mean, lt_torch_tensor *running_var, double momentum,
                                 double epsilon, lt_torch_reducer reducer, lt_torch_tensor **result);

// Regions [R, C, height, width] cut by RoIAlign, under autograd, from feature maps [N, C, h, w] of one type and device;
// `scales` are elements per pixel. A box is five numbers (image, x1, y1, x2, y2 in pixels) and a level. `samples` points along
// each axis of a bin, 0: as many as it has elements; `aligned`: pixel centres lie at halves. float64 stays, other types give
// float32. A kernel on the host, unless `composed_only`; elsewhere libtorch's own operators.
int32_t lt_torch_roi_align(lt_torch_tensor *const *levels, const double *scales, int32_t level_count,
                           const float *boxes, const int32_t *box_levels, int64_t box_count, int64_t height,
                           int64_t width, int64_t samples, int32_t aligned, int32_t composed_only,
                           lt_torch_tensor **result);

#ifdef __cplusplus
}
#endif
#endif
