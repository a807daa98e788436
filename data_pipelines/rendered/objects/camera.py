"""The view of an object as it is drawn, its projection, and what hides its points."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from data_pipelines.rendered.engine import draws
from data_pipelines.rendered.engine.draws import Drawn
from data_pipelines.rendered.engine.film import looking
from data_pipelines.rendered.engine.raster import Fragments, rasterise
from data_pipelines.rendered.objects import catalogue
from data_pipelines.rendered.objects.catalogue import CATEGORIES, MODULES, Solid, Template

STREAMS = ("shape", "look", "view", "background", "film", "pairs")
YAW = np.radians(20)  # half the range around three quarters
FILL = 0.7, 0.95  # longest side of the object's box, in shares of the picture
BRIGHT = 1.3  # more light than on faces
BORDER = 0.02  # of the picture, left free
BEHIND = 0.004  # diagonals: a point this little behind the nearest surface lies on it


def generator(seed: int, split: str, category: str, index: int, stream: str) -> Generator:
    """The random numbers of one stream of one picture."""
    return draws.stream_of(STREAMS, seed, split, stream, CATEGORIES.index(category), index)


def draw_view(category: str, rng: Generator) -> Drawn:
    """Pose, place, light and film of one picture of a category; angles in radians."""
    module = MODULES[category]
    return Drawn(
        light=draws.draw_light(rng, BRIGHT),
        yaw=np.radians(module.YAW) + rng.uniform(-YAW, YAW),
        pitch=np.radians(rng.uniform(*module.PITCH)),
        roll=rng.normal(0, 0.05),
        distance=rng.uniform(1.6, 5),  # diagonals
        fill=rng.uniform(*FILL),
        place=rng.beta(1.5, 1.5, 2),  # 0 is left and top, 1 the other ends
        shadow=rng.uniform(0.2, 0.75),
        film=draws.draw_film(rng),
    )


class Posed(NamedTuple):
    """An object before its camera."""

    category: str
    stream: Callable[[str], Generator]  # name -> the random numbers of this picture
    template: Template
    solid: Solid
    view: Drawn
    matrix: np.ndarray  # [3, 3]
    shares: np.ndarray  # of the picture [2, n]
    depth: np.ndarray  # larger is nearer, in diagonals [n]
    scale: float  # share of the picture per diagonal
    shift: np.ndarray  # of the middle [2]

    def pixels(self, size: int) -> np.ndarray:
        """Where the vertices lie in a picture [2, n], in pixels whose centres lie at integers."""
        return self.shares * size - 0.5

    def fragments(self, side: int) -> Fragments:
        """The visible surface at side x side pixels."""
        triangles = self.template.triangles
        rows = np.flatnonzero(self.solid.present[triangles[:, 0]])
        found = rasterise(self.pixels(side), self.depth, triangles[rows], side, cull=True)
        return found._replace(triangles=rows[found.triangles])


def posed(split: str, index: int, seed: int, categories: Sequence[str]) -> Posed:
    """The object of a picture before its camera; the categories take turns."""
    category = categories[index % len(categories)]
    stream = functools.partial(generator, seed, split, category, index)
    solid = catalogue.build(category, catalogue.draw_shape(category, stream("shape")))
    view, shape = draw_view(category, stream("view")), catalogue.template(category)
    matrix = looking(view.yaw, view.pitch, view.roll)
    x, y, z = matrix @ solid.points
    nearness = view.distance / (view.distance - z)
    flat = np.stack([x * nearness, -y * nearness])  # the middle at 0, y down
    scale, shift = _frame(flat[:, solid.present], view)
    shares = scale * flat + shift[:, None]
    return Posed(category, stream, shape, solid, view, matrix, shares, z, scale, shift)


def _frame(flat: np.ndarray, view: Drawn) -> tuple[float, np.ndarray]:
    """Scale and shift [2] in shares of the picture: as long as `fill`, inside the border."""
    low, high = flat.min(1), flat.max(1)
    scale = view.fill / (high - low).max()
    half = scale * (high - low) / 2
    reach = np.maximum(0.5 - BORDER - half, 0)
    middle = 0.5 + reach * (2 * view.place - 1)
    return scale, middle - scale * (low + high) / 2


def hidden_behind(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, depth: np.ndarray, slack: float = BEHIND
) -> np.ndarray:
    """Whether the four pixels around points all show something nearer.

    A pixel that shows no object hides nothing.
    """
    size = depth.shape[0]
    columns = [np.clip(f(x).astype(int), 0, size - 1) for f in (np.floor, np.ceil)]
    rows = [np.clip(f(y).astype(int), 0, size - 1) for f in (np.floor, np.ceil)]
    around = np.stack([depth[r, c] for r in rows for c in columns])
    farthest = np.where(np.isfinite(around), around, np.inf).min(0)
    return np.isfinite(farthest) & (z < farthest - slack)


def inside(x: np.ndarray, y: np.ndarray, size: int) -> np.ndarray:
    """Whether points in pixels lie in a picture."""
    return (x >= -0.5) & (y >= -0.5) & (x <= size - 0.5) & (y <= size - 0.5)
