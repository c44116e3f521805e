"""What loading data adds to a training step: `lt-train bench` on files, decoded and augmented as the recipes do, against the
same steps on images of noise that lie in memory. ResNet-32 at batch 128 on a CIFAR archive (padded crop, flip) and
ResNet-50 at batch 16 on JPEGs of 500×375 (random resized crop, flip, colour jitter). Rounds alternate; printed are the
median steps (waiting for data included), their ratio, and the share of the time spent waiting.

Run: python Benchmarks/data-loading.py [--rounds 3] [--threads 2] [--only resnet32|resnet50] [--json]
Wanted: a ratio below 1.05. Needs .build/release/lt-train (or LT_TRAIN) and the packages of requirements.txt."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

from folder import photo

TOOL = os.environ.get("LT_TRAIN", pathlib.Path(__file__).resolve().parents[1] / ".build/release/lt-train")
RECIPE = """
train: {train}
network: {network}
sampler: {{name: uniform}}
loss: {{name: softmax-ce}}
optimizer: {{name: sgd, lr: 0.01, momentum: 0.9, weight_decay: 1.0e-4}}
iterations: 1000
batch: {batch}
input: {{size: {size}}}
"""


def archive(folder):
    subprocess.run([TOOL, "synth", "--format", "cifar10", "--images", "200", "--out", folder], check=True,
                   capture_output=True)
    return f"{{format: cifar10, root: {folder}/data/cifar-10-batches-py}}"


def photos(folder):
    for index in range(128):
        path = folder / f"photos/{index % 8}/{index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        photo(index, 500, 375).save(path, quality=90)
    return f"{{format: folder, root: {folder}/photos}}"


# network, batch, size, data, augmentation, steps timed and before them
CASES = {
    "resnet32": ("{name: resnet-cifar, depth: 32}", 128, 32, archive, "{pad_crop: {padding: 4}, flip: 0.5}", 20, 3),
    "resnet50": ("{name: resnet, depth: 50}", 16, 224, photos,
                 "{resized_crop: {scale: [0.08, 1]}, flip: 0.5, jitter: {brightness: 0.4, contrast: 0.4, saturation: 0.4}}",
                 5, 1),
}


def bench(recipe, arguments, steps, warm_up, *more):
    command = [TOOL, "bench", recipe, "--steps", steps, "--warm-up", warm_up, "--threads", arguments.threads, "--json", *more]
    times = json.loads(subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout)
    return [step + wait for step, wait in zip(times["steps"], times["waits"])], sum(times["waits"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=CASES)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = {}
    for name, (network, batch, size, data, augment, steps, warm_up) in CASES.items():
        if arguments.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            recipe = folder / "recipe.yaml"
            recipe.write_text(RECIPE.format(train=data(folder), network=network, batch=batch, size=size))
            files, noise, waited = [], [], 0
            for _ in range(arguments.rounds):
                times, waits = bench(recipe, arguments, steps, warm_up, "--set", f"augment={augment}")
                files += times
                waited += waits
                noise += bench(recipe, arguments, steps, warm_up, "--classes", "8")[0]
        ratio = statistics.median(files) / statistics.median(noise)
        results[name] = {"files": statistics.median(files), "noise": statistics.median(noise), "ratio": ratio,
                         "waiting": waited / sum(files)}
        if not arguments.json:
            print(f"{name}, batch {batch}, {arguments.threads} threads: {statistics.median(files):.1f} ms on files, "
                  f"{statistics.median(noise):.1f} ms on noise in memory, ratio {ratio:.3f} (least times "
                  f"{min(files) / min(noise):.3f}); {100 * waited / sum(files):.2f} % of the time waiting")
    if arguments.json:
        print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
