"""Pairs made of one picture: a warped copy in other colours, and where everything went."""

import functools
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from c3jax import warps
from c3jax.colors import random_colors, random_palette
from c3jax.coordinates import numpy_grid
from c3jax.models.layers import resize
from c3jax.splines import ThinPlateSpline, warp_grid, warp_image
from c3jax.tools.errors import UsageError

ZOOM = (0.2, 0.45)  # side of the corner that becomes a background; the picture's is 1


@dataclass(frozen=True)
class WarpConfig:
    """Random warps and colours of the synthetic pairs."""

    rotation: float = 20.0
    """standard deviation in degrees"""
    scale: float = 0.2
    """relative standard deviation"""
    stretch: float = 0.0
    """standard deviation of log s, x being stretched by s and y by 1 / s"""
    translation: float = 0.2
    """standard deviation, half the picture is 1"""
    warp: tuple[float, float] = (0.001, 0.01)
    """of the thin-plate weights, of all and of a random half"""
    family: Literal["thin_plate", "affine", "tps_grid", "affine_or_tps"] = "thin_plate"
    """`thin_plate`: IMM's, by the numbers above; in their place WeakAlign's, uniform: `affine`,
    rotation and shear up to 30 degrees, scales 1 +- 0.5, translation up to 0.5; `tps_grid`, splines
    that move 3x3 points by up to 0.4; `affine_or_tps`, one or the other"""
    crop: float = 1.0
    """side of the middle that becomes the pictures, the warps reaching into what lies around it
    (WeakAlign: 0.5625)"""
    color: float = 0.0
    """strength of the change of colours between the two pictures, 0 to 1"""
    palette: float = 0.0
    """share of the pictures, original and copy each, that get another palette in place of it, in
    which dark parts need not stay darker than light ones"""
    background: float = 0.0
    """share of the pictures, original and copy each, whose background is exchanged for the corner
    of another picture; where the objects' masks are known"""

    def __post_init__(self):
        if not 0 < self.crop <= 1:
            raise UsageError(f"warp.crop must lie above 0 and not above 1, got {self.crop}")

    @property
    def alone(self) -> "WarpConfig":
        """The same warps of pictures that keep their colours and backgrounds."""
        return replace(self, color=0.0, palette=0.0, background=0.0)


class SyntheticPairs(NamedTuple):
    """Originals, warped copies, and the warps: warped(x) = original(g(x)).

    original, warped: `[b, H, W, 3]`; masks: of the objects in the copies `[b, H, W, 1]`, or None;
    exchanged: bool `[b]`, whether a background of the two was exchanged. (Where both were, both are
    corners of one picture, and in a quarter of the pairs the same corner.)
    """

    original: Array
    warped: Array
    g: ThinPlateSpline
    masks: Array | None
    exchanged: Array

    def matches(self, shape: tuple[int, int]) -> Float[Array, "b h w 2"]:
        """For each cell of the copies, where it lies in the originals."""
        return warp_grid(self.g, shape)

    def on_object(self, shape: tuple[int, int]) -> Float[Array, "b h w"] | None:
        """The object's share of each cell of the copies; None where it is not known."""
        return None if self.masks is None else resize(self.masks, shape)[..., 0]

    def matched(self, shape: tuple[int, int]) -> Float[Array, "b h w"] | None:
        """The share of each cell of the copies that is no exchanged background; None as above."""
        share = self.on_object(shape)
        return None if share is None else jnp.where(self.exchanged[:, None, None], share, 1.0)


def synthetic_pairs(keys: Array, batch, warp: WarpConfig) -> SyntheticPairs:
    """Synthetic pairs of the sources of a batch; its targets lend their corners as backgrounds.

    Args:
      keys: typed PRNG keys `[b]`.
      batch: `source` and `target`, uint8 `[b, H, W, 3]`, and perhaps `mask`, `[b, H, W]`.
      warp: how they are drawn.
    """
    images, others = as_float(batch["source"]), as_float(batch["target"])
    masks = batch["mask"][..., None].astype(jnp.float32) if "mask" in batch else None
    return jax.vmap(functools.partial(_synthetic_pair, warp=warp))(keys, images, others, masks)


def _synthetic_pair(key, image, other, mask, *, warp: WarpConfig) -> SyntheticPairs:
    warp_key, *color_keys = jax.random.split(key, 3)
    g = _random_warp(warp_key, warp)
    seen = functools.partial(_views, g=g, crop=warp.crop)
    original, warped = (
        _in_other_colors(color_key, view, warp)
        for color_key, view in zip(color_keys, seen(image, padding="reflect"), strict=True)
    )
    moved, exchanged = None, jnp.zeros((), bool)
    if mask is not None:
        mask, moved = seen(mask)
    if mask is not None and warp.background:
        first_key, second_key = jax.random.split(jax.random.fold_in(key, 1))
        original, first = _on_background(first_key, original, mask, other, warp)
        warped, second = _on_background(second_key, warped, moved, other, warp)
        exchanged = first | second
    return SyntheticPairs(original, warped, g, moved, exchanged)


def _views(image, *, g: ThinPlateSpline, crop: float, padding: str = "zeros"):
    """The middle of the image, image(crop x), and the same warped, image(crop g(x))."""
    if crop == 1:
        return image, warp_image(image, g, padding=padding)
    shape = image.shape[:2]
    grids = (warps.affine_grid(jnp.eye(2, 3), shape), warp_grid(g, shape))
    return tuple(warps.warp(image, crop * grid, padding=padding) for grid in grids)


def _random_warp(key: Array, warp: WarpConfig) -> ThinPlateSpline:
    if warp.family == "affine":
        return ThinPlateSpline(_weakalign_affine(key), jnp.zeros((4, 2)))
    if warp.family == "tps_grid":
        return _weakalign_spline(key)
    if warp.family == "affine_or_tps":
        kind_key, key = jax.random.split(key)
        is_affine, spline = jax.random.bernoulli(kind_key), _weakalign_spline(key)
        affine = jnp.where(is_affine, _weakalign_affine(key), spline.affine)
        return ThinPlateSpline(affine, jnp.where(is_affine, 0, spline.weights))
    g = warps.random_warp(
        key,
        rotation_stddev=warp.rotation,
        scale_stddev=warp.scale,
        translation_stddev=warp.translation,
        warp_stddevs=warp.warp,
    )
    if not warp.stretch:
        return g
    stretch = jnp.exp(warp.stretch * jax.random.normal(jax.random.fold_in(key, 1)))
    return ThinPlateSpline(g.affine * jnp.stack([stretch, 1 / stretch])[:, None], g.weights)


def _weakalign_affine(key: Array) -> Float[Array, "2 3"]:
    """R(angle) R(shear)^T diag(scales) R(shear) p + t."""
    angle, shear, *scales, x, y = jax.random.uniform(key, (6,), minval=-1, maxval=1)
    rotation, sheared = (_rotation(jnp.deg2rad(30 * part)) for part in (angle, shear))
    linear = rotation @ sheared.T @ jnp.diag(1 + 0.5 * jnp.stack(scales)) @ sheared
    return jnp.hstack([linear, 0.5 * jnp.stack([x, y])[:, None]])


def _rotation(angle: Array) -> Float[Array, "2 2"]:
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    return jnp.stack([jnp.stack([cos, -sin]), jnp.stack([sin, cos])])


def _weakalign_spline(key: Array) -> ThinPlateSpline:
    """The spline that takes each of 3x3 points to one within 0.4 of it along each axis."""
    points = numpy_grid((3, 3)).reshape(-1, 2)
    moved = points + jax.random.uniform(key, points.shape, minval=-0.4, maxval=0.4)
    squared = ((points[:, None] - points) ** 2).sum(-1)
    kernel = squared * np.log(np.where(squared > 0, squared, 1))
    affine = np.c_[points, np.ones(len(points))]
    system = np.block([[kernel, affine], [affine.T, np.zeros((3, 3))]])
    solved = jnp.asarray(np.linalg.inv(system)[:, : len(points)], moved.dtype) @ moved
    return ThinPlateSpline(solved[len(points) :].T, solved[: len(points)])


def _in_other_colors(key: Array, image, warp: WarpConfig):
    """The image as another object of its kind, light and camera would colour it."""
    changed = random_colors(key, image, strength=warp.color)
    if not warp.palette:
        return changed
    share_key, palette_key = jax.random.split(jax.random.fold_in(key, 1))
    other = jax.random.bernoulli(share_key, warp.palette)
    return jnp.where(other, random_palette(palette_key, image), changed)


def _on_background(key: Array, image, mask, other, warp: WarpConfig):
    """The object of the image, now and then on a zoomed corner of another picture; and whether."""
    exchange_key, zoom_key, corner_key, color_key = jax.random.split(key, 4)
    zoom = jax.random.uniform(zoom_key, minval=ZOOM[0], maxval=ZOOM[1])
    corner = (1 - zoom) * jax.random.rademacher(corner_key, (2,), dtype=jnp.float32)
    points = zoom * warps.affine_grid(jnp.eye(2, 3), image.shape[:2]) + corner
    background = _in_other_colors(color_key, warps.warp(other, points, padding="reflect"), warp)
    exchanged = jax.random.bernoulli(exchange_key, warp.background)
    return jnp.where(exchanged, mask * image + (1 - mask) * background, image), exchanged


def as_float(images: Array) -> Float[Array, "b H W 3"]:
    """uint8 images as float32 in [0, 1]."""
    return images.astype(jnp.float32) / 255
