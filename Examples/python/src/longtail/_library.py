"""The shared library: finding it, checking its version, and turning its statuses into errors."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import subprocess
import threading
import weakref
from collections.abc import Callable, Iterator

from . import _abi, _errors

#: The file names to look for, the one that names its interface first.
_NAMES = ("liblongtail.so.0", "liblongtail.so")

_lock = threading.Lock()
_loaded: tuple[ctypes.CDLL, str] | None = None


def library() -> ctypes.CDLL:
    """The library, loaded when first needed.

    Raises:
        LibraryNotFoundError: says where it was looked for and why each place did not serve.
    """
    global _loaded
    if _loaded is None:
        with _lock:
            if _loaded is None:
                _loaded = _load()
    return _loaded[0]


def library_path() -> str:
    """Where the library was found: a path, or a name that the dynamic linker knows."""
    library()
    assert _loaded is not None
    return _loaded[1]


def library_version() -> str:
    """The library's own version, as "0.1.0"."""
    return library().lt_version().decode()


def abi_version() -> int:
    """The interface version of the library, at least the one that this package was written for."""
    return library().lt_abi_version()


def _load() -> tuple[ctypes.CDLL, str]:
    tried = []
    for place, path in _candidates():
        if path is None:
            tried.append(f"{place}: nothing there")
            continue
        try:
            found = ctypes.CDLL(path)
            _abi.bind(found)
        except (OSError, AttributeError) as error:
            tried.append(f"{place}: {error}")
            continue
        version = found.lt_abi_version()
        if version >= _abi.LT_ABI_VERSION:
            return found, path
        tried.append(f"{place}: {path} has interface version {version}, expected at least {_abi.LT_ABI_VERSION}")
    raise _errors.LibraryNotFoundError(
        "liblongtail.so was not found; tried\n  "
        + "\n  ".join(tried)
        + "\nhint: set LONGTAIL_LIBRARY to the file or its folder, as in LONGTAIL_LIBRARY=.build/release/liblongtail.so"
    )


def _candidates() -> Iterator[tuple[str, str | None]]:
    """Places in order, with the path to load or None. What LONGTAIL_LIBRARY names is the only place where it is set."""
    named = os.environ.get("LONGTAIL_LIBRARY")
    if named:
        path = os.path.abspath(named)
        yield f"LONGTAIL_LIBRARY={named}", (_inside(path) if os.path.isdir(path) else path)
        return
    beside = os.path.dirname(os.path.abspath(__file__))
    yield f"beside the package, {beside}", _inside(beside)
    folder = _pkg_config()
    yield "pkg-config --variable=libdir longtail", _inside(folder) if folder else None
    yield "the dynamic linker's folders", ctypes.util.find_library("longtail")
    yield "/usr/local/lib", _inside("/usr/local/lib")


def _inside(folder: str) -> str | None:
    for name in _NAMES:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return path
    return None


def _pkg_config() -> str | None:
    """The folder that longtail.pc names."""
    try:
        answer = subprocess.run(
            ["pkg-config", "--variable=libdir", "longtail"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return os.fsdecode(answer.stdout).strip() or None


def check(status: int, path: str | bytes | None = None) -> None:
    """Raises the error of a status that is not LT_OK, with this thread's message.

    Args:
        path: of the file that the call was about.
    """
    if status != _abi.LT_OK:
        raise _errors.of_status(status, text(library().lt_last_error_message()), path)


def text(value: bytes | None) -> str:
    """The library's text."""
    return (value or b"").decode("utf-8", "replace")


def c_text(value: str, what: str) -> bytes:
    """A text for the library, which would end at a zero inside."""
    if not isinstance(value, str):
        raise TypeError(f"{what} is a {type(value).__name__}, expected a str")
    if "\0" in value:
        raise _errors.InvalidArgumentError(f"{what} {value!r} holds a zero character")
    return value.encode("utf-8", "surrogateescape")


class Handle:
    """A handle of the library's, released once: by `close()` or with its owner."""

    def __init__(self, value: int | None, release: Callable[[int | None], None]) -> None:
        #: What calls are given. After `close()` the library refuses it.
        self.value = value
        self._finalizer = weakref.finalize(self, release, value)
        # The process takes everything with it.
        self._finalizer.atexit = False

    @property
    def is_closed(self) -> bool:
        return not self._finalizer.alive

    def close(self) -> None:
        self._finalizer()
