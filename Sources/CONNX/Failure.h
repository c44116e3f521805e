// Failure: how CONNX's C functions turn C++ exceptions into a status and words that the calling thread can ask for.
#pragma once

#include "CONNX.h"

#include <exception>
#include <new>
#include <stdexcept>

namespace lt {

/// Records a failure of this thread and returns its status.
lt_onnx_status fail(lt_onnx_status status, const char *text) noexcept;

/// Runs `body`; an exception becomes a recorded failure and `fallback`.
template <class Result, class Body>
Result guarded(Result fallback, Body body) noexcept {
    try {
        return body();
    } catch (const std::bad_alloc &) {
        fail(LT_ONNX_OUT_OF_MEMORY, "out of memory");
    } catch (const std::length_error &) {
        fail(LT_ONNX_TOO_LARGE, "a field is larger than a string can be");
    } catch (const std::exception &error) {
        fail(LT_ONNX_MALFORMED, error.what());
    } catch (...) {
        fail(LT_ONNX_MALFORMED, "unknown exception");
    }
    return fallback;
}

}  // namespace lt
