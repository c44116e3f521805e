// Reading a model without the elements of its large initializers: where they lie in the file is noted instead, so that who
// needs them reads them once, to where they belong. All other fields are copied and parsed as protobuf does it: parts of a
// message that are merged one after the other are the message.
#include "Budget.h"
#include "Failure.h"
#include "onnx.pb.h"

#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace {

using google::protobuf::MessageLite;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;
using google::protobuf::io::StringOutputStream;

// Fields of onnx.proto.
enum { modelGraph = 7, graphInitializer = 5, tensorRawData = 9 };

// How deep the messages below a graph or a tensor may nest; the whole may be a little deeper than what is parsed at once.
constexpr int recursionLimit = 98;

bool merge(MessageLite &message, const std::string &fields) {
    if (fields.size() > INT_MAX) return false;
    CodedInputStream stream(reinterpret_cast<const uint8_t *>(fields.data()), int(fields.size()));
    stream.SetRecursionLimit(recursionLimit);
    return message.MergePartialFromCodedStream(&stream) && stream.ConsumedEntireMessage();
}

// Walks the fields of a message up to the stream's limit: `special(tag, length)` reads the one of number `field`, or says no and
// leaves it; the others go to `rest`.
template <class Special>
bool walk(CodedInputStream &stream, int field, std::string &rest, Special special) {
    const uint32_t wanted = WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
    StringOutputStream target(&rest);
    CodedOutputStream out(&target);
    while (const uint32_t tag = stream.ReadTag()) {
        if (tag != wanted) {
            if (!WireFormatLite::SkipField(&stream, tag, &out)) return false;
            continue;
        }
        uint32_t length;
        if (!stream.ReadVarint32(&length) || length > INT_MAX) return false;
        if (special(int(length))) continue;
        std::string bytes;
        if (!stream.ReadString(&bytes, int(length))) return false;
        out.WriteTag(tag);
        out.WriteVarint32(length);
        out.WriteString(bytes);
        if (out.HadError()) return false;
    }
    // Tag 0 is the end of the stream, of the limit, or a zero byte that belongs to nobody.
    return stream.ConsumedEntireMessage();
}

template <class Body>
bool nested(CodedInputStream &stream, int length, Body body) {
    const auto limit = stream.PushLimit(length);
    const bool good = body() && stream.BytesUntilLimit() == 0;
    stream.PopLimit(limit);
    return good;
}

bool read(CodedInputStream &stream, lt::onnx::ModelProto &model, int64_t least, std::vector<lt_onnx_range> &ranges) {
    std::string rest;
    bool good = true;
    const auto initializer = [&](int length, std::string &fields) {
        return nested(stream, length, [&] {
            lt_onnx_range range = {0, 0};
            auto *tensor = model.mutable_graph()->add_initializer();
            const bool walked = walk(stream, tensorRawData, fields, [&](int count) {
                if (count < least) return false;
                range = {stream.CurrentPosition(), count};
                return stream.Skip(count);
            });
            ranges.push_back(range);
            return walked && merge(*tensor, fields);
        });
    };
    const auto graph = [&](int length) {
        return nested(stream, length, [&] {
            std::string others, fields;
            const bool walked = walk(stream, graphInitializer, others, [&](int size) {
                fields.clear();
                good = good && initializer(size, fields);
                return good;
            });
            return walked && good && merge(*model.mutable_graph(), others);
        });
    };
    const bool walked = walk(stream, modelGraph, rest, [&](int length) {
        good = good && graph(length);
        return good;
    });
    return walked && good && merge(model, rest);
}

}  // namespace

lt_onnx_model *lt_onnx_model_read_deferring(int descriptor, int64_t least, lt_onnx_range **ranges, size_t *count) {
    return lt::guarded<lt_onnx_model *>(nullptr, [&]() -> lt_onnx_model * {
        {
            google::protobuf::io::FileInputStream file(descriptor, 1 << 16);
            CodedInputStream ahead(&file);
            if (!lt::structureFits(ahead)) {
                lt::fail(LT_ONNX_TOO_LARGE, lt::structureTooLarge);
                return nullptr;
            }
        }
        if (lseek(descriptor, 0, SEEK_SET) != 0) {
            lt::fail(LT_ONNX_IO, std::strerror(errno));
            return nullptr;
        }
        auto model = std::make_unique<lt::onnx::ModelProto>();
        std::vector<lt_onnx_range> found;
        google::protobuf::io::FileInputStream file(descriptor, 1 << 16);
        bool good;
        {
            CodedInputStream stream(&file);
            good = read(stream, *model, least, found);
        }
        if (file.GetErrno() != 0) {
            lt::fail(LT_ONNX_IO, std::strerror(file.GetErrno()));
            return nullptr;
        }
        if (!good) {
            lt::fail(LT_ONNX_MALFORMED, "the file is not an ONNX message of this kind, or nests too deeply");
            return nullptr;
        }
        auto *list = static_cast<lt_onnx_range *>(std::malloc(sizeof(lt_onnx_range) * (found.size() + 1)));
        if (!list) throw std::bad_alloc();
        if (!found.empty()) std::memcpy(list, found.data(), sizeof(lt_onnx_range) * found.size());
        *ranges = list;
        *count = found.size();
        return reinterpret_cast<lt_onnx_model *>(model.release());
    });
}
