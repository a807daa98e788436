"""The cross-image flow module: correlation, mutual matching, 4D convolutions."""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from c3jax._checks import check_choice, check_not_negative
from c3jax._shapes import Correlation, Source, Target
from c3jax.convolutions import centre_pivot_conv4d, conv4d, folded_correlation, separable_conv4d
from c3jax.correlation import correlation_4d, mutual_matching, transpose_volume
from c3jax.models.starts import STARTS, block_inits

LAYERS = ("separable", "centre_pivot", "full")


def symmetric(block: Callable[[Array], Array], correlation: Array) -> Array:
    """`N(c) + N(c^T)^T`: exchanging the images transposes it, whatever N is."""
    return block(correlation) + transpose_volume(block(transpose_volume(correlation)))


def in_chunks(function: Callable[..., Array], *arrays: Array, chunk: int | None) -> Array:
    """`function(*arrays)`, examples apart from each other, `chunk` of them at a time (None: all).

    Memory is that of one chunk: the gradient computes a chunk again instead of keeping it.
    """
    if chunk is None:
        return function(*arrays)
    if chunk < 1:
        raise ValueError(f"chunk must be a number of examples from 1 on, got {chunk}")
    whole = len(arrays[0]) // chunk * chunk
    chunks = [array[:whole].reshape(-1, chunk, *array.shape[1:]) for array in arrays]
    again = jax.checkpoint(function, prevent_cse=False)
    out = lax.map(lambda parts: again(*parts), chunks)
    out = out.reshape(whole, *out.shape[2:])
    if whole == len(arrays[0]):
        return out
    return jnp.concatenate([out, function(*(array[whole:] for array in arrays))])


class FlowModule(nn.Module):
    """Refined correlation between two feature maps, Eq. 3 of [1].

    `C_hat = W1 * (W2 * C)`: each layer filters the target side (W2), applies the activation and
    filters the source side (W1). The block is symmetric, `N(c) + N(c^T)^T`, so that swapping the
    images transposes the result, and mutual matching (NC-Net) stands before and after it. Eq. 3 to
    the letter is `channels=(1,), linear=True, mutual=False, symmetric=False`, and `start='normal'`.

    Args (fields):
      channels: output channels of the layers; the last is 1.
      kernel_size: side of the kernels, in cells.
      linear: no activation inside or after the layers.
      start: what the block is before training: 'gaussian', a separable smoothing of the
        correlation; 'consensus', which adds up matches of neighbours (`consensus_kernels`); or
        'normal', all values from N(0, stddev^2).
      stddev: standard deviation of the start's Gaussian in cells; None is 1, of 'consensus' 1.5;
        of 'normal' that of the values, None is 0.01.
      layers: 'separable' (W1 after W2), 'centre_pivot' (W1 beside W2, their sum) or 'full' (one
        4D convolution, k^2 / 2 times the work).
      negative_slope: of a leaky ReLU, so that no output dies; mutual matching then sees small
        negative scores.
      mutual: mutual matching before and after; without it the single linear layer filters the
        features instead of a volume (`folded_correlation`), which is exact.
      symmetric: the sum of both orders of the images; without it the block alone, `N(c)`.
      chunk: examples at a time, which bounds the memory; None is all at once.

    Returns:
      correlation `[b, hs, ws, ht, wt]`.

    References:
      [1] Unsupervised Landmark Learning from Unpaired Data (C3), 3.2.
    """

    channels: tuple[int, ...] = (16, 16, 1)
    kernel_size: int = 5
    linear: bool = False
    start: str = "gaussian"
    stddev: float | None = None
    layers: str = "separable"
    negative_slope: float = 0.0
    mutual: bool = True
    symmetric: bool = True
    chunk: int | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.channels[-1:] != (1,):
            raise ValueError(f"channels must end with 1, got {self.channels}")
        check_choice("layers", self.layers, LAYERS)
        check_choice("start", self.start, STARTS)
        check_not_negative(negative_slope=self.negative_slope)

    @nn.compact
    def __call__(self, source: Source, target: Target) -> Correlation:
        kernels = self._kernels()
        refine = self._folded if self._can_fold() else self._refine
        return in_chunks(functools.partial(refine, kernels), source, target, chunk=self.chunk)

    def _refine(self, kernels, source, target):
        damp = mutual_matching if self.mutual else lambda correlation: correlation
        block = functools.partial(self._block, kernels)
        if self.symmetric:
            block = functools.partial(symmetric, block)
        return damp(block(damp(correlation_4d(source, target))))

    def _block(self, kernels, correlation):
        volume = correlation[..., None]
        for layer in kernels:
            if self.layers == "separable":
                volume = separable_conv4d(volume, *layer, activation=self._activate)
            elif self.layers == "centre_pivot":
                volume = centre_pivot_conv4d(volume, *layer)
            else:
                volume = conv4d(volume, *layer)
            volume = self._activate(volume)
        return volume[..., 0]

    def _activate(self, volume):
        if self.linear:
            return volume
        slope = self.negative_slope
        return nn.leaky_relu(volume, slope) if slope else nn.relu(volume)

    def _can_fold(self):
        one_linear = self.linear and self.channels == (1,) and self.layers == "separable"
        return one_linear and not self.mutual

    def _folded(self, kernels, source, target):
        """The second term of `symmetric` has W1 on the target side and W2 on the source side."""
        ((w1, w2),) = kernels
        first = folded_correlation(source, target, w1, w2)
        return first + folded_correlation(source, target, w2, w1) if self.symmetric else first

    def _kernels(self) -> list[tuple[Array, ...]]:
        """Kernels of each layer: (W1, W2), or the one of full 4D."""
        how: dict[str, Any] = {"layers": self.layers, "start": self.start, "stddev": self.stddev}
        inits = block_inits(self.channels, self.kernel_size, **how)
        return [
            tuple(self.param(f"{name}_{layer}", init) for name, init in kernels.items())
            for layer, kernels in enumerate(inits)
        ]
