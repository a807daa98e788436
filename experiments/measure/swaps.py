"""Whether pose and appearance are apart: C3's Figures 1 and 4 in numbers.

D(a_i, p_j) should have the pose of picture j and the colours of picture i. For each attribute z of
the decoded pictures, as a judge sees them, one least-squares fit over pairs of different persons,

    z(D(a_i, p_j)) = c + alpha z(i) + beta z(j),

has alpha = 0 and beta = 1 where z follows the pose, the reverse where it follows the appearance.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from c3jax.coordinates import grid
from c3jax.models.layers import resize
from c3jax.tools.measure.evaluation import mean_error
from c3jax.tools.measure.units import in_pixels, normalized
from c3jax.warps import warp
from data_pipelines.load import Evaluation
from data_pipelines.load.rendered import yaw
from experiments.measure.consistency import Pairs, random_pairs
from experiments.measure.judge import JUDGED, SIDE, judged_points
from experiments.measure.viewer import Code, Viewer

NUM_PAIRS, DRAWS = 1000, 200
COARSE = 4  # cells on a side of coarse pictures
BLURS = (48, 40, 32, 24, 20, 16, 12, 8, 4)  # cells on a side of blurred ones
NO_JUDGE = "no judge has learned such pictures, or their masks or different persons are not known"
Attributes = dict[str, np.ndarray]  # `[n, c]` each; the columns of one share alpha and beta


def measure_swaps(viewer: Viewer, test: Evaluation, name: str) -> dict[str, Any]:
    """The `swaps` object of `results.json`, of the test pictures of a data set.

    `reconstruction` has mean squared errors. The rest needs the judge of that data set, persons and
    masks; else `judge` is None, and `reason` says why.
    """
    images, code = test.images / np.float32(255), viewer.look(test.images)
    painted = _decoded(viewer, code.appearance, code.maps)
    images = _resized(images, painted.shape[1])
    persons, known = test.persons, True
    if persons is None or len(np.unique(persons)) < 2:
        persons, known = np.arange(len(test)), False
    pairs = pairs_of_persons(persons)
    i, j = pairs
    swapped = _decoded(viewer, code.appearance[i], code.maps[j])
    found: dict[str, Any] = {
        "pairs": len(pairs),
        "reconstruction": {
            "error": _squared(painted, images),
            "mean_image_error": _squared(images.mean(0), images),
            "coarse_error": _squared(_blurred(images, COARSE), images),
            "swapped_error": _squared(swapped, images[i]),
        },
        "own_landmarks_px": _own_landmarks_px(viewer, swapped, code, pairs),
    }
    if name not in JUDGED or test.masks is None or not known:
        return found | {"judge": None, "reason": NO_JUDGE}
    weights = bootstrap_weights(persons, pairs)
    side, seen_side = images.shape[1], test.images.shape[1]
    points = normalized(test.keypoints_px, test.images.shape[1:3])
    true = pose(_on_side(points, seen_side, side))
    masks = _resized(test.masks[..., None].astype(np.float32), side)
    no_appearance, no_maps = np.zeros_like(code.appearance), np.zeros_like(code.maps)
    mean_maps = np.broadcast_to(code.maps.mean(0), code.maps.shape)
    template = _decoded(viewer, no_appearance, code.maps)
    blurred = blurred_as_much(images, found["reconstruction"]["error"])
    seen = {
        "pose": (swapped, np.arange(len(pairs))),
        "pose_of_pictures": (images, j),
        "pose_of_moved_mean_face": (moved_mean_face(images, true), j),
        "pose_of_template": (template, j),
        "pose_without_maps": (_decoded(viewer, code.appearance, no_maps), i),
        "pose_of_mean_maps": (_decoded(viewer, code.appearance, mean_maps), i),
    }
    for key, (pictures, rows) in seen.items():
        judged = pose(_on_side(_judged(name, pictures), SIDE, side))
        found[key] = {z: fit(judged[z][rows], true[z][i], true[z][j], weights) for z in true}
    colors = mean_color(images, masks)
    return found | {
        "judge": {
            "error_percent": _judge_error(name, images, test),
            "blurred_error_percent": _judge_error(name, blurred, test),
        },
        "color": fit(mean_color(swapped, masks[j]), colors[i], colors[j], weights),
        "template_color_variance": float(
            mean_color(template, masks).var(0).sum() / colors.var(0).sum()
        ),
    }


def pairs_of_persons(persons: np.ndarray) -> Pairs:
    """Random pairs of pictures of different persons."""
    pairs = random_pairs(len(persons), 2 * NUM_PAIRS)
    differ = np.flatnonzero(persons[pairs.source] != persons[pairs.target])[:NUM_PAIRS]
    return Pairs(*(rows[differ] for rows in pairs))


def bootstrap_weights(persons: np.ndarray, pairs: Pairs) -> np.ndarray:
    """Weights of the pairs `[1 + draws, pairs]`: all alike, then those of drawn persons.

    A pair counts as often as both persons were drawn; of few persons some draws have no pair, and
    are left out.
    """
    names, numbers = np.unique(persons, return_inverse=True)
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)
    counts = np.concatenate([np.ones((1, len(names))), drawn])
    weights = counts[:, numbers[pairs.source]] * counts[:, numbers[pairs.target]]
    return weights[weights.any(1)]


def fit(z: np.ndarray, of_i: np.ndarray, of_j: np.ndarray, weights: np.ndarray) -> dict[str, Any]:
    """alpha and beta of z = c + alpha z(i) + beta z(j), each with its interval of 95 %.

    Args:
      z, of_i, of_j: `[pairs, c]`; c differs between the columns.
      weights: `[draws, pairs]`, the first draw that of the estimate.
    """
    every = np.stack([of_i, of_j, z])
    means = np.einsum("dn,knc->dkc", weights, every) / weights.sum(1)[:, None, None]
    apart = every - means[:, :, None]
    products = np.einsum("dn,dknc,dlnc->dkl", weights, apart, apart)
    inverse = np.linalg.pinv(products[:, :2, :2], hermitian=True)  # of what never varies, 0
    solved = np.einsum("dkl,dl->dk", inverse, products[:, :2, 2])
    intervals = np.percentile(solved[1:], (2.5, 97.5), axis=0).T.tolist()
    found = dict(zip(("alpha", "beta"), solved[0].tolist(), strict=True))
    return found | dict(zip(("alpha_interval", "beta_interval"), intervals, strict=True))


def pose(points: np.ndarray) -> Attributes:
    """Place, size, tilt (radians) and yaw of faces.

    Args:
      points: left eye, right eye, nose and others, `[n, P, 2]` in [-1, 1].
    """
    place, between = points.mean(1), points[:, 1] - points[:, 0]
    found = {
        "size": np.sqrt(np.square(points - place[:, None]).sum(-1).mean(-1)),
        "tilt": np.arctan2(between[:, 1], between[:, 0]),
        "yaw": yaw(points),
    }
    return {"place": place} | {name: values[:, None] for name, values in found.items()}


def mean_color(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Mean colour `[n, 3]` inside masks `[n, h, w, 1]`."""
    return (images * masks).sum((1, 2)) / masks.sum((1, 2))


def moved_mean_face(images: np.ndarray, poses: Attributes) -> np.ndarray:
    """The mean of all pictures, brought to one place, size and tilt, moved to those of each."""
    size = poses["size"] / poses["size"].mean()
    cos, sin = size * np.cos(poses["tilt"]), size * np.sin(poses["tilt"])
    turns = np.stack([np.hstack([cos, -sin]), np.hstack([sin, cos])], 1)
    points = np.asarray(grid(images.shape[1:3]))
    there = np.einsum("nab,hwb->nhwa", turns, points) + poses["place"][:, None, None]
    back = np.einsum("nab,nhwb->nhwa", np.linalg.inv(turns), points - poses["place"][:, None, None])
    mean = _warp(images, there).mean(0)
    return np.asarray(_warp(np.broadcast_to(mean, images.shape), back))


@jax.jit
def _warp(images, points):
    return warp(jnp.asarray(images), jnp.asarray(points, jnp.float32), padding="clamp")


def _decoded(viewer: Viewer, appearance: np.ndarray, maps: np.ndarray) -> np.ndarray:
    return np.clip(viewer.decode(appearance, maps), 0, 1)


def _resized(images: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(resize(jnp.asarray(images), (side, side)))


def _blurred(images: np.ndarray, cells: int) -> np.ndarray:
    return _resized(_resized(images, cells), images.shape[1])


def blurred_as_much(images: np.ndarray, error: float) -> np.ndarray:
    """The pictures at the finest of a few resolutions at which the squared error is no smaller."""
    every = (_blurred(images, cells) for cells in BLURS)
    return next((each for each in every if _squared(each, images) >= error), images)


def _squared(found: np.ndarray, images: np.ndarray) -> float:
    return float(np.square(found - images).mean())


def _judged(name: str, pictures: np.ndarray) -> np.ndarray:
    return judged_points(name, _resized(pictures, SIDE))


def _on_side(points: np.ndarray, old: int, new: int) -> np.ndarray:
    """Points in [-1, 1] of pictures of one side, in those that are resized to another.

    -1 and 1 are the centres of corner pixels; resizing keeps the edges of pictures.
    """
    return points * ((1 - 1 / old) / (1 - 1 / new))


def _judge_error(name: str, images: np.ndarray, test: Evaluation) -> float:
    shape = test.images.shape[1:3]
    return mean_error(in_pixels(_on_side(_judged(name, images), SIDE, shape[0]), shape), test)


def _own_landmarks_px(viewer: Viewer, swapped: np.ndarray, code: Code, pairs: Pairs) -> float:
    """How far the model's landmarks in D(a_i, p_j) are from those of picture j, px of it."""
    offsets = viewer.encode(swapped).landmarks - code.landmarks[pairs.target]
    return float(np.linalg.norm(offsets, axis=-1).mean() * (viewer.image_size - 1) / 2)
