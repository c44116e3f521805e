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

from agreement_models import construct
from agreement_weights import HEADS, attenuate, image, noise, settle, spread, stir

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
video         r3d_18                         3x16x112x112  legacy17@large
video         resnext3d                      3x8x64x64     legacy13 dynamo
quantised     resnet18_qdq                   3x224x224     legacy17
quantised     resnet18_qoperator             3x224x224     legacy17
quantised     vit_tiny_dynamic               3x224x224     legacy17
segmentation  fcn_resnet50                   3x192x256     legacy11 dynamo
segmentation  deeplabv3_resnet50             3x192x256     legacy13 dynamo
segmentation  lraspp_mobilenet_v3_large      3x192x256     legacy17 dynamo
detection     fasterrcnn_resnet50_fpn        3x240x320     legacy11 legacy17
detection     fasterrcnn_resnet50_fpn        3x800x1088    legacy17@large
detection     maskrcnn_resnet50_fpn          3x800x1088    legacy17@large
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


class Case:
    def __init__(self, group, model, extents, export):
        self.group, self.model = group, model
        self.extents = tuple(int(extent) for extent in extents.split("x"))
        export_only, _, tag = export.partition("@")
        self.exporter = export_only.rstrip("0123456789")
        self.opset = int(export_only[len(self.exporter):] or 0) or None
        self.large = tag == "large"  # of the size that the models are used at, for timing
        self.name = f"{group}.{model}.{export}"
        self.sized = group in SIZES  # sizes of images are open

    def built(self):
        torch.manual_seed(0)
        model = construct(self.group, self.model, self.large)
        stir(model)
        generator = torch.Generator().manual_seed(7)
        if self.group == "detection":
            sizes = [self.extents[1:]] if self.large else [self.extents[1:], (256, 256), (400, 250)]
            feed = [image(generator, *size) for size in sizes]
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
            return [image(generator, *size) for size in ([self.extents[1:]] if self.large else SIZES[self.group])]
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
