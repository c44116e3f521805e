// Devices and mixed precision.
#include "Handle.h"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/api/include/torch/version.h>

using lt::guarded;

extern "C" {

int32_t lt_torch_device_count(void) {
    try {
        // hasCUDA() is false without a device too: whether CUDA's operators are there tells the two apart.
        const auto empty = c10::Dispatcher::singleton().findSchema({"aten::empty", "memory_format"});
        if (!empty || !empty->hasKernelForDispatchKey(c10::DispatchKey::CUDA)) return -1;
        return at::hasCUDA() ? static_cast<int32_t>(at::getNumGPUs()) : 0;
    } catch (...) {
        return 0;
    }
}

int32_t lt_torch_to_device(const lt_torch_tensor *tensor, const char *device, lt_torch_tensor **result) {
    return guarded([&] { *result = new lt_torch_tensor{tensor->value.to(at::Device(device))}; });
}

int32_t lt_torch_like(const lt_torch_tensor *tensor, const lt_torch_tensor *other, lt_torch_tensor **result) {
    return guarded([&] { *result = new lt_torch_tensor{tensor->value.to(other->value.device())}; });
}

int32_t lt_torch_is_on_host(const lt_torch_tensor *tensor) { return tensor->value.device().is_cpu() ? 1 : 0; }

void *lt_torch_host_memory(lt_torch_tensor *tensor) {
    const auto &value = tensor->value;
    return value.device().is_cpu() && value.is_contiguous() ? value.data_ptr() : nullptr;
}

int32_t lt_torch_has_bf16(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512bf16") ? 1 : 0;
#else
    return 0;
#endif
}

int32_t lt_torch_autocast(int32_t cuda, int32_t enabled) {
    return guarded([&] {
#if TORCH_VERSION_MAJOR >= 2
        const auto device = cuda ? at::kCUDA : at::kCPU;
        if (enabled) at::autocast::set_autocast_dtype(device, at::kBFloat16);
        at::autocast::set_autocast_enabled(device, enabled != 0);
#else
        if (cuda) {
            if (enabled) at::autocast::set_autocast_gpu_dtype(at::kBFloat16);
            at::autocast::set_enabled(enabled != 0);
        } else {
            if (enabled) at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
            at::autocast::set_cpu_enabled(enabled != 0);
        }
#endif
        if (!enabled) at::autocast::clear_cache();
    });
}
}
