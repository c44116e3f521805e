"""What was found in an image. Arrays are copies: they are the caller's to change, hold nothing else alive, and pickle."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _abi, _errors
from ._images import ImageList
from ._library import Handle, check, library, text

if TYPE_CHECKING:
    from ._model import ClassInfo


@dataclass(frozen=True)
class Label:
    """A class with its score for an image.

    Attributes:
        index: position of the class in the model's output and in `Model.classes`.
        id: the data set's own number.
        raw: the model's own output.
        score: calibrated.
        positive: whether the class is decided to be there.
    """

    index: int
    id: int
    name: str
    raw: float
    score: float
    positive: bool


@dataclass(frozen=True, eq=False, repr=False)
class Classification:
    """A score for each class of the model, in the order of `Model.classes`.

    Attributes:
        scores: float32 [classes], calibrated.
        raw: float32 [classes], the model's own outputs.
        decisions: bool [classes], whether the class is decided to be there.
        classes: `Model.classes`.
    """

    scores: np.ndarray
    raw: np.ndarray
    decisions: np.ndarray
    classes: list[ClassInfo]

    def top(self, k: int = 5) -> list[Label]:
        """The `k` classes with the best scores; equal scores in the order of classes, NaN last."""
        return [self._label(index) for index in np.argsort(-self.scores, kind="stable")[: max(k, 0)]]

    def positives(self) -> list[Label]:
        """The classes that are decided to be there, best first."""
        order = np.argsort(-self.scores, kind="stable")
        return [self._label(index) for index in order[self.decisions[order]]]

    def _label(self, index: np.intp) -> Label:
        known = self.classes[index]
        return Label(
            index=int(index),
            id=known.id,
            name=known.name,
            raw=float(self.raw[index]),
            score=float(self.scores[index]),
            positive=bool(self.decisions[index]),
        )

    def __repr__(self) -> str:
        best = ", ".join(f"{label.name or label.id} {label.score:.3f}" for label in self.top(3))
        return f"Classification({best}{', …' if self.scores.size > 3 else ''})"


@dataclass(frozen=True, eq=False, repr=False)
class Detections:
    """The objects found in an image, best first.

    Attributes:
        boxes: float32 [N, 4], x1, y1, x2, y2 in pixels of the upright original image.
        scores: float32 [N], calibrated.
        raw: float32 [N], before calibration.
        labels: int64 [N], positions of the classes in `Model.classes`.
        ids: int64 [N], the data set's own numbers of the classes.
        names: of the classes.
        decisions: bool [N], whether the score reaches the class's threshold.
    """

    boxes: np.ndarray
    scores: np.ndarray
    raw: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    names: list[str]
    decisions: np.ndarray
    _masks: list[tuple[int, int, np.ndarray, str] | None]

    def __len__(self) -> int:
        return len(self.scores)

    def has_mask(self, index: int) -> bool:
        """Whether detection `index` has a mask."""
        return self._masks[index] is not None

    def masks(self, index: int) -> np.ndarray:
        """The mask of detection `index`: bool [height, width] of the upright original image.

        Raises:
            NotFoundError: it has none.
        """
        height, width, runs, _ = self._mask(index)
        # Runs go down the columns, alternately of zeros and ones.
        columns = np.repeat(np.arange(runs.size) % 2 == 1, runs)
        return np.ascontiguousarray(columns.reshape(width, height).T)

    def rle(self, index: int) -> dict[str, object]:
        """The mask of detection `index` as in COCO's JSON: `{"size": [height, width], "counts": "…"}`.

        Raises:
            NotFoundError: it has none.
        """
        height, width, _, counts = self._mask(index)
        return {"size": [height, width], "counts": counts}

    def _mask(self, index: int) -> tuple[int, int, np.ndarray, str]:
        mask = self._masks[index]
        if mask is None:
            raise _errors.NotFoundError(f"detection {index} has no mask")
        return mask

    def __repr__(self) -> str:
        best = ", ".join(f"{name} {score:.3f}" for name, score in zip(self.names[:3], self.scores))
        return f"Detections({len(self)}: {best}{', …' if len(self) > 3 else ''})"


def read(results: Handle, images: ImageList, frames: int, classes: list[ClassInfo]) -> list[object]:
    """The results of lt_session_predict: a `Classification` or `Detections`, or the error of an image that failed.

    Args:
        frames: how many images make one result.
    """
    count = ctypes.c_size_t()
    check(library().lt_results_get_count(results.value, ctypes.byref(count)))
    unread = {index // frames: index for index in sorted(images.failures, reverse=True)}
    return [_image(results, index, images, frames, unread.get(index), classes) for index in range(count.value)]


def _image(
    results: Handle, index: int, images: ImageList, frames: int, unread: int | None, classes: list[ClassInfo]
) -> object:
    found = _abi.lt_image_result()
    check(library().lt_results_get_image(results.value, index, ctypes.byref(found)))
    if unread is not None or found.status != _abi.LT_OK:
        if unread is not None:
            error = images.failures[unread]
        else:
            name = images.names[index] if frames == 1 else f"clip {index}"
            error = _errors.of_status(found.status, f"{name}: {text(found.message)}")
        error.index = index
        return error
    if found.kind == _abi.LT_RESULT_CLASSES:
        return Classification(
            scores=_copy(found.scores, found.count, np.float32),
            raw=_copy(found.raw, found.count, np.float32),
            decisions=_copy(found.decisions, found.count, np.bool_),
            classes=classes,
        )
    return _detections(results, index, found)


def _detections(results: Handle, image: int, found: _abi.lt_image_result) -> Detections:
    count = found.count
    boxes = np.empty((count, 4), np.float32)
    raw = np.empty(count, np.float32)
    labels = np.empty(count, np.int64)
    ids = np.empty(count, np.int64)
    names: list[str] = []
    masks: list[tuple[int, int, np.ndarray, str] | None] = []
    one = _abi.lt_detection()
    for index in range(count):
        check(library().lt_results_get_detection(results.value, image, index, ctypes.byref(one)))
        boxes[index] = one.x1, one.y1, one.x2, one.y2
        raw[index], labels[index], ids[index] = one.raw, one.index, one.id
        names.append(text(one.name))
        if one.mask_width > 0:
            runs = _copy(one.mask_runs, one.mask_run_count, np.uint32)
            masks.append((one.mask_height, one.mask_width, runs, text(one.mask_counts)))
        else:
            masks.append(None)
    return Detections(
        boxes=boxes,
        scores=_copy(found.scores, count, np.float32),
        raw=raw,
        labels=labels,
        ids=ids,
        names=names,
        decisions=_copy(found.decisions, count, np.bool_),
        _masks=masks,
    )


def _copy(pointer: Any, count: int, dtype: type) -> np.ndarray:
    """A copy of the library's memory."""
    array: np.ndarray = np.empty(count, dtype)
    if count > 0:
        ctypes.memmove(array.ctypes.data, pointer, array.nbytes)
    return array
