"""The networks of agreement.py: by name from torchvision and timm, and a few of our own; weights are random."""

import timm
import torchvision
from torch import nn
from torch.nn import functional as F

SMALL = {"min_size": 320, "max_size": 512}  # detectors scale images to this


class Bottleneck3D(nn.Module):
    def __init__(self, inputs, width, outputs, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv3d(inputs, width, 1, bias=False), nn.BatchNorm3d(width), nn.ReLU(),
            nn.Conv3d(width, width, 3, stride, 1, groups=8, bias=False), nn.BatchNorm3d(width), nn.ReLU(),
            nn.Conv3d(width, outputs, 1, bias=False), nn.BatchNorm3d(outputs))
        self.short = nn.Sequential(nn.Conv3d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm3d(outputs))

    def forward(self, x):
        return F.relu(self.body(x) + self.short(x))


def resnext3d():
    """A small 3D-ResNeXt: grouped convolutions of volumes."""
    return nn.Sequential(
        nn.Conv3d(3, 32, (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False), nn.BatchNorm3d(32), nn.ReLU(),
        nn.MaxPool3d(3, 2, 1), Bottleneck3D(32, 64, 128, 1), Bottleneck3D(128, 128, 256, 2),
        Bottleneck3D(256, 128, 256, 1), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(256, 100))


class Block(nn.Module):
    """Basic block of the CIFAR ResNet."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.short = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.short = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.short(x))


def resnet32_cifar():
    """ResNet-32 for 32 x 32 images."""
    layers, width = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for outputs, stride in ((16, 1), (32, 2), (64, 2)):
        for index in range(5):
            layers.append(Block(width, outputs, stride if index == 0 else 1))
            width = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


class Maps(nn.Module):
    """A segmentation model's `out` alone."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x)["out"]


class Detections(nn.Module):
    """A detector of one image [3, H, W] with its detections as a tuple."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, image):
        return tuple(self.model([image])[0].values())


OWN = {
    "resnet32_cifar": resnet32_cifar, "resnext3d": resnext3d,
    "resnet18_qdq": torchvision.models.resnet18, "resnet18_qoperator": torchvision.models.resnet18,
    "vit_tiny_dynamic": lambda: timm.create_model("vit_tiny_patch16_224"),
}


def construct(group, name, large=False):
    if name in OWN:
        return OWN[name]()
    if group == "timm":
        return timm.create_model(name, pretrained=False)
    more = {"googlenet": {"aux_logits": False, "init_weights": False}, "inception_v3": {"init_weights": False}}.get(name, {})
    if group in ("detection", "segmentation"):
        more["weights_backbone"] = None
    if group == "detection" and not name.startswith("ssd") and not large:
        more |= SMALL
    if "rcnn" in name:
        more["box_score_thresh"] = 0.02
    model = torchvision.models.get_model(name, weights=None, **more)
    return {"segmentation": Maps, "detection": Detections}.get(group, lambda model: model)(model)
