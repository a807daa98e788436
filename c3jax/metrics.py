"""Landmark and match metrics: one value per example, the caller averages.

[1] Jakab et al., "Unsupervised Learning of Object Landmarks through Conditional Image
    Generation", 2018, IMM.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax.lax import Precision
from jaxtyping import Array, Bool, Float

from c3jax._checks import check_positive, check_shapes, checked

Keypoints = Float[Array, "n P 2"]
PerImage = Float[Array, "n"]


class LandmarkRegressor(NamedTuple):
    """A linear map from landmarks to keypoints, both counted from the image's corner.

    keypoints + 1 = W (landmarks + 1) + w_0

    Attributes:
      weights: `[2 K, 2 P]`, W transposed.
      intercept: `[2 P]`, w_0; zeros if it was not fitted.
    """

    weights: Float[Array, "2K 2P"]
    intercept: Float[Array, "2P"]

    def __call__(self, landmarks: Float[Array, "n K 2"]) -> Float[Array, "n P 2"]:
        check_shapes(landmarks=(landmarks, f"n {self.weights.shape[0] // 2} 2"))
        rows = _from_corner(landmarks)
        out = jnp.matmul(rows, self.weights, precision=Precision.HIGHEST)
        out = out + self.intercept[None]
        return out.reshape(rows.shape[0], -1, 2) - 1


@checked
def fit_landmark_regressor(
    landmarks: Float[Array, "n K 2"], keypoints: Keypoints, *, intercept: bool = False
) -> LandmarkRegressor:
    """Least-squares regressor from learned landmarks to annotated keypoints.

    min over W of sum_n |W (landmarks_n + 1) - (keypoints_n + 1)|^2; of all minima the shortest W

    As in IMM [1] there is no intercept and no regularisation, and coordinates count from the corner
    of the image (hence the + 1, which is no matter of taste without an intercept).

    Args:
      landmarks, keypoints: in [-1, 1].
      intercept: fit a constant as well.

    Returns:
      a `LandmarkRegressor`: call it with landmarks `[m, K, 2]`.

    >>> landmarks = jnp.array([[[-1.0, 0.0]], [[0.0, 1.0]]])
    >>> regressor = fit_landmark_regressor(landmarks, landmarks[..., ::-1])  # x and y exchanged
    >>> regressor(jnp.array([[[0.5, -0.5]]])).round(3)
    Array([[[-0.5,  0.5]]], dtype=float32)
    """
    rows, values = _from_corner(landmarks), _from_corner(keypoints)
    row_offset, value_offset = jnp.zeros_like(rows[0]), jnp.zeros_like(values[0])
    if intercept:
        row_offset, value_offset = rows.mean(0), values.mean(0)
    # Directions a hundred thousand times weaker than the strongest are float32 noise: landmarks
    # that never move or always coincide get no large opposite weights.
    weights, *_ = jnp.linalg.lstsq(rows - row_offset[None], values - value_offset[None], rcond=1e-5)
    constant = value_offset - jnp.matmul(row_offset, weights, precision=Precision.HIGHEST)
    return LandmarkRegressor(weights, constant)


@checked
def normalized_mean_error(predicted: Keypoints, true: Keypoints, normalizer: PerImage) -> PerImage:
    """Mean distance of predicted and true points in percent of a length of each image.

    NME_n = 100 / P sum_p |predicted_np - true_np| / normalizer_n

    Args:
      predicted, true: in one unit.
      normalizer: in the same unit; for faces the `inter_ocular_distance` of the true points.

    Returns:
      percent.

    >>> normalized_mean_error(jnp.array([[[3.0, 4.0]]]), jnp.zeros((1, 1, 2)), jnp.array([10.0]))
    Array([50.], dtype=float32)
    """
    return 100 * _distance(predicted, true).mean(-1) / normalizer


@checked
def inter_ocular_distance(keypoints: Keypoints, *, eyes: tuple[int, int] = (0, 1)) -> PerImage:
    """Distance of the two eyes, the usual normaliser of faces.

    IOD_n = |keypoints_n,left - keypoints_n,right|

    Args:
      keypoints: in any unit.
      eyes: which two of the P points are the eyes.

    Returns:
      distances in the unit of the points.

    Raises:
      ValueError: if `eyes` are not two different points of it.

    >>> inter_ocular_distance(jnp.array([[[0.0, 0.0], [3.0, 4.0], [9.0, 9.0]]]))
    Array([5.], dtype=float32)
    """
    count = jnp.shape(keypoints)[1]
    if len(set(eyes)) != 2 or not all(0 <= eye < count for eye in eyes):
        raise ValueError(f"eyes must be two different points of {count}, got {eyes}")
    return _distance(keypoints[:, eyes[0]], keypoints[:, eyes[1]])


@checked
def pck(
    predicted: Keypoints,
    true: Keypoints,
    length: PerImage,
    *,
    alpha: float,
    valid: Bool[Array, "n P"] | None = None,
) -> PerImage:
    """Percentage of correct keypoints of each pair.

    PCK_n = 100 * #{p valid: |predicted_np - true_np| <= alpha * length_n} / #{p valid}

    Args:
      predicted, true: in one unit, usually pixels.
      length: the length of the protocol (longest image or box side), in the same unit.
      alpha: the fraction of it that still counts as correct.
      valid: which points are annotated; all by default.

    Returns:
      percent; NaN for a pair without a valid point.

    Raises:
      ValueError: if `alpha` is not positive.

    >>> predicted = jnp.array([[[0.0, 3.0], [4.0, 0.0]]])
    >>> pck(predicted, jnp.zeros((1, 2, 2)), jnp.array([30.0]), alpha=0.1)
    Array([50.], dtype=float32)
    """
    check_positive(alpha=alpha)
    valid = jnp.ones(jnp.shape(true)[:2], bool) if valid is None else valid
    distance = _distance(predicted, true)
    correct = distance <= alpha * jnp.asarray(length)[:, None]
    total = jnp.sum(valid, -1, dtype=distance.dtype)
    return 100 * (correct & valid).sum(-1, dtype=distance.dtype) / total


@checked
def endpoint_error(
    predicted: Keypoints, true: Keypoints, *, valid: Bool[Array, "n P"] | None = None
) -> PerImage:
    """Mean distance of the matches of each pair to the true ones.

    EPE_n = sum_{p valid} |predicted_np - true_np| / #{p valid}

    Args:
      predicted, true: in one unit, usually pixels; P counts key points or grid cells.
      valid: which of them have a true match; all by default.

    Returns:
      distances in the unit of the points; NaN for a pair without a valid point.

    >>> endpoint_error(jnp.array([[[0.0, 3.0], [4.0, 0.0]]]), jnp.zeros((1, 2, 2)))
    Array([3.5], dtype=float32)
    """
    valid = jnp.ones(jnp.shape(true)[:2], bool) if valid is None else valid
    distance = _distance(predicted, true)
    return jnp.where(valid, distance, 0).sum(-1) / jnp.sum(valid, -1, dtype=distance.dtype)


class LandmarkHealth(NamedTuple):
    """Whether landmarks have collapsed, over a set of images.

    Attributes:
      stddev: `[K]`, spread of each landmark over the images; 0 for one that never moves.
      distances: `[K, K]`, mean distance of each pair; 0 for two that always coincide.
    """

    stddev: Float[Array, "K"]
    distances: Float[Array, "K K"]


@checked
def landmark_health(points: Float[Array, "n K 2"]) -> LandmarkHealth:
    """Spread of each landmark over the images and mean distance of each pair.

    stddev_k = sqrt(mean_n |l_nk - mean_n' l_n'k|^2), distances_kk' = mean_n |l_nk - l_nk'|

    Args:
      points: of the images.

    Returns:
      a `LandmarkHealth`, in the unit of the points.

    >>> landmark_health(jnp.array([[[0.0, 0.0], [3.0, 4.0]]])).distances[0]
    Array([0., 5.], dtype=float32)
    """
    points = jnp.asarray(points)
    variance = jnp.sum(points.var(0), axis=-1)
    distances = _distance(points[:, :, None], points[:, None]).mean(0)
    return LandmarkHealth(jnp.sqrt(variance), distances)


def _from_corner(points):
    points = jnp.asarray(points) + 1.0
    return points.reshape(points.shape[0], -1)


def _distance(first, second):
    return jnp.linalg.norm(jnp.asarray(first) - jnp.asarray(second), axis=-1)
