"""Inputs and weights for agreement.py: structured noise, and random weights that make outputs depend on it."""

import math

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.ops import FrozenBatchNorm2d


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
