"""The same losses in JAX and in PyTorch, each with its gradient, on the same arrays.

Importing this loads neither of the two: PyTorch is measured in a process without JAX, and may be
that of another Python.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

NAMES = ("resnet50", "separable_4d", "full_4d", "tps_warp")
MEAN, STDDEV = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


def arrays(name: str, *, toy: bool = False) -> tuple[np.ndarray, ...]:
    """What a loss is taken of. ResNet-50 has its parameters besides; a toy is ResNet-18."""
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
        return first, np.arange(examples)
    if name == "tps_warp":  # near the identity, with some of the picture outside
        return first, np.eye(2, 3, dtype=np.float32) + rest[0] / 10, rest[1] / 100
    return first, *(kernel / 20 for kernel in rest)


def jax_twin(name: str, precision: str = "float32", *, toy: bool = False) -> Any:
    """Our `Program`: value and gradient with respect to the parameters, or to all arrays."""
    import jax
    import jax.numpy as jnp

    from benchmarks.programs import Program

    data = [jnp.asarray(array) for array in arrays(name, toy=toy)]
    if name == "resnet50":
        loss, variables = jax_resnet("resnet18" if toy else "resnet50", data[0], precision)
        step = jax.jit(jax.value_and_grad(loss, has_aux=True))
        return Program(name, len(data[0]), step, (variables, *data))
    step = jax.jit(jax.value_and_grad(jax_loss(name), tuple(range(len(data)))))
    rounded = 1 if name == "tps_warp" else len(data)  # locations stay float32
    data = [array.astype(precision) for array in data[:rounded]] + data[rounded:]
    return Program(name, len(data[0]), step, tuple(data))


def jax_resnet(architecture: str, images: Any, precision: str) -> tuple[Callable, Any]:
    """Cross-entropy, (variables, images, labels) -> (loss, new statistics); its variables."""
    import jax
    import jax.numpy as jnp

    from c3jax.models.resnet import ResNet

    network = ResNet(architecture, stages=("logits",), normalization="batch")

    def loss(variables, images, labels):
        found, updated = network.apply(
            variables, images.astype(precision), train=True, mutable=["batch_stats"]
        )
        scores = jax.nn.log_softmax(found["logits"].astype(jnp.float32))
        return -jnp.take_along_axis(scores, labels[:, None], -1).mean(), updated

    return loss, jax.jit(network.init)(jax.random.key(0), images[:1])


def jax_loss(name: str) -> Callable:
    """The mean square of what a function gives."""
    import jax.numpy as jnp

    import c3jax

    def tps_warp(images, affine, weights):
        spline = c3jax.ThinPlateSpline(affine, weights)
        return c3jax.warp_image(images, spline, padding="reflect")

    functions: dict[str, Callable] = {
        "separable_4d": c3jax.separable_conv4d,
        "full_4d": c3jax.conv4d,
        "tps_warp": tps_warp,
    }
    return lambda *data: jnp.square(functions[name](*data).astype(jnp.float32)).mean()


def torch_twin(name: str, precision: str, device: str, *, toy: bool = False) -> tuple:
    """PyTorch's loss, its arguments, and what the gradient is taken of."""
    import torch

    data = [torch.as_tensor(array, device=device) for array in arrays(name, toy=toy)]
    dtype = getattr(torch, precision)
    if name == "resnet50":
        loss, network = torch_resnet("resnet18" if toy else "resnet50", dtype)
        return loss, data, list(network.to(device).parameters())
    rounded = 1 if name == "tps_warp" else len(data)
    data = [array.to(dtype) for array in data[:rounded]] + data[rounded:]
    data = [array.requires_grad_() for array in data]
    functions: dict[str, Callable] = {
        "separable_4d": separable_4d,
        "full_4d": full_4d,
        "tps_warp": tps_warp,
    }
    function = functions[name]
    return lambda *data: function(*data).float().square().mean(), data, data


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
    import time

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
    low, median, high = (float(x) for x in np.percentile(seconds[2:], (25, 50, 75)))
    return {
        "batch_size": len(data[0]),
        "milliseconds": 1e3 * median,
        "quartiles_ms": (1e3 * low, 1e3 * high),
        "images_per_s": len(data[0]) / median,
        "memory_mib": torch.cuda.max_memory_allocated() / 2**20 if cuda else None,
        "compile_s": seconds[0],
    }
