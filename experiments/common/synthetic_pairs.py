"""Pairs made of one picture: a warped copy in other colours, and where everything went."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax import warps
from c3jax.colors import random_colors
from c3jax.models.layers import resize
from c3jax.splines import ThinPlateSpline, warp_image


@dataclass(frozen=True)
class WarpConfig:
    """Random warps and colours of the synthetic pairs."""

    rotation: float = 20.0
    """standard deviation in degrees"""
    scale: float = 0.2
    """relative standard deviation"""
    translation: float = 0.2
    """standard deviation, half the picture is 1"""
    warp: tuple[float, float] = (0.001, 0.01)
    """of the thin-plate weights, of all and of a random half"""
    color: float = 0.0
    """strength of the change of colours between the two pictures, 0 to 1"""


def synthetic_pair(key: Array, image: Float[Array, "H W 3"], warp: WarpConfig):
    """The image, a warped copy of it in other colours, and the warp g: warped(x) = image(g(x))."""
    warp_key, original_key, warped_key = jax.random.split(key, 3)
    g = warps.random_warp(
        warp_key,
        rotation_stddev=warp.rotation,
        scale_stddev=warp.scale,
        translation_stddev=warp.translation,
        warp_stddevs=warp.warp,
    )
    warped = warp_image(image, g, padding="reflect")
    return (
        random_colors(original_key, image, strength=warp.color),
        random_colors(warped_key, warped, strength=warp.color),
        g,
    )


def warped_masks(masks: Array, g: ThinPlateSpline, shape: tuple[int, int]) -> Float[Array, "b h w"]:
    """The object's share of each cell of the warped copies; masks are `[b, H, W]`."""
    return resize(warp_image(masks[..., None].astype(jnp.float32), g), shape)[..., 0]


def as_float(images: Array) -> Float[Array, "b H W 3"]:
    """uint8 images as float32 in [0, 1]."""
    return images.astype(jnp.float32) / 255
