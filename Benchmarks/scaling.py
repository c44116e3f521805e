"""How time grows: ResNet-50 with the batch (1 … 64) and the image's side, and 1, 2 and 4 sessions at once under one budget of
threads (throughput, median and 99th percentile of a run), beside ONNX Runtime and OpenVINO in the same C host (engine_host.c).

Sessions share the budget: with S sessions each engine gets max(1, THREADS / S) threads per session (OpenVINO: S streams over all of
them), so that no more threads run than before; no more than twice the time per run with twice the sessions is no collapse.

Run: python Benchmarks/scaling.py [--only batch size sessions] [--threads 2] [--models DIR] [--json FILE]
Needs what models.py needs."""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

import numpy as np

from models import ROOT, Host, engines, find_model, signature

CASE = "torchvision.resnet50.legacy13"
# Fully convolutional up to its pooling: takes any size.
SIZED = "segmentation.fcn_resnet50.legacy11"


def hosts(program, model, shape, threads, folder, sessions=1):
    data = pathlib.Path(folder) / "input.raw"
    np.random.default_rng(0).normal(size=shape).astype(np.float32).tofile(data)
    names = signature(model)
    return {engine: Host(program, engine, library, model, threads, "f32", data, shape, names, sessions)
            for engine, library in engines("f32").items()}


def alternate(running, rounds=5, milliseconds=400):
    times = {engine: [] for engine in running}
    burst = max(1, min(20, int(milliseconds / min(min(host.run(1)) for host in running.values()))))
    for _ in range(rounds):
        for engine, host in running.items():
            times[engine] += host.run(burst)
    for host in running.values():
        host.close()
    return {engine: statistics.median(values) for engine, values in times.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", default=["batch", "size", "sessions"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / ".bench/agreement")
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    report = {}
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "engine_host"
        subprocess.run(["gcc", "-O2", f"-I{ROOT}/Sources/CLongTail/include", str(ROOT / "Benchmarks/engine_host.c"), "-ldl",
                        "-lpthread", "-o", str(program)], check=True)
        if "batch" in arguments.only:
            print("ResNet-50 224×224, ms per image by batch")
            model = find_model(arguments.models, CASE, "f32")
            for batch in (1, 2, 4, 8, 16, 32, 64):
                times = alternate(hosts(program, model, [batch, 3, 224, 224], arguments.threads, folder), rounds=3)
                report[f"batch {batch}"] = {engine: value / batch for engine, value in times.items()}
                print(f"  {batch:3d}  " + "  ".join(f"{engine} {value / batch:.2f}" for engine, value in times.items()), flush=True)
        if "size" in arguments.only:
            print("FCN ResNet-50 batch 1, ms per megapixel by side")
            model = find_model(arguments.models, SIZED, "f32")
            for side in (64, 128, 256, 384, 512):
                times = alternate(hosts(program, model, [1, 3, side, side], arguments.threads, folder), rounds=3)
                report[f"side {side}"] = {engine: 1e6 * value / side**2 for engine, value in times.items()}
                print(f"  {side:3d}  " + "  ".join(f"{engine} {1e6 * value / side**2:.0f}" for engine, value in times.items()), flush=True)
        if "sessions" in arguments.only:
            print(f"ResNet-50 batch 1, sessions at once, {arguments.threads} threads in all")
            model = find_model(arguments.models, CASE, "f32")
            for sessions in (1, 2, 4):
                each = max(1, arguments.threads // sessions)
                running = hosts(program, model, [1, 3, 224, 224], each, folder, sessions)
                found = {engine: [] for engine in running}
                rates = {engine: [] for engine in running}
                for _ in range(4):
                    for engine, host in running.items():
                        *times, total = [float(word) for word in host.ask(f"load {40 // sessions}").split()] if sessions > 1 else (
                            lambda values: values + [sum(values)])(host.run(40))
                        found[engine] += times
                        rates[engine].append(1000 * len(times) / total)
                for host in running.values():
                    host.close()
                for engine, times in found.items():
                    entry = {"images_per_second": statistics.median(rates[engine]), "median_ms": statistics.median(times),
                             "p99_ms": float(np.percentile(times, 99))}
                    report[f"sessions {sessions} {engine}"] = entry
                    print(f"  {sessions}  {engine}: {entry['images_per_second']:.1f} images/s, median {entry['median_ms']:.1f} ms, "
                          f"99th percentile {entry['p99_ms']:.1f} ms", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
