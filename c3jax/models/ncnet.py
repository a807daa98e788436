"""The baseline of semantic alignment: Neighbourhood Consensus Networks (NC-Net)."""

import math
from functools import partial

import flax.linen as nn
import jax
from jaxtyping import Array

from c3jax._checks import check_choice
from c3jax._shapes import Correlation, Source, Target
from c3jax.convolutions import conv4d
from c3jax.correlation import correlation_4d, mutual_matching
from c3jax.models.flow import in_chunks, symmetric
from c3jax.models.starts import STARTS, Init, block_inits

L2_EPSILON = 1e-6


def uniform_init(fan_in: int):
    """Initialiser of the public code, PyTorch's own of convolutions: U(-b, b), b = fan_in^-1/2."""

    def init(key: Array, shape: tuple[int, ...]) -> Array:
        # Drawn flat: the same values, but XLA:CPU takes ten times as long to compile 6-D draws.
        bound = fan_in**-0.5
        flat = jax.random.uniform(key, (math.prod(shape),), minval=-bound, maxval=bound)
        return flat.reshape(shape)

    return init


class NCNet(nn.Module):
    """Correlation of two feature maps filtered by full 4D convolutions, of [1].

    Mutual matching, `N(c) + N(c^T)^T`, mutual matching; N is a ReLU after each of the 4D
    convolutions. It takes the place of a `FlowModule`. As published it has the fields' defaults and
    features of ResNet-101 layer3 at 400x400; on a CPU kernels of 3 and channels (16, 1) at 240x240
    can be trained.

    Args (fields):
      channels: output channels of the layers; the last is 1.
      kernel_size: side of the kernels, in cells.
      use_bias: a bias in each layer.
      start: 'random' is that of the public code; 'gaussian', 'consensus' and 'normal' are those of
        the `FlowModule`.
      chunk: examples at a time, which bounds the memory; None is all at once.

    Returns:
      correlation `[b, hs, ws, ht, wt]`.

    References:
      [1] Rocco et al., "Neighbourhood Consensus Networks", 2018.
    """

    channels: tuple[int, ...] = (16, 16, 1)
    kernel_size: int = 5
    use_bias: bool = True
    start: str = "random"
    chunk: int | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.channels[-1:] != (1,):
            raise ValueError(f"channels must end with 1, got {self.channels}")
        check_choice("start", self.start, ("random", *STARTS))

    @nn.compact
    def __call__(self, source: Source, target: Target) -> Correlation:
        layers = self._layers()
        return in_chunks(partial(_refine, layers), source, target, chunk=self.chunk)

    def _layers(self) -> list[tuple[Array, Array | float]]:
        layers: list[tuple[Array, Array | float]] = []
        for layer, (kernel_init, bias_init) in enumerate(self._inits()):
            kernel = self.param(f"kernel_{layer}", kernel_init)
            bias = self.param(f"bias_{layer}", bias_init) if self.use_bias else 0.0
            layers.append((kernel, bias))
        return layers

    def _inits(self) -> list[tuple[Init, Init]]:
        """Initialisers of each layer's kernel and bias."""
        size, cins = self.kernel_size, (1, *self.channels[:-1])
        if self.start != "random":
            kernels = block_inits(self.channels, size, layers="full", start=self.start)
            biases = [partial(nn.initializers.zeros, shape=(cout,)) for cout in self.channels]
            return [(each["kernel"], bias) for each, bias in zip(kernels, biases, strict=True)]
        inits: list[tuple[Init, Init]] = []
        for cin, cout in zip(cins, self.channels, strict=True):
            init = uniform_init(size**4 * cin)
            kernel_init = partial(init, shape=(size, size, size, size, cin, cout))
            inits.append((kernel_init, partial(init, shape=(cout,))))
        return inits


def _refine(layers, source, target):
    correlation = correlation_4d(source, target, epsilon=L2_EPSILON)
    consensus = symmetric(partial(_consensus, layers), mutual_matching(correlation))
    return mutual_matching(consensus)


def _consensus(layers, correlation):
    volume = correlation[..., None]
    for kernel, bias in layers:
        volume = nn.relu(conv4d(volume, kernel) + bias)
    return volume[..., 0]
