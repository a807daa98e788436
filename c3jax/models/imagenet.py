"""What the ImageNet networks share: convolution, frozen batch normalisation, pooling, colours.

All compute in the dtype of their input, which is `[batch, height, width, channels]`.
"""

import math
from functools import reduce

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax._shapes import Features

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def he_normal(key, shape, dtype=jnp.float32):
    """Normal values of variance 2 / (h w out) for a kernel `[h, w, in, out]`."""
    # Drawn flat: the same values, but XLA:CPU takes ten times as long to compile 4-D draws.
    values = jax.random.normal(key, (math.prod(shape),), dtype).reshape(shape)
    return math.sqrt(2 / (shape[0] * shape[1] * shape[3])) * values


class Convolution(nn.Module):
    """2-D convolution with torchvision's padding, `dilation * (size // 2)` zeros on every side.

    TensorFlow's `SAME`, which is flax's, pads a strided convolution on other sides.

    Args (fields):
      features: output channels.
      size: side of the square kernel.
      stride: step of the window, in cells.
      dilation: distance of the kernel's taps, in cells.
      use_bias: whether a bias is added.
      same: whether to pad as TensorFlow does.
      trainable: if not, kernel and bias get no gradient (the input still does).
    """

    features: int
    size: int
    stride: int = 1
    dilation: int = 1
    use_bias: bool = False
    trainable: bool = True
    same: bool = False

    @nn.compact
    def __call__(self, x: Features) -> Float[Array, "b y x {self.features}"]:
        shape = (self.size, self.size, x.shape[-1], self.features)
        parameters = [self.param("kernel", he_normal, shape)]
        if self.use_bias:
            parameters.append(self.param("bias", nn.initializers.zeros, (self.features,)))
        if not self.trainable:
            parameters = jax.lax.stop_gradient(parameters)
        kernel, *bias = (p.astype(x.dtype) for p in parameters)
        y = convolve(x, kernel, stride=self.stride, dilation=self.dilation, same=self.same)
        return y + bias[0] if bias else y


class FrozenBatchNorm(nn.Module):
    """Batch normalisation as a fixed affine map: scale (x - mean) / sqrt(var + epsilon) + bias.

    Its variables have the names of `flax.linen.BatchNorm`, so one tree serves both; none of them
    is learned or updated.
    """

    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Features) -> Features:
        shape = (x.shape[-1],)
        scale = self.param("scale", nn.initializers.ones, shape)
        bias = self.param("bias", nn.initializers.zeros, shape)
        mean = self.variable("batch_stats", "mean", jnp.zeros, shape).value
        var = self.variable("batch_stats", "var", jnp.ones, shape).value
        # Folded in the precision of the parameters, so that a bfloat16 input costs one rounding.
        slope = scale * jax.lax.rsqrt(var + self.epsilon)
        slope, offset = jax.lax.stop_gradient((slope, bias - slope * mean))
        return x * slope.astype(x.dtype) + offset.astype(x.dtype)


def convolve(x, kernel, *, stride=1, dilation=1, same=False):
    """Cross-correlation of NHWC `x` and an HWIO `kernel`.

    `dilation * (size // 2)` zeros stand around, or as many as TensorFlow puts (`same`).
    """
    around = [(dilation * (size // 2),) * 2 for size in kernel.shape[:2]]
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(stride, stride),
        padding="SAME" if same else around,
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def max_pool(x, *, size, padding):
    """Maximum over `size` x `size` windows at stride 2, with -inf around.

    Written as maxima of shifted slices, rows then columns: the gradient of XLA's windowed maximum
    does not compile under the deterministic-ops flag on GPU, and is slow on CPU.
    """
    pads = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    x = jnp.pad(x, pads, constant_values=-jnp.inf)
    for axis in (1, 2):
        span = 2 * ((x.shape[axis] - size) // 2) + 1
        shifted = (jax.lax.slice_in_dim(x, i, i + span, 2, axis) for i in range(size))
        x = reduce(jnp.maximum, shifted)
    return x


def normalize_colors(images):
    """(images - mean) / standard deviation of ImageNet, per channel of RGB in [0, 1]."""
    return (images - jnp.asarray(MEAN, images.dtype)) / jnp.asarray(STD, images.dtype)


def check_images(images):
    """Raises ValueError unless `images` is a floating `[*batch, height, width, 3]`."""
    if images.ndim < 3 or images.shape[-1] != 3:
        raise ValueError(f"images must be [*batch, height, width, 3], got shape {images.shape}")
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise ValueError(
            f"images must be floating and in [0, 1], got dtype {images.dtype}: divide by 255"
        )


def check_taps(field, taps, known):
    """Raises ValueError unless `taps` is a sequence of at least one of the `known` names."""
    if isinstance(taps, str) or not taps or any(tap not in known for tap in taps):
        raise ValueError(f"{field} must be a tuple of names out of {known}, got {taps!r}")
