"""The C library: start-up, from opening the shared library and loading ResNet-50 from disk to the first result, against ONNX
Runtime's C library in the same kind of host (c_api.c), processes in turn; and what a call costs over the session itself: a
model of one Relu on four numbers through lt_session_run, minus the same session without the C interface (`lt-infer bench`).

Run: python Benchmarks/c-api.py [--rounds 7] [--threads 2] [--json]
Wanted: start-up at most that of ONNX Runtime, at most 20 µs a call. Needs gcc, .build/release/liblongtail.so and lt-infer
(or LT_BUILD), and the packages of requirements.txt."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import warnings

import onnx
import onnxruntime
import torch
import torchvision

warnings.filterwarnings("ignore")
ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("LT_BUILD", ROOT / ".build/release"))


def export(folder):
    resnet = folder / "resnet50.onnx"
    torch.manual_seed(0)
    torch.onnx.export(torchvision.models.resnet50().eval(), torch.zeros(1, 3, 224, 224), str(resnet), dynamo=False,
                      opset_version=17, input_names=["x"], output_names=["y"])
    helper = onnx.helper
    value = lambda name: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 4])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "relu", [value("x")], [value("y")])
    relu = folder / "relu.onnx"
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]), str(relu))
    return resnet, relu


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    peer = next((pathlib.Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*"))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        host = folder / "c_api"
        subprocess.run(["gcc", "-O2", f"-I{ROOT}/Sources/CLongTail/include", ROOT / "Benchmarks/c_api.c", "-ldl", "-o", host],
                       check=True)
        resnet, relu = export(folder)
        libraries = {"longtail": BUILD / "liblongtail.so", "onnxruntime": peer}

        def run(kind, model, calls, dims, threads):
            words = [host, kind, libraries[kind], model, "x", "y", threads, calls, *dims]
            return json.loads(subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout)

        first = {kind: [] for kind in libraries}
        call = {kind: [] for kind in libraries}
        for _ in range(arguments.rounds):
            for kind in libraries:
                first[kind].append(run(kind, resnet, 0, [1, 3, 224, 224], arguments.threads)["first"])
                call[kind].append(run(kind, relu, 20000, [1, 4], 1)["call"])
        bench = subprocess.run([BUILD / "lt-infer", "bench", relu, "--threads", "1", "--json"], check=True,
                               capture_output=True, text=True).stdout
        session = 1000 * json.loads(bench)["median_ms"]
    median = {kind: statistics.median(times) for kind, times in first.items()}
    calls = {kind: min(times) for kind, times in call.items()}
    result = {"startup_ms": median, "startup_ratio": median["longtail"] / median["onnxruntime"],
              "startup_least_ratio": min(first["longtail"]) / min(first["onnxruntime"]), "call_us": calls,
              "session_us": session, "overhead_us": calls["longtail"] - session}
    if arguments.json:
        print(json.dumps(result, indent=1))
    else:
        print(f"ResNet-50 from opening the library to the first result, {arguments.threads} threads: {median['longtail']:.0f} ms, "
              f"ONNX Runtime {onnxruntime.__version__} {median['onnxruntime']:.0f} ms, ratio {result['startup_ratio']:.2f} "
              f"(least times {result['startup_least_ratio']:.2f})")
        print(f"a call on four numbers: {calls['longtail']:.2f} µs, ONNX Runtime {calls['onnxruntime']:.2f} µs; the session alone "
              f"{session:.2f} µs: {result['overhead_us']:.2f} µs for the C interface")


if __name__ == "__main__":
    main()
