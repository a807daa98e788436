"""Random changes of colour, so that two views of one picture do not match by colour alone."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from c3jax._checks import as_float, check_not_negative, checked, like

Picture = Float[Array, "H W 3"]


@checked
def random_colors(key: PRNGKeyArray, image: Picture, *, strength: float) -> Picture:
    """The image with its colours mixed, shifted and bent at random.

    out = clip(M image + t)^gamma; M = (1 - strength) 1 + strength A, A a random matrix whose rows
    sum to 1, t = strength N(0, 0.1), gamma = exp(strength N(0, 0.3)), each channel for itself

    Args:
      key: a typed PRNG key.
      image: one example; `vmap` for more.
      strength: 0 leaves the image as it is.

    Returns:
      the image in its new colours, in [0, 1].

    Raises:
      ValueError: if `strength` is negative.

    >>> random_colors(jax.random.key(0), jnp.full((1, 2, 3), 0.25), strength=0.0)[0, 0]
    Array([0.25, 0.25, 0.25], dtype=float32)
    """
    check_not_negative(strength=strength)
    image = as_float(image)
    mix_key, shift_key, gamma_key = jax.random.split(key, 3)
    mixed = jax.random.normal(mix_key, (3, 3), image.dtype)
    mixed = mixed + (1 - mixed.sum(1, keepdims=True)) / 3  # grey stays grey
    matrix = (1 - strength) * jnp.eye(3, dtype=image.dtype) + strength * mixed
    shift = strength * 0.1 * jax.random.normal(shift_key, (3,), image.dtype)
    gamma = jnp.exp(strength * 0.3 * jax.random.normal(gamma_key, (3,), image.dtype))
    colors = jnp.einsum("hwc,dc->hwd", image, matrix, precision=jax.lax.Precision.HIGHEST)
    # Away from 0, where a power below 1 has no finite derivative.
    return jnp.clip(colors + like(shift, colors), 1e-6, 1.0) ** like(gamma, colors)


@checked
def random_palette(key: PRNGKeyArray, image: Picture, *, frequency: float = 0.6) -> Picture:
    """The image with another colour in place of each of its colours; near ones stay near.

    out_c = (1 + sin(2 pi (w_c . rgb + phase_c))) / 2, w_c ~ N(0, frequency^2), phase_c uniform

    `random_colors` keeps the order of greys, so that dark parts stay dark. Here a part may come out
    darker than another in one image and lighter in the next, as in two objects of one kind.

    Args:
      key: a typed PRNG key.
      image: in [0, 1], one example; `vmap` for more.
      frequency: standard deviation of the waves between black and one primary colour.

    Returns:
      the image in its new colours, in [0, 1].

    Raises:
      ValueError: if `frequency` is negative.

    >>> image = jnp.array([[[0.2, 0.2, 0.2], [0.8, 0.8, 0.8]]])
    >>> one, other = (random_palette(jax.random.key(seed), image).mean(-1)[0] for seed in (0, 1))
    >>> bool(one[0] < one[1]), bool(other[0] < other[1])
    (True, False)
    """
    check_not_negative(frequency=frequency)
    image = as_float(image)
    wave_key, phase_key = jax.random.split(key)
    waves = frequency * jax.random.normal(wave_key, (3, 3), image.dtype)
    phases = jax.random.uniform(phase_key, (3,), image.dtype)
    turns = jnp.einsum("hwc,dc->hwd", image, waves, precision=jax.lax.Precision.HIGHEST)
    return (1 + jnp.sin(2 * jnp.pi * (turns + like(phases, turns)))) / 2
