"""LongTail models in Python: images or NumPy arrays in, calibrated scores, decisions, boxes and masks out.

    import longtail

    with longtail.Model("model.onnx") as model:
        for result in model.predict(["cat.jpg", pixels]):
            print(result.top(3))

The work is done by liblongtail.so (docs/c-api.md), called through ctypes, which lets other Python threads run meanwhile.
"""

from ._errors import (
    BufferTooSmallError,
    BusyError,
    CancelledError,
    ConflictError,
    FileError,
    InternalError,
    InvalidArgumentError,
    InvalidHandleError,
    LibraryNotFoundError,
    LongTailError,
    MalformedError,
    MissingFileError,
    NotFiniteError,
    NotFoundError,
    OutOfMemoryError,
    ShapeMismatchError,
    TimedOutError,
    TypeMismatchError,
    UnsupportedError,
)
from ._images import Image
from ._library import abi_version, library_path, library_version
from ._log import set_log
from ._model import ClassInfo, Model, TensorInfo
from ._results import Classification, Detections, Label
from ._session import Cancellation, Session

__version__ = "0.1.0"

__all__ = [
    "BufferTooSmallError",
    "BusyError",
    "CancelledError",
    "Cancellation",
    "ClassInfo",
    "Classification",
    "ConflictError",
    "Detections",
    "FileError",
    "Image",
    "InternalError",
    "InvalidArgumentError",
    "InvalidHandleError",
    "Label",
    "LibraryNotFoundError",
    "LongTailError",
    "MalformedError",
    "MissingFileError",
    "Model",
    "NotFiniteError",
    "NotFoundError",
    "OutOfMemoryError",
    "Session",
    "ShapeMismatchError",
    "TensorInfo",
    "TimedOutError",
    "TypeMismatchError",
    "UnsupportedError",
    "abi_version",
    "library_path",
    "library_version",
    "set_log",
]
