"""Writes ONNX test cases of torchvision topologies with ONNX Runtime's outputs, to be checked by `lt-infer verify`.

agreement.py OUT [NAME ...] [--batch 2] makes OUT/NAME/model.onnx and OUT/NAME/test_data_set_0/{input,output}_0.pb.
Weights are random, seeded; BatchNormalization statistics come from one forward pass, so that activations keep their
scale. Needs torch, torchvision, onnx, onnxruntime; prints the versions it ran with. Nothing is downloaded.
Agreement wanted: max |difference| <= 1e-4 x max |output|.
"""
import argparse
import os
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
import torchvision
from onnx import numpy_helper
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore")


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


class ResNet32(nn.Module):
    """ResNet-32 for 32 x 32 images."""

    def __init__(self):
        super().__init__()
        layers, width = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
        for outputs, stride in ((16, 1), (32, 2), (64, 2)):
            for index in range(5):
                layers.append(Block(width, outputs, stride if index == 0 else 1))
                width = outputs
        self.body, self.fc = nn.Sequential(*layers), nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(F.adaptive_avg_pool2d(self.body(x), 1).flatten(1))


IMAGE = (3, 224, 224)
SHAPES = {
    "resnet18": IMAGE, "resnet50": IMAGE, "resnet32_cifar": (3, 32, 32), "r3d_18": (3, 16, 112, 112), "vgg11_bn": IMAGE,
    "vgg16": IMAGE, "densenet121": IMAGE, "mobilenet_v2": IMAGE, "mobilenet_v3_small": IMAGE,
    "mobilenet_v3_large": IMAGE, "resnext50_32x4d": IMAGE, "shufflenet_v2_x1_0": IMAGE, "efficientnet_b0": IMAGE,
    "squeezenet1_1": IMAGE, "googlenet": IMAGE, "mnasnet1_0": IMAGE, "regnet_y_400mf": IMAGE, "swin_t": IMAGE,
    "convnext_tiny": IMAGE, "vit_b_16": IMAGE,
}


def build(name):
    torch.manual_seed(0)
    if name == "resnet32_cifar":
        model = ResNet32()
    elif name == "r3d_18":
        model = torchvision.models.video.r3d_18(weights=None)
    elif name == "googlenet":
        model = torchvision.models.googlenet(weights=None, aux_logits=False, init_weights=False)
    else:
        model = getattr(torchvision.models, name)(weights=None)
    norms = [m for m in model.modules() if isinstance(m, (nn.BatchNorm2d, nn.BatchNorm3d))]
    for norm in norms:
        norm.momentum = None  # the statistics of what it sees now
        nn.init.uniform_(norm.weight, 0.5, 1.0)
        nn.init.normal_(norm.bias, 0, 0.1)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    model.train()
    with torch.no_grad():
        model(torch.randn((4,) + SHAPES[name]))
    return model.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out")
    parser.add_argument("names", nargs="*", default=[])
    parser.add_argument("--batch", type=int, default=2)
    arguments = parser.parse_args()
    print("torch", torch.__version__, "torchvision", torchvision.__version__, "onnx", onnx.__version__, "onnxruntime",
          onnxruntime.__version__)
    for name in arguments.names or SHAPES:
        folder = os.path.join(arguments.out, name)
        data = os.path.join(folder, "test_data_set_0")
        os.makedirs(data, exist_ok=True)
        file = os.path.join(folder, "model.onnx")
        x = torch.randn((arguments.batch,) + SHAPES[name], generator=torch.Generator().manual_seed(1))
        torch.onnx.export(build(name), (x[:1],), file, opset_version=17, input_names=["input"], output_names=["output"],
                          dynamo=False, dynamic_axes={"input": {0: "N"}, "output": {0: "N"}})
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        y = session.run(None, {"input": x.numpy()})[0]
        for kind, key, value in (("input", "input", x.numpy()), ("output", "output", y)):
            with open(os.path.join(data, f"{kind}_0.pb"), "wb") as target:
                target.write(numpy_helper.from_array(np.ascontiguousarray(value), key).SerializeToString())
        print(name, "batch", arguments.batch, "max |output|", float(abs(y).max()), flush=True)


if __name__ == "__main__":
    main()
