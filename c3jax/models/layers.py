"""Building blocks that the models share."""

import math
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Initializer = Callable[..., Array]


def normal(stddev: float | None) -> Initializer:
    """Initialiser of kernels `[h, w, in, out]`, N(0, stddev^2); None is He's sqrt(2 / (h w in))."""

    def init(key: Array, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
        scale = math.sqrt(2 / math.prod(shape[:-1])) if stddev is None else stddev
        # Drawn flat: the same values, but XLA:CPU takes ten times as long to compile 4-D draws.
        return scale * jax.random.normal(key, (math.prod(shape),), dtype).reshape(shape)

    return init


class ConvBlock(nn.Module):
    """Convolution, batch normalisation (optional), ReLU.

    Args (fields):
      features: output channels.
      kernel_size: side of the square kernel.
      stride: spatial stride.
      normalize: batch normalisation between convolution and ReLU, statistics per device unless
        `axis_name` names a mapped axis to average them over.
      kernel_init: initialiser of the kernel.
    """

    features: int
    kernel_size: int = 3
    stride: int = 1
    normalize: bool = True
    axis_name: str | None = None
    kernel_init: Initializer = normal(None)

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "b h w c"], *, train: bool
    ) -> Float[Array, "b h2 w2 {self.features}"]:
        pad = self.kernel_size // 2
        outputs = nn.Conv(
            self.features,
            (self.kernel_size, self.kernel_size),
            strides=self.stride,
            padding=pad,
            use_bias=not self.normalize,
            kernel_init=self.kernel_init,
            name="conv",
        )(inputs)
        if self.normalize:
            outputs = nn.BatchNorm(
                use_running_average=not train,
                momentum=0.9,
                epsilon=1e-5,
                axis_name=self.axis_name,
                name="norm",
            )(outputs)
        return nn.relu(outputs)


def resize(maps: Float[Array, "b h w c"], shape: tuple[int, int]) -> Float[Array, "b h2 w2 c"]:
    """Bilinear resizing of `[b, h, w, c]` maps to `shape` (half-pixel centres)."""
    if maps.shape[1:3] == tuple(shape):
        return maps
    return jax.image.resize(maps, (maps.shape[0], *shape, maps.shape[3]), "bilinear")
