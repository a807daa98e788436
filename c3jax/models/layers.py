"""Building blocks that the models share."""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax._conv2d import conv_general_dilated
from c3jax._shapes import Features, Images
from c3jax.correlation import l2_normalize

Initializer = Callable[..., Array]
BatchNorm = partial(nn.BatchNorm, momentum=0.9, epsilon=1e-5)


def normal(stddev: float | None) -> Initializer:
    """Initialiser of kernels `[h, w, in, out]`, N(0, stddev^2); None is He's sqrt(2 / (h w in))."""

    def init(key: Array, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
        scale = math.sqrt(2 / math.prod(shape[:-1])) if stddev is None else stddev
        # Drawn flat: the same values, but XLA:CPU takes ten times as long to compile 4-D draws.
        return scale * jax.random.normal(key, (math.prod(shape),), dtype).reshape(shape)

    return init


class ConvBlock(nn.Module):
    """Convolution, batch normalisation (optional), ReLU, in the dtype of the input.

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
    def __call__(self, inputs: Features, *, train: bool) -> Float[Array, "b h2 w2 {self.features}"]:
        pad = self.kernel_size // 2
        outputs = nn.Conv(
            self.features,
            (self.kernel_size, self.kernel_size),
            strides=self.stride,
            padding=pad,
            use_bias=not self.normalize,
            kernel_init=self.kernel_init,
            dtype=inputs.dtype,
            conv_general_dilated=conv_general_dilated,
            name="conv",
        )(inputs)
        if self.normalize:
            norm = BatchNorm(axis_name=self.axis_name, dtype=inputs.dtype, name="norm")
            outputs = norm(outputs, use_running_average=not train)
        return nn.relu(outputs)


def resize(maps: Features, shape: tuple[int, int]) -> Float[Array, "b h2 w2 c"]:
    """Bilinear resizing of `[b, h, w, c]` maps to `shape` (half-pixel centres)."""
    if maps.shape[1:3] == tuple(shape):
        return maps
    return jax.image.resize(maps, (maps.shape[0], *shape, maps.shape[3]), "bilinear")


def join_stages(
    stages: dict[str, Array], names: tuple[str, ...], *, normalize: bool = False
) -> Features:
    """Feature maps of several stages on the grid of the first, concatenated.

    Args:
      stages: `[b, h, w, c]` by stage, as of `ResNet`.
      names: of the stages that are joined.
      normalize: bring each to unit length in every cell, so that none outweighs the others.
    """
    _, height, width, _ = stages[names[0]].shape
    maps = [resize(stages[name], (height, width)) for name in names]
    return jnp.concatenate([l2_normalize(each) for each in maps] if normalize else maps, axis=-1)


def pool(maps: Features, cells: int) -> Features:
    """Average over `cells` x `cells` regions, spread out again to the grid of `maps`."""
    height, width = maps.shape[1:3]
    if height % cells or width % cells:
        raise ValueError(
            f"appearance_grid {cells} does not divide the feature map {height}x{width}"
        )
    region = (height // cells, width // cells)
    return resize(nn.avg_pool(maps, region, region), (height, width))


class Encoding(NamedTuple):
    """What the encoder says of a batch of images.

    Attributes:
      appearance: `a = E_a(f)`, `[b, h, w, channels]`.
      logits: raw pose maps before the bottleneck, `[b, h, w, K]`.
      landmarks: `[b, K, 2]`, (x, y) in [-1, 1].
      maps: `p`, Gaussian maps at the landmarks, `[b, h, w, K]`.
      flow_features: `f'`, `[b, h', w', channels]`.
    """

    appearance: Array
    logits: Array
    landmarks: Array
    maps: Array
    flow_features: Array


class Located(NamedTuple):
    """Landmarks of a batch of images, how unsure they are, and what tells one image from others.

    landmarks: `[b, K, 2]`, (x, y) in [-1, 1]; spread: `[b, K]`, as `c3jax.heatmap_spread` has it;
    features: those that landmarks are read from (IMM: of the pose encoder), averaged over the maps,
    `[b, c]`.
    """

    landmarks: Array
    spread: Array
    features: Array


def average_stages(stages: dict[str, Array], names: tuple[str, ...]) -> Float[Array, "b c"]:
    """Means of the feature maps of these stages, concatenated."""
    return jnp.concatenate([stages[name].mean((1, 2)) for name in names], axis=-1)


class Decoder(nn.Module):
    """Image decoder D (C3, appendix).

    Blocks of two convolutions; each block but the first works at twice the resolution (bilinear)
    and half the channels of the one before, from `channels` down to `min_channels`, up to
    `image_shape`. A last convolution without non-linearity gives the three colours, less mid-grey
    (0.5), which is added.

    Args (fields):
      image_shape: (height, width) of the images.
      channels, min_channels: of the first block, and the smallest.
      last_convolutions: convolutions of the last block, the colours not counted (IMM: 1).
      depth_to_space: r > 1 stops at 1 / r of the resolution, where the last convolution gives the
        colours of r x r pixels in each cell: no convolution runs at full resolution (beyond the
        papers). Its kernels start equal for the r x r, so that no checkerboard is painted.
    """

    computes_in_input_dtype = True  # in training, see `c3jax.training.precision`
    image_shape: tuple[int, int]
    channels: int = 256
    min_channels: int = 32
    last_convolutions: int = 2
    depth_to_space: int = 1
    axis_name: str | None = None
    kernel_init: Initializer = normal(None)

    @nn.compact
    def __call__(
        self, appearance: Float[Array, "b h w ca"], maps: Float[Array, "b h w k"], *, train: bool
    ) -> Float[Array, "b h2 w2 3"]:
        block = partial(ConvBlock, axis_name=self.axis_name, kernel_init=self.kernel_init)
        outputs = jnp.concatenate([appearance, maps], axis=-1)
        height, width = outputs.shape[1:3]
        channels, ratio = self.channels, self.depth_to_space
        if any(side % ratio for side in self.image_shape):
            raise ValueError(f"depth_to_space {ratio} does not divide {self.image_shape}")
        painted = tuple(side // ratio for side in self.image_shape)
        while True:
            last = (height, width) == painted
            for _ in range(self.last_convolutions if last else 2):
                outputs = block(channels)(outputs, train=train)
            if last:
                break
            height, width = map(min, (2 * height, 2 * width), painted)
            outputs = resize(outputs, (height, width))
            channels = max(channels // 2, self.min_channels)
        # Images lie in [0, 1]: starting at mid-grey spares the first steps.
        init = repeated(self.kernel_init, ratio**2)
        colors = nn.Conv(
            3 * ratio**2,
            (3, 3),
            kernel_init=init,
            conv_general_dilated=conv_general_dilated,
            name="colors",
        )(outputs)
        return 0.5 + spread_out(colors, ratio)


def repeated(init: Initializer, times: int) -> Initializer:
    """Initialiser of kernels `[h, w, in, times out]`: the same `out` kernels, `times` in a row."""

    def repeat(key: Array, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
        kernel = init(key, (*shape[:-1], shape[-1] // times), dtype)
        return jnp.tile(kernel, (1,) * (len(shape) - 1) + (times,))

    return repeat


def spread_out(maps: Float[Array, "b h w c"], ratio: int) -> Float[Array, "b h2 w2 c2"]:
    """Depth to space: `ratio` x `ratio` pixels of `c / ratio^2` channels from each cell.

    out[b, ratio i + m, ratio j + n, c] = maps[b, i, j, (ratio m + n) c2 + c]
    """
    batch, height, width, channels = maps.shape
    inner = channels // ratio**2
    maps = maps.reshape(batch, height, width, ratio, ratio, inner)
    return maps.transpose(0, 1, 3, 2, 4, 5).reshape(batch, ratio * height, ratio * width, inner)


class AppearancePose(nn.Module):
    """What C3 and IMM have in common: K landmarks, and images of an appearance and a pose.

    Args (fields):
      num_landmarks: K, how many.
      decoder_channels, min_decoder_channels: first and smallest width of D (256 and 32).
      image_shape: (height, width) of the decoded images.
      depth_to_space: of D, see `Decoder`.
      appearance_grid: None keeps the appearance map of the papers. A number pools it to so many
        cells a side, which keeps the decoder from copying the pose out of it.
      stddev: of the Gaussian maps, in [-1, 1] units (IMM's exp(-d^2 / 0.1^2) is 0.0707).
      temperature: of the soft-argmax.
      init_stddev: standard deviation of the normal initialisation (0.01 in C3); None is He's.
      axis_name: mapped axis that batch statistics are averaged over; None is per device.
    """

    num_landmarks: int = 10
    decoder_channels: int = 256
    min_decoder_channels: int = 32
    depth_to_space: int = 1
    image_shape: tuple[int, int] = (128, 128)
    appearance_grid: int | None = None
    stddev: float = 0.0707
    temperature: float = 1.0
    init_stddev: float | None = 0.01
    axis_name: str | None = None

    last_convolutions = 2  # of the decoder's last block

    def setup(self):
        blocks = self._blocks()
        self.pose_logits = nn.Conv(self.num_landmarks, (1, 1), kernel_init=blocks["kernel_init"])
        self.decoder = Decoder(
            self.image_shape,
            self.decoder_channels,
            self.min_decoder_channels,
            self.last_convolutions,
            self.depth_to_space,
            **blocks,
        )

    def _blocks(self):
        return {"axis_name": self.axis_name, "kernel_init": normal(self.init_stddev)}

    def _pooled(self, appearance):
        cells = self.appearance_grid
        return appearance if cells is None else pool(appearance, cells)

    def decode(
        self, appearance: Features, maps: Float[Array, "b h w k"], *, train: bool = False
    ) -> Images:
        """The image with this appearance and this pose, `I = D(a, p)` (C3 3.1)."""
        return self.decoder(appearance, maps, train=train)
