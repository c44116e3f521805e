"""Models: loading them, what they say about themselves, and predicting from any thread."""

from __future__ import annotations

import ctypes
import json
import operator
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Union

import numpy as np

from . import _abi, _errors, _types
from ._images import Image
from ._library import Handle, c_text, check, library, text
from ._session import Cancellation, Session

_TASKS = {
    _abi.LT_TASK_MULTICLASS: "multiclass",
    _abi.LT_TASK_MULTILABEL: "multilabel",
    _abi.LT_TASK_DETECTION: "detection",
    _abi.LT_TASK_SEGMENTATION: "segmentation",
    _abi.LT_TASK_CLIP: "clip",
}


@dataclass(frozen=True)
class ClassInfo:
    """A class of a model.

    Attributes:
        id: the data set's own number.
        name: "" where the model does not say.
        train_count: training images with it; None where the model does not say.
        group: its frequency group, as "head" or "tail"; None where the model does not say.
        threshold: what its calibrated score has to reach. Of a multiclass model the best class is decided for; its
            threshold counts only where it has its own.
        has_threshold: whether the model has a threshold of its own for it.
    """

    id: int
    name: str
    train_count: int | None
    group: str | None
    threshold: float
    has_threshold: bool


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of a model.

    Attributes:
        name: of the tensor.
        element_type: ONNX's TensorProto.DataType (1: float); 0 for what is no tensor.
        shape: None where the model does not state one; an axis of any size is None.
    """

    name: str
    element_type: int
    shape: tuple[int | None, ...] | None

    @property
    def type(self) -> str:
        """ONNX's name of the element type, as "float"."""
        return _types.name_of(self.element_type)

    @property
    def dtype(self) -> np.dtype:
        """NumPy's type of the elements.

        Raises:
            UnsupportedError: NumPy has none.
        """
        return _types.dtype_of(self.element_type, f"tensor '{self.name}'")


_PRECISIONS = {"f32": _abi.LT_PRECISION_FP32, "bf16": _abi.LT_PRECISION_BF16, "int8": _abi.LT_PRECISION_INT8}


@dataclass(frozen=True)
class ModelInfo:
    """What a model says about itself; the properties of `Model` explain each part."""

    task: str | None
    images_reason: str | None
    digest: str
    device: str
    threads: int
    precision: str
    inputs: list[TensorInfo]
    outputs: list[TensorInfo]
    classes: list[ClassInfo]
    largest_batch: int
    clip_frames: int
    preprocess: dict | None
    group_rule: str | None


class Model:
    """A loaded ONNX model with its decision layer. Any number of threads may use it at once.

    Args:
        path_or_bytes: the path of an ONNX file (str or os.PathLike), or a whole file in memory, which is not needed
            afterwards.
        threads: of one session; 0: the processors that the process may use. With several Python threads predicting side
            by side, give 1.
        device: "cpu"; "reference", which is slow and plain, for comparison; "auto" (`device` says what it chose). CUDA
            devices ("cuda:0") are refused with the reason.
        precision: "f32"; "bf16": values may be held in bfloat16; "int8": a file in QDQ form runs on its integers. What the
            CPU lacks raises UnsupportedError.
        max_batch: refuses larger batches of `run`; 0: any.
        metadata: put over the file's own entries, for models that do not say everything themselves:
            `{"lt.task": "multilabel", "lt.labels": [{"id": 1, "name": "cup"}]}`; what is no str is written as JSON.
        exact: convolutions as direct sums, without Winograd's form, which is faster and rounds differently.
        cache: a folder in which packed weights are kept, so that later processes start faster; it may be deleted at any time.

    Raises:
        MissingFileError, FileError, MalformedError, UnsupportedError, …: see `LongTailError`.
    """

    def __init__(
        self,
        path_or_bytes: Union[str, os.PathLike[str], bytes, bytearray, memoryview],
        *,
        threads: int = 0,
        device: str = "cpu",
        precision: str = "f32",
        max_batch: int = 0,
        metadata: Mapping[str, object] | None = None,
        exact: bool = False,
        cache: str | os.PathLike[str] | None = None,
    ) -> None:
        options = _abi.lt_model_options()
        options.device = c_text(device, "device")
        options.threads = _whole(threads, "threads", 2**31)
        if precision not in _PRECISIONS:
            raise ValueError(f"precision {precision!r}, expected one of {', '.join(_PRECISIONS)}")
        options.precision = _PRECISIONS[precision]
        options.max_batch = _whole(max_batch, "max_batch", 2**63)
        options.exact = bool(exact)
        options.cache = None if cache is None else c_text(os.fsdecode(cache), "cache")
        entries = (_abi.lt_metadata * len(metadata or {}))()
        for entry, (key, value) in zip(entries, (metadata or {}).items()):
            entry.key = c_text(key, "a key of metadata")
            entry.value = c_text(value if isinstance(value, str) else json.dumps(value), f"metadata '{key}'")
        options.metadata, options.metadata_count = entries, len(entries)
        handle = ctypes.c_void_p()
        if isinstance(path_or_bytes, (str, os.PathLike)):
            path = c_text(os.fsdecode(path_or_bytes), "the path")
            check(library().lt_model_load(path, ctypes.byref(options), ctypes.byref(handle)), path)
            self._name = os.fsdecode(path)
        elif isinstance(path_or_bytes, (bytes, bytearray, memoryview)):
            view = memoryview(path_or_bytes)
            memory = np.frombuffer(view if view.c_contiguous else view.tobytes(), np.uint8) if view.nbytes else None
            data, size = (memory.ctypes.data, memory.size) if memory is not None else (ctypes.addressof(handle), 0)
            check(library().lt_model_load_from_memory(data, size, ctypes.byref(options), ctypes.byref(handle)))
            self._name = f"<{size} bytes>"
        else:
            raise TypeError(f"a model is a path or the bytes of a file, not a {type(path_or_bytes).__name__}")
        self._handle = Handle(handle.value, library().lt_model_release)
        self._info = _info(self._handle)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._defaults: weakref.WeakSet[Session] = weakref.WeakSet()

    @property
    def task(self) -> str | None:
        """ "multiclass", "multilabel", "detection", "segmentation" or "clip"; None where the model does not say."""
        return self._info.task

    @property
    def takes_images(self) -> bool:
        """Whether `predict` works."""
        return self._info.images_reason is None

    @property
    def images_reason(self) -> str | None:
        """Why the model does not take images; None where it does."""
        return self._info.images_reason

    @property
    def classes(self) -> list[ClassInfo]:
        """In the order of the model's output; empty where the model does not say."""
        return self._info.classes

    @property
    def inputs(self) -> list[TensorInfo]:
        """What `run` takes."""
        return self._info.inputs

    @property
    def outputs(self) -> list[TensorInfo]:
        """What `run` gives."""
        return self._info.outputs

    @property
    def preprocess(self) -> dict | None:
        """How images become the input (docs/preprocessing.md); None where nobody says."""
        return self._info.preprocess

    @property
    def group_rule(self) -> str | None:
        """By which classes are split into frequency groups, as "lvis"; None where nobody says."""
        return self._info.group_rule

    @property
    def digest(self) -> str:
        """SHA-256 of the model, in hex."""
        return self._info.digest

    @property
    def device(self) -> str:
        """Where it runs."""
        return self._info.device

    @property
    def threads(self) -> int:
        """Threads of one session."""
        return self._info.threads

    @property
    def precision(self) -> str:
        """ "f32", "bf16" or "int8"."""
        return self._info.precision

    @property
    def largest_batch(self) -> int:
        """How many images go through the model together; `predict` splits longer lists."""
        return self._info.largest_batch

    @property
    def clip_frames(self) -> int:
        """Of a model of clips, the frames that one takes; 0 otherwise."""
        return self._info.clip_frames

    def metadata(self, key: str) -> str | None:
        """An entry of the file's metadata as loaded, as `metadata("lt.provenance")`; None where there is none."""
        value = ctypes.c_char_p()
        try:
            check(library().lt_model_get_metadata(self._handle.value, c_text(key, "key"), ctypes.byref(value)))
        except _errors.NotFoundError:
            return None
        return text(value.value)

    def clip_indices(self, frame_count: int) -> np.ndarray:
        """Which frames of a video of `frame_count` frames a model of clips wants: int64 [clip_frames]."""
        indices = np.empty(self.clip_frames, np.int64)
        pointer = indices.ctypes.data_as(ctypes.POINTER(ctypes.c_int64))
        count = _whole(frame_count, "frame_count", 2**63)
        check(library().lt_model_get_clip_frames(self._handle.value, count, pointer, indices.size))
        return indices

    def session(self) -> Session:
        """A running copy of its own, for one thread at a time. It keeps what it needs when the model is closed."""
        handle = ctypes.c_void_p()
        check(library().lt_session_create(self._handle.value, ctypes.byref(handle)))
        return Session(handle.value, self._info)

    def predict(
        self,
        images: Iterable[Image],
        timeout: float | None = None,
        cancel: Cancellation | None = None,
        *,
        format: str = "rgb",
        errors: str = "raise",
    ) -> list:
        """`Session.predict` in this thread's own session, made when first needed and gone with the thread."""
        return self._default().predict(images, timeout, cancel, format=format, errors=errors)

    def run(
        self,
        inputs: Mapping[str, object],
        timeout: float | None = None,
        cancel: Cancellation | None = None,
        *,
        out: Mapping[str, np.ndarray] | None = None,
    ) -> dict[str, np.ndarray]:
        """`Session.run` in this thread's own session, made when first needed and gone with the thread."""
        return self._default().run(inputs, timeout, cancel, out=out)

    def _default(self) -> Session:
        session = getattr(self._local, "session", None)
        if session is None:
            with self._lock:  # So that `close` misses none.
                session = self.session()
                self._defaults.add(session)
            self._local.session = session
        return session

    def close(self) -> None:
        """Releases the model and its threads' own sessions; those of `session()` go on."""
        with self._lock:
            self._handle.close()
            for session in list(self._defaults):
                session.close()

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        closed = ", closed" if self._handle.is_closed else ""
        return f"Model({self._name}, {self.task or 'no task'}, {len(self.classes)} classes{closed})"


def _info(model: Handle) -> ModelInfo:
    info = _abi.lt_model_info()
    check(library().lt_model_get_info(model.value, ctypes.byref(info)))
    preprocess = json.loads(info.preprocess) if info.preprocess else None
    return ModelInfo(
        task=_TASKS.get(info.task),
        images_reason=None if info.takes_images else text(info.images_reason),
        digest=text(info.digest),
        device=text(info.device),
        threads=info.threads,
        precision=next(name for name, code in _PRECISIONS.items() if code == info.precision),
        inputs=[_tensor(library().lt_model_get_input, model, index) for index in range(info.input_count)],
        outputs=[_tensor(library().lt_model_get_output, model, index) for index in range(info.output_count)],
        classes=_classes(model, info.class_count),
        largest_batch=info.largest_batch,
        clip_frames=info.clip_frames,
        preprocess=preprocess,
        group_rule=text(info.group_rule) if info.group_rule else None,
    )


def _tensor(function: Callable[..., int], model: Handle, index: int) -> TensorInfo:
    info = _abi.lt_tensor_info()
    check(function(model.value, index, ctypes.byref(info)))
    dims = info.dims[: info.rank] if info.rank > 0 else []
    shape = tuple(None if size < 0 else size for size in dims) if info.has_shape else None
    return TensorInfo(name=text(info.name), element_type=info.element_type, shape=shape)


def _classes(model: Handle, count: int) -> list[ClassInfo]:
    classes = []
    info = _abi.lt_class_info()
    for index in range(count):
        check(library().lt_model_get_class(model.value, index, ctypes.byref(info)))
        classes.append(
            ClassInfo(
                id=info.id,
                name=text(info.name),
                train_count=None if info.train_count < 0 else info.train_count,
                group=None if info.group is None else text(info.group),
                threshold=info.threshold,
                has_threshold=bool(info.has_threshold),
            )
        )
    return classes


def _whole(value: int, what: str, limit: int) -> int:
    """A whole number from 0 to below `limit`; C would cut others to size."""
    number = operator.index(value)
    if not 0 <= number < limit:
        raise _errors.InvalidArgumentError(f"{what} is {number}, expected 0 or more")
    return number
