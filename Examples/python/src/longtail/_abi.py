"""longtail.h for ctypes: constants, structs and prototypes, name by name.

tests/test_abi.py holds this file to the header: every struct's fields and layout, every function's signature.
"""

from __future__ import annotations

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    c_char_p,
    c_float,
    c_int32,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint32,
    c_void_p,
)

LT_ABI_VERSION = 0

LT_OK = 0
LT_INVALID_ARGUMENT = 1
LT_INVALID_HANDLE = 2
LT_IO = 3
LT_MALFORMED = 4
LT_UNSUPPORTED = 5
LT_NOT_FOUND = 6
LT_SHAPE_MISMATCH = 7
LT_TYPE_MISMATCH = 8
LT_OUT_OF_MEMORY = 9
LT_CANCELLED = 10
LT_TIMED_OUT = 11
LT_BUSY = 12
LT_BUFFER_TOO_SMALL = 13
LT_CONFLICT = 14
LT_NOT_FINITE = 15
LT_INTERNAL = 16

LT_LOG_DEBUG = 0
LT_LOG_INFO = 1
LT_LOG_WARNING = 2

LT_PRECISION_FP32 = 0
LT_PRECISION_BF16 = 1
LT_PRECISION_INT8 = 2

LT_TASK_UNKNOWN = 0
LT_TASK_MULTICLASS = 1
LT_TASK_MULTILABEL = 2
LT_TASK_DETECTION = 3
LT_TASK_SEGMENTATION = 4
LT_TASK_CLIP = 5

LT_IMAGE_ENCODED = 0
LT_IMAGE_RGB = 1
LT_IMAGE_BGR = 2
LT_IMAGE_RGBA = 3
LT_IMAGE_BGRA = 4
LT_IMAGE_GREY = 5

LT_RESULT_NONE = 0
LT_RESULT_CLASSES = 1
LT_RESULT_DETECTIONS = 2

LT_MAX_RANK = 16

lt_status = c_int32
lt_log_level = c_int32
lt_precision = c_int32
lt_task = c_int32
lt_image_format = c_int32
lt_result_kind = c_int32

# Handles are names, not addresses.
lt_model = c_void_p
lt_session = c_void_p
lt_results = c_void_p
lt_cancellation = c_void_p

lt_log_function = CFUNCTYPE(None, c_void_p, lt_log_level, c_char_p)
lt_allocate_function = CFUNCTYPE(c_void_p, c_void_p, c_size_t, c_size_t)
lt_release_function = CFUNCTYPE(None, c_void_p, c_void_p, c_size_t)


class Sized(ctypes.Structure):
    """A struct that begins with its own size."""

    def __init__(self, **fields: object) -> None:
        super().__init__(**fields)
        self.struct_size = ctypes.sizeof(self)

    @classmethod
    def array(cls, count: int) -> ctypes.Array:
        """`count` structs of this kind."""
        structs = (cls * count)()
        for struct in structs:
            struct.struct_size = ctypes.sizeof(cls)
        return structs


class lt_allocator(Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("context", c_void_p),
        ("allocate", lt_allocate_function),
        ("release", lt_release_function),
    ]


class lt_metadata(ctypes.Structure):
    _fields_ = [("key", c_char_p), ("value", c_char_p)]


class lt_model_options(Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("device", c_char_p),
        ("threads", c_int32),
        ("precision", lt_precision),
        ("max_batch", c_int64),
        ("metadata", POINTER(lt_metadata)),
        ("metadata_count", c_size_t),
        ("exact", c_int64),
        ("cache", c_char_p),
    ]


class lt_model_info(Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("task", lt_task),
        ("takes_images", c_int32),
        ("images_reason", c_char_p),
        ("digest", c_char_p),
        ("device", c_char_p),
        ("threads", c_int32),
        ("precision", lt_precision),
        ("input_count", c_size_t),
        ("output_count", c_size_t),
        ("class_count", c_size_t),
        ("largest_batch", c_int64),
        ("clip_frames", c_int64),
        ("preprocess", c_char_p),
        ("group_rule", c_char_p),
    ]


class lt_tensor_info(Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("element_type", c_int32),
        ("has_shape", c_int32),
        ("rank", c_size_t),
        ("dims", POINTER(c_int64)),
    ]


class lt_class_info(Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("id", c_int64),
        ("name", c_char_p),
        ("train_count", c_int64),
        ("group", c_char_p),
        ("has_threshold", c_int32),
        ("threshold", c_float),
    ]


class lt_run_options(Sized):
    _fields_ = [("struct_size", c_size_t), ("timeout_ms", c_int64), ("cancellation", lt_cancellation)]


class lt_image(Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("data", c_void_p),
        ("size", c_size_t),
        ("format", lt_image_format),
        ("width", c_int32),
        ("height", c_int32),
        ("stride", c_size_t),
    ]


class lt_score_buffers(Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("class_count", c_size_t),
        ("raw", POINTER(c_float)),
        ("scores", POINTER(c_float)),
        ("decisions", POINTER(c_uint8)),
        ("statuses", POINTER(lt_status)),
    ]


class lt_image_result(Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("status", lt_status),
        ("message", c_char_p),
        ("kind", lt_result_kind),
        ("count", c_size_t),
        ("raw", POINTER(c_float)),
        ("scores", POINTER(c_float)),
        ("decisions", POINTER(c_uint8)),
    ]


class lt_label(Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("index", c_size_t),
        ("id", c_int64),
        ("name", c_char_p),
        ("raw", c_float),
        ("score", c_float),
        ("is_positive", c_int32),
    ]


class lt_detection(Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("index", c_size_t),
        ("id", c_int64),
        ("name", c_char_p),
        ("raw", c_float),
        ("score", c_float),
        ("is_positive", c_int32),
        ("x1", c_float),
        ("y1", c_float),
        ("x2", c_float),
        ("y2", c_float),
        ("mask_width", c_int32),
        ("mask_height", c_int32),
        ("mask_runs", POINTER(c_uint32)),
        ("mask_run_count", c_size_t),
        ("mask_counts", c_char_p),
    ]


class lt_tensor(Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("element_type", c_int32),
        ("rank", c_size_t),
        ("dims", POINTER(c_int64)),
        ("data", c_void_p),
        ("size", c_size_t),
    ]


class lt_output_buffer(Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("data", c_void_p),
        ("capacity", c_size_t),
        ("size", c_size_t),
        ("element_type", c_int32),
        ("rank", c_size_t),
        ("dims", c_int64 * LT_MAX_RANK),
    ]


# Function → (what it returns, what it takes).
PROTOTYPES: dict[str, tuple[object, list[object]]] = {
    "lt_abi_version": (c_uint32, []),
    "lt_version": (c_char_p, []),
    "lt_status_name": (c_char_p, [lt_status]),
    "lt_last_error_message": (c_char_p, []),
    "lt_set_log": (lt_status, [lt_log_function, c_void_p, lt_log_level]),
    "lt_set_allocator": (lt_status, [POINTER(lt_allocator)]),
    "lt_model_load": (lt_status, [c_char_p, POINTER(lt_model_options), POINTER(lt_model)]),
    "lt_model_load_from_memory": (
        lt_status,
        [c_void_p, c_size_t, POINTER(lt_model_options), POINTER(lt_model)],
    ),
    "lt_model_release": (None, [lt_model]),
    "lt_model_get_info": (lt_status, [lt_model, POINTER(lt_model_info)]),
    "lt_model_get_input": (lt_status, [lt_model, c_size_t, POINTER(lt_tensor_info)]),
    "lt_model_get_output": (lt_status, [lt_model, c_size_t, POINTER(lt_tensor_info)]),
    "lt_model_get_class": (lt_status, [lt_model, c_size_t, POINTER(lt_class_info)]),
    "lt_model_get_metadata": (lt_status, [lt_model, c_char_p, POINTER(c_char_p)]),
    "lt_model_get_clip_frames": (lt_status, [lt_model, c_int64, POINTER(c_int64), c_size_t]),
    "lt_session_create": (lt_status, [lt_model, POINTER(lt_session)]),
    "lt_session_release": (None, [lt_session]),
    "lt_cancellation_create": (lt_status, [POINTER(lt_cancellation)]),
    "lt_cancellation_cancel": (lt_status, [lt_cancellation]),
    "lt_cancellation_reset": (lt_status, [lt_cancellation]),
    "lt_cancellation_release": (None, [lt_cancellation]),
    "lt_results_release": (None, [lt_results]),
    "lt_session_predict": (
        lt_status,
        [lt_session, POINTER(lt_image), c_size_t, POINTER(lt_run_options), POINTER(lt_results)],
    ),
    "lt_session_predict_into": (
        lt_status,
        [lt_session, POINTER(lt_image), c_size_t, POINTER(lt_run_options), POINTER(lt_score_buffers)],
    ),
    "lt_results_get_count": (lt_status, [lt_results, POINTER(c_size_t)]),
    "lt_results_get_image": (lt_status, [lt_results, c_size_t, POINTER(lt_image_result)]),
    "lt_results_get_label": (lt_status, [lt_results, c_size_t, c_size_t, POINTER(lt_label)]),
    "lt_results_get_detection": (lt_status, [lt_results, c_size_t, c_size_t, POINTER(lt_detection)]),
    "lt_results_copy_mask": (
        lt_status,
        [lt_results, c_size_t, c_size_t, POINTER(c_uint8), c_size_t, c_size_t],
    ),
    "lt_session_run": (
        lt_status,
        [
            lt_session,
            POINTER(lt_tensor),
            c_size_t,
            POINTER(lt_run_options),
            POINTER(lt_output_buffer),
            c_size_t,
            POINTER(lt_results),
        ],
    ),
    "lt_results_get_tensor": (lt_status, [lt_results, c_size_t, POINTER(lt_tensor)]),
}


def bind(library: ctypes.CDLL) -> None:
    """Tells ctypes the signature of every function.

    Raises:
        AttributeError: the library lacks one.
    """
    for name, (result, arguments) in PROTOTYPES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
