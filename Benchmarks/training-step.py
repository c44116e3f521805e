"""Training steps on the CPU against PyTorch eager: the same network (ResNet-32 of CIFAR at batch 128, ResNet-50 at batch
16 and 224 pixels, torchvision's Faster R-CNN with ResNet-50 and FPN at batch 2 and 512 pixels with eight objects a
picture), SGD with momentum and weight decay, the same number of threads. Each round times ours
(`lt-train bench`, a process of its own) and PyTorch's in turn, so that a slow moment of the machine hits both; printed are
medians over all steps, least times, and their ratios (above 1: ours is faster). PyTorch as it comes (NCHW) is the peer,
channels-last is shown beside it.

Run: python Benchmarks/training-step.py [--rounds 3] [--steps N] [--threads 2] [--only resnet32|resnet50|fasterrcnn] [--json]
A round times 10 steps of ResNet-32, 4 of the others (six minutes in all on two cores).
Needs .build/release/lt-train (or LT_TRAIN), torch, torchvision.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import torch
import torch.nn.functional as F
import torchvision
from torch import nn

TOOL = os.environ.get("LT_TRAIN", pathlib.Path(__file__).resolve().parents[1] / ".build/release/lt-train")
RECIPE = """
train: {{annotations: none, images: none}}
network: {network}
sampler: {{name: uniform}}
loss: {{name: softmax-ce}}
optimizer: {{name: sgd, lr: {rate}, momentum: 0.9, weight_decay: 1.0e-4}}
iterations: 1000
batch: {batch}
input: {{{size}}}
{more}
"""


class Block(nn.Module):
    """Two 3×3 convolutions; the shortcut of option A has no parameters."""

    def __init__(self, inputs, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.pad = planes // 4 if stride != 1 else 0

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.pad:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(y + x)


def resnet32():
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    inputs = 16
    for planes in (16, 32, 64):
        for index in range(5):
            layers.append(Block(inputs, planes, 2 if index == 0 and planes > 16 else 1))
            inputs = planes
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def fasterrcnn(size):
    return torchvision.models.detection.fasterrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=91, min_size=size, max_size=size)


# model, network of the recipe, batch, size, classes, steps timed and before them; torchvision trains 2,000 proposals.
CASES = {
    "resnet32": (resnet32, "{name: resnet-cifar, depth: 32}", 128, 32, 10, 10, 3),
    "resnet50": (torchvision.models.resnet50, "{name: resnet, depth: 50}", 16, 224, 1000, 4, 1),
    "fasterrcnn": (lambda: fasterrcnn(512), "{name: rcnn, depth: 50}", 2, 512, 90, 4, 1),
}
DETECTION = "detection: {proposals: {pre_nms: 2000, post_nms: 2000}}"


def rate(network):
    """Small enough for a detector that nothing dies out on noise: denormal numbers slow PyTorch down, ours are 0."""
    return 0.0001 if "rcnn" in network else 0.01


def recipe_text(network, batch, size):
    is_detector = "rcnn" in network
    return RECIPE.format(network=network, batch=batch, rate=rate(network), more=DETECTION if is_detector else "",
                         size=f"min_size: {size}, max_size: {size}" if is_detector else f"size: {size}")


class Peer:
    """PyTorch's model and its step, as a tutorial writes it."""

    def __init__(self, make, network, batch, size, classes, channels_last):
        torch.manual_seed(0)
        self.model = make().train()
        self.x = torch.randn(batch, 3, size, size)
        self.y = torch.arange(batch) % classes
        self.targets = None
        if isinstance(self.model, torchvision.models.detection.FasterRCNN):
            corners = torch.rand(batch, 8, 2) * size * 0.6
            sides = (0.125 + 0.25 * torch.rand(batch, 8, 2)) * size
            self.targets = [{"boxes": torch.cat([corner, corner + side], 1), "labels": torch.arange(8) + 1}
                            for corner, side in zip(corners, sides)]
        if channels_last:
            self.model = self.model.to(memory_format=torch.channels_last)
            self.x = self.x.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=rate(network), momentum=0.9, weight_decay=1e-4)

    def step(self):
        start = time.perf_counter()
        self.optimizer.zero_grad()
        if self.targets:
            loss = sum(self.model(list(self.x), self.targets).values())
        else:
            loss = F.cross_entropy(self.model(self.x), self.y)
        loss.backward()
        self.optimizer.step()
        loss.item()
        return 1000 * (time.perf_counter() - start)

    def run(self, warm_up, steps):
        return [self.step() for _ in range(warm_up + steps)][warm_up:]


def ours(recipe, classes, steps, warm_up, arguments):
    command = [TOOL, "bench", recipe, "--classes", classes, "--steps", steps, "--warm-up", warm_up,
               "--threads", arguments.threads, "--json"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["steps"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=CASES)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    results = {}
    for name, (make, network, batch, size, classes, steps, warm_up) in CASES.items():
        if arguments.only not in (None, name):
            continue
        steps = arguments.steps or steps
        with tempfile.TemporaryDirectory() as folder:
            recipe = pathlib.Path(folder) / "recipe.yaml"
            recipe.write_text(recipe_text(network, batch, size))
            peers = {"eager": Peer(make, network, batch, size, classes, False),
                     "channels-last": Peer(make, network, batch, size, classes, True)}
            times = {"ours": [], **{peer: [] for peer in peers}}
            for _ in range(arguments.rounds):
                times["ours"] += ours(recipe, classes, steps, warm_up, arguments)
                for peer, model in peers.items():
                    times[peer] += model.run(warm_up, steps)
        summary = {key: {"median": statistics.median(list_), "least": min(list_)} for key, list_ in times.items()}
        results[name] = {"ms": summary, "ratio": {
            peer: {kind: summary[peer][kind] / summary["ours"][kind] for kind in ("median", "least")}
            for peer in peers}}
        if not arguments.json:
            print(f"{name}, batch {batch}, {arguments.threads} threads: ours {summary['ours']['median']:.1f} ms "
                  f"(least {summary['ours']['least']:.1f})")
            for peer in peers:
                ratio = results[name]["ratio"][peer]
                print(f"  PyTorch {torch.__version__} {peer}: {summary[peer]['median']:.1f} ms "
                      f"(least {summary[peer]['least']:.1f}), ratio {ratio['median']:.3f} (least {ratio['least']:.3f})")
    if arguments.json:
        print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
