"""Losses in PyTorch, on the arrays of those in JAX (`benchmarks.functions`).

Importing this loads neither of the two: PyTorch is measured in a process without JAX, and may be
that of another Python.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.table import timing

NAMES = ("resnet50", "separable_4d", "full_4d", "tps_warp")
MEAN, STDDEV = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


def arrays(name: str, *, toy: bool = False) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What a loss is taken of, and what keeps its dtype in any precision: labels and locations.

    ResNet-50 has its parameters besides; a toy is ResNet-18.
    """
    draw = np.random.default_rng(0).standard_normal
    examples, size = (4, 32) if toy else (64, 128)
    pairs, cells, channels, kernel = (1, 6, 4, 3) if toy else (4, 25, 16, 5)
    volume = (pairs, *[cells] * 4, channels)
    shapes: dict[str, list[tuple[int, ...]]] = {
        "resnet50": [(examples, size, size, 3)],
        "separable_4d": [volume, *[(kernel, kernel, channels, channels)] * 2],
        "full_4d": [volume, (*[kernel] * 4, channels, channels)],
        "tps_warp": [(examples, size, size, 3), (examples, 2, 3), (examples, 25, 2)],
    }
    first, *rest = (draw(shape).astype(np.float32) for shape in shapes[name])
    if name == "resnet50":
        return [first], [np.arange(examples)]
    if name == "tps_warp":  # near the identity, with some of the picture outside
        return [first], [np.eye(2, 3, dtype=np.float32) + rest[0] / 10, rest[1] / 100]
    return [first, *(kernel / 20 for kernel in rest)], []


def torch_twin(name: str, precision: str, device: str, *, toy: bool = False) -> tuple:
    """PyTorch's loss, its arguments, and what the gradient is taken of."""
    import torch

    values, kept = (
        [torch.as_tensor(array, device=device) for array in part] for part in arrays(name, toy=toy)
    )
    dtype = getattr(torch, precision)
    if name == "resnet50":
        loss, network = torch_resnet("resnet18" if toy else "resnet50", dtype)
        return loss, values + kept, list(network.to(device).parameters())
    values = [value.to(dtype) for value in values]
    data = [array.requires_grad_() for array in values + kept]
    functions: Any = {"separable_4d": separable_4d, "full_4d": full_4d, "tps_warp": tps_warp}
    return lambda *data: functions[name](*data).float().square().mean(), data, data


def torch_resnet(architecture: str, dtype: Any) -> tuple[Callable, Any]:
    """torchvision's network, channels last, in autocast; (images, labels) -> loss, the network."""
    import torch
    import torchvision

    network = getattr(torchvision.models, architecture)().to(memory_format=torch.channels_last)

    def loss(images, labels):
        mean, stddev = (images.new_tensor(numbers) for numbers in (MEAN, STDDEV))
        maps = ((images - mean) / stddev).permute(0, 3, 1, 2)
        with torch.autocast(images.device.type, dtype, enabled=dtype == torch.bfloat16):
            scores = network(maps)
        return torch.nn.functional.cross_entropy(scores.float(), labels)

    return loss, network


def separable_4d(volume, kernel_source, kernel_target):
    """`c3jax.separable_conv4d` of `[b, hs, ws, ht, wt, c]`: two 2D convolutions and transposes."""
    b, hs, ws, ht, wt, _ = volume.shape
    maps = _conv2d(volume.flatten(0, 2), kernel_target)
    maps = maps.reshape(b, hs * ws, ht * wt, -1).transpose(1, 2)
    maps = _conv2d(maps.reshape(b * ht * wt, hs, ws, -1), kernel_source)
    return maps.reshape(b, ht * wt, hs * ws, -1).transpose(1, 2).reshape(b, hs, ws, ht, wt, -1)


def _conv2d(maps, kernel):
    """NHWC by HWIO; a permuted NHWC array is what PyTorch calls channels last."""
    from torch.nn.functional import conv2d

    maps, kernel = maps.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1)
    return conv2d(maps, kernel, padding=kernel.shape[-1] // 2).permute(0, 2, 3, 1)


def full_4d(volume, kernel):
    """`c3jax.conv4d`: a 3D convolution for each row of the kernel, added at their places."""
    from torch.nn.functional import conv3d, pad

    (b, hs), half = volume.shape[:2], len(kernel) // 2

    def row(by):
        part = volume[:, max(0, by) : hs + min(0, by)].flatten(0, 1).permute(0, 4, 1, 2, 3)
        part = conv3d(part, kernel[by + half].permute(4, 3, 0, 1, 2), padding=half)
        part = part.permute(0, 2, 3, 4, 1).unflatten(0, (b, -1))
        return pad(part, [0] * 8 + [max(0, -by), max(0, by)])

    return sum(row(by) for by in range(-half, half + 1))


def tps_warp(images, affine, weights):
    """`c3jax.warp_image`, mirrored at the border: locations by one product, then `grid_sample`."""
    import torch
    from torch.nn.functional import grid_sample

    def grid(height, width):
        axes = [torch.linspace(-1, 1, n, device=images.device) for n in (height, width)]
        return torch.stack(torch.meshgrid(*axes, indexing="ij")[::-1], -1).reshape(-1, 2)

    n, height, width, _ = images.shape
    side = round(weights.shape[1] ** 0.5)
    points = grid(height, width)
    squared = (points[:, None] - grid(side, side)).square().sum(-1)
    basis = torch.cat([torch.xlogy(squared, squared), points, torch.ones_like(points[:, :1])], -1)
    places = basis @ torch.cat([weights, affine.transpose(1, 2)], 1)
    warped = grid_sample(
        images.permute(0, 3, 1, 2).float(),  # as autocast has it
        places.reshape(n, height, width, 2),
        padding_mode="reflection",
        align_corners=True,
    )
    return warped.permute(0, 2, 3, 1).to(images.dtype)


def measure_torch(
    name: str, precision: str, *, compiled: bool, toy: bool, repeats: int
) -> dict[str, Any]:
    """Milliseconds of loss and gradient in PyTorch, eager or compiled."""
    import torch

    cuda = torch.cuda.is_available()
    torch.set_float32_matmul_precision("high")  # TF32, which JAX takes too
    torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    torch.compiler.reset()
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    loss, data, learned = torch_twin(name, precision, "cuda" if cuda else "cpu", toy=toy)
    if compiled:
        loss = torch.compile(loss, backend="aot_eager" if toy else "inductor")
    seconds = []
    for _ in range(repeats + 2):  # the first compiles, the second may again
        start = time.perf_counter()
        torch.autograd.grad(loss(*data), learned)
        if cuda:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return {
        **timing(seconds[2:], len(data[0])),
        "memory_mib": torch.cuda.max_memory_allocated() / 2**20 if cuda else None,
        "compile_s": seconds[0],
    }
