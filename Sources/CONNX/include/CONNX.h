// CONNX: ONNX messages behind a C API, by libprotobuf over proto/onnx.proto, and libonnx's checker. No exception crosses:
// a call that fails returns null, zero or a status; lt_onnx_error() then holds the words. Messages belong to their root,
// which lt_onnx_<message>_free releases; pointers into a message live until it changes.
#ifndef CONNX_H
#define CONNX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ONNXFields.def"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    LT_ONNX_OK = 0,
    /// The bytes are not such a message, or nest deeper than 100 messages.
    LT_ONNX_MALFORMED = 1,
    /// Beyond the 2 GB that a protobuf message may take, or with a structure (nodes, names) beyond 1 GiB of memory.
    LT_ONNX_TOO_LARGE = 2,
    LT_ONNX_OUT_OF_MEMORY = 3,
    /// A read or write failed; `errno` text is in lt_onnx_error().
    LT_ONNX_IO = 4,
    /// libonnx's checker refuses the model.
    LT_ONNX_INVALID = 5,
} lt_onnx_status;

/// Bytes that belong to somebody else.
typedef struct {
    const void *data;
    size_t count;
} lt_onnx_bytes;

/// Bytes to be released with lt_onnx_buffer_free.
typedef struct {
    void *data;
    size_t count;
} lt_onnx_buffer;

void lt_onnx_buffer_free(lt_onnx_buffer buffer);

/// What this thread's last failed call says; empty when none failed since lt_onnx_error_clear.
const char *lt_onnx_error(void);
/// The status of this thread's last failed call since lt_onnx_error_clear.
lt_onnx_status lt_onnx_error_status(void);
void lt_onnx_error_clear(void);

// For each message: new, free, parse from bytes or from a seekable file (null on failure), serialize, `extra` (empties the fields
// of ONNXFields.def, giving their memory back, and serializes what is left), merge (adds serialized fields).
#define LT_ONNX_DECLARE_MESSAGE(M, CLASS, FIELDS) \
    typedef struct lt_onnx_##M lt_onnx_##M; \
    lt_onnx_##M *lt_onnx_##M##_new(void); \
    void lt_onnx_##M##_free(lt_onnx_##M *message); \
    lt_onnx_##M *lt_onnx_##M##_parse(lt_onnx_bytes bytes); \
    lt_onnx_##M *lt_onnx_##M##_read(int descriptor); \
    lt_onnx_status lt_onnx_##M##_write(const lt_onnx_##M *message, int descriptor); \
    lt_onnx_status lt_onnx_##M##_serialize(const lt_onnx_##M *message, lt_onnx_buffer *out); \
    lt_onnx_buffer lt_onnx_##M##_extra(lt_onnx_##M *message); \
    void lt_onnx_##M##_merge(lt_onnx_##M *message, lt_onnx_bytes extra);

// For each field: read and write by kind, has_<field> where there is one or none, clear_<field>.
#define LT_ONNX_DECLARE_FIELD(M, KIND, F, T) \
    LT_ONNX_DECLARE_##KIND(M, F, T) void lt_onnx_##M##_clear_##F(lt_onnx_##M *message);
#define LT_ONNX_DECLARE_TEXT(M, F, T) \
    bool lt_onnx_##M##_has_##F(const lt_onnx_##M *message); \
    lt_onnx_bytes lt_onnx_##M##_##F(const lt_onnx_##M *message); \
    void lt_onnx_##M##_set_##F(lt_onnx_##M *message, lt_onnx_bytes value);
#define LT_ONNX_DECLARE_TEXTS(M, F, T) \
    size_t lt_onnx_##M##_##F##_count(const lt_onnx_##M *message); \
    lt_onnx_bytes lt_onnx_##M##_##F(const lt_onnx_##M *message, size_t index); \
    void lt_onnx_##M##_add_##F(lt_onnx_##M *message, lt_onnx_bytes value);
#define LT_ONNX_DECLARE_INT(M, F, T) \
    bool lt_onnx_##M##_has_##F(const lt_onnx_##M *message); \
    T lt_onnx_##M##_##F(const lt_onnx_##M *message); \
    void lt_onnx_##M##_set_##F(lt_onnx_##M *message, T value);
#define LT_ONNX_DECLARE_REAL LT_ONNX_DECLARE_INT
#define LT_ONNX_DECLARE_NUMBERS(M, F, T) \
    size_t lt_onnx_##M##_##F##_count(const lt_onnx_##M *message); \
    const T *lt_onnx_##M##_##F(const lt_onnx_##M *message); \
    void lt_onnx_##M##_set_##F(lt_onnx_##M *message, const T *values, size_t count);
#define LT_ONNX_DECLARE_CHILD(M, F, T) \
    lt_onnx_##T *lt_onnx_##M##_##F(lt_onnx_##M *message); \
    lt_onnx_##T *lt_onnx_##M##_make_##F(lt_onnx_##M *message);
#define LT_ONNX_DECLARE_CHILDREN(M, F, T) \
    size_t lt_onnx_##M##_##F##_count(const lt_onnx_##M *message); \
    lt_onnx_##T *lt_onnx_##M##_##F(lt_onnx_##M *message, size_t index); \
    lt_onnx_##T *lt_onnx_##M##_add_##F(lt_onnx_##M *message);

LT_ONNX_MESSAGES(LT_ONNX_DECLARE_MESSAGE)
#define LT_ONNX_DECLARE_FIELDS(M, CLASS, FIELDS) FIELDS(LT_ONNX_DECLARE_FIELD)
LT_ONNX_MESSAGES(LT_ONNX_DECLARE_FIELDS)

/// Bytes of a file; none where `count` is 0.
typedef struct { int64_t offset, count; } lt_onnx_range;

/// Reads a model from a seekable file but for the raw_data of initializers of at least `least` bytes: `ranges` says for each of
/// the graph's `count` initializers where it lies. The caller frees `ranges` (free); null on failure, `ranges` untouched.
lt_onnx_model *lt_onnx_model_read_deferring(int descriptor, int64_t least, lt_onnx_range **ranges, size_t *count);

/// The name of a sparse initializer; the rest of it is part of the graph's extra.
lt_onnx_bytes lt_onnx_graph_sparse_initializer_name(const lt_onnx_graph *graph, size_t index);
size_t lt_onnx_graph_sparse_initializer_count(const lt_onnx_graph *graph);

/// Runs libonnx's checker on a serialized model (IR ≤ 8, opset ≤ 17).
lt_onnx_status lt_onnx_check(lt_onnx_bytes model);
/// The same on an open file, read from its start.
lt_onnx_status lt_onnx_check_file(int descriptor);

#ifdef __cplusplus
}
#endif

#endif
