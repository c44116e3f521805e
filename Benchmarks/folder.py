"""A folder of 640×480 JPEGs through ResNet-50 (random weights): `lt-infer run` against the script that a person writes with
Pillow and ONNX Runtime (batch 8, the same preprocessing, all in one process), and against the model alone on the same
cores (`lt-infer bench`). Rounds alternate, so that a slow moment of the machine hits all; the best of each counts.
Run: python Benchmarks/folder.py [--images 240] [--threads 2] [--rounds 3] [--tool .build/release/lt-infer] [--json]
Wanted: at least 1.05 × Pillow + ONNX Runtime, at least 0.88 of the model alone. Needs the packages of requirements.txt."""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
import torchvision
from PIL import Image

warnings.filterwarnings("ignore", category=DeprecationWarning)
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
PREPROCESS = {
    "decode": {"exif": True, "color": "rgb"},
    "resize": {"mode": "shortest", "size": 256, "kernel": "pil-bilinear"},
    "crop": 224,
    "scale": 1 / 255,
    "mean": MEAN,
    "std": STD,
    "layout": "NCHW",
}


def photo(seed, width=640, height=480):
    """Smooth structure at several scales and some noise: a JPEG of about 100 KB, like a photograph."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((height, width, 3), np.float32)
    for cells in (4, 16, 64, 160):
        small = rng.normal(0, 60 / cells**0.4, (cells * 3 // 4, cells, 3)).astype(np.float32)
        for channel in range(3):
            plane = Image.fromarray(small[..., channel]).resize((width, height), Image.Resampling.BICUBIC)
            pixels[..., channel] += np.asarray(plane)
    pixels += 128 + rng.normal(0, 4, pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def export(path):
    torch.manual_seed(0)
    model = torchvision.models.resnet50().eval()
    torch.onnx.export(
        model, torch.zeros(1, 3, 224, 224), str(path), opset_version=17, input_names=["image"], output_names=["logits"],
        dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}}, dynamo=False,
    )
    graph = onnx.load(str(path))
    for key, value in {
        "lt.schema": "1",
        "lt.task": "multiclass",
        "lt.activation": "softmax",
        "lt.preprocess": json.dumps(PREPROCESS),
    }.items():
        graph.metadata_props.add(key=key, value=value)
    onnx.save(graph, str(path))


def python_script(model, files, threads, batch=8):
    """What a person writes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    mean, std = np.array(MEAN, np.float32), np.array(STD, np.float32)

    def load(path):
        image = Image.open(path).convert("RGB")
        scale = 256 / min(image.size)
        image = image.resize([max(256, int(side * scale)) for side in image.size], Image.Resampling.BILINEAR)
        left, top = (image.width - 224) // 2, (image.height - 224) // 2
        pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32) / 255
        return ((pixels - mean) / std).transpose(2, 0, 1)

    scores = []
    start = time.perf_counter()
    for first in range(0, len(files), batch):
        inputs = np.stack([load(path) for path in files[first : first + batch]])
        scores.append(session.run(None, {"image": inputs})[0])
    return len(files) / (time.perf_counter() - start), np.concatenate(scores)


def lt_run(tool, model, folder, out, threads):
    for suffix in ("", "-wal"):
        pathlib.Path(f"{out}{suffix}").unlink(missing_ok=True)
    command = [tool, "run", str(model), str(folder), "--out", str(out), "--threads", str(threads), "--batch", "8"]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    # "160 images: 160 computed, 0 failed in 4.0 s (40.0 images/s)": without loading the model, as in the script.
    summary = [line for line in result.stderr.splitlines() if "computed" in line][-1]
    return float(summary.split("(")[1].split(" images/s")[0])


def lt_bench(tool, model, threads):
    command = [tool, "bench", str(model), "--batch", "8", "--threads", str(threads), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["images_per_second"]


def stored(out):
    import sqlite3

    rows = sqlite3.connect(out).execute("SELECT scores FROM score ORDER BY image").fetchall()
    return np.stack([np.frombuffer(row[0], "<f4") for row in rows])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=240)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tool", default=str(pathlib.Path(__file__).resolve().parents[1] / ".build/release/lt-infer"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(temporary)
        (work / "images").mkdir()
        files = [work / "images" / f"{number:05}.jpg" for number in range(options.images)]
        for number, path in enumerate(files):
            photo(number).save(path, quality=90)
        model, out = work / "resnet50.onnx", work / "p.db"
        export(model)
        best = {"lt_infer_run": 0.0, "pillow_onnxruntime": 0.0, "model_alone": 0.0}
        expected = None
        for _ in range(options.rounds):
            best["lt_infer_run"] = max(
                best["lt_infer_run"], lt_run(options.tool, model, work / "images", out, options.threads))
            rate, expected = python_script(model, files, options.threads)
            best["pillow_onnxruntime"] = max(best["pillow_onnxruntime"], rate)
            best["model_alone"] = max(best["model_alone"], lt_bench(options.tool, model, options.threads))
        difference = float(np.abs(stored(out) - expected).max() / np.abs(expected).max())
        bytes_ = sum(path.stat().st_size for path in files) / len(files)
    result = {f"{name}_images_per_second": round(rate, 2) for name, rate in best.items()}
    result["ratio_to_pillow_onnxruntime"] = round(best["lt_infer_run"] / best["pillow_onnxruntime"], 3)
    result["share_of_model_alone"] = round(best["lt_infer_run"] / best["model_alone"], 3)
    result["largest_difference"] = difference
    result |= {"images": options.images, "threads": options.threads, "mean_jpeg_bytes": round(bytes_)}
    result["versions"] = {"onnxruntime": onnxruntime.__version__, "pillow": Image.__version__, "torch": torch.__version__}
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        for key, value in result.items():
            print(f"{key:40} {value}")
    good = result["ratio_to_pillow_onnxruntime"] >= 1.05 and result["share_of_model_alone"] >= 0.88 and difference < 1e-3
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
