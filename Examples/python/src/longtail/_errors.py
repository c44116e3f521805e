"""Errors: one class per status of longtail.h, each also an error of Python's where there is a natural one."""

from __future__ import annotations

import os

from . import _abi


class LongTailError(Exception):
    """What the library refuses or fails at; `str` is its message: what was wrong, what was expected, where, what to try.

    Attributes:
        message: the text.
        status: the number of longtail.h, as in `LT_NOT_FOUND` 6.
        index: of the image that failed, where one did.
    """

    #: The status of errors of this class.
    status: int = _abi.LT_INTERNAL

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.index: int | None = None
        if status is not None:
            self.status = status

    @property
    def status_name(self) -> str:
        """`"LT_NOT_FOUND"` for 6; `"LT_UNKNOWN"` for a number that this package does not know."""
        return _NAMES.get(self.status, "LT_UNKNOWN")

    def __str__(self) -> str:
        return self.message


class InvalidArgumentError(LongTailError, ValueError):
    """A value outside its range."""

    status = _abi.LT_INVALID_ARGUMENT


class InvalidHandleError(LongTailError, ValueError):
    """A model, session or cancellation that was closed."""

    status = _abi.LT_INVALID_HANDLE


class FileError(LongTailError, OSError):
    """A file that cannot be read."""

    status = _abi.LT_IO


class MissingFileError(FileError, FileNotFoundError):
    """A file that is not there."""


class MalformedError(LongTailError, ValueError):
    """Bytes that are not of the format they claim to be."""

    status = _abi.LT_MALFORMED


class UnsupportedError(LongTailError, NotImplementedError):
    """Well formed, but nothing that this build or this model can do."""

    status = _abi.LT_UNSUPPORTED


class NotFoundError(LongTailError, LookupError):
    """A name or position that is not there."""

    status = _abi.LT_NOT_FOUND


class ShapeMismatchError(LongTailError, ValueError):
    """A tensor of another shape than the model's."""

    status = _abi.LT_SHAPE_MISMATCH


class TypeMismatchError(LongTailError, TypeError):
    """A tensor of another element type than the model's."""

    status = _abi.LT_TYPE_MISMATCH


class OutOfMemoryError(LongTailError, MemoryError):
    """Memory that could not be had, or more than the library's limits allow."""

    status = _abi.LT_OUT_OF_MEMORY


class CancelledError(LongTailError):
    """The call was stopped by its `Cancellation`."""

    status = _abi.LT_CANCELLED


class TimedOutError(LongTailError, TimeoutError):
    """The call's timeout is over."""

    status = _abi.LT_TIMED_OUT


class BusyError(LongTailError, RuntimeError):
    """The session is at work for another thread."""

    status = _abi.LT_BUSY


class BufferTooSmallError(LongTailError, ValueError):
    """An array of the caller's that is too small; the message says what is needed."""

    status = _abi.LT_BUFFER_TOO_SMALL


class ConflictError(LongTailError, ValueError):
    """A digest or a setting that differs from the one recorded."""

    status = _abi.LT_CONFLICT


class NotFiniteError(LongTailError, ValueError):
    """A number that must be finite."""

    status = _abi.LT_NOT_FINITE


class InternalError(LongTailError, RuntimeError):
    """A failure of a library below; please report it."""

    status = _abi.LT_INTERNAL


class LibraryNotFoundError(NotFoundError, ImportError):
    """liblongtail.so was not found, or is not one that this package can use."""


_KINDS: dict[str, type[LongTailError]] = {
    "LT_INVALID_ARGUMENT": InvalidArgumentError,
    "LT_INVALID_HANDLE": InvalidHandleError,
    "LT_IO": FileError,
    "LT_MALFORMED": MalformedError,
    "LT_UNSUPPORTED": UnsupportedError,
    "LT_NOT_FOUND": NotFoundError,
    "LT_SHAPE_MISMATCH": ShapeMismatchError,
    "LT_TYPE_MISMATCH": TypeMismatchError,
    "LT_OUT_OF_MEMORY": OutOfMemoryError,
    "LT_CANCELLED": CancelledError,
    "LT_TIMED_OUT": TimedOutError,
    "LT_BUSY": BusyError,
    "LT_BUFFER_TOO_SMALL": BufferTooSmallError,
    "LT_CONFLICT": ConflictError,
    "LT_NOT_FINITE": NotFiniteError,
    "LT_INTERNAL": InternalError,
}
_NAMES = {getattr(_abi, name): name for name in ("LT_OK", *_KINDS)}
_CLASSES = {kind.status: kind for kind in _KINDS.values()}


def of_status(status: int, message: str, path: str | bytes | None = None) -> LongTailError:
    """The error of a status.

    Args:
        path: of the file that it is about.
    """
    kind = _CLASSES.get(status, LongTailError)
    if kind is FileError and path is not None and not os.path.exists(path):
        kind = MissingFileError
    error = kind(message, status)
    if isinstance(error, OSError) and path is not None:
        error.filename = os.fsdecode(path)
    return error


def of_file(error: OSError, path: str, what: str) -> FileError:
    """The error of a file that Python could not read.

    Args:
        what: should have been in it.
    """
    kind = MissingFileError if isinstance(error, FileNotFoundError) else FileError
    own = kind(f"{what}: cannot read the file: {error.strerror or error}")
    own.errno, own.filename = error.errno, path
    return own
