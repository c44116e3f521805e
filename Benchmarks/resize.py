"""Resizing against Pillow and OpenCV: the C kernels are compiled and called in this process, in turn with the peers.
Prints medians in milliseconds, ratios, and whether the pixels are equal. Run: python Benchmarks/resize.py [--json]
Needs a C compiler, pillow, opencv-python-headless, numpy."""

import ctypes
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import cv2
import numpy as np
import PIL
from PIL import Image

KERNELS = pathlib.Path(__file__).resolve().parents[1] / "Sources/CLTKernels"
FILTERS = {"box": 0, "bilinear": 1, "hamming": 2, "bicubic": 3, "lanczos": 4}
MODES = {1: "L", 3: "RGB"}


class Window(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in ("x", "y", "width", "height")]


def library(folder):
    path = folder / "libimage.so"
    sources = [*sorted(KERNELS.glob("image_*.c")), KERNELS / "isa.c"]
    compiler = os.environ.get("CC", "clang")
    flags = ["-O3", "-fno-math-errno", "-shared", "-fPIC", f"-I{KERNELS / 'include'}", "-lm"]
    subprocess.run([compiler, *map(str, sources), *flags, "-o", str(path)], check=True)
    return ctypes.CDLL(str(path))


def medians(functions, rounds=200):
    """Runs the functions in turn, so that a slow moment of the machine hits all."""
    times = [[] for _ in functions]
    for _ in range(rounds):
        for function, list_ in zip(functions, times):
            start = time.perf_counter()
            function()
            list_.append(time.perf_counter() - start)
    return [1000 * statistics.median(list_) for list_ in times]


def main():
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        lib = library(pathlib.Path(folder))
        for (sw, sh), (dw, dh) in [((640, 480), (341, 256)), ((1920, 1080), (455, 256)), ((320, 240), (640, 480))]:
            for channels, mode in MODES.items():
                pixels = rng.integers(0, 256, (sh, sw, channels), dtype=np.uint8)
                slack = np.zeros(pixels.size + 64, np.uint8)
                slack[: pixels.size] = pixels.ravel()
                source = slack.ctypes.data_as(ctypes.c_void_p)
                image = Image.frombytes(mode, (sw, sh), pixels.tobytes())
                out = np.empty((dh, dw, channels), np.uint8)
                target = out.ctypes.data_as(ctypes.c_void_p)
                sizes = [ctypes.c_size_t(v) for v in (sw, sh, channels)]
                to = [ctypes.c_size_t(v) for v in (dw, dh)]
                for kernel, number in FILTERS.items():
                    resample = getattr(Image.Resampling, kernel.upper())
                    ours = lambda: lib.lt_resample_u8(source, *sizes, target, *to, Window(0, 0, dw, dh), number)
                    theirs = lambda: image.resize((dw, dh), resample)
                    a, b = medians([ours, theirs])
                    equal = out.tobytes() == theirs().tobytes()
                    rows.append(("pil-" + kernel, channels, (sw, sh), (dw, dh), a, b, equal))
                ours = lambda: lib.lt_linear_cv2_u8(source, *sizes, target, *to)
                theirs = lambda: cv2.resize(pixels, (dw, dh), interpolation=cv2.INTER_LINEAR)
                a, b = medians([ours, theirs])
                rows.append(("cv2-linear", channels, (sw, sh), (dw, dh), a, b, out.tobytes() == theirs().tobytes()))
    if "--json" in sys.argv:
        keys = ("kernel", "channels", "from", "to", "ms", "peer_ms", "equal")
        print(json.dumps([dict(zip(keys, row)) | {"ratio": row[5] / row[4]} for row in rows]))
        return
    print(f"one thread; peers: Pillow {PIL.__version__}, OpenCV {cv2.__version__}; LT_ISA={os.environ.get('LT_ISA', 'best')}")
    print(f"{'kernel':13} ch  {'from':>10} {'to':>9} {'ours ms':>8} {'peer ms':>8} {'ratio':>6}  pixels")
    for kernel, channels, a, b, ours, theirs, equal in rows:
        print(
            f"{kernel:13} {channels:2}  {a[0]:>5}×{a[1]:<4} {b[0]:>4}×{b[1]:<4} {ours:8.3f} {theirs:8.3f} {theirs / ours:6.1f}  "
            + ("equal" if equal else "DIFFER")
        )


main()
