"""Peak memory of `lt-infer run` on 20,000 images against 500: a tiny model and small JPEGs, so that it takes a minute.
Run: python Benchmarks/memory.py [--tool .build/release/lt-infer] [--few 500] [--many 20000]
Wanted: within 10 % of each other. Needs numpy, onnx, pillow."""

import argparse
import json
import os
import pathlib
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image


def export(path):
    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.normal(0, 0.1, (16, 3, 3, 3)).astype(np.float32), "w"),
        numpy_helper.from_array(rng.normal(0, 1, (16, 20)).astype(np.float32), "v"),
    ]
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["a"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("MatMul", ["d", "v"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes, "tiny", [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 64, 64])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 20])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    preprocess = {"resize": {"mode": "squash", "size": 64, "kernel": "pil-bilinear"}, "mean": [0.5], "std": [0.25]}
    for key, value in {"lt.schema": "1", "lt.preprocess": json.dumps(preprocess)}.items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, str(path))


def peak(command):
    """Greatest resident memory of a process, MiB."""
    child = os.spawnv(os.P_NOWAIT, command[0], command)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)} failed")
    return usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", default=str(pathlib.Path(__file__).resolve().parents[1] / ".build/release/lt-infer"))
    parser.add_argument("--few", type=int, default=500)
    parser.add_argument("--many", type=int, default=20_000)
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(temporary)
        export(work / "tiny.onnx")
        templates = []
        for number in range(100):
            pixels = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize((160, 120), Image.Resampling.BICUBIC).save(work / "t.jpg", quality=85)
            templates.append((work / "t.jpg").read_bytes())
        sizes = {}
        for count in (options.few, options.many):
            folder = work / str(count)
            folder.mkdir()
            for number in range(count):
                (folder / f"image-{number:06}.jpg").write_bytes(templates[number % len(templates)])
            out = work / f"{count}.db"
            sizes[count] = peak(
                [options.tool, "run", str(work / "tiny.onnx"), str(folder), "--out", str(out), "--threads", "2", "--quiet"])
    ratio = sizes[options.many] / sizes[options.few]
    for count, size in sizes.items():
        print(f"{count:7} images: peak {size:.1f} MiB")
    print(f"ratio           {ratio:.3f}")
    sys.exit(0 if ratio <= 1.1 else 1)


if __name__ == "__main__":
    main()
