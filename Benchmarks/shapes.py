"""Memory of `lt-infer run` with Faster R-CNN on images that all differ in size.
Run: python Benchmarks/shapes.py [--tool .build/release/lt-infer] [--images 300] [--model FILE]
Prints current and peak resident memory as images are done. Wanted: after the first 50, the peak grows by 10 % at most.
The model is case detection.fasterrcnn_resnet50_fpn.legacy17 of agreement.py, made in .bench/agreement if it is not there.
Needs numpy, pillow and what agreement.py needs."""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[1]
CASE = "detection.fasterrcnn_resnet50_fpn.legacy17"


def draw(rng, path):
    """Smooth colours with rectangles; a size of its own."""
    width, height = (int(n) for n in rng.integers(160, 640, 2))
    small = rng.integers(0, 256, (height // 24, width // 24, 3), dtype=np.uint8)
    pixels = np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)).copy()
    for _ in range(6):
        top, left = int(rng.integers(0, height - 40)), int(rng.integers(0, width - 40))
        pixels[top:top + int(rng.integers(20, height)), left:left + int(rng.integers(20, width))] = rng.integers(0, 256, 3)
    Image.fromarray(pixels).save(path, quality=90)


def memory(process):
    """Current and peak resident memory, MiB."""
    text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return [int(re.search(rf"{key}:\s+(\d+) kB", text)[1]) / 1024 for key in ("VmRSS", "VmHWM")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", default=str(ROOT / ".build/release/lt-infer"))
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--threads", default="1")
    options = parser.parse_args()
    model = options.model
    if model is None:
        model = ROOT / ".bench/agreement" / CASE / "model.onnx"
        if not model.exists():
            agreement = [sys.executable, str(ROOT / "Benchmarks/agreement.py"), str(ROOT / ".bench/agreement"), CASE]
            subprocess.run(agreement, check=True)
    rng = np.random.default_rng(5)
    samples = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary) / "images"
        folder.mkdir()
        for number in range(options.images):
            draw(rng, folder / f"{number:04}.jpg")
        command = [options.tool, "run", str(model), str(folder), "--out", str(folder.parent / "out.db"), "--threads",
                   options.threads, "--task", "detection", "--resize", "none", "--mean", "0", "--std", "1"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            progress = re.match(r"(\d+)/\d+ images, (\S+ images/s)", line)
            if not progress:
                print(line, end="", flush=True)
                continue
            current, peak = memory(process)
            samples.append((int(progress[1]), peak))
            print(f"{progress[1]:>5} images: current {current:7.1f} MiB, peak {peak:7.1f} MiB, {progress[2]}", flush=True)
        if process.wait() != 0:
            sys.exit(f"{' '.join(command)} failed")
    early = max((peak for count, peak in samples if count <= 50), default=samples[0][1])
    ratio = samples[-1][1] / early
    print(f"peak after {samples[-1][0]} images against that after 50: {ratio:.3f}")
    sys.exit(0 if ratio <= 1.1 else 1)


if __name__ == "__main__":
    main()
