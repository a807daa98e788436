"""Whether landmarks mark the same spot in different pictures: C3's Figure 3 in numbers.

Pairs are (source, target) of pictures; a field holds, on the source's grid, where each cell lies in
the target: T^{j->i} with j the target, `transformation_map(over='target')`. All points here are
(x, y) in pixels of the square picture but those of the fields, which are in [-1, 1].
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from c3jax import matching
from c3jax.coordinates import to_normalized, to_pixels
from experiments.common.data import Data, Evaluation

NUM_PAIRS = 200  # of random pictures
HEAD_POINTS = 32  # random points of a head that the flow is tested on
_carry_points = jax.jit(matching.carry_points)

PROTOCOL = (
    "mean over pairs and points of the distance in the second picture; percent: of its normalizer; "
    "true: by the surface of rendered faces, over points that are on the "
    "head in the first picture and seen in the second (it is known to about half a pixel)"
)


class Found(NamedTuple):
    """What networks say of some pictures: landmarks `[n, K, 2]` and fields `[pairs, h, w, 2]`."""

    landmarks: np.ndarray
    fields: np.ndarray


class Pairs(NamedTuple):
    """Indices of the first and the second picture of each pair."""

    source: np.ndarray
    target: np.ndarray

    def __len__(self) -> int:
        return len(self.source)


# Of uint8 images `[n, S, S, 3]` and pairs of them.
Find = Callable[[np.ndarray, Pairs], Found]


def random_pairs(num_images: int, num_pairs: int, *, seed: int = 0) -> Pairs:
    """Random pairs of different pictures; each picture is source and target about equally often.

    Raises:
      ValueError: there are fewer than two pictures.
    """
    if num_images < 2:
        raise ValueError(f"pairs need two pictures or more, got {num_images}")
    rng = np.random.default_rng(seed)
    source: list[int] = []
    target: list[int] = []
    while len(source) < num_pairs:
        ring = rng.permutation(num_images)
        source.extend(ring)
        target.extend(np.roll(ring, 1))
    return Pairs(np.array(source[:num_pairs]), np.array(target[:num_pairs]))


def carry(points_px, fields, shape: tuple[int, int]) -> np.ndarray:
    """Points `[pairs, P, 2]` of the source in the target, by fields `[pairs, h, w, 2]`."""
    return in_pixels(_carry_points(normalized(points_px, shape), fields), shape)


def in_pixels(points, shape: tuple[int, int]) -> np.ndarray:
    """`to_pixels` of NumPy arrays."""
    return np.asarray(to_pixels(jnp.asarray(points), shape))


def normalized(points_px, shape: tuple[int, int]) -> np.ndarray:
    """`to_normalized` of NumPy arrays."""
    return np.asarray(to_normalized(jnp.asarray(points_px, jnp.float32), shape))


def measure_consistency(find: Find, find_untrained: Find, data: Data) -> dict:
    """`evaluate_consistency` on random pairs of test images or, without any, of the preview."""
    images, test = shown_images(data, NUM_PAIRS)
    pairs = random_pairs(len(images), NUM_PAIRS)
    found = find(images, pairs), find_untrained(images, pairs)
    return evaluate_consistency(*found, pairs, images, test)


def shown_images(data: Data, count: int) -> tuple[np.ndarray, Evaluation | None]:
    """Up to `count` test images and their annotations; training images where there are none."""
    if data.test is None:
        return data.preview[:count], None
    test = data.test.select(slice(count))
    return test.images, test


def evaluate_consistency(
    found: Found, untrained: Found, pairs: Pairs, images: np.ndarray, test: Evaluation | None = None
) -> dict:
    """The `consistency` object of `results.json`.

    `landmarks_carried_by_flow`: detected landmarks of the first picture, carried by the flow,
    against those detected in the second (Fig. 3). A detector that never moves fools it; only the
    others, on rendered faces, measure against the truth. `landmarks_true`: carried by the true
    correspondence instead. `flow_true`: points of the head carried by the flow against the truth.

    Args:
      found: of the trained networks.
      untrained: of the same networks at step 0.
      pairs: of indices of `images`.
      images: `[n, S, S, 3]`.
      test: annotations of `images`: with them errors are in percent too, with surfaces there is
        a true correspondence.
    """
    shape, to_error = images.shape[1:3], _errors(pairs, test)
    landmarks_px = in_pixels(found.landmarks, shape)
    first, second = landmarks_px[pairs.source], landmarks_px[pairs.target]
    carried = _carried(first, found, untrained, shape)
    result = {
        "pairs": len(pairs),
        "normalizer": f"{Evaluation.normalizer if test is None else test.normalizer} of the second "
        "picture",
        "protocol": PROTOCOL,
        "landmarks_carried_by_flow": to_error.all(
            {name: points - second for name, points in carried.items()}
        ),
    }
    if test is None or test.masks is None or test.surfaces is None:
        return result
    untrained_px = in_pixels(untrained.landmarks, shape)
    detectors = {
        "": landmarks_px,
        "fixed_": np.broadcast_to(landmarks_px.mean(0), landmarks_px.shape),
        "untrained_": untrained_px,
    }
    offsets = {
        name: true_positions(points[pairs.source], pairs, test.masks, test.surfaces)
        - points[pairs.target]
        for name, points in detectors.items()
    }
    points = random_head_points(pairs, test.masks)
    true = true_positions(points, pairs, test.masks, test.surfaces)
    carried = _carried(points, found, untrained, shape)
    return result | {
        "landmarks_true": to_error.all(offsets)
        | {"seen_percent": _seen_percent(offsets[""])}
        | {"untrained_seen_percent": _seen_percent(offsets["untrained_"])},
        "flow_true": to_error.all({name: points - true for name, points in carried.items()}),
    }


def _carried(points_px, found: Found, untrained: Found, shape) -> dict[str, np.ndarray]:
    """Points of the source in the target: by the flow, left in place, by the untrained flow."""
    return {
        "": carry(points_px, found.fields, shape),
        "identity_": points_px,
        "untrained_": carry(points_px, untrained.fields, shape),
    }


def carried_error(found: Found, pairs: Pairs, images: np.ndarray, test: Evaluation | None) -> dict:
    """Mean distance of carried landmarks to those detected in the target, px and percent."""
    shape = images.shape[1:3]
    points_px = in_pixels(found.landmarks, shape)
    carried = carry(points_px[pairs.source], found.fields, shape)
    return _errors(pairs, test).all({"": carried - points_px[pairs.target]})


def true_positions(
    points_px: np.ndarray, pairs: Pairs, masks: np.ndarray, surfaces: np.ndarray
) -> np.ndarray:
    """True positions in the target of points of the source, `[pairs, P, 2]`; NaN where hidden.

    The true correspondence is one of pixels; a point keeps its place within its pixel.
    """
    from data_pipelines.rendered_faces import true_correspondence

    carried = np.full(points_px.shape, np.nan)
    for pair, (i, j) in enumerate(zip(*pairs, strict=True)):
        points = points_px[pair].astype(np.float64)
        there, seen = true_correspondence(surfaces[i], masks[i], surfaces[j], masks[j], points)
        carried[pair, seen] = (there + points - np.round(points))[seen]
    return carried


def random_head_points(pairs: Pairs, masks: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Random pixels of the source's head, `[pairs, HEAD_POINTS, 2]`."""
    rng = np.random.default_rng(seed)
    chosen = [rng.choice(np.argwhere(masks[i]), HEAD_POINTS) for i in pairs.source]
    return np.stack(chosen)[..., ::-1].astype(np.float64)  # (row, column) to (x, y)


class _Errors(NamedTuple):
    """Mean lengths of offsets `[pairs, P, 2]`, in pixels and in percent of a length per pair."""

    length: np.ndarray | None

    def all(self, offsets: dict[str, np.ndarray]) -> dict[str, float | None]:
        found = {}
        for name, offset in offsets.items():
            distance = np.linalg.norm(offset, axis=-1)
            found[f"{name}px"] = _mean(distance)
            if self.length is not None:
                found[f"{name}percent"] = _mean(100 * distance / self.length[:, None])
        return found


def _errors(pairs: Pairs, test: Evaluation | None) -> _Errors:
    if test is None:
        return _Errors(None)
    return _Errors(test.unit_px()[pairs.target])


def _mean(values: np.ndarray) -> float | None:
    """Mean of what is not NaN; None of nothing."""
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else None


def _seen_percent(offsets: np.ndarray) -> float:
    return float(100 * np.isfinite(offsets[..., 0]).mean())
