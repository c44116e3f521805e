"""Sessions: one thread's running copy of a model; and stopping calls."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from . import _abi, _errors, _results, _types
from ._images import Image, ImageList, address
from ._library import Handle, c_text, check, library, text

if TYPE_CHECKING:
    from ._model import ModelInfo


class Cancellation:
    """Stops the calls that were given it, from any thread: they raise `CancelledError` once the step at hand is done."""

    def __init__(self) -> None:
        handle = ctypes.c_void_p()
        check(library().lt_cancellation_create(ctypes.byref(handle)))
        self._handle = Handle(handle.value, library().lt_cancellation_release)

    def cancel(self) -> None:
        """Stops running calls, and those to come."""
        check(library().lt_cancellation_cancel(self._handle.value))

    def reset(self) -> None:
        """Makes it usable again."""
        check(library().lt_cancellation_reset(self._handle.value))


class Session:
    """One running copy of a model with its scratch memory, for one thread at a time; `Model.session()` makes it.

    It keeps what it needs of the model, which may be closed before it.
    """

    def __init__(self, handle: int | None, info: ModelInfo) -> None:
        self._handle = Handle(handle, library().lt_session_release)
        self._info = info

    def predict(
        self,
        images: Iterable[Image],
        timeout: float | None = None,
        cancel: Cancellation | None = None,
        *,
        format: str = "rgb",
        errors: str = "raise",
    ) -> list:
        """Decides about images, in order. Other Python threads run meanwhile; nothing may write to the images.

        Args:
            images: paths (of JPEG, PNG and WebP files), the bytes of such files, or NumPy arrays of uint8: H×W×3, H×W×4
                (alpha is ignored), H×W, or all of one size as N×H×W×C. Arrays with gaps between rows and channels in
                reverse order (`image[..., ::-1]`) are read where they are, views that skip or turn pixels are copied.
                Pixels count as upright. Of a model of clips, each `Model.clip_frames` images in a row are one clip and
                get one result.
            timeout: in seconds, after which the call raises `TimedOutError`.
            cancel: what may stop the call.
            format: the order of channels in arrays, `"rgb"` or `"bgr"`.
            errors: what becomes of images that cannot be read: `"raise"` raises the error of the first one, `"return"`
                puts the error in its place in the list.

        Returns:
            A `Classification` or `Detections` per image or clip (or its `LongTailError`).

        Raises:
            UnsupportedError: the model does not take images; `Model.images_reason` says why.
            BusyError: the session is at work for another thread.
        """
        if errors not in ("raise", "return"):
            raise _errors.InvalidArgumentError(f"errors is {errors!r}, expected 'raise' or 'return'")
        options = _options(timeout, cancel)
        batch = ImageList(images, format)
        frames = max(self._info.clip_frames, 1)
        if errors == "raise" and batch.failures:
            first = min(batch.failures)
            batch.failures[first].index = first // frames
            raise batch.failures[first]
        handle = ctypes.c_void_p()
        check(
            library().lt_session_predict(
                self._handle.value, address(batch.array), len(batch), address(options), ctypes.byref(handle)
            )
        )
        owner = Handle(handle.value, library().lt_results_release)
        try:
            results = _results.read(owner, batch, frames, self._info.classes)
        finally:
            owner.close()
        if errors == "raise":
            for result in results:
                if isinstance(result, _errors.LongTailError):
                    raise result
        return results

    def run(
        self,
        inputs: Mapping[str, object],
        timeout: float | None = None,
        cancel: Cancellation | None = None,
        *,
        out: Mapping[str, np.ndarray] | None = None,
    ) -> dict[str, np.ndarray]:
        """Runs any model on raw tensors, without preprocessing and decisions. Other Python threads run meanwhile.

        Args:
            inputs: name → array of the model's element type (nothing is converted; numbers and lists become arrays of
                it). C-contiguous arrays whose memory begins at a multiple of 64 bytes are read where they are.
            timeout: in seconds, after which the call raises `TimedOutError`.
            cancel: what may stop the call.
            out: name → contiguous array that an output is written to; only these outputs are returned then.

        Returns:
            name → array: new ones, or views of `out` in the outputs' shapes.

        Raises:
            ShapeMismatchError, TypeMismatchError: an input is not what the model takes.
            UnsupportedError: an element type that NumPy does not have, strings among them.
            BufferTooSmallError: an array of `out`; nothing was written then.
        """
        options = _options(timeout, cancel)
        feed = _Feed(inputs, self._info)
        call = (self._handle.value, address(feed.array), len(feed.array), address(options))
        if out is not None:
            return _run_into(call, out, self._info)
        handle = ctypes.c_void_p()
        check(library().lt_session_run(*call, None, 0, ctypes.byref(handle)))
        owner = Handle(handle.value, library().lt_results_release)
        try:
            return _tensors(owner)
        finally:
            owner.close()

    def close(self) -> None:
        """Gives the memory back. Calls that are running end well, later ones raise `InvalidHandleError`."""
        self._handle.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class _Feed:
    """Inputs as the library takes them; keeps alive what the structs point to."""

    def __init__(self, inputs: Mapping[str, object], info: ModelInfo) -> None:
        types = {one.name: one.element_type for one in info.inputs}
        self.array = _abi.lt_tensor.array(len(inputs))
        self._kept: list[object] = []
        for struct, (name, value) in zip(self.array, inputs.items()):
            what = f"input '{name}'"
            struct.name = c_text(name, "the name of an input")
            if not isinstance(value, (np.ndarray, np.generic)):
                element_type = types.get(name, 0)
                value = np.asarray(value, _types.dtype_of(element_type, what) if element_type else None)
            tensor = np.asarray(value)
            struct.element_type = _types.number_of(tensor.dtype, what)
            # np.ascontiguousarray would make a scalar a vector.
            tensor = np.require(tensor, tensor.dtype.newbyteorder("="), "C")
            dims = (ctypes.c_int64 * max(tensor.ndim, 1))(*tensor.shape)
            struct.rank, struct.dims = tensor.ndim, dims
            struct.data, struct.size = tensor.ctypes.data, tensor.nbytes
            self._kept.append((tensor, dims))


def _tensors(results: Handle) -> dict[str, np.ndarray]:
    count = ctypes.c_size_t()
    check(library().lt_results_get_count(results.value, ctypes.byref(count)))
    made = {}
    one = _abi.lt_tensor()
    for index in range(count.value):
        check(library().lt_results_get_tensor(results.value, index, ctypes.byref(one)))
        name = text(one.name)
        array = np.empty(one.dims[: one.rank], _types.dtype_of(one.element_type, f"output '{name}'"))
        if one.size > 0:
            ctypes.memmove(array.ctypes.data, one.data, one.size)
        made[name] = array
    return made


def _run_into(call: tuple, out: Mapping[str, np.ndarray], info: ModelInfo) -> dict[str, np.ndarray]:
    types = {one.name: one.element_type for one in info.outputs}
    buffers = _abi.lt_output_buffer.array(len(out))
    for buffer, (name, array) in zip(buffers, out.items()):
        if not isinstance(array, np.ndarray):
            raise TypeError(f"out['{name}'] is a {type(array).__name__}, expected a NumPy array")
        if not (array.flags.c_contiguous and array.flags.writeable and array.dtype.isnative):
            raise _errors.InvalidArgumentError(
                f"out['{name}'] is not a C-contiguous array that can be written, of this machine's byte order"
            )
        _check_type(name, array, types.get(name, 0))
        buffer.name = c_text(name, "the name of an output")
        buffer.data, buffer.capacity = array.ctypes.data, array.nbytes
    check(library().lt_session_run(*call, buffers, len(buffers), None))
    views = {}
    for buffer, (name, array) in zip(buffers, out.items()):
        _check_type(name, array, buffer.element_type)
        dims = buffer.dims[: buffer.rank]
        views[name] = array.reshape(-1)[: math.prod(dims)].reshape(dims)
    return views


def _check_type(name: str, array: np.ndarray, element_type: int) -> None:
    """Whether the array is of an output's type; 0: not known before the run."""
    if element_type not in (0, _types.number_of(array.dtype, f"out['{name}']")):
        raise _errors.TypeMismatchError(
            f"out['{name}'] is an array of {array.dtype}, the output is {_types.name_of(element_type)}"
        )


def _options(timeout: float | None, cancel: Cancellation | None) -> _abi.lt_run_options | None:
    if timeout is None and cancel is None:
        return None
    options = _abi.lt_run_options()
    if timeout is not None and timeout != math.inf:
        if not timeout > 0:
            raise _errors.InvalidArgumentError(f"timeout is {timeout!r}, expected seconds above 0, or None")
        # Centuries are no limit.
        options.timeout_ms = math.ceil(min(timeout, 1e10) * 1000)
    if cancel is not None:
        if not isinstance(cancel, Cancellation):
            raise TypeError(f"cancel is a {type(cancel).__name__}, expected a Cancellation")
        options.cancellation = cancel._handle.value
    return options
