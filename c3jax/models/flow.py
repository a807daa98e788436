"""The cross-image flow module: correlation, mutual matching, separable 4D convolutions."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax.convolutions import gaussian_kernel, separable_conv4d
from c3jax.correlation import correlation_4d, mutual_matching, transpose_volume
from c3jax.models.layers import normal


def smoothing_init(stddev: float, noise: float = 0.02) -> Callable[..., Array]:
    """Initialiser of a `[k, k, cin, cout]` kernel that averages the channels.

    Spatially a Gaussian of `stddev` cells (a centre impulse at 0), plus relative normal noise that
    tells the channels apart. A block made of one such Gaussian and impulses starts as the
    separable Gaussian smoothing of the correlation.
    """

    def init(key: Array, shape: tuple[int, int, int, int], dtype=jnp.float32) -> Array:
        size, _, cin, _ = shape
        profile = (
            gaussian_kernel(size, stddev=stddev)
            if stddev > 0
            else jnp.zeros((size, size)).at[size // 2, size // 2].set(1.0)
        )
        perturbation = 1 + normal(noise)(key, shape) if max(shape[2:]) > 1 else 1.0
        return (profile[:, :, None, None] / cin * perturbation * jnp.ones(shape)).astype(dtype)

    return init


class FlowModule(nn.Module):
    """Refined correlation between two feature maps, Eq. 3 of [1].

    `C_hat = W1 * (W2 * C)`: each layer filters the target side (W2), applies the activation and
    filters the source side (W1). With `channels=(1,)` and `linear=True` it is the single linear
    layer of Eq. 3. The block is symmetric, `N(c) + N(c^T)^T`, so that swapping the images
    transposes the result, and mutual matching (NC-Net) stands before and after it.

    Args (fields):
      channels: output channels of the layers; the last is 1.
      kernel_size: side of the kernels, in cells.
      linear: no activation inside or after the layers.
      stddev: standard deviation in cells of the Gaussian that the block starts as.

    Returns:
      correlation `[b, hs, ws, ht, wt]`.

    References:
      [1] Unsupervised Landmark Learning from Unpaired Data (C3), 3.2.
    """

    channels: tuple[int, ...] = (16, 16, 1)
    kernel_size: int = 5
    linear: bool = False
    stddev: float = 1.0

    @nn.compact
    def __call__(
        self, source: Float[Array, "b hs ws c"], target: Float[Array, "b ht wt c"]
    ) -> Float[Array, "b hs ws ht wt"]:
        if self.channels[-1] != 1:
            raise ValueError(f"channels must end with 1, got {self.channels}")
        kernels = self._kernels()
        correlation = mutual_matching(correlation_4d(source, target))

        def block(volume: Array) -> Array:
            volume = volume[..., None]
            for kernel_source, kernel_target in kernels:
                activation = None if self.linear else nn.relu
                volume = separable_conv4d(
                    volume, kernel_source, kernel_target, activation=activation
                )
                volume = volume if self.linear else nn.relu(volume)
            return volume[..., 0]

        refined = block(correlation) + transpose_volume(block(transpose_volume(correlation)))
        return mutual_matching(refined)

    def _kernels(self) -> list[tuple[Array, Array]]:
        size, kernels, cin = self.kernel_size, [], 1
        for layer, cout in enumerate(self.channels):
            init = smoothing_init(self.stddev if layer == 0 else 0.0)
            kernels.append(
                (
                    self.param(f"kernel_source_{layer}", init, (size, size, cout, cout)),
                    self.param(f"kernel_target_{layer}", init, (size, size, cin, cout)),
                )
            )
            cin = cout
        return kernels
