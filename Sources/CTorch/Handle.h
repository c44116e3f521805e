// What CTorch's files share: the handle, and how exceptions become messages. Not part of the C API.
#pragma once

#include "CTorch.h"

#include <ATen/ATen.h>

#include <exception>
#include <string>

struct lt_torch_tensor {
    at::Tensor value;
};

namespace lt {

extern thread_local std::string last_error;

// Runs `body`; an exception becomes the thread's error message and status 1.
template <typename Body>
int32_t guarded(Body body) {
    try {
        body();
        return 0;
    } catch (const c10::Error &error) {
        last_error = error.what_without_backtrace();
    } catch (const std::exception &error) {
        last_error = error.what();
    } catch (...) {
        last_error = "unknown C++ exception";
    }
    return 1;
}

}  // namespace lt
