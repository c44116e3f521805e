// The functions of CONNX.h over the generated classes: one template per kind of field, one macro line per function.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>

#include "Budget.h"
#include "Failure.h"
#include "onnx.pb.h"

namespace {

using google::protobuf::io::CodedInputStream;
using lt::guarded;

// How deep messages may nest: a graph within a graph takes three.
constexpr int recursionLimit = 100;

lt_onnx_bytes bytes(const std::string &text) { return {text.data(), text.size()}; }
const char *chars(lt_onnx_bytes value) { return value.count ? static_cast<const char *>(value.data) : ""; }

template <class Message>
bool fits(CodedInputStream &stream) {
    if (!std::is_same_v<Message, lt::onnx::ModelProto> || lt::structureFits(stream)) return true;
    lt::fail(LT_ONNX_TOO_LARGE, lt::structureTooLarge);
    return false;
}

template <class Message>
bool parse(Message &message, CodedInputStream &stream) {
    stream.SetRecursionLimit(recursionLimit);
    return message.ParseFromCodedStream(&stream) && stream.ConsumedEntireMessage();
}

template <class Message>
Message *parsed(lt_onnx_bytes value) {
    return guarded<Message *>(nullptr, [&]() -> Message * {
        if (value.count > INT_MAX) {
            lt::fail(LT_ONNX_TOO_LARGE, "more than the 2 GB that protobuf can parse");
            return nullptr;
        }
        const auto *start = static_cast<const uint8_t *>(value.data);
        CodedInputStream ahead(start, int(value.count));
        if (!fits<Message>(ahead)) return nullptr;
        auto message = std::make_unique<Message>();
        CodedInputStream stream(start, int(value.count));
        if (parse(*message, stream)) return message.release();
        lt::fail(LT_ONNX_MALFORMED, "the bytes are not an ONNX message of this kind, or nest too deeply");
        return nullptr;
    });
}

template <class Message>
Message *readFrom(int descriptor) {
    return guarded<Message *>(nullptr, [&]() -> Message * {
        {
            google::protobuf::io::FileInputStream file(descriptor, 1 << 16);
            CodedInputStream ahead(&file);
            if (!fits<Message>(ahead)) return nullptr;
        }
        if (lseek(descriptor, 0, SEEK_SET) != 0) {
            lt::fail(LT_ONNX_IO, std::strerror(errno));
            return nullptr;
        }
        auto message = std::make_unique<Message>();
        google::protobuf::io::FileInputStream file(descriptor, 1 << 18);
        CodedInputStream stream(&file);
        const bool good = parse(*message, stream);
        if (file.GetErrno() != 0) {
            lt::fail(LT_ONNX_IO, std::strerror(file.GetErrno()));
            return nullptr;
        }
        if (good) return message.release();
        lt::fail(LT_ONNX_MALFORMED, "the file is not an ONNX message of this kind, or nests too deeply");
        return nullptr;
    });
}

template <class Message>
lt_onnx_status writeTo(const Message &message, int descriptor) {
    return guarded(LT_ONNX_OUT_OF_MEMORY, [&] {
        if (message.ByteSizeLong() > INT_MAX) {
            return lt::fail(LT_ONNX_TOO_LARGE, "more than the 2 GB that a protobuf message may take");
        }
        google::protobuf::io::FileOutputStream file(descriptor, 1 << 18);
        const bool good = message.SerializeToZeroCopyStream(&file) && file.Flush();
        if (good) return LT_ONNX_OK;
        return lt::fail(LT_ONNX_IO, file.GetErrno() ? std::strerror(file.GetErrno()) : "cannot serialize");
    });
}

template <class Message>
lt_onnx_status serialize(const Message &message, lt_onnx_buffer &out) {
    return guarded(LT_ONNX_OUT_OF_MEMORY, [&] {
        const size_t size = message.ByteSizeLong();
        if (size > INT_MAX) {
            return lt::fail(LT_ONNX_TOO_LARGE, "more than the 2 GB that a protobuf message may take");
        }
        void *data = std::malloc(size ? size : 1);
        if (!data) return lt::fail(LT_ONNX_OUT_OF_MEMORY, "out of memory");
        message.SerializeWithCachedSizesToArray(static_cast<uint8_t *>(data));
        out = {data, size};
        return LT_ONNX_OK;
    });
}

template <class Message>
lt_onnx_buffer leftOver(const Message &message) {
    lt_onnx_buffer out = {nullptr, 0};
    if (message.ByteSizeLong() > 0) serialize(message, out);
    return out;
}

template <class Message>
void merge(Message &message, lt_onnx_bytes extra) {
    guarded(false, [&] {
        CodedInputStream stream(static_cast<const uint8_t *>(extra.data), int(extra.count));
        stream.SetRecursionLimit(recursionLimit);
        if (extra.count > INT_MAX || !message.MergeFromCodedStream(&stream)) {
            lt::fail(LT_ONNX_MALFORMED, "the extra fields are not of this message");
        }
        return true;
    });
}

}  // namespace

// The C names of the messages and the way between a C handle and its C++ object.
#define CLASS_OF(M, CLASS, FIELDS) \
    static auto &real(lt_onnx_##M *m) { return *reinterpret_cast<lt::onnx::CLASS *>(m); } \
    static auto &real(const lt_onnx_##M *m) { return *reinterpret_cast<const lt::onnx::CLASS *>(m); } \
    static auto *handle(lt::onnx::CLASS *m) { return reinterpret_cast<lt_onnx_##M *>(m); }
LT_ONNX_MESSAGES(CLASS_OF)

#define CLEAR_FIELD(M, KIND, F, T) lt_onnx_##M##_clear_##F(message);
#define DEFINE_MESSAGE(M, CLASS, FIELDS) \
    lt_onnx_##M *lt_onnx_##M##_new(void) { \
        return guarded<lt_onnx_##M *>(nullptr, [] { return handle(new lt::onnx::CLASS()); }); \
    } \
    void lt_onnx_##M##_free(lt_onnx_##M *message) { \
        if (message) delete &real(message); \
    } \
    lt_onnx_##M *lt_onnx_##M##_parse(lt_onnx_bytes value) { return handle(parsed<lt::onnx::CLASS>(value)); } \
    lt_onnx_##M *lt_onnx_##M##_read(int descriptor) { return handle(readFrom<lt::onnx::CLASS>(descriptor)); } \
    lt_onnx_status lt_onnx_##M##_write(const lt_onnx_##M *message, int descriptor) { \
        return writeTo(real(message), descriptor); \
    } \
    lt_onnx_status lt_onnx_##M##_serialize(const lt_onnx_##M *message, lt_onnx_buffer *out) { \
        return serialize(real(message), *out); \
    } \
    lt_onnx_buffer lt_onnx_##M##_extra(lt_onnx_##M *message) { \
        FIELDS(CLEAR_FIELD) \
        return leftOver(real(message)); \
    } \
    void lt_onnx_##M##_merge(lt_onnx_##M *message, lt_onnx_bytes extra) { merge(real(message), extra); }
LT_ONNX_MESSAGES(DEFINE_MESSAGE)

// Clearing gives memory back (protobuf's own clear_ keeps it): `release` and the swap with an empty field do.
#define DEFINE_FIELD(M, KIND, F, T) DEFINE_##KIND(M, F, T)
#define DEFINE_TEXT(M, F, T) \
    bool lt_onnx_##M##_has_##F(const lt_onnx_##M *message) { return real(message).has_##F(); } \
    lt_onnx_bytes lt_onnx_##M##_##F(const lt_onnx_##M *message) { return bytes(real(message).F()); } \
    void lt_onnx_##M##_set_##F(lt_onnx_##M *message, lt_onnx_bytes value) { \
        guarded(false, [&] { return real(message).set_##F(chars(value), value.count), true; }); \
    } \
    void lt_onnx_##M##_clear_##F(lt_onnx_##M *message) { \
        if (real(message).has_##F()) delete real(message).release_##F(); \
    }
#define DEFINE_TEXTS(M, F, T) \
    size_t lt_onnx_##M##_##F##_count(const lt_onnx_##M *message) { return size_t(real(message).F##_size()); } \
    lt_onnx_bytes lt_onnx_##M##_##F(const lt_onnx_##M *message, size_t index) { \
        return bytes(real(message).F(int(index))); \
    } \
    void lt_onnx_##M##_add_##F(lt_onnx_##M *message, lt_onnx_bytes value) { \
        guarded(false, [&] { return real(message).add_##F(chars(value), value.count), true; }); \
    } \
    DEFINE_CLEAR_REPEATED(M, F)
#define DEFINE_CLEAR_REPEATED(M, F) \
    void lt_onnx_##M##_clear_##F(lt_onnx_##M *message) { \
        std::decay_t<decltype(real(message).F())> empty; \
        real(message).mutable_##F()->Swap(&empty); \
    }
#define DEFINE_INT(M, F, T) \
    bool lt_onnx_##M##_has_##F(const lt_onnx_##M *message) { return real(message).has_##F(); } \
    T lt_onnx_##M##_##F(const lt_onnx_##M *message) { return real(message).F(); } \
    void lt_onnx_##M##_set_##F(lt_onnx_##M *message, T value) { real(message).set_##F(value); } \
    void lt_onnx_##M##_clear_##F(lt_onnx_##M *message) { real(message).clear_##F(); }
#define DEFINE_REAL DEFINE_INT
#define DEFINE_NUMBERS(M, F, T) \
    size_t lt_onnx_##M##_##F##_count(const lt_onnx_##M *message) { return size_t(real(message).F##_size()); } \
    const T *lt_onnx_##M##_##F(const lt_onnx_##M *message) { return real(message).F().data(); } \
    void lt_onnx_##M##_set_##F(lt_onnx_##M *message, const T *values, size_t count) { \
        guarded(false, [&] { return real(message).mutable_##F()->Assign(values, values + count), true; }); \
    } \
    DEFINE_CLEAR_REPEATED(M, F)
#define DEFINE_CHILD(M, F, T) \
    lt_onnx_##T *lt_onnx_##M##_##F(lt_onnx_##M *message) { \
        return real(message).has_##F() ? handle(real(message).mutable_##F()) : nullptr; \
    } \
    lt_onnx_##T *lt_onnx_##M##_make_##F(lt_onnx_##M *message) { \
        return guarded<lt_onnx_##T *>(nullptr, [&] { return handle(real(message).mutable_##F()); }); \
    } \
    void lt_onnx_##M##_clear_##F(lt_onnx_##M *message) { delete real(message).release_##F(); }
#define DEFINE_CHILDREN(M, F, T) \
    size_t lt_onnx_##M##_##F##_count(const lt_onnx_##M *message) { return size_t(real(message).F##_size()); } \
    lt_onnx_##T *lt_onnx_##M##_##F(lt_onnx_##M *message, size_t index) { \
        return handle(real(message).mutable_##F(int(index))); \
    } \
    lt_onnx_##T *lt_onnx_##M##_add_##F(lt_onnx_##M *message) { \
        return guarded<lt_onnx_##T *>(nullptr, [&] { return handle(real(message).add_##F()); }); \
    } \
    DEFINE_CLEAR_REPEATED(M, F)

#define DEFINE_FIELDS(M, CLASS, FIELDS) FIELDS(DEFINE_FIELD)
LT_ONNX_MESSAGES(DEFINE_FIELDS)

size_t lt_onnx_graph_sparse_initializer_count(const lt_onnx_graph *graph) {
    return size_t(real(graph).sparse_initializer_size());
}

lt_onnx_bytes lt_onnx_graph_sparse_initializer_name(const lt_onnx_graph *graph, size_t index) {
    return bytes(real(graph).sparse_initializer(int(index)).values().name());
}
