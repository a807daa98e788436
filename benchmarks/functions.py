"""Functions and losses that are measured, each with its gradient."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

import c3jax
from benchmarks import twins
from benchmarks.measure import Program
from c3jax.models.flow import FlowModule
from c3jax.models.resnet import ResNet


def bottleneck(logits):
    return c3jax.landmark_bottleneck(logits, stddev=0.0707)[1]


def block_4d(source, target):
    flow, cell = FlowModule(), jnp.zeros((1, 1, 1, 1))
    with jax.ensure_compile_time_eval():
        kernels = jax.jit(flow.init)(jax.random.key(0), cell, cell)
    kernels = jax.tree.map(lambda kernel: kernel.astype(source.dtype), kernels)
    return flow.apply(kernels, source, target)


def tps_warp(images):
    random_warp = functools.partial(
        c3jax.random_warp,
        rotation_stddev=5.0,
        scale_stddev=0.1,
        translation_stddev=0.1,
        warp_stddevs=(0.001, 0.01),
    )
    splines = jax.vmap(random_warp)(jax.random.split(jax.random.key(0), len(images)))
    return c3jax.warp_image(images, splines, padding="reflect")


# With the shapes of one example of the presets `paper`.
FUNCTIONS: dict[str, tuple[Callable, list[tuple[int, ...]]]] = {
    "bottleneck": (bottleneck, [(16, 16, 10)]),
    "block_4d": (block_4d, [(16, 16, 1024)] * 2),
    "tps_warp": (tps_warp, [(128, 128, 3)]),
    "local_correlation": (
        functools.partial(c3jax.local_correlation, radius=5),
        [(32, 32, 256)] * 2,
    ),
}
# The same as `twins.torch_twin` has in PyTorch, on its arrays.
TWINS: dict[str, Callable] = {
    "separable_4d": c3jax.separable_conv4d,
    "full_4d": c3jax.conv4d,
    "tps_warp": lambda images, *spline: c3jax.warp_image(
        images, c3jax.ThinPlateSpline(*spline), padding="reflect"
    ),
}


def function_program(name: str, batch_size: int, precision: str) -> Program:
    """A function of the library, at the sizes of C3's and JLAD's recipes."""
    function, shapes = FUNCTIONS[name.removeprefix("function/")]
    key = jax.random.key(0)
    arrays = [jax.random.uniform(key, (batch_size, *shape)).astype(precision) for shape in shapes]
    return _with_gradient(name, function, arrays)


def twin_program(name: str, precision: str = "float32", *, toy: bool = False) -> Program:
    """What `twins.torch_twin` is in PyTorch, on the same arrays."""
    values, kept = jax.tree.map(jnp.asarray, twins.arrays(name, toy=toy))
    if name == "resnet50":
        return _resnet("resnet18" if toy else "resnet50", values + kept, precision)
    values = [value.astype(precision) for value in values]
    return _with_gradient(name, TWINS[name], values + kept)


def _with_gradient(name: str, function: Callable, arrays: list[jax.Array]) -> Program:
    """The mean square of what a function gives, and its gradient with respect to all arrays."""

    def loss(*arrays):
        return jnp.square(function(*arrays).astype(jnp.float32)).mean()

    step = jax.jit(jax.value_and_grad(loss, tuple(range(len(arrays)))))
    return Program(name, len(arrays[0]), step, tuple(arrays))


def _resnet(architecture: str, data: list[jax.Array], precision: str) -> Program:
    """Cross-entropy and new batch statistics, and the gradient with respect to the parameters."""
    network = ResNet(architecture, stages=("logits",), normalization="batch")

    def loss(variables, images, labels):
        found, updated = network.apply(
            variables, images.astype(precision), train=True, mutable=["batch_stats"]
        )
        scores = jax.nn.log_softmax(found["logits"].astype(jnp.float32))
        return -jnp.take_along_axis(scores, labels[:, None], -1).mean(), updated

    variables = jax.jit(network.init)(jax.random.key(0), data[0][:1])
    step = jax.jit(jax.value_and_grad(loss, has_aux=True))
    return Program("resnet50", len(data[0]), step, (variables, *data))
