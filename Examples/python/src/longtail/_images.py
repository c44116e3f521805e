"""Images for the library: paths, encoded files, and NumPy arrays of pixels, read where they are."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from typing import Union

import numpy as np

from . import _abi, _errors

#: A path, the bytes of a JPEG, PNG or WebP file, or pixels: uint8, H×W×3, H×W×4 (alpha is ignored), H×W or H×W×1.
Image = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, np.ndarray]

_FORMATS = {
    "rgb": {1: _abi.LT_IMAGE_GREY, 3: _abi.LT_IMAGE_RGB, 4: _abi.LT_IMAGE_RGBA},
    "bgr": {1: _abi.LT_IMAGE_GREY, 3: _abi.LT_IMAGE_BGR, 4: _abi.LT_IMAGE_BGRA},
}
_OTHER = {"rgb": "bgr", "bgr": "rgb"}
_NOTHING = np.zeros(1, np.uint8)


class ImageList:
    """Images as the library takes them; keeps alive what the structs point to.

    Attributes:
        array: of `lt_image`, as long as the list.
        names: of the images, for messages.
        failures: of files that Python could not read, by position. Their structs hold no bytes, so that these images
            fail alone.
    """

    def __init__(self, images: Iterable[Image], format: str) -> None:
        if format not in _FORMATS:
            raise _errors.InvalidArgumentError(f"format is {format!r}, expected 'rgb' or 'bgr'")
        if isinstance(images, (str, os.PathLike, bytes, bytearray, memoryview)) or (
            isinstance(images, np.ndarray) and images.ndim != 4
        ):
            raise TypeError("images is one image, expected a list (or an array N×H×W×C)\nhint: predict([image])[0]")
        images = list(images)
        self.array = _abi.lt_image.array(len(images))
        self.names: list[str] = []
        self.failures: dict[int, _errors.LongTailError] = {}
        self._kept: list[object] = []
        for index, image in enumerate(images):
            self._add(index, image, format)

    def __len__(self) -> int:
        return len(self.names)

    def _add(self, index: int, image: Image, format: str) -> None:
        struct = self.array[index]
        name = f"image {index}"
        if isinstance(image, np.ndarray):
            self._kept.append(_fill_pixels(struct, image, format, name))
        else:
            if isinstance(image, (str, os.PathLike)):
                path = os.fsdecode(image)
                name += f" ({path})"
                try:
                    with open(path, "rb") as file:
                        image = file.read()
                except (OSError, ValueError) as error:
                    if not isinstance(error, OSError):  # A zero character in the path.
                        error = OSError(str(error))
                    self.failures[index] = _errors.of_file(error, path, name)
                    image = b""
            elif not isinstance(image, (bytes, bytearray, memoryview)):
                raise TypeError(
                    f"{name} is a {type(image).__name__}, expected a path, the bytes of an image file, or a NumPy array"
                    "\nhint: of a Pillow image give numpy.asarray(image.convert('RGB'))"
                )
            self._kept.append(_fill_encoded(struct, image))
        self.names.append(name)


def _fill_encoded(struct: _abi.lt_image, image: bytes | bytearray | memoryview) -> object:
    """Returns what keeps the memory alive."""
    view = memoryview(image)
    memory = np.frombuffer(view if view.c_contiguous else view.tobytes(), np.uint8) if view.nbytes > 0 else _NOTHING
    struct.data = memory.ctypes.data
    struct.size = view.nbytes
    struct.format = _abi.LT_IMAGE_ENCODED
    return memory


def _fill_pixels(struct: _abi.lt_image, image: np.ndarray, format: str, name: str) -> object:
    """Returns what keeps the memory alive: the array, or a copy where the library cannot express its strides."""
    if image.dtype != np.uint8:
        raise _errors.TypeMismatchError(f"{name} is an array of {image.dtype}, expected uint8 pixels")
    if image.ndim == 2:
        image = image[:, :, np.newaxis]
    if image.ndim != 3 or image.shape[2] not in _FORMATS[format]:
        raise _errors.ShapeMismatchError(f"{name} has shape {image.shape}, expected H×W×3, H×W×4, H×W or H×W×1")
    height, width, channels = image.shape
    if max(height, width) > 0x7FFF_FFFF:
        raise _errors.InvalidArgumentError(f"{name} has {width}×{height} pixels, more than the library can count")
    if channels == 3 and image.strides[2] == -1:
        # A view [..., ::-1]: the same memory is an image of the other order.
        image, format = image[:, :, ::-1], _OTHER[format]
    if not _has_rows(image):
        image = np.ascontiguousarray(image)
    struct.data = image.ctypes.data if image.size > 0 else _NOTHING.ctypes.data
    struct.stride = image.strides[0] if height > 1 else 0
    struct.size = (height - 1) * struct.stride + width * channels if image.size > 0 else 0
    struct.format = _FORMATS[format][channels]
    struct.width, struct.height = width, height
    return image


def _has_rows(image: np.ndarray) -> bool:
    """Whether each row is contiguous and rows come one after the other, gaps between them allowed."""
    height, width, channels = image.shape
    return (
        (channels == 1 or image.strides[2] == 1)
        and (width <= 1 or image.strides[1] == channels)
        and (height <= 1 or image.strides[0] >= width * channels)
    )


def address(struct: ctypes.Structure | ctypes.Array | None) -> object:
    """A pointer to a struct or an array of structs; NULL for None and for an empty array."""
    if struct is None or isinstance(struct, ctypes.Array):
        return struct or None
    return ctypes.byref(struct)
