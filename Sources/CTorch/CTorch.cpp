// CTorch over libtorch 1.13 or newer: boxed calls through c10::Dispatcher, one owner per handle.
#include "Handle.h"

#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/api/include/torch/version.h>

#include <cstring>
#include <string>

thread_local std::string lt::last_error;

using lt::guarded;
using lt::last_error;

namespace {

at::ScalarType scalar_type(int32_t onnx_type) {
    switch (onnx_type) {
        case 1: return at::kFloat;
        case 2: return at::kByte;
        case 3: return at::kChar;
        case 5: return at::kShort;
        case 6: return at::kInt;
        case 7: return at::kLong;
        case 9: return at::kBool;
        case 10: return at::kHalf;
        case 11: return at::kDouble;
        case 16: return at::kBFloat16;
        default: throw std::runtime_error("element type " + std::to_string(onnx_type) + " has no libtorch equivalent");
    }
}

c10::IValue argument(const lt_torch_value &value, const int64_t *ints, lt_torch_tensor *const *tensors,
                     const c10::Argument &schema) {
    switch (value.kind) {
        case LT_TORCH_NONE: return c10::IValue();
        case LT_TORCH_TENSOR: return c10::IValue(tensors[value.integer]->value);
        case LT_TORCH_INT: return c10::IValue(value.integer);
        case LT_TORCH_DOUBLE: return c10::IValue(value.real);
        case LT_TORCH_BOOL: return c10::IValue(value.integer != 0);
        case LT_TORCH_INTS:
            return c10::IValue(c10::List<int64_t>(
                c10::ArrayRef<int64_t>(ints + value.integer, static_cast<size_t>(value.count))));
        case LT_TORCH_TENSORS: {
            c10::List<at::Tensor> list;
            for (int64_t i = 0; i < value.count; i++) list.push_back(tensors[value.integer + i]->value);
            return c10::IValue(list);
        }
        case LT_TORCH_STRING:
            return c10::IValue(std::string(ints + value.integer, ints + value.integer + value.count));
        default:
            if (!schema.default_value()) throw std::runtime_error("argument '" + schema.name() + "' has no default");
            return *schema.default_value();
    }
}

}  // namespace

extern "C" {

const char *lt_torch_last_error(void) { return last_error.c_str(); }

int32_t lt_torch_call(const char *name, const lt_torch_value *values, int32_t value_count,
                      const int64_t *ints, lt_torch_tensor *const *tensors, lt_torch_tensor **results,
                      int32_t capacity, int32_t *result_count) {
    return guarded([&] {
        const char *dot = std::strchr(name, '.');
        const std::string base = dot ? std::string(name, dot) : std::string(name);
        auto handle = c10::Dispatcher::singleton().findSchemaOrThrow(base.c_str(), dot ? dot + 1 : "");
        const auto &schema = handle.schema().arguments();
        if (static_cast<size_t>(value_count) > schema.size())
            throw std::runtime_error(std::string(name) + " takes " + std::to_string(schema.size()) + " arguments");
        torch::jit::Stack stack;
        stack.reserve(schema.size());
        const lt_torch_value absent = {LT_TORCH_DEFAULT, 0, 0, 0};
        for (size_t i = 0; i < schema.size(); i++)
            stack.push_back(
                argument(i < static_cast<size_t>(value_count) ? values[i] : absent, ints, tensors, schema[i]));
        handle.callBoxed(stack);
        std::vector<at::Tensor> outputs;
        for (const auto &value : stack) {
            if (value.isTensor())
                outputs.push_back(value.toTensor());
            else if (value.isTensorList())
                for (const at::Tensor &tensor : value.toTensorVector()) outputs.push_back(tensor);
        }
        if (outputs.size() > static_cast<size_t>(capacity))
            throw std::runtime_error(std::string(name) + " gave " + std::to_string(outputs.size()) + " tensors");
        for (size_t i = 0; i < outputs.size(); i++)
            results[i] = outputs[i].defined() ? new lt_torch_tensor{outputs[i]} : nullptr;
        *result_count = static_cast<int32_t>(outputs.size());
    });
}

int32_t lt_torch_from_host(const void *data, int32_t onnx_type, const int64_t *dims, int32_t rank,
                           lt_torch_tensor **result) {
    return guarded([&] {
        auto tensor =
            at::empty(c10::ArrayRef<int64_t>(dims, static_cast<size_t>(rank)), at::dtype(scalar_type(onnx_type)));
        if (tensor.nbytes() > 0) std::memcpy(tensor.data_ptr(), data, tensor.nbytes());
        *result = new lt_torch_tensor{tensor};
    });
}

int32_t lt_torch_to_host(const lt_torch_tensor *tensor, void *data, size_t byte_count) {
    return guarded([&] {
        auto dense = tensor->value.detach().to(at::kCPU).contiguous();
        if (dense.nbytes() != byte_count)
            throw std::runtime_error("tensor has " + std::to_string(dense.nbytes()) + " bytes, the buffer " +
                                     std::to_string(byte_count));
        if (byte_count > 0) std::memcpy(data, dense.data_ptr(), byte_count);
    });
}

void lt_torch_release(lt_torch_tensor *tensor) { delete tensor; }

int32_t lt_torch_type(const lt_torch_tensor *tensor) {
    switch (tensor->value.scalar_type()) {
        case at::kFloat: return 1;
        case at::kByte: return 2;
        case at::kChar: return 3;
        case at::kShort: return 5;
        case at::kInt: return 6;
        case at::kLong: return 7;
        case at::kBool: return 9;
        case at::kHalf: return 10;
        case at::kDouble: return 11;
        case at::kBFloat16: return 16;
        default: return 0;
    }
}

int32_t lt_torch_rank(const lt_torch_tensor *tensor) { return static_cast<int32_t>(tensor->value.dim()); }
int64_t lt_torch_dim(const lt_torch_tensor *tensor, int32_t axis) { return tensor->value.size(axis); }

int32_t lt_torch_set_requires_grad(lt_torch_tensor *tensor, int32_t flag) {
    return guarded([&] { tensor->value.set_requires_grad(flag != 0); });
}
int32_t lt_torch_requires_grad(const lt_torch_tensor *tensor) { return tensor->value.requires_grad() ? 1 : 0; }

int32_t lt_torch_backward(lt_torch_tensor *tensor) {
    return guarded([&] { tensor->value.backward(); });
}

int32_t lt_torch_grad(const lt_torch_tensor *tensor, lt_torch_tensor **result) {
    return guarded([&] {
        const auto &grad = tensor->value.grad();
        *result = grad.defined() ? new lt_torch_tensor{grad} : nullptr;
    });
}
void lt_torch_clear_grad(lt_torch_tensor *tensor) { tensor->value.mutable_grad().reset(); }

int32_t lt_torch_set_grad_enabled(int32_t flag) {
    const bool previous = c10::GradMode::is_enabled();
    c10::GradMode::set_enabled(flag != 0);
    return previous ? 1 : 0;
}

void lt_torch_set_threads(int32_t count) {
    // One budget for the whole process: no second pool for libtorch's inter-operator parallelism.
    at::set_num_threads(count);
}

const char *lt_torch_version(void) { return TORCH_VERSION; }
}
