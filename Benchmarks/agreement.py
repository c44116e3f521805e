"""Writes ONNX test cases of real topologies with ONNX Runtime's outputs, to be checked by `lt-infer verify`.

agreement.py OUT [CASE ...] makes OUT/CASE/model.onnx and OUT/CASE/test_data_set_N/{input,output}_I.pb, where CASE is
GROUP.MODEL.EXPORT of the table below or a pattern of such names (`timm.*.dynamo*`); cases that are there are kept.
An export is `legacy` (TorchScript) or `dynamo` (torch.export) with an opset; `dynamo` alone takes the exporter's default.
Batches of classifiers, sizes of images for detection and segmentation are open; data sets differ in them.

Weights are random, seeded, and made to matter: parameters that start as constants are drawn anew, normalisation
statistics and the last layers of detectors come from what structured noise brings there. A case whose outputs hardly
depend on the input, or a detector with few, uniform or saturated detections, is an error. Nothing is downloaded.

Needs torch, torchvision, timm, onnx, onnxscript, onnxruntime; prints the versions it ran with.
Wanted: `lt-infer verify --relative-to-max 1e-4` for group `torchvision`, `timm`, `video`, `segmentation`.
"""
import argparse
import contextlib
import fnmatch
import io
import logging
import math
import pathlib
import shutil
import sys
import time
import warnings

import numpy as np
import onnx
import onnxruntime
import timm
import torch
import torchvision
from onnx import numpy_helper
from onnxruntime import quantization
from torch import nn
from torch.nn import functional as F
from torchvision.ops import FrozenBatchNorm2d

# group, model, extents of one input (H, W open for detection and segmentation), exports
TABLE = """
torchvision   resnet18                       3x224x224     legacy11 dynamo18 dynamo
torchvision   resnet50                       3x224x224     legacy13 dynamo
torchvision   resnet32_cifar                 3x32x32       legacy17 dynamo
torchvision   resnext50_32x4d                3x224x224     legacy11 dynamo
torchvision   wide_resnet50_2                3x224x224     legacy17
torchvision   vgg11_bn                       3x224x224     legacy13
torchvision   vgg16                          3x224x224     dynamo
torchvision   alexnet                        3x224x224     legacy11
torchvision   densenet121                    3x224x224     legacy11 dynamo
torchvision   mobilenet_v2                   3x224x224     legacy13 dynamo
torchvision   mobilenet_v3_small             3x224x224     legacy17 dynamo18
torchvision   mobilenet_v3_large             3x224x224     legacy13 dynamo
torchvision   shufflenet_v2_x1_0             3x224x224     legacy11 dynamo
torchvision   efficientnet_b0                3x224x224     legacy13 dynamo
torchvision   efficientnet_v2_s              3x224x224     legacy17 dynamo
torchvision   regnet_y_400mf                 3x224x224     legacy11 dynamo
torchvision   regnet_x_400mf                 3x224x224     legacy17
torchvision   inception_v3                   3x299x299     legacy13 dynamo
torchvision   googlenet                      3x224x224     legacy17 dynamo
torchvision   squeezenet1_1                  3x224x224     legacy11 dynamo
torchvision   mnasnet1_0                     3x224x224     legacy13 dynamo
torchvision   swin_t                         3x224x224     legacy13 legacy17 dynamo
torchvision   swin_v2_t                      3x256x256     legacy17 dynamo
torchvision   vit_b_16                       3x224x224     legacy17 dynamo23
torchvision   convnext_tiny                  3x224x224     legacy13 dynamo
torchvision   maxvit_t                       3x224x224     legacy17 dynamo
timm          resnet50d                      3x224x224     legacy11 dynamo
timm          ecaresnet26t                   3x256x256     legacy13 dynamo
timm          efficientnet_b0                3x224x224     legacy17 dynamo
timm          mobilenetv3_large_100          3x224x224     legacy11 dynamo
timm          regnety_004                    3x224x224     legacy13 dynamo
timm          inception_v3                   3x299x299     legacy11 dynamo
timm          densenet121                    3x224x224     legacy17 dynamo
timm          convnext_tiny                  3x224x224     legacy11 dynamo
timm          vit_tiny_patch16_224           3x224x224     legacy11 dynamo18
timm          vit_small_patch16_224          3x224x224     legacy13 dynamo
timm          deit_small_patch16_224         3x224x224     legacy17 dynamo23
timm          swin_tiny_patch4_window7_224   3x224x224     legacy13 dynamo
timm          swinv2_tiny_window8_256        3x256x256     legacy17 dynamo
timm          mixer_s16_224                  3x224x224     legacy13 dynamo
timm          maxvit_nano_rw_256             3x256x256     legacy17
timm          tf_efficientnetv2_b0           3x224x224     legacy17 dynamo
timm          seresnext26d_32x4d             3x224x224     legacy11 dynamo
timm          hrnet_w18_small                3x224x224     legacy13
timm          mobilevit_s                    3x256x256     legacy17 dynamo
timm          eva02_tiny_patch14_224         3x224x224     dynamo
video         r3d_18                         3x8x112x112   legacy17 dynamo
video         resnext3d                      3x8x64x64     legacy13 dynamo
quantised     resnet18_qdq                   3x224x224     legacy17
quantised     resnet18_qoperator             3x224x224     legacy17
quantised     vit_tiny_dynamic               3x224x224     legacy17
segmentation  fcn_resnet50                   3x192x256     legacy11 dynamo
segmentation  deeplabv3_resnet50             3x192x256     legacy13 dynamo
segmentation  lraspp_mobilenet_v3_large      3x192x256     legacy17 dynamo
detection     fasterrcnn_resnet50_fpn        3x240x320     legacy11 legacy17
detection     fasterrcnn_resnet50_fpn_v2     3x240x320     legacy17
detection     maskrcnn_resnet50_fpn          3x240x320     legacy11 legacy17
detection     retinanet_resnet50_fpn         3x240x320     legacy11 legacy17
detection     fcos_resnet50_fpn              3x240x320     legacy17
detection     ssdlite320_mobilenet_v3_large  3x240x320     legacy17
detection     keypointrcnn_resnet50_fpn      3x240x320     legacy13
"""
SIZES = {  # heights and widths of a detector's or segmenter's data sets
    "segmentation": [(192, 256), (160, 120), (225, 301)],
    "detection": [(240, 320), (320, 213), (150, 150), (427, 640)],
}
SMALL = {"min_size": 320, "max_size": 512}  # detectors scale images to this


# ---- models of our own

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


def construct(group, name):
    if name in OWN:
        return OWN[name]()
    if group == "timm":
        return timm.create_model(name, pretrained=False)
    more = {"googlenet": {"aux_logits": False, "init_weights": False}, "inception_v3": {"init_weights": False}}.get(name, {})
    if group in ("detection", "segmentation"):
        more["weights_backbone"] = None
    if group == "detection" and not name.startswith("ssd"):
        more |= SMALL
    if "rcnn" in name:
        more["box_score_thresh"] = 0.02
    model = torchvision.models.get_model(name, weights=None, **more)
    return {"segmentation": Maps, "detection": Detections}.get(group, lambda model: model)(model)


# ---- inputs and weights

def noise(generator, *extents):
    """Structured noise: octaves of smooth noise, colours that go together, some rectangles; mean 0, deviation 1."""
    *rest, channels, height, width = extents if len(extents) < 5 else (*extents[:-4], *extents[-3:-2], extents[-4], *extents[-2:])
    count = math.prod(rest)
    x = torch.zeros(count, channels, height, width)
    for octave in range(2, 7):
        grid = torch.randn(count, channels, 2 ** octave, 2 ** octave, generator=generator)
        weight = (0.5 + torch.rand(count, 1, 1, 1, generator=generator)) / octave
        x += weight * F.interpolate(grid, (height, width), mode="bicubic")
    for image in x:
        for _ in range(6):
            top, left, high, wide = torch.rand(4, generator=generator).tolist()
            rows = slice(int(top * height), int((top + 0.1 + 0.4 * high) * height))
            columns = slice(int(left * width), int((left + 0.1 + 0.4 * wide) * width))
            image[:, rows, columns] += 2 * torch.randn(channels, 1, 1, generator=generator)
    x = torch.einsum("dc,nchw->ndhw", torch.eye(channels) + 0.5, x)
    x = (x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), keepdim=True)
    if len(extents) == 5:  # [N, C, D, H, W] from frames
        x = x.reshape(*rest, channels, height, width).transpose(1, 2).contiguous()
    return x.reshape(extents)


def image(generator, height, width):
    """What detectors expect: values from 0 to 1."""
    return torch.sigmoid(1.5 * noise(generator, 1, 3, height, width))[0]


def stir(model):
    """Draws anew what starts as a constant (unit scales, zero biases, layer scales near zero, zeroed heads) and widens
    the matrices that transformers start with, which would leave attention uniform and branches silent."""
    frozen = [m for m in model.modules() if isinstance(m, FrozenBatchNorm2d)]
    tensors = list(model.parameters()) + [t for m in frozen for t in (m.weight, m.bias)]
    with torch.no_grad():
        for tensor in tensors:
            low, high = float(tensor.min()), float(tensor.max())
            if low != high or abs(low) > 1:
                continue
            if low == 1:
                nn.init.uniform_(tensor, 0.6, 1.0)
            elif low != 0:
                nn.init.uniform_(tensor, 0.2, 0.5)
            else:
                nn.init.normal_(tensor, 0, 0.1 if tensor.dim() < 2 else tensor[0].numel() ** -0.5)
        for module in model.modules():
            if isinstance(module, nn.Linear) or hasattr(module, "in_proj_weight"):
                weight = module.weight if isinstance(module, nn.Linear) else module.in_proj_weight
                weight.mul_(max(1.0, weight.shape[1] ** -0.5 / float(weight.std())))


def settle(model, x):
    """One pass in which normalisations take the statistics of what they see; those called again keep the first."""
    done = set()

    def normalise(module, arguments):
        if module in done:
            return
        done.add(module)
        x = arguments[0]
        dims = [axis for axis in range(x.dim()) if axis != 1]
        variance = x.var(dims, unbiased=False)
        module.running_mean.copy_(x.mean(dims))
        module.running_var.copy_(variance.clamp_min(0.01 * float(variance.mean()) + 1e-6))

    hooks = [m.register_forward_pre_hook(normalise) for m in model.modules()
             if isinstance(m, (nn.modules.batchnorm._BatchNorm, FrozenBatchNorm2d))]
    model.eval()
    with torch.no_grad():
        model(x)
    for hook in hooks:
        hook.remove()


def spread(model, layer, mean, reach, feed):
    """Scales and shifts a layer so that each channel has `mean` over all of `feed` and is at most `reach` away."""
    module, seen = model.get_submodule(layer), []
    hook = module.register_forward_hook(lambda _, __, output: seen.append(output.transpose(0, 1).flatten(1)))
    with torch.no_grad():
        for x in feed:
            model(x)
        hook.remove()
        seen = torch.cat(seen, 1)
        middle = seen.mean(1)
        factor = reach / torch.maximum(seen.amax(1) - middle, middle - seen.amin(1)).clamp_min(1e-3)
        axis = 1 if isinstance(module, nn.ConvTranspose2d) else 0
        module.weight.mul_(factor.reshape([-1 if i == axis else 1 for i in range(module.weight.dim())]))
        module.bias.mul_(factor).sub_(middle * factor).add_(mean(len(middle)) if callable(mean) else mean)


def attenuate(model, x):
    """Takes from the last bias what is the same for all inputs, but for as much as they differ."""
    last = []
    hooks = [m.register_forward_hook(lambda module, _, output: last.append((module, output))) for m in model.modules()
             if isinstance(m, (nn.Linear, nn.Conv2d)) and m.bias is not None]
    with torch.no_grad():
        model(x)
        for hook in hooks:
            hook.remove()
        layer, output = last[-1]
        output = output.transpose(0, 1).flatten(1)
        mean = output.mean(1)
        layer.bias.sub_(mean * max(0.0, 1 - float(output.std(1).mean() / mean.std())))


def background(low):
    """Class means with class 0, the background, raised."""
    return lambda count: torch.cat([torch.tensor([low]), torch.linspace(-0.5, 0.5, count - 1)])


BOX = {"model.rpn.head.cls_logits": (0.0, 3.0), "model.rpn.head.bbox_pred": (0.0, 1.0),
       "model.roi_heads.box_predictor.cls_score": (background(1.0), 3.5),
       "model.roi_heads.box_predictor.bbox_pred": (0.0, 2.0)}
HEADS = {  # mean and reach of detectors' last layers
    "fasterrcnn_resnet50_fpn": BOX,
    "fasterrcnn_resnet50_fpn_v2": BOX | {"model.roi_heads.box_predictor.cls_score": (background(0.0), 5.0)},
    "maskrcnn_resnet50_fpn": BOX | {"model.roi_heads.mask_predictor.mask_fcn_logits": (0.0, 6.0)},
    "keypointrcnn_resnet50_fpn": BOX | {
        "model.roi_heads.box_predictor.cls_score": (0.0, 2.0),
        "model.roi_heads.keypoint_predictor.kps_score_lowres": (0.0, 6.0)},
    "retinanet_resnet50_fpn": {
        "model.head.classification_head.cls_logits": (-3.0, 2.2), "model.head.regression_head.bbox_reg": (0.0, 1.0)},
    "fcos_resnet50_fpn": {
        "model.head.classification_head.cls_logits": (-3.0, 4.0), "model.head.regression_head.bbox_reg": (1.5, 3.0),
        "model.head.regression_head.bbox_ctrness": (0.0, 3.0)},
    "ssdlite320_mobilenet_v3_large": {
        f"model.head.{part}_head.module_list.{level}.1": (0.0, reach)
        for level in range(6) for part, reach in (("classification", 0.6), ("regression", 1.5))},
}


# ---- cases

class Case:
    def __init__(self, group, model, extents, export):
        self.group, self.model = group, model
        self.extents = tuple(int(extent) for extent in extents.split("x"))
        self.exporter = export.rstrip("0123456789")
        self.opset = int(export[len(self.exporter):] or 0) or None
        self.name = f"{group}.{model}.{export}"
        self.sized = group in SIZES  # sizes of images are open

    def built(self):
        torch.manual_seed(0)
        model = construct(self.group, self.model)
        stir(model)
        generator = torch.Generator().manual_seed(7)
        if self.group == "detection":
            feed = [image(generator, *size) for size in (self.extents[1:], (256, 256), (400, 250))]
            settle(model, feed[0])
            for layer, (mean, reach) in HEADS[self.model].items():
                spread(model, layer, mean, reach, feed)
        else:
            x = noise(generator, 8, *self.extents)
            settle(model, x)
            if not self.sized:
                attenuate(model, x)
        return model

    def inputs(self):
        generator = torch.Generator().manual_seed(1)
        if self.group == "detection":
            return [image(generator, *size) for size in SIZES[self.group]]
        if self.sized:
            return [noise(generator, 1 + index % 2, 3, *size) for index, size in enumerate(SIZES[self.group])]
        return [noise(generator, batch, *self.extents) for batch in (2, 1)]

    def export(self, file):
        """Writes the model; the sample that traces it differs from all data sets."""
        generator = torch.Generator().manual_seed(2)
        timm.layers.set_fused_attn(self.exporter == "dynamo" or self.opset >= 14)  # older opsets cannot say it
        model = self.built()
        if self.group == "detection":
            x, axes = image(generator, 256, 352), {1: "H", 2: "W"}
        elif self.sized:
            x, axes = noise(generator, 2, 3, 176, 208), {0: "N", 2: "H", 3: "W"}
        else:
            x, axes = noise(generator, 2, *self.extents), {0: "N"}
        with torch.no_grad():
            sample = model(x)
        outputs = ["output"]
        if self.group == "detection":
            outputs = list(model.model([x])[0])
        more = {"opset_version": self.opset, "input_names": ["image" if self.group == "detection" else "input"],
                "output_names": outputs, "verbose": False}
        if self.exporter == "dynamo":
            more |= {"dynamo": True, "dynamic_shapes": (axes,), "optimize": True}
        else:
            open_axes = {more["input_names"][0]: axes}
            if self.group == "detection":
                open_axes |= {name: {0: "detections"} for name in outputs}
            else:
                open_axes |= {"output": axes}
            more |= {"dynamo": False, "dynamic_axes": open_axes}
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            torch.onnx.export(model, (x,), str(file), **more)
        QUANTISERS.get(self.model, lambda *_: None)(self, file)
        return sample

    def judge(self, runs):
        """Why these outputs would prove little, or None."""
        if self.group == "detection":
            for boxes in runs:
                labels, scores = (boxes[key] for key in ("labels", "scores"))
                if len(labels) < 12 or (len(set(labels.tolist())) < 4 and "keypoint" not in self.model):
                    return f"{len(labels)} detections of {len(set(labels.tolist()))} classes"
                if np.mean(scores > 0.99) > 0.05 or len(np.unique(scores)) < len(scores) / 2:
                    return f"saturated scores {scores[:5]}"
            return None
        if self.sized:
            inside = [run["output"].std(axis=(2, 3)).mean() / np.abs(run["output"]).max() for run in runs]
            return None if min(inside) > 0.02 else f"maps vary by {min(inside):.2g} of their maximum"
        rows = np.concatenate([run["output"] for run in runs])
        change = min(np.abs(a - b).max() / np.abs([a, b]).max() for i, a in enumerate(rows) for b in rows[:i])
        return None if change > 0.1 else f"outputs of two inputs differ by {change:.2g} of the maximum"

    def write(self, folder):
        file = folder / "model.onnx"
        folder.mkdir(parents=True)
        start = time.monotonic()
        self.export(file)
        exported = time.monotonic()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        key, names = session.get_inputs()[0].name, [output.name for output in session.get_outputs()]
        runs = []
        for number, x in enumerate(self.inputs()):
            runs.append(dict(zip(names, session.run(None, {key: x.numpy()}))))
            data = folder / f"test_data_set_{number}"
            data.mkdir()
            save(data / "input_0.pb", key, x.numpy())
            for index, (name, value) in enumerate(runs[-1].items()):
                save(data / f"output_{index}.pb", name, value)
        opsets = {entry.domain: entry.version for entry in onnx.load(file, load_external_data=False).opset_import}
        text = f"opset {opsets['']}, {exported - start:.0f} s to export"
        if self.group == "detection":
            text += ", detections " + " ".join(str(len(run["scores"])) for run in runs)
            text += f", scores to {max(float(run['scores'].max()) for run in runs):.2f}"
            text += f", classes {len(set(np.concatenate([run['labels'] for run in runs]).tolist()))}"
        else:
            text += f", max |output| {max(float(np.abs(run['output']).max()) for run in runs):.4g}"
        return text, self.judge(runs)


def save(file, name, value):
    file.write_bytes(numpy_helper.from_array(np.ascontiguousarray(value), name).SerializeToString())


class Samples(quantization.CalibrationDataReader):
    def __init__(self, case):
        generator = torch.Generator().manual_seed(3)
        self.batches = iter([{"input": noise(generator, 4, *case.extents).numpy()} for _ in range(2)])

    def get_next(self):
        return next(self.batches, None)


def quantise(layout, *operators):
    """The exported model quantised: QDQ or QOperator (only `operators`, if any are named), or dynamically (None)."""
    def apply(case, file):
        plain = file.with_name("float.onnx")
        file.rename(plain)
        if layout is None:
            quantization.quantize_dynamic(plain, file)
        else:
            quantization.quantize_static(
                plain, file, Samples(case), quant_format=layout, per_channel=True, op_types_to_quantize=list(operators) or None,
                activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8)
        plain.unlink()
    return apply


QUANTISERS = {
    "resnet18_qdq": quantise(quantization.QuantFormat.QDQ),
    "resnet18_qoperator": quantise(quantization.QuantFormat.QOperator, "Conv"),
    "vit_tiny_dynamic": quantise(None),
}


def cases():
    for line in TABLE.strip().splitlines():
        group, model, extents, *exports = line.split()
        for export in exports:
            yield Case(group, model, extents, export)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("names", nargs="*", default=["*"], metavar="CASE")
    parser.add_argument("--list", action="store_true", help="names only")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    chosen = [case for case in cases() if any(fnmatch.fnmatch(case.name, name) for name in arguments.names)]
    if not chosen:
        parser.error(f"no case {' '.join(arguments.names)}; --list prints them")
    if arguments.list:
        print("\n".join(case.name for case in chosen))
        return
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(arguments.threads)
    print(" ".join(f"{m.__name__} {m.__version__}" for m in (torch, torchvision, timm, onnx, onnxruntime)), flush=True)
    failures = 0
    for case in chosen:
        folder = arguments.out / case.name
        if folder.exists():
            continue
        partial = arguments.out / f"{case.name}.part"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            text, problem = case.write(partial)
        except Exception as error:  # an exporter's own trouble: the other cases are made all the same
            text, problem = "not made", f"{type(error).__name__}: {error}".strip().split("\n")[0]
        print(f"{case.name}: {text}" + (f" ERROR: {problem}" if problem else ""), flush=True)
        if problem:
            failures += 1
            continue
        partial.rename(folder)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
