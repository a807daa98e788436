"""What blocks of 4D convolutions start as: smoothing, consensus of neighbours, or normal noise."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from c3jax.convolutions import gaussian_kernel
from c3jax.models.layers import normal

STARTS = ("gaussian", "consensus", "normal")
# Unless another is given: of the Gaussian in cells, of the values themselves for 'normal' (C3).
STDDEVS = {"gaussian": 1.0, "consensus": 1.5, "normal": 0.01}

Init = Callable[..., Any]  # of a key (and shape); returns an array


def block_inits(
    channels: tuple[int, ...], size: int, *, layers: str, start: str, stddev: float | None = None
) -> list[dict[str, Init]]:
    """Initialisers `init(key)` of the kernels of each layer, by name.

    Args:
      channels: output channels of the layers.
      size: odd width of the kernels in cells.
      layers: 'separable' and 'centre_pivot' have kernels for each side, 'full' has one of 4D.
      start: one of `STARTS`.
      stddev: standard deviation of the start's Gaussian in cells, of 'normal' that of the values;
        None is that of `STDDEVS`.

    Raises:
      ValueError: if layers of that kind or those channels cannot start so.
    """
    stddev = STDDEVS[start] if stddev is None else stddev
    smoothing = partial(smoothing_init, gain=0.5 if layers == "centre_pivot" else 1.0)
    inits = list(map(smoothing, (stddev, *[0.0] * (len(channels) - 1))))
    if start == "normal":
        inits = [normal(stddev)] * len(channels)
    ends = list(zip((1, *channels[:-1]), channels, strict=True))
    if layers == "full":
        if start == "consensus":
            inits[0] = coupled_init(stddev)
        shapes = [(size,) * 4 + each for each in ends]
        return [{"kernel": partial(i, shape=s)} for i, s in zip(inits, shapes, strict=True)]
    if start == "consensus":
        if layers != "separable":
            raise ValueError(f"start 'consensus' needs layers 'separable' or 'full', got {layers}")
        kernels = consensus_kernels(channels, size, stddev=stddev)
        return [
            {"kernel_source": lambda key, w=w1: w, "kernel_target": lambda key, w=w2: w}
            for w1, w2 in kernels
        ]
    separable = layers == "separable"
    return [
        {
            "kernel_source": partial(init, shape=(size, size, cout if separable else cin, cout)),
            "kernel_target": partial(init, shape=(size, size, cin, cout)),
        }
        for init, (cin, cout) in zip(inits, ends, strict=True)
    ]


def smoothing_init(stddev: float, noise: float = 0.02, *, gain: float = 1.0) -> Init:
    """Initialiser of a `[k, k, cin, cout]` or `[k, k, k, k, cin, cout]` kernel: averages channels.

    Spatially a Gaussian of `stddev` cells (a centre impulse at 0) that sums to `gain`, plus
    relative normal noise that tells the channels apart. A block made of one such Gaussian and
    impulses starts as the separable Gaussian smoothing of the correlation.
    """

    def profile(size: int, dimensions: int) -> Array:
        plane = jnp.zeros((size, size)).at[size // 2, size // 2].set(1.0)
        if stddev > 0:
            plane = gaussian_kernel(size, stddev=stddev)
        return plane if dimensions == 2 else plane[:, :, None, None] * plane

    return _averaging(profile, noise, gain)


def coupled_init(stddev: float, noise: float = 0.02) -> Init:
    """Initialiser of a `[k, k, k, k, cin, cout]` kernel: consensus of neighbouring matches.

    Like that of `smoothing_init`, but both sides move by the same offset o:
    kernel(o, o') = w(o) if o = o' else 0, w a Gaussian of `stddev` cells.
    """

    def profile(size: int, dimensions: int) -> Array:
        assert dimensions == 4
        same = jnp.eye(size * size).reshape((size,) * 4)
        return same * gaussian_kernel(size, stddev=stddev)[:, :, None, None]

    return _averaging(profile, noise, 1.0)


def _averaging(profile, noise: float, gain: float) -> Init:
    def init(key: Array, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
        size, *_, cin, cout = shape
        perturbation = 1 + normal(noise)(key, shape) if max(cin, cout) > 1 else 1.0
        spatial = profile(size, len(shape) - 2)[..., None, None]
        return (gain * spatial / cin * perturbation * jnp.ones(shape)).astype(dtype)

    return init


def consensus_kernels(
    channels: tuple[int, ...], size: int, *, stddev: float
) -> list[tuple[Float[Array, "k k cin cout"], Float[Array, "k k cout cout"]]]:
    """Kernels (W1, W2) of separable layers that add up the matches of neighbours.

    C_hat(s, t) = sum_m w(o_m) C(s + o_m, t + o_m), o_m the cells nearest to the centre, one for
    each channel, w(o) = exp(-|o|^2 / (2 stddev^2)) / sum: each channel of the first layer looks at
    one neighbour on both sides, the layers between pass it on, and the last adds them up. A product
    of two smoothings, on the contrary, pairs every neighbour with every other one.

    Args:
      channels: output channels of the layers; equal but for the last, which is 1.
      size: odd width of the kernels in cells.
      stddev: in cells.

    Raises:
      ValueError: if the channels differ, if there are more than a kernel has cells, or if there is
        no layer before the last.
    """
    inner, count = channels[:-1], channels[0]
    if not inner or set(inner) != {count} or count > size**2:
        raise ValueError(
            f"the consensus start needs two layers or more, of equal channels but for the last and "
            f"of at most {size}^2, one for each neighbour; got channels {channels}"
        )
    rows, columns = nearest_offsets(size, count)
    weights = gaussian_kernel(size, stddev=stddev)[rows, columns]
    each, centre = np.arange(count), size // 2

    def zeros(cin, cout):
        return jnp.zeros((size, size, cin, cout))

    looking = zeros(count, count).at[rows, columns, each, each].set(1.0)
    first = looking, zeros(1, count).at[rows, columns, 0, each].set(1.0)
    passing = zeros(count, count).at[centre, centre].set(jnp.eye(count))
    adding = zeros(count, 1).at[centre, centre, :, 0].set(weights / weights.sum())
    last = zeros(1, 1).at[centre, centre].set(1.0), adding
    return [first, *[(passing, passing)] * (len(inner) - 1), last]


def nearest_offsets(size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the `count` cells of a kernel that are nearest to its centre."""
    rows, columns = np.indices((size, size)).reshape(2, -1)
    squared = (rows - size // 2) ** 2 + (columns - size // 2) ** 2
    nearest = np.argsort(squared, kind="stable")[:count]
    return rows[nearest], columns[nearest]
