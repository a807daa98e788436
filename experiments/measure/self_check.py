"""Whether landmarks are any good, without labels: the `self_check` object of `results.json`.

Good landmarks move with the object, and mark the same spot of it in every picture. Points are
(x, y) in [-1, 1], so the side of a picture is 2.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from c3jax import metrics, weights
from c3jax.coordinates import to_normalized
from c3jax.inference.batches import in_batches
from c3jax.models.efficientnet import EfficientNetLite
from c3jax.models.layers import l2_normalize, resize
from c3jax.models.offsets import measured_offset
from c3jax.sampling import sample, warp
from c3jax.tools.errors import UsageError
from c3jax.tools.measure.evaluation import Detect
from c3jax.tools.measure.networks import apply_in_batches
from c3jax.tools.measure.units import finite_mean
from c3jax.warps import affine_grid, random_affine
from data_pipelines.load import FEWEST, NUM_PREVIEW, AlignmentData, Data
from experiments.engine.networks import find_file
from experiments.terms.synthetic_pairs import as_float

NUM_PICTURES, MOVED = 200, 100  # at most; of them warped and cropped
WARPS, SHIFT, PLACES = 4, 0.07, 4  # a picture; of the side, along each axis; random ones a picture
DEVIATIONS = {"rotation_stddev": 15.0, "scale_stddev": 0.15, "translation_stddev": 0.1}
STILL, COINCIDING, ELSEWHERE = 1.0, 2.0, 0.1  # two in percent of the side, and of `same_spot`
TRUNK, STAGES, SIDE = "lite0", ("block4", "block10"), 128  # px, of the pictures that it sees


def pictures_of(data: Data | AlignmentData) -> tuple[np.ndarray, str]:
    """The pictures that are checked, uint8 `[n, S, S, 3]`, and what they are, in words."""
    test: Any = data.test if isinstance(data, Data) else next(iter(data.tests.values()), None)
    if test is not None and len(test.images) > 1:
        return test.images[:NUM_PICTURES], "test pictures"
    if isinstance(data, AlignmentData):
        return data.images[:NUM_PREVIEW], "training pictures"
    if data.kept_back is not None and len(data.kept_back) > 1:
        return data.kept_back[:NUM_PICTURES], "photos that were kept back from the training"
    few = f": of fewer than {FEWEST} photos none is kept back" if data.name == "folder" else ""
    return data.preview, f"training pictures{few}"


def measure_self_check(detect: Detect, images: np.ndarray, made_on: str) -> dict[str, Any]:
    """The numbers of the `self_check` object, of any landmark model and any pictures.

    `warp_error_percent`: landmarks of four warped copies of a picture against its own, in percent
    of the side. `follow`: the slope of how far landmarks move on how far the object does; 1 where
    they follow it, 0 where they stay in the frame. `same_spot`: the mean of `own_centroid_share`.
    `still`, `coinciding`, `elsewhere`: which landmarks, from 0. `reason`: why `same_spot` is None.
    Of more than 100 pictures every second or third is warped and cropped.

    Args:
      detect: uint8 pictures -> landmarks `[n, K, 2]`.
      images: uint8 `[n, S, S, 3]`, at least two.
      made_on: what the pictures are.

    Raises:
      ValueError: there are fewer than two pictures.
    """
    if len(images) < 2:
        raise ValueError(f"a check needs two pictures or more, got {len(images)}")
    moved = images[(part := slice(None, None, -(-len(images) // MOVED)))]
    warps, crops = fixed_warps(len(moved)), shifted_crops(len(moved))
    views = [in_batches(look, moved, affine, size=20) for affine in (*warps, *crops)]
    every = detect(np.concatenate([images, *views]))  # at once: few batches are filled up
    landmarks, seen = every[: len(images)], every[len(images) :]
    seen = seen.reshape(len(views), len(moved), *landmarks.shape[1:])
    found, shifts = landmarks[part], crops[:, :, None, :, 2]
    errors = np.linalg.norm(carry(warps, seen[:WARPS]) - found, axis=-1)[is_inside(warps, found)]
    own, reason = _own_spots(images, landmarks)
    return {
        "pictures": len(images),
        "made_on": made_on,
        "num_landmarks": landmarks.shape[1],
        "warp_error_percent": finite_mean(50 * errors),
        "follow": displacement_slope(carry(crops, seen[WARPS:]) - shifts, -shifts),
        "same_spot": None if own is None else float(own.mean()),
        **({"reason": reason} if reason else {}),
        **still_and_coinciding(landmarks),
        "elsewhere": [] if own is None else np.flatnonzero(own < ELSEWHERE).tolist(),
    }


def fixed_warps(count: int, *, views: int = WARPS) -> np.ndarray:
    """Similarities of each picture, `[views, count, 2, 3]`: deviations of 15 degrees, 15 %, .1."""
    keys = jax.random.split(jax.random.key(0), (views, count))
    draw = jax.vmap(lambda key: random_affine(key, **DEVIATIONS))
    return np.asarray(jax.vmap(draw)(keys))


def shifted_crops(count: int) -> np.ndarray:
    """Maps to pictures from two crops of each, shifted oppositely by up to 7 %: `[2, n, 2, 3]`."""
    shifts = np.random.default_rng(0).uniform(-2 * SHIFT, 2 * SHIFT, (count, 2, 1))
    scale = np.broadcast_to((1 - 2 * SHIFT) * np.eye(2), (count, 2, 2))
    crops = [np.concatenate([scale, each], axis=-1) for each in (shifts, -shifts)]
    return np.stack(crops).astype(np.float32)


def carry(affine: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points `[..., K, 2]` by affine maps `[..., 2, 3]`."""
    return np.einsum("...ab,...kb->...ka", affine[..., :2], points) + affine[..., None, :, 2]


def is_inside(warps: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which points `[n, K, 2]` of pictures their warped copies show, bool `[views, n, K]`."""
    moved = (points - warps[..., None, :, 2])[..., None]
    there = np.linalg.solve(warps[..., None, :, :2], moved)
    return np.abs(there).max((-2, -1)) <= 1


@jax.jit
def look(images, affine):
    """What affine maps `[b, 2, 3]` show of uint8 images, uint8 `[b, S, S, 3]`."""
    seen = warp(as_float(images), affine_grid(affine, images.shape[1:3]), padding="reflect")
    return jnp.round(255 * seen).astype(jnp.uint8)


def displacement_slope(found: np.ndarray, true: np.ndarray) -> float | None:
    """Least-squares slope of found on true displacements, each about its mean over the views.

    slope = sum (found - mean) (true - mean) / sum (true - mean)^2

    Args:
      found, true: `[views, ...]`, where things are in each view, in one unit.

    Returns:
      the slope; None where nothing is displaced, or something is not finite.

    >>> displacement_slope(np.array([5.0, 6.0]), np.array([0.0, 2.0]))
    0.5
    """
    found, true = (each - each.mean(0) for each in np.broadcast_arrays(found, true))
    total = np.square(true).sum(dtype=float)
    slope = (found * true).sum(dtype=float) / total if total > 0 else np.nan
    return float(slope) if np.isfinite(slope) else None


def still_and_coinciding(landmarks: np.ndarray) -> dict[str, list[int]]:
    """Landmarks that deviate by less than 1 % of the side, and those nearer than 2 % to another."""
    health = metrics.landmark_health(jnp.asarray(50 * landmarks))  # percent of the side
    distances = np.asarray(health.distances) + np.diag(np.full(landmarks.shape[1], np.inf))
    found = {"still": health.stddev < STILL, "coinciding": (distances < COINCIDING).any(0)}
    return {name: np.flatnonzero(which).tolist() for name, which in found.items()}


def own_centroid_share(features: np.ndarray, num_landmarks: int) -> np.ndarray:
    """How often the nearest centroid is a landmark's own, beside chance: (a - 1/K) / (1 - 1/K).

    a is the share of pictures in which the features at a landmark are nearest to its own centroid,
    the mean over the other pictures; centroids that are equally near share the picture.

    Args:
      features: `[n, K + D, c]` of n > 1 pictures: at K > 1 landmarks, then at D random places. The
        centroids of these compete too, else what is anywhere would be told by elimination.
      num_landmarks: K.

    Returns:
      `[K]`: 1 is always, 0 is chance.
    """
    features, chance = np.asarray(features, float), 1 / num_landmarks
    centroids = (features.sum(0) - features) / (len(features) - 1)
    products = np.einsum("nkc,njc->nkj", features[:, :num_landmarks], centroids)
    distances = np.square(centroids).sum(-1)[:, None] - 2 * products  # but for what all have
    nearest = distances <= distances.min(-1, keepdims=True) + 1e-9 * np.square(features).mean()
    share = np.einsum("nkk->nk", nearest[..., :num_landmarks]) / nearest.sum(-1)
    return (share.mean(0) - chance) / (1 - chance)


def _own_spots(images: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray | None, str]:
    """`own_centroid_share` of the packaged trunk's features, or None and why."""
    if landmarks.shape[1] < 2 or not np.isfinite(landmarks).all():
        return None, "it takes two landmarks, and finite ones"
    try:
        file = find_file(TRUNK, None, "--model.weights")
        variables = weights.load_efficientnet(file, TRUNK, stages=STAGES)
    except (UsageError, ValueError) as error:
        return None, str(error)
    anywhere = np.random.default_rng(0).uniform(-1, 1, (len(images), PLACES, 2))
    points = np.concatenate([landmarks, anywhere], axis=1).astype(np.float32)
    at = (EfficientNetLite(TRUNK, STAGES), variables, _features_at)
    return own_centroid_share(apply_in_batches(*at, images, points), landmarks.shape[1]), ""


def _features_at(network, images, points):
    """Features `[b, K, c]` at points: those of each stage, brought to unit length."""
    found = []
    for stage, maps in network(resize(images, (SIDE, SIDE))).items():
        cells, offset = maps.shape[1], np.array(measured_offset(TRUNK, stage)) / SIDE
        places = (points * (1 - 1 / images.shape[1]) + 1) / 2  # of the side, from its edge
        centres = to_normalized((places - offset) * cells - 0.5, (cells, cells))
        found.append(l2_normalize(sample(maps, centres, padding="clamp")))
    return jnp.concatenate(found, axis=-1)
