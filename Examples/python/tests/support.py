"""What the tests run on: the library and tools that were built, small ONNX models and PNG files written here.

The library is LONGTAIL_LIBRARY, else the newest of this repository's build folder; tests that need it are skipped, with
the reason, where there is none. Needs NumPy alone.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
import shutil
import struct
import sys
import tempfile
import unittest
import zlib

import numpy as np

PACKAGE = pathlib.Path(__file__).resolve().parent.parent
REPOSITORY = PACKAGE.parent.parent
HEADER = REPOSITORY / "Sources/CLongTail/include/longtail.h"
IMAGES = REPOSITORY / "Tests/LTImageTests/Fixtures/files"

if importlib.util.find_spec("longtail") is None:
    sys.path.insert(0, str(PACKAGE / "src"))


def _library() -> str | None:
    if os.environ.get("LONGTAIL_LIBRARY"):
        return os.environ["LONGTAIL_LIBRARY"]
    built = [REPOSITORY / ".build" / kind / "liblongtail.so" for kind in ("release", "debug")]
    newest = max((path for path in built if path.exists()), key=lambda path: path.stat().st_mtime, default=None)
    if newest is not None:
        os.environ["LONGTAIL_LIBRARY"] = str(newest)
    return newest and str(newest)


LIBRARY = _library()


class LibraryTestCase(unittest.TestCase):
    """Tests that call the library, with a folder that goes away with each."""

    @classmethod
    def setUpClass(cls) -> None:
        if LIBRARY is None:
            raise unittest.SkipTest("liblongtail.so was not built (swift build --product longtail)")

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="longtail-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name: str, data: bytes) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return str(path)


def tool(name: str) -> str:
    """A built tool, beside the library or on the PATH."""
    folder = os.path.dirname(os.path.realpath(LIBRARY)) if LIBRARY else ""
    path = shutil.which(name, path=folder) or shutil.which(name)
    if path is None:
        raise unittest.SkipTest(f"{name} was not built (swift build --product {name})")
    return path


def module(name: str) -> object:
    """A package that not every machine has."""
    if importlib.util.find_spec(name) is None:
        raise unittest.SkipTest(f"the Python package {name} is not installed")
    return importlib.import_module(name)


# ---- Images


def pixels(seed: int, height: int = 30, width: int = 40, channels: int = 3) -> np.ndarray:
    """A seeded picture: uint8 [height, width, channels], smooth with noise; channels 0: [height, width]."""
    generator = np.random.default_rng(seed)
    shape = (height, width, max(channels, 1))
    base = generator.integers(0, 200, (1, 1, shape[2])) + np.linspace(0, 40, width)[None, :, None]
    picture = (base + generator.integers(0, 16, shape)).astype(np.uint8)
    return picture if channels > 0 else picture[:, :, 0]


def png(image: np.ndarray) -> bytes:
    """A PNG file of grey, RGB or RGBA pixels (https://www.w3.org/TR/png-3/)."""
    height, width = image.shape[:2]
    kind = {1: 0, 3: 2, 4: 6}[1 if image.ndim == 2 else image.shape[2]]
    rows = b"".join(b"\0" + row.tobytes() for row in image)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


# ---- ONNX files, field by field of onnx.proto

TYPES = {
    "float32": 1,
    "uint8": 2,
    "int8": 3,
    "uint16": 4,
    "int16": 5,
    "int32": 6,
    "int64": 7,
    "bool": 9,
    "float16": 10,
    "float64": 11,
    "uint32": 12,
    "uint64": 13,
    "complex64": 14,
    "complex128": 15,
}


def _varint(value: int) -> bytes:
    value &= 2**64 - 1
    data = bytearray()
    while value > 127:
        data.append(value & 127 | 128)
        value >>= 7
    return bytes(data) + bytes([value])


def _field(number: int, value: object) -> bytes:
    """One field: a whole number, a float, or bytes (a text, a message)."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    if isinstance(value, float):
        return _varint(number << 3 | 5) + struct.pack("<f", value)
    data = value.encode() if isinstance(value, str) else bytes(value)
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _tensor(name: str, array: np.ndarray) -> bytes:
    dims = b"".join(_field(1, int(size)) for size in array.shape)
    raw = np.ascontiguousarray(array).tobytes()
    return dims + _field(2, TYPES[array.dtype.name]) + _field(8, name) + _field(9, raw)


def _attribute(name: str, value: object) -> bytes:
    head = _field(1, name)
    if isinstance(value, int):
        return head + _field(3, value) + _field(20, 2)
    if isinstance(value, float):
        return head + _field(2, value) + _field(20, 1)
    if isinstance(value, str):
        return head + _field(4, value) + _field(20, 3)
    return head + b"".join(_field(8, int(item)) for item in value) + _field(20, 7)


class OnnxFile:
    """An ONNX model, node by node."""

    def __init__(self, opset: int = 17) -> None:
        self._opset = opset
        self._nodes: list[bytes] = []
        self._initializers: list[bytes] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._count = 0

    @staticmethod
    def _value(name: str, element_type: int, shape: list) -> bytes:
        dims = b"".join(_field(1, _field(2 if isinstance(size, str) else 1, size)) for size in shape)
        return _field(1, name) + _field(2, _field(1, _field(1, element_type) + _field(2, dims)))

    def input(self, name: str, shape: list, element_type: int = 1) -> str:
        self._inputs.append(self._value(name, element_type, shape))
        return name

    def output(self, name: str, shape: list, element_type: int = 1) -> None:
        self._outputs.append(self._value(name, element_type, shape))

    def constant(self, array: np.ndarray, name: str | None = None) -> str:
        self._count += 1
        name = name or f"c{self._count}"
        self._initializers.append(_tensor(name, np.asarray(array)))
        return name

    def node(self, operator: str, inputs: list, name: str | None = None, **attributes: object) -> str:
        """Returns the name of the output."""
        self._count += 1
        name = name or f"v{self._count}"
        data = b"".join(_field(1, one) for one in inputs) + _field(2, name) + _field(3, f"n{self._count}")
        data += _field(4, operator)
        self._nodes.append(data + b"".join(_field(5, _attribute(*item)) for item in attributes.items()))
        return name

    def data(self, metadata: dict | None = None) -> bytes:
        """The file; values of metadata that are no texts are written as JSON."""
        graph = b"".join(_field(1, node) for node in self._nodes) + _field(2, "graph")
        graph += b"".join(_field(5, one) for one in self._initializers)
        graph += b"".join(_field(11, one) for one in self._inputs) + b"".join(_field(12, one) for one in self._outputs)
        file = _field(1, 8) + _field(7, graph) + _field(8, _field(2, self._opset))
        for key, value in (metadata or {}).items():
            file += _field(14, _field(1, key) + _field(2, value if isinstance(value, str) else json.dumps(value)))
        return file


PREPROCESS = {
    "resize": {"mode": "squash", "size": [32, 32], "kernel": "pil-bilinear"},
    "scale": 1 / 255,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}


def classifier(task: str = "multilabel", metadata: dict | None = None) -> bytes:
    """Two convolutions, a mean and a linear layer to 5 classes on [N, 3, 32, 32], with a whole decision layer."""
    generator = np.random.default_rng(3)
    model = OnnxFile()
    value = model.input("image", ["N", 3, 32, 32])
    for channels, before in ((8, 3), (16, 8)):
        weight = model.constant(generator.normal(0, (9 * before) ** -0.5, (channels, before, 3, 3)).astype(np.float32))
        value = model.node("Relu", [model.node("Conv", [value, weight], pads=[1, 1, 1, 1], strides=[2, 2])])
    value = model.node("Flatten", [model.node("GlobalAveragePool", [value])], axis=1)
    model.node("MatMul", [value, model.constant(generator.normal(0, 2, (16, 5)).astype(np.float32))], "logits")
    model.output("logits", ["N", 5])
    own = {
        "lt.task": json.dumps(task),
        "lt.preprocess": PREPROCESS,
        "lt.labels": [
            {"id": 10 * index, "name": name} for index, name in enumerate(["cup", "jug", "té", "egg", "owl"])
        ],
        "lt.train_counts": [500, 120, 60, 10, 3],
        "lt.groups": json.dumps("db"),
        "lt.activation": json.dumps("softmax" if task == "multiclass" else "sigmoid"),
    }
    if task == "multilabel":
        own["lt.calibration"] = {"method": "platt", "a": [-1.5] * 5, "b": [0.1, 0, -0.2, 0, 0.3]}
        own["lt.thresholds"] = {"objective": "f1", "values": [0.3, 0.4, None, 0.55, 0.9]}
    return model.data({**own, **(metadata or {})})


def detector(masks: bool = True) -> bytes:
    """Three boxes that are parts of the image [1, 3, H, W], of its brightness, with masks of 28×28 inside the boxes."""
    model = OnnxFile(opset=13)
    x = model.input("image", [1, 3, "H", "W"])
    size = model.node(
        "Cast", [model.node("Gather", [model.node("Shape", [x]), model.constant(np.array([3, 2, 3, 2]))])], to=1
    )
    parts = np.array([[0, 0, 0.5, 0.5], [0.25, 0.25, 1, 1], [0.1, 0.6, 0.9, 0.9]], np.float32)
    model.node("Mul", [model.constant(parts), size], "boxes")
    model.output("boxes", ["K", 4])
    model.constant(np.array([4, 9, 4]), "labels")
    model.output("labels", ["K"], 7)
    mean = model.node("ReduceMean", [x], keepdims=0)
    model.node("Sigmoid", [model.node("Mul", [mean, model.constant(np.array([2, 1.5, -3], np.float32))])], "scores")
    model.output("scores", ["K"])
    if masks:
        rows, columns = np.mgrid[0:28, 0:28]
        discs = np.stack([((rows - 14) ** 2 + (columns - 14) ** 2 < radius**2) for radius in (13, 9, 5)])
        model.constant(discs[:, np.newaxis].astype(np.float32), "masks")
        model.output("masks", ["K", 1, 28, 28])
    return model.data(
        {
            "lt.task": json.dumps("segmentation" if masks else "detection"),
            "lt.preprocess": {"scale": 1 / 255, "mean": [0, 0, 0], "std": [1, 1, 1]},
            "lt.labels": [{"id": 4, "name": "mug"}, {"id": 9, "name": "é"}],
            "lt.postprocess": {"score_threshold": 0.2},
        }
    )


def clip_model() -> bytes:
    """Clips of 4 frames [N, 3, 4, 8, 8]: the mean of every frame's channels."""
    model = OnnxFile()
    x = model.input("clip", ["N", 3, 4, 8, 8])
    means = model.node("ReduceMean", [x], axes=[3, 4], keepdims=0)
    model.node("Flatten", [means], "scores")
    model.output("scores", ["N", 12])
    return model.data(
        {
            "lt.task": json.dumps("clip"),
            "lt.clip": {"frames": 4, "sampling": "center", "stride": 2},
            "lt.preprocess": {"resize": {"mode": "squash", "size": [8, 8], "kernel": "pil-bilinear"}},
            "lt.activation": json.dumps("softmax"),
        }
    )


def slow_model() -> bytes:
    """Much work in small steps on [1, 3, 512, 512]: 300 convolutions of 32 channels."""
    model = OnnxFile()
    generator = np.random.default_rng(5)
    value = model.input("image", [1, 3, 512, 512])
    for before in [3] + [32] * 300:
        shared = f"w{before}"
        if before == 3 or value == "first":
            model.constant(generator.normal(0, 0.05, (32, before, 3, 3)).astype(np.float32), shared)
        value = model.node("Conv", [value, shared], "first" if before == 3 else None, pads=[1, 1, 1, 1])
    model.node("Flatten", [model.node("GlobalAveragePool", [value])], "logits", axis=1)
    model.output("logits", [1, 32])
    return model.data(
        {
            "lt.task": json.dumps("multilabel"),
            "lt.preprocess": {**PREPROCESS, "resize": {"mode": "squash", "size": [512, 512], "kernel": "pil-bilinear"}},
            "lt.activation": json.dumps("sigmoid"),
        }
    )


def unary_model(operator: str, element_type: int, shape: list, **attributes: object) -> bytes:
    """One node from `x` to `y`."""
    model = OnnxFile(opset=int(attributes.pop("opset", 17)))
    model.node(operator, [model.input("x", shape, element_type)], "y", **attributes)
    model.output("y", shape, int(attributes.get("to", element_type)))
    return model.data()
