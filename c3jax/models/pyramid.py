"""A fixed random convolution pyramid: perceptual features where no ImageNet weights are at hand."""

import itertools

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from c3jax.models.imagenet import check_images, check_taps, convolve, normalize_colors


class RandomPyramid(nn.Module):
    """ReLU features of fixed random 3x3 convolutions at strides 2, 4, 8, ...

    Nothing is learned and there are no variables (`apply({}, images)`): the kernels are orthogonal
    matrices times sqrt(2), drawn by NumPy from `seed`, the same on every machine and device count.

    Args (fields):
      widths: channels of level1, level2, ...
      taps: which of 'input' (the images as given), 'level1', ... to return; all by default.
      seed: of the kernels.
    """

    computes_in_input_dtype = True  # in training, see `c3jax.training.precision`
    widths: tuple[int, ...] = (16, 32, 64)
    taps: tuple[str, ...] | None = None
    seed: int = 0

    def __post_init__(self):
        super().__post_init__()
        check_taps("taps", self._wanted(), self._known())

    def _known(self):
        return ("input", *(f"level{n + 1}" for n in range(len(self.widths))))

    def _wanted(self):
        return self._known() if self.taps is None else self.taps

    def __call__(self, images: Float[Array, "*batch height width 3"]) -> dict[str, Array]:
        """Returns tap name -> `[*batch, h, w, channels]` of RGB images in [0, 1]."""
        check_images(images)
        features = {"input": images}
        x = normalize_colors(images.reshape(-1, *images.shape[-3:]))
        kernels = _orthogonal_kernels(self.widths, self.seed)
        for name, kernel in zip(self._known()[1:], kernels, strict=True):
            x = nn.relu(convolve(x, jnp.asarray(kernel, x.dtype), stride=2))
            features[name] = x.reshape(*images.shape[:-3], *x.shape[1:])
        return {name: features[name] for name in self._wanted()}


def _orthogonal_kernels(widths, seed):
    """One `[3, 3, in, out]` kernel a level: orthogonal columns (rows if fewer) of length sqrt 2."""
    generator = np.random.default_rng(seed)
    kernels = []
    for inputs, outputs in itertools.pairwise((3, *widths)):
        rows = 9 * inputs
        q, r = np.linalg.qr(generator.normal(size=(max(rows, outputs), min(rows, outputs))))
        q = q * np.sign(np.diag(r))  # QR leaves the signs open
        q = q if rows >= outputs else q.T
        kernels.append(np.sqrt(2) * q.reshape(3, 3, inputs, outputs))
    return kernels
