"""Where cells of EfficientNet-Lite look, which is not where half-pixel centres put them."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax._checks import check_choice
from c3jax.models.efficientnet import EfficientNetLite

OFFSETS = {
    "lite0": {
        "block0": (0.6, -0.2),
        "block2": (1.2, 0.7),
        "block4": (0.2, -0.3),
        "block10": (1.9, 2.0),
        "block14": (2.4, 2.7),
    },
    "lite2": {"block14": (2.6, 2.4), "block19": (10.2, 12.0)},
}
"""(x, y) in pixels, by variant and stage, of the packaged weights, as `measure_offset` finds."""


def measured_offset(architecture: str, stage: str) -> tuple[float, float]:
    """The offset (x, y) of a stage: cell (i, j) is at stride * (j + .5, i + .5) - .5 + offset, px.

    Raises:
      ValueError: none was measured.

    >>> measured_offset("lite0", "block2")
    (1.2, 0.7)
    """
    check_choice("architecture", architecture, OFFSETS)
    check_choice("stage", stage, OFFSETS[architecture])
    return OFFSETS[architecture][stage]


@functools.partial(jax.jit, static_argnums=(1, 3), static_argnames=("num_images", "side"))
def measure_offset(
    key: Array, architecture: str, variables, stage: str, *, num_images: int = 64, side: int = 256
) -> Float[Array, "2"]:
    """The offset (x, y) of a stage: where the squared gradient of a cell's features is centred.

    Of each picture of noise one of the four central cells is taken, so that borders cut little, and
    a random direction of its features: the mean squared gradient is that of all channels together.
    Sides are multiples of 32.
    """
    network = EfficientNetLite(architecture, (stage,))

    def moments(key):
        of_image, of_cell, of_direction = jax.random.split(key, 3)
        image = jax.random.uniform(of_image, (side, side, 3))
        features, pull_back = jax.vjp(lambda x: network.apply(variables, x)[stage], image)
        cell = len(features) // 2 - jax.random.randint(of_cell, (2,), 0, 2)
        direction = jax.random.normal(of_direction, features.shape[-1:])
        (gradient,) = pull_back(jnp.zeros_like(features).at[tuple(cell)].set(direction))
        squared = jnp.square(gradient).sum(-1)
        rows, columns = jnp.arange(side) - side / len(features) * (cell[:, None] + 0.5) + 0.5
        return squared.sum(), squared.sum(0) @ columns, squared.sum(1) @ rows

    found = jax.lax.map(moments, jax.random.split(key, num_images))
    total, x, y = (each.sum() for each in found)
    return jnp.stack([x, y]) / total
