"""Models alone, side by side: liblongtail, ONNX Runtime and OpenVINO run the same ONNX file on the same input in processes of
one C host (engine_host.c) that take turns, same precision, same number of threads (each process is held to as many cores).

Per case (MODEL PRECISION BATCH THREADS): medians of at least 15 runs with their spread, time from process start to the first
output, peak resident memory, and the ratio best peer's time / ours (memory: ours / smaller peer's). The outputs are compared.

Run: python Benchmarks/models.py [--only PATTERN ...] [--precision f32 bf16 int8] [--threads 1 2] [--models DIR] [--json FILE]
     [--document docs/benchmarks.md: puts the table between its marks there]
Models are exported once into --models (default .bench/agreement, by agreement.py). Needs gcc, liblongtail.so in .build/release
(or LT_BUILD) and the packages of requirements.txt. The int8 model is ResNet-50 in QDQ form, quantised by ONNX Runtime."""

import argparse
import datetime
import fnmatch
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
import openvino

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("LT_BUILD", ROOT / ".build/release"))

# name, case of agreement.py, input without batch, batches, wanted ratio by precision
TABLE = [
    ("resnet18", "torchvision.resnet18.legacy11", "3x224x224", [1], {"f32": 1.3, "bf16": 1.05}),
    ("resnet32_cifar", "torchvision.resnet32_cifar.legacy17", "3x32x32", [1, 128], {"f32": {128: 1.3}, "bf16": {128: 1.05}}),
    ("r3d_18", "video.r3d_18.legacy17@large", "3x16x112x112", [1], {"f32": 1.3, "bf16": 1.05}),
    ("resnet50", "torchvision.resnet50.legacy13", "3x224x224", [1, 8], {"f32": {1: 1.1, 8: 1.25}, "bf16": 1.05, "int8": 1.05}),
    ("swin_t", "torchvision.swin_t.legacy17", "3x224x224", [1, 8], {"f32": 1.15, "bf16": 1.05}),
    ("vit_tiny", "timm.vit_tiny_patch16_224.legacy11", "3x224x224", [1, 8], {"f32": 1.15, "bf16": 1.05}),
    ("convnext_tiny", "torchvision.convnext_tiny.legacy13", "3x224x224", [1, 8], {"f32": 1.15, "bf16": 1.05}),
    ("efficientnet_b0", "torchvision.efficientnet_b0.legacy13", "3x224x224", [1], {"f32": 1.1}),
    ("mobilenetv3_small", "torchvision.mobilenet_v3_small.legacy17", "3x224x224", [1], {"f32": 1.1}),
    ("fasterrcnn", "detection.fasterrcnn_resnet50_fpn.legacy17@large", "3x800x1088", [1], {"f32": 1.1, "bf16": 1.05}),
    ("maskrcnn", "detection.maskrcnn_resnet50_fpn.legacy17@large", "3x800x1088", [1], {"f32": 1.1, "bf16": 1.05}),
]


class Host:
    """One engine in a process of its own."""

    def __init__(self, program, engine, library, model, threads, precision, data, dims, names, sessions=1, cache=None):
        words = [program, engine, library, model, threads, precision, data, sessions, names[0], ",".join(names[1]), *dims]
        self.engine = engine
        begin = time.perf_counter()
        # Threads of OpenMP wait as the tools make them wait.
        environment = dict(os.environ, GOMP_SPINCOUNT=os.environ.get("GOMP_SPINCOUNT", "10000"))
        if cache:
            environment["CACHE"] = str(cache)
        self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment)
        if not self.process.stdout.readline():
            raise RuntimeError(f"{engine} failed on {model}")
        self.cold = 1e3 * (time.perf_counter() - begin)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.engine} ended at '{line}'")
        return answer

    def run(self, count):
        return [float(word) for word in self.ask(f"run {count}").split()]

    def output(self, folder):
        path = pathlib.Path(folder) / f"{self.engine}.raw"
        self.ask(f"dump {path}")
        return np.fromfile(path, np.float32)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def signature(model):
    graph = onnx.load(str(model), load_external_data=False).graph
    known = {tensor.name for tensor in graph.initializer}
    inputs = [value.name for value in graph.input if value.name not in known]
    return inputs[0], [value.name for value in graph.output]


def quantised(model, path):
    """The model in QDQ form, 8 bits, calibrated on noise."""
    from onnxruntime import quantization

    class Noise(quantization.CalibrationDataReader):
        def __init__(self):
            rng = np.random.default_rng(0)
            self.items = iter([{signature(model)[0]: rng.normal(size=(1, 3, 224, 224)).astype(np.float32)} for _ in range(8)])

        def get_next(self):
            return next(self.items, None)

    path.parent.mkdir(parents=True, exist_ok=True)
    quantization.quantize_static(str(model), str(path), Noise(), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
                                 activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8)


def find_model(folder, case, precision):
    model = folder / case / "model.onnx"
    if not model.exists():
        subprocess.run([sys.executable, str(ROOT / "Benchmarks/agreement.py"), str(folder), case], check=True)
    if precision == "int8":
        path = folder / f"{case}.int8" / "model.onnx"
        if not path.exists():
            quantised(model, path)
        return path
    return model


def engines(precision):
    peer = pathlib.Path(onnxruntime.__file__).parent / "capi"
    other = pathlib.Path(openvino.__file__).parent / "libs"
    found = {"longtail": BUILD / "liblongtail.so"}
    if precision != "bf16":  # ONNX Runtime has no bf16 on x86: the file runs in float32
        found["onnxruntime"] = next(peer.glob("libonnxruntime.so.*"))
    found["openvino"] = next(other.glob("libopenvino_c.so*"))
    return found


def measure(program, model, precision, shape, threads, arguments, folder):
    """One case: engine → times, cold start, peak memory, output."""
    names = signature(model)
    detector = "detection" in str(model)
    dims = shape[1:] if detector and len(onnx_dims(model)) == 3 else shape
    rng = np.random.default_rng(0)
    data = pathlib.Path(folder) / "input.raw"
    (rng.random(dims, np.float32) if detector else rng.normal(size=dims).astype(np.float32)).tofile(data)
    libraries = engines(precision)
    cold = {engine: [] for engine in libraries}
    hosts = {}
    for attempt in range(arguments.starts):
        for engine, library in libraries.items():
            host = Host(program, engine, library, model, threads, precision, data, dims, names)
            cold[engine].append(host.cold)
            if attempt + 1 < arguments.starts:
                host.close()
            else:
                hosts[engine] = host
    # The same with what the engines keep of a model on disk, which the first start makes.
    kept = {engine: [] for engine in libraries}
    with tempfile.TemporaryDirectory() as cache:
        for attempt in range(arguments.starts + 1):
            for engine, library in libraries.items():
                host = Host(program, engine, library, model, threads, precision, data, dims, names, cache=cache)
                host.close()
                if attempt:
                    kept[engine].append(host.cold)
    times = {engine: [] for engine in hosts}
    least = min(min(host.run(2)) for host in hosts.values())
    burst = max(1, min(20, int(200 / least)))
    rounds = max(5, -(-arguments.runs // burst))
    for _ in range(rounds):
        for engine, host in hosts.items():
            host.run(1)
            times[engine] += host.run(burst)
    result = {}
    for engine, host in hosts.items():
        result[engine] = {"ms": statistics.median(times[engine]), "least": min(times[engine]),
                          "spread": statistics.quantiles(times[engine], n=4)[2] / statistics.quantiles(times[engine], n=4)[0] - 1,
                          "runs": len(times[engine]), "cold": statistics.median(cold[engine]),
                          "kept": statistics.median(kept[engine]),
                          "peak_mib": int(host.ask("peak")) / 1024}
    outputs = {engine: host.output(folder) for engine, host in hosts.items()}
    for host in hosts.values():
        host.close()
    reference = outputs.get("onnxruntime", outputs["openvino"])
    if outputs["longtail"].shape == reference.shape:
        result["difference"] = float(np.abs(outputs["longtail"] - reference).max() / max(np.abs(reference).max(), 1e-30))
    return result


def onnx_dims(model):
    graph = onnx.load(str(model), load_external_data=False).graph
    known = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in known][0].type.tensor_type.shape.dim


def summary(case, result, wanted):
    peers = {engine: values for engine, values in result.items() if engine not in ("longtail", "difference")}
    ours = result["longtail"]
    return {**case, **result, "wanted": wanted,
            "ratio": min(peer["ms"] for peer in peers.values()) / ours["ms"],
            "least_ratio": min(peer["least"] for peer in peers.values()) / ours["least"],
            "cold_ratio": min(peer["cold"] for peer in peers.values()) / ours["cold"],
            "kept_ratio": min(peer["kept"] for peer in peers.values()) / ours["kept"],
            "memory_ratio": ours["peak_mib"] / min(peer["peak_mib"] for peer in peers.values())}


def row(entry):
    def cell(engine):
        if engine not in entry:
            return "-"
        return f"{entry[engine]['ms']:.2f} ±{50 * entry[engine]['spread']:.0f}%"

    wanted = f"{entry['wanted']:.2f}" if entry["wanted"] else ""
    return [entry["model"], entry["precision"], str(entry["batch"]), str(entry["threads"]), cell("longtail"), cell("onnxruntime"),
            cell("openvino"), f"{entry['ratio']:.2f} ({entry['least_ratio']:.2f})", wanted, f"{entry['cold_ratio']:.2f}", f"{entry['kept_ratio']:.2f}",
            f"{entry['memory_ratio']:.2f}", f"{entry['difference']:.1e}" if "difference" in entry else "-"]


HEADER = ["model", "precision", "batch", "threads", "ours, ms", "ONNX Runtime", "OpenVINO", "ratio (of least)", "wanted",
          "cold start", "with a cache", "memory", "difference"]


def machine():
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return f"{len(os.sched_getaffinity(0))} cores, {names[0] if names else 'unknown'}"


def document(path, entries):
    """Puts the table where the page has it; the rest of the page stays."""
    begin, end = "<!-- models.py: begin -->", "<!-- models.py: end -->"
    text = path.read_text()
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    words = " ".join(word for word in sys.argv[1:] if not word.startswith(("--models", "--json", "--document", "/")))
    lines = ["", f"Recorded on {datetime.date.today()}, {machine()}: `{' '.join(('Benchmarks/models.py', words)).strip()}`; ONNX Runtime "
             f"{onnxruntime.__version__}, OpenVINO {openvino.__version__.split('-')[0]}.", "",
             "| " + " | ".join(HEADER) + " |", "|" + "---|" * len(HEADER)]
    lines += ["| " + " | ".join(row(entry)) + " |" for entry in entries]
    path.write_text(before + begin + "\n".join(lines) + "\n" + end + after)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", default=["*"])
    parser.add_argument("--precision", nargs="+", default=["f32", "bf16", "int8"], choices=["f32", "bf16", "int8"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--batch", nargs="+", type=int)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--starts", type=int, default=3, help="processes per engine, for the cold start")
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / ".bench/agreement")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--document", type=pathlib.Path)
    arguments = parser.parse_args()
    entries = []
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "engine_host"
        subprocess.run(["gcc", "-O2", f"-I{ROOT}/Sources/CLongTail/include", str(ROOT / "Benchmarks/engine_host.c"), "-ldl",
                        "-lpthread", "-o", str(program)], check=True)
        print("  ".join(HEADER), flush=True)
        for name, case, extents, batches, goals in TABLE:
            if not any(fnmatch.fnmatch(name, pattern) for pattern in arguments.only):
                continue
            for precision in arguments.precision:
                if precision not in goals:
                    continue
                model = find_model(arguments.models, case, precision)
                for batch in arguments.batch or batches:
                    for threads in arguments.threads:
                        wanted = goals[precision]
                        wanted = wanted.get(batch) if isinstance(wanted, dict) else wanted
                        shape = [batch] + [int(extent) for extent in extents.split("x")]
                        result = measure(program, model, precision, shape, threads, arguments, folder)
                        label = {"model": name, "precision": precision, "batch": batch, "threads": threads}
                        entries.append(summary(label, result, wanted))
                        print("  ".join(row(entries[-1])), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine(), "entries": entries}, indent=1))
    if arguments.document:
        document(arguments.document, entries)


if __name__ == "__main__":
    main()
