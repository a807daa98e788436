"""Building blocks that the models share."""

from collections.abc import Callable

import flax.linen as nn
import jax
from jaxtyping import Array, Float

Initializer = Callable[..., Array]


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
    kernel_init: Initializer = nn.initializers.he_normal()

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
