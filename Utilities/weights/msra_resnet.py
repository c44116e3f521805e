"""Turns MSRA's ImageNet weights of a ResNet, as detectron2 publishes them, into a file that `init` of a recipe takes.

msra_resnet.py R-50.pkl weights/msra-r50.safetensors

R-50.pkl (ImageNetPretrained/MSRA of detectron2's model zoo) has Caffe2's names: conv1_w, res_conv1_bn_s, res2_0_branch2a_w,
res2_0_branch2a_bn_b, res2_0_branch1_w, fc1000_w; batch normalisations are a scale and a bias. They become torchvision's names;
running means are 0, variances 1 - epsilon, so that a batch normalisation is its scale and bias again. Not taken, as by detectron2:
conv1_b, momenta. Inputs stay BGR, strides are in the first 1x1 convolution of a block. Python alone; nothing in the pickle is run.
"""
import argparse
import json
import pickle
import re
import struct
import sys
from array import array
from collections import OrderedDict


class DType:
    def __init__(self, code, *_):
        self.code, self.order = code, "<"

    def __setstate__(self, state):
        self.order = state[1]


class NDArray:
    """What numpy.ndarray pickles of itself."""

    def __setstate__(self, state):
        _, self.shape, self.dtype, self.is_fortran, data = state
        self.data = data.encode("latin1") if isinstance(data, str) else bytes(data)

    def floats(self, name):
        kinds = {"f4": "f", "f8": "d"}
        if self.dtype.code not in kinds or self.is_fortran or self.dtype.order == ">":
            sys.exit(f"{name}: {self.dtype.order}{self.dtype.code}, expected little-endian floats, row by row")
        values = array(kinds[self.dtype.code])
        values.frombytes(self.data)
        count = 1
        for side in self.shape:
            count *= side
        if len(values) != count:
            sys.exit(f"{name}: {len(values)} values, expected {count} of shape {list(self.shape)}")
        return values if values.typecode == "f" else array("f", values)


class Unpickler(pickle.Unpickler):
    ALLOWED = {
        "_reconstruct": lambda *_: NDArray(), "ndarray": NDArray, "dtype": DType, "OrderedDict": OrderedDict,
        "encode": lambda text, encoding: text.encode(encoding),
    }

    def find_class(self, module, name):
        if module.split(".")[0] in ("numpy", "_codecs", "collections") and name in self.ALLOWED:
            return self.ALLOWED[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not of weights")


def torchvision(name):
    """torchvision's name of Caffe2's; None: not taken."""
    if name.endswith("_momentum") or name in ("conv1_b", "lr", "weight_order"):
        return None
    name = {"conv1_w": "conv1.weight", "res_conv1_bn_s": "bn1.weight", "res_conv1_bn_b": "bn1.bias",
            "fc1000_w": "fc.weight", "fc1000_b": "fc.bias"}.get(name, name)
    found = re.fullmatch(r"res([2-5])_(\d+)_branch(1|2[abc])_(w|bn_s|bn_b)", name)
    if not found:
        return name if "." in name else sys.exit(f"'{name}' is no name of a ResNet's weights")
    stage, block, branch, part = found.groups()
    if branch == "1":
        layer = "downsample.0" if part == "w" else "downsample.1"
    else:
        layer = ("conv" if part == "w" else "bn") + str("abc".index(branch[1]) + 1)
    return f"layer{int(stage) - 1}.{block}.{layer}." + ("bias" if part == "bn_b" else "weight")


def converted(blobs, epsilon):
    """Names to (shape, values)."""
    result = {}
    for name, blob in blobs.items():
        new = torchvision(name)
        if new is None:
            continue
        result[new] = (list(blob.shape), blob.floats(name))
        if name.endswith("_bn_s"):
            layer, count = new[: -len("weight")], len(result[new][1])
            result[layer + "running_mean"] = ([count], array("f", [0.0]) * count)
            result[layer + "running_var"] = ([count], array("f", [1.0 - epsilon]) * count)
    return result


def write(path, tensors):
    header, start = {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(tensors):
        shape, values = tensors[name]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, start + 4 * len(values)]}
        start += 4 * len(values)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            file.write(tensors[name][1].tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pickle")
    parser.add_argument("safetensors")
    parser.add_argument("--epsilon", type=float, default=1e-5, help="of the network's batch normalisations (1e-5)")
    arguments = parser.parse_args()
    with open(arguments.pickle, "rb") as file:
        blobs = Unpickler(file, encoding="latin1").load()
    blobs = blobs.get("blobs", blobs)
    tensors = converted(blobs, arguments.epsilon)
    if "conv1.weight" not in tensors:
        sys.exit(f"no conv1_w in {arguments.pickle}: its names begin with {', '.join(list(blobs)[:5])}")
    write(arguments.safetensors, tensors)
    print(f"{len(tensors)} tensors in {arguments.safetensors}")


if __name__ == "__main__":
    main()
