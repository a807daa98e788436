"""Whether landmarks mark the same spot in different pictures: C3's Figure 3 in numbers.

A field holds, on the source's grid, where each cell lies in the target: T^{j->i} with j the target,
`transformation_map(over='target')`. Points are (x, y) in pixels of the square picture; those of
fields are in [-1, 1].
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from c3jax import matching
from c3jax.tools.measure.units import finite_mean, in_pixels, normalized, unit_px
from data_pipelines.load import Data, Evaluation

NUM_PAIRS = 200  # of random pictures
HEAD_POINTS = 32  # random points of a head that the flow is tested on
_carry_points = jax.jit(matching.carry_points)

SIDE = "side of the picture"  # the normaliser where nothing is annotated
PROTOCOL = "mean over pairs and points of the distance in the second picture; percent: of the {}"
TRUE = (
    "; true: by the surface of rendered faces, over points that are on the "
    "head in the first picture and seen in the second (it is known to about half a pixel)"
)


class Found(NamedTuple):
    """What networks say of some pictures: landmarks `[n, K, 2]` and fields `[pairs, h, w, 2]`.

    The fields are None where no flow module has learned anything.
    """

    landmarks: np.ndarray
    fields: np.ndarray | None


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


def measure_consistency(
    find: Find, find_untrained: Find | None, data: Data, *, flow: bool = True
) -> dict:
    """`evaluate_consistency` on random pairs of test images or, without any, of the preview.

    Without `flow`, that of a trained module, nothing is carried by it.
    """
    images, test = shown_images(data, NUM_PAIRS)
    pairs = random_pairs(len(images), NUM_PAIRS)
    untrained = find_untrained and find_untrained(images, pairs)
    found = find(images, pairs)
    found = found if flow else found._replace(fields=None)
    return evaluate_consistency(found, untrained, pairs, images, test)


def knows_truth(test: Evaluation | None) -> bool:
    """Whether the surfaces of the pictures tell where each point lies in the others."""
    return test is not None and test.masks is not None and test.surfaces is not None


def shown_images(data: Data, count: int) -> tuple[np.ndarray, Evaluation | None]:
    """Up to `count` test images and their annotations; training images where there are none."""
    if data.test is None:
        return data.preview[:count], None
    test = data.test.select(slice(count))
    return test.images, test


def evaluate_consistency(
    found: Found,
    untrained: Found | None,
    pairs: Pairs,
    images: np.ndarray,
    test: Evaluation | None = None,
) -> dict:
    """The `consistency` object of `results.json`.

    `landmarks_carried_by_flow`: landmarks of the first picture, carried by the flow, against those
    of the second (Fig. 3); a detector that never moves fools it. The others need the truth of
    rendered faces. `landmarks_true`: the same landmarks, carried by the true correspondence.
    `flow_true`: points of the head, carried by the flow, against the truth.

    Args:
      found, untrained: of the trained networks, and of the same at step 0 where they are known.
      pairs: of indices of `images`.
      images: `[n, S, S, 3]`.
      test: annotations of `images`, whose normaliser percents are of; without them, of the side.
    """
    shape = images.shape[1:3]
    normalizer = SIDE if test is None else test.normalizer
    errors = functools.partial(_errors, lengths_px=_lengths_px(pairs, images, test))
    landmarks_px = in_pixels(found.landmarks, shape)
    first, second = landmarks_px[pairs.source], landmarks_px[pairs.target]
    result: dict[str, Any] = {
        "pairs": len(pairs),
        "normalizer": normalizer if test is None else f"{normalizer} of the second picture",
        "protocol": PROTOCOL.format(normalizer),
    }
    if found.fields is not None:
        offsets = _flow_offsets(first, second, found, untrained, shape)
        result["landmarks_carried_by_flow"] = errors(offsets)
    if test is None or test.masks is None or test.surfaces is None:
        return result
    detectors = {"": landmarks_px}
    detectors["fixed_"] = np.broadcast_to(landmarks_px.mean(0), landmarks_px.shape)
    if untrained is not None:
        detectors["untrained_"] = in_pixels(untrained.landmarks, shape)
    offsets = {
        name: true_positions(points[pairs.source], pairs, test.masks, test.surfaces)
        - points[pairs.target]
        for name, points in detectors.items()
    }
    result["protocol"] += TRUE
    result["landmarks_true"] = errors(offsets) | {
        f"{name}seen_percent": float(100 * np.isfinite(offset[..., 0]).mean())
        for name, offset in offsets.items()
        if name != "fixed_"
    }
    if found.fields is not None:
        points = random_head_points(pairs, test.masks)
        true = true_positions(points, pairs, test.masks, test.surfaces)
        result["flow_true"] = errors(_flow_offsets(points, true, found, untrained, shape))
    return result


def _flow_offsets(points_px, ends_px, found: Found, untrained: Found | None, shape):
    """From `ends_px` to points of the source: carried by the flow, left in place, untrained."""
    fields = {"": found.fields} | ({} if untrained is None else {"untrained_": untrained.fields})
    offsets = {name: carry(points_px, each, shape) - ends_px for name, each in fields.items()}
    return offsets | {"identity_": points_px - ends_px}


def carried_error(found: Found, pairs: Pairs, images: np.ndarray, test: Evaluation | None) -> dict:
    """Mean distance of carried landmarks to those detected in the target, px and percent."""
    shape = images.shape[1:3]
    points_px = in_pixels(found.landmarks, shape)
    carried = carry(points_px[pairs.source], found.fields, shape)
    lengths_px = _lengths_px(pairs, images, test)
    return _errors({"": carried - points_px[pairs.target]}, lengths_px)


def true_positions(
    points_px: np.ndarray, pairs: Pairs, masks: np.ndarray, surfaces: np.ndarray
) -> np.ndarray:
    """True positions in the target of points of the source, `[pairs, P, 2]`; NaN where hidden.

    The true correspondence is one of pixels; a point keeps its place within its pixel.
    """
    from data_pipelines.rendered.faces import true_correspondence

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


def _lengths_px(pairs: Pairs, images: np.ndarray, test: Evaluation | None) -> np.ndarray:
    """What percents are of in the second picture of each pair, `[pairs]`."""
    return np.full(len(pairs), images.shape[1]) if test is None else unit_px(test)[pairs.target]


def _errors(offsets: dict[str, np.ndarray], lengths_px: np.ndarray) -> dict[str, float | None]:
    """Mean lengths of offsets `[pairs, P, 2]`, in pixels and in percent."""
    found = {}
    for name, offset in offsets.items():
        distance = np.linalg.norm(offset, axis=-1)
        found[f"{name}px"] = finite_mean(distance)
        found[f"{name}percent"] = finite_mean(100 * distance / lengths_px[:, None])
    return found
