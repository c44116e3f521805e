// libonnx's checker (Debian 1.12: IR <= 8, opset <= 17) on serialized models.
// SwiftPM defines DEBUG in debug builds; libonnx's headers use the word as a name.
#undef DEBUG
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <onnx/checker.h>
#include <unistd.h>

#include <climits>

#include "Failure.h"

namespace {

lt_onnx_status check(google::protobuf::io::CodedInputStream &stream) {
    return lt::guarded(LT_ONNX_OUT_OF_MEMORY, [&] {
        onnx::ModelProto model;
        stream.SetRecursionLimit(100);
        if (!model.ParseFromCodedStream(&stream)) {
            return lt::fail(LT_ONNX_MALFORMED, "libonnx cannot parse the model");
        }
        try {
            onnx::checker::check_model(model);
        } catch (const std::bad_alloc &) {
            throw;
        } catch (const std::exception &error) {
            return lt::fail(LT_ONNX_INVALID, error.what());
        }
        return LT_ONNX_OK;
    });
}

}  // namespace

lt_onnx_status lt_onnx_check(lt_onnx_bytes model) {
    if (model.count > INT_MAX) return lt::fail(LT_ONNX_TOO_LARGE, "the model takes more than 2 GB");
    google::protobuf::io::CodedInputStream stream(static_cast<const uint8_t *>(model.data), int(model.count));
    return check(stream);
}

lt_onnx_status lt_onnx_check_file(int descriptor) {
    return lt::guarded(LT_ONNX_OUT_OF_MEMORY, [&] {
        if (lseek(descriptor, 0, SEEK_SET) != 0) return lt::fail(LT_ONNX_IO, "cannot rewind the file");
        google::protobuf::io::FileInputStream file(descriptor, 1 << 18);
        google::protobuf::io::CodedInputStream stream(&file);
        return check(stream);
    });
}
