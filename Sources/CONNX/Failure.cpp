// The last failure of each thread, in a fixed buffer, so that recording one cannot fail.
#include "Failure.h"

#include <cstdlib>
#include <cstring>

namespace {
thread_local lt_onnx_status lastStatus = LT_ONNX_OK;
thread_local char lastText[2048] = "";
}  // namespace

lt_onnx_status lt::fail(lt_onnx_status status, const char *text) noexcept {
    lastStatus = status;
    std::strncpy(lastText, text, sizeof lastText - 1);
    return status;
}

const char *lt_onnx_error(void) { return lastText; }

lt_onnx_status lt_onnx_error_status(void) { return lastStatus; }

void lt_onnx_error_clear(void) {
    lastStatus = LT_ONNX_OK;
    lastText[0] = 0;
}

void lt_onnx_buffer_free(lt_onnx_buffer buffer) { std::free(buffer.data); }
