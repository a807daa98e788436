"""Losses of C3: cycle, invariance, equivariance and their sum, Eq. 1, 2, 4 and 5.

i and j are the two images of an unpaired couple; p are landmark maps `[*b, H, W, K]`. Norms are
squared, summed over space and averaged over landmarks. The paper prints a 2 at the norm of which
our copy does not show whether it is a square, and no sums or means.

[1] "Unsupervised Landmark Learning from Unpaired Data", C3.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from c3jax._checks import checked
from c3jax._shapes import PerExample, Points
from c3jax.matching import carry_points, soft_warp
from c3jax.sampling import warp

MapsI, MapsJ = Float[Array, "*b hi wi K"], Float[Array, "*b hj wj K"]
FieldI, FieldJ = Float[Array, "*b hi wi 2"], Float[Array, "*b hj wj 2"]
Scores = Float[Array, "*b hi wi hj wj"]


def cycle(
    image_i: PyTree,
    image_j: PyTree,
    reconstruction_i: PyTree,
    reconstruction_j: PyTree,
    *,
    distance: Callable[[PyTree, PyTree], PerExample],
) -> PerExample:
    """Cycle loss, C3 Eq. 1: the twice swapped images look like the first ones.

    L_cycle = P(I_i, I'_i) + P(I_j, I'_j)

    Args:
      image_i, image_j: what P compares of the real images: the images `[*b, H, W, C]`, or their
        feature maps, any pytree.
      reconstruction_i, reconstruction_j: the same of the images after two swaps.
      distance: P, takes (true, predicted) and returns one value per example `[*b]`, such as
        `perceptual_distance` of feature maps.

    Returns:
      one value per example.

    Raises:
      ValueError: if the four differ in shape.

    >>> ones = jnp.ones((1, 2, 3))
    >>> cycle(ones, ones, 0 * ones, ones, distance=lambda a, b: jnp.sum((a - b) ** 2))
    Array(6., dtype=float32)
    """
    expected = jax.tree.map(jnp.shape, image_i)
    reconstructions = {"reconstruction_i": reconstruction_i, "reconstruction_j": reconstruction_j}
    for name, tree in {"image_j": image_j, **reconstructions}.items():
        if (found := jax.tree.map(jnp.shape, tree)) != expected:
            raise ValueError(f"{name} must have the shapes of image_i, {expected}, got {found}")
    return distance(image_i, reconstruction_i) + distance(image_j, reconstruction_j)


@checked
def invariance(p_i: MapsI, p_cycled_i: MapsI, p_j: MapsJ, p_cycled_j: MapsJ) -> PerExample:
    """Invariance loss on maps, C3 Eq. 2: a swap of appearance leaves the pose.

    L_inv = |p'_i - p_i|^2 + |p'_j - p_j|^2, |.|^2 = 1/K sum_k sum_{y, x} (.)^2

    Args:
      p_i, p_j: `[*b, H, W, K]`, Gaussian maps of the real images.
      p_cycled_i, p_cycled_j: `[*b, H, W, K]`, of the swapped images that have these poses.

    Returns:
      one value per example.

    >>> maps = jnp.ones((1, 2, 3))
    >>> invariance(maps, 0 * maps, maps, maps)
    Array(2., dtype=float32)
    """
    return _map_distance(p_cycled_i, p_i) + _map_distance(p_cycled_j, p_j)


@checked
def invariance_of_points(
    points_i: Points, points_cycled_i: Points, points_j: Points, points_cycled_j: Points
) -> PerExample:
    """Invariance loss on landmarks.

    L_inv = 1/K sum_k |l'_ik - l_ik|^2 + 1/K sum_k |l'_jk - l_jk|^2

    Differs from [1]: Eq. 2 on the coordinates in place of the maps, so that landmarks that are far
    apart still have a gradient.

    Args:
      points_i, points_j: landmarks of the real images, in [-1, 1].
      points_cycled_i, points_cycled_j: of the swapped images with these poses.

    Returns:
      one value per example.

    >>> points = jnp.zeros((2, 2))
    >>> invariance_of_points(points, points + 1.0, points, points)
    Array(2., dtype=float32)
    """
    return _point_distance(points_cycled_i, points_i) + _point_distance(points_cycled_j, points_j)


@checked
def equivariance(p_i: MapsI, p_j: MapsJ, t_ij: FieldJ, t_ji: FieldI) -> PerExample:
    """Equivariance loss on maps, C3 Eq. 4: the flow takes the landmarks of one image to the other.

    L_equiv = |p_i - T^{j->i} o p_j|^2 + |p_j - T^{i->j} o p_i|^2

    Args:
      p_i: Gaussian maps of image i, the source, on the grid of the flow.
      p_j: of image j, the target.
      t_ij: T^{i->j}, `transformation_map(over='source')`.
      t_ji: T^{j->i}, `transformation_map(over='target')`.

    Returns:
      one value per example. With hard transformation maps the flow gets no gradient; see
        `soft_equivariance`.

    >>> from c3jax.coordinates import grid
    >>> p = jnp.eye(3)[None]  # three landmarks in a row of three cells
    >>> equivariance(p, p, grid((1, 3)), grid((1, 3)))
    Array(0., dtype=float32)
    """
    return _map_distance(p_i, warp(p_j, t_ji)) + _map_distance(p_j, warp(p_i, t_ij))


@checked
def soft_equivariance(p_i: MapsI, p_j: MapsJ, s_ij: Scores, s_ji: Scores) -> PerExample:
    """Equivariance loss on maps with warps by all matches, each with its score.

    L_equiv = |p_i - sum_t S^{j->i}(., t) p_j(t)|^2 + |p_j - sum_s S^{i->j}(s, .) p_i(s)|^2

    Differs from [1]: Eq. 4 has the argmax, through which the flow learns nothing.

    Args:
      p_i: Gaussian maps of image i, the source, on the grid of the flow.
      p_j: of image j, the target.
      s_ij: S^{i->j}, `match_scores(over='source')`.
      s_ji: S^{j->i}, `match_scores(over='target')`.

    Returns:
      one value per example.

    >>> p, scores = jnp.eye(3)[None], jnp.eye(3).reshape(1, 3, 1, 3)
    >>> soft_equivariance(p, p, scores, scores)
    Array(0., dtype=float32)
    """
    back = _map_distance(p_i, soft_warp(p_j, s_ji, over="target"))
    return back + _map_distance(p_j, soft_warp(p_i, s_ij, over="source"))


@checked
def equivariance_of_points(
    points_i: Points, points_j: Points, t_ij: FieldJ, t_ji: FieldI
) -> PerExample:
    """Equivariance loss on landmarks, carried by the flow and compared with the detected ones.

    L_equiv = 1/K sum_k |l_ik - T^{i->j}(l_jk)|^2 + 1/K sum_k |l_jk - T^{j->i}(l_ik)|^2

    Differs from [1]: Eq. 4 on the coordinates. A map carries points against its arrow: T^{i->j}
    lives on the grid of j and holds locations in i.

    Args:
      points_i, points_j: landmarks in [-1, 1].
      t_ij: T^{i->j}, `transformation_map(over='source')`.
      t_ji: T^{j->i}, `transformation_map(over='target')`.

    Returns:
      one value per example.

    >>> from c3jax.coordinates import grid
    >>> points = jnp.array([[0.5, 1.0]])
    >>> equivariance_of_points(points, points, grid((2, 3)), -grid((2, 3)))  # |2 (0.5, 1)|^2
    Array(5., dtype=float32)
    """
    in_i = _point_distance(points_i, carry_points(points_j, t_ij))
    return in_i + _point_distance(points_j, carry_points(points_i, t_ji))


@checked
def c3_total(
    cycle: PerExample,
    equivariance: PerExample,
    invariance: PerExample,
    *,
    lambda_cycle: float,
    lambda_equivariance: float,
    lambda_invariance: float,
) -> PerExample:
    """Total loss, C3 Eq. 5.

    L_total = lambda_cycle L_cycle + lambda_equiv L_equiv + lambda_inv L_inv

    Args:
      cycle, equivariance, invariance: the three losses.
      lambda_cycle, lambda_equivariance, lambda_invariance: their weights; never given in [1].

    Returns:
      one value per example.

    >>> c3_total(1.0, 2.0, 3.0, lambda_cycle=1.0, lambda_equivariance=10.0, lambda_invariance=0.1)
    21.3
    """
    return (
        lambda_cycle * cycle + lambda_equivariance * equivariance + lambda_invariance * invariance
    )


def _map_distance(first, second):
    return jnp.sum((first - second) ** 2, axis=(-3, -2)).mean(-1)


def _point_distance(first, second):
    return jnp.sum((first - second) ** 2, axis=-1).mean(-1)
