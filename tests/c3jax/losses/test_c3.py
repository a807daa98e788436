"""Losses of C3: Eq. 1, 2, 4, 5, and what learns from them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.compiled import c3jax, losses
from tests.reference import losses as reference
from tests.reference.matching import match_scores
from tests.tolerances import FLOAT32, FLOAT64

RANDOM = np.random.default_rng(0)
# The two images have grids of different, non-square shapes.
P_I, P_J = RANDOM.uniform(size=(2, 3, 4)), RANDOM.uniform(size=(4, 5, 4))
Q_I, Q_J = RANDOM.uniform(size=(2, 3, 4)), RANDOM.uniform(size=(4, 5, 4))
POINTS = RANDOM.uniform(-1.2, 1.2, size=(4, 6, 2))
T_IJ, T_JI = RANDOM.uniform(-1.2, 1.2, size=(4, 5, 2)), RANDOM.uniform(-1.2, 1.2, size=(2, 3, 2))
VOLUME = RANDOM.normal(size=(2, 3, 4, 5))

PARTS = slice(None, 2), slice(2, None)  # of a batch of pairs


def mean_square(true, predicted):
    return jnp.mean((true - predicted) ** 2, axis=(-3, -2, -1))


def test_worked_cycle_adds_the_distances_of_both_images():
    def asymmetric(true, predicted):  # true and predicted must not be exchanged
        return jnp.sum(2 * true - predicted, axis=(-3, -2, -1))

    images = [jnp.full((2, 1, 2, 1), value) for value in (1.0, 2.0, 3.0, 5.0)]
    loss = losses.cycle(*images, distance=asymmetric)
    assert_allclose(loss, [2 * (2 * 1 - 3) + 2 * (2 * 2 - 5)] * 2)


def test_the_cycle_of_features_in_halves_is_the_perceptual_loss_of_whole_pairs():
    true, again = ([RANDOM.uniform(size=(4, 3, 2, c)) for c in (3, 5)] for _ in range(2))
    mean = jnp.array([0.5, 2.0])
    expected, _ = losses.perceptual(again, true, mean, update=False)
    first, second = ([[m[part] for m in maps] for maps in (true, again)] for part in PARTS)
    distance = partial(losses.perceptual_distance, running_mean=mean)
    found = losses.cycle(first[0], second[0], first[1], second[1], distance=distance)
    assert_allclose(found, expected[:2] + expected[2:], **FLOAT32)


def test_worked_invariance_on_maps_sums_over_space_and_averages_over_landmarks():
    p = jnp.zeros((1, 2, 3))
    p_cycled = p.at[0, 0].set(jnp.array([1.0, 2.0, 0.0])).at[0, 1, 0].set(3.0)
    assert losses.invariance(p, p_cycled, p, p) == pytest.approx((1 + 4 + 9) / 3)
    assert losses.invariance(p, p, p, p_cycled) == pytest.approx((1 + 4 + 9) / 3)


def test_worked_invariance_of_points():
    points = jnp.zeros((2, 2))
    moved = jnp.array([[3.0, 4.0], [0.0, 1.0]])
    assert losses.invariance_of_points(points, moved, points, points) == 13
    assert losses.invariance_of_points(points, points, points, moved) == 13


def test_worked_equivariance_with_a_flow_that_is_off_by_one_cell():
    p_i = jnp.eye(3)[None]  # landmark k in cell k of one row of three
    right = c3jax.grid((1, 3)) + jnp.array([1.0, 0.0])  # looks one cell to the right
    # The cells see landmark 1, 2 and nothing: 2 + 2 + 1 over three landmarks.
    loss = losses.equivariance(p_i, p_i, c3jax.grid((1, 3)), right)
    assert_allclose(loss, 5 / 3, rtol=1e-6)


def test_losses_equal_slow_reference(x64):
    scores = [match_scores(VOLUME, over) for over in ("source", "target")]
    slow = reference.map_distance(Q_I, P_I) + reference.map_distance(Q_J, P_J)
    assert_allclose(losses.invariance(P_I, Q_I, P_J, Q_J), slow, **FLOAT64)
    slow = reference.point_distance(*POINTS[:2]) + reference.point_distance(*POINTS[2:])
    assert_allclose(losses.invariance_of_points(*POINTS), slow, **FLOAT64)
    for name, arguments in (
        ("equivariance", (P_I, P_J, T_IJ, T_JI)),
        ("soft_equivariance", (P_I, P_J, *scores)),
        ("equivariance_of_points", (*POINTS[:2], T_IJ, T_JI)),
    ):
        fast, slow = getattr(losses, name)(*arguments), getattr(reference, name)(*arguments)
        assert_allclose(fast, slow, **FLOAT64, err_msg=name)


@pytest.fixture(scope="module")
def crops():
    """Image j (4 x 6 cells) is a crop of image i (5 x 8), no two cells are alike."""
    scene = np.eye(40).reshape(5, 8, 40)
    volume = c3jax.correlation_4d(scene, scene[1:5, 2:8])
    in_j = np.array([[1.0, 1.0], [2.0, 3.0], [4.5, 2.0]])
    points_i = c3jax.to_normalized(in_j + np.array([2, 1]), (5, 8))
    return points_i, c3jax.to_normalized(in_j, (4, 6)), volume


def test_landmarks_that_move_with_the_scene_are_equivariant(crops):
    points_i, points_j, volume = crops
    t_ij = c3jax.transformation_map(volume, over="source")
    t_ji = c3jax.transformation_map(volume, over="target")
    assert losses.equivariance_of_points(points_i, points_j, t_ij, t_ji) < 1e-9
    assert losses.equivariance_of_points(points_j, points_i, t_ij, t_ji) > 0.1
    p_i = c3jax.gaussian_maps(points_i, (5, 8), stddev=0.05)
    p_j = p_i[1:5, 2:8]
    assert losses.equivariance(p_i, p_j, t_ij, t_ji) < 1e-3
    scores = [c3jax.match_scores(volume, over=o, temperature=0.01) for o in ("source", "target")]
    # Cells of i that j does not show match all of j a little.
    assert losses.soft_equivariance(p_i, p_j, *scores) < 0.1
    assert losses.soft_equivariance(p_i[::-1], p_j, *scores) > 0.5


def test_equal_poses_are_invariant_and_a_swap_of_i_and_j_changes_nothing():
    assert losses.invariance(P_I, P_I, P_J, P_J) == 0
    assert_allclose(
        losses.equivariance(P_I, P_J, T_IJ, T_JI),
        losses.equivariance(P_J, P_I, T_JI, T_IJ),
        **FLOAT32,
    )
    images = RANDOM.uniform(size=(4, 2, 3, 1))
    assert_allclose(
        losses.cycle(*images, distance=mean_square),
        losses.cycle(*images[[1, 0, 3, 2]], distance=mean_square),
        **FLOAT32,
    )


def flow_loss(kernels, volume, *, kind):
    """An equivariance loss as a function of W1 and W2 of C3 Eq. 3."""
    filtered = c3jax.separable_conv4d(volume[..., None], *kernels)[..., 0]
    s_ij, s_ji = (c3jax.match_scores(filtered, over=over) for over in ("source", "target"))
    if kind == "scores":
        return losses.soft_equivariance(P_I, P_J, s_ij, s_ji)
    hard = kind.startswith("hard")
    t_ij = c3jax.transformation_map(s_ij, over="source", hard=hard)
    t_ji = c3jax.transformation_map(s_ji, over="target", hard=hard)
    if kind.endswith("points"):
        return losses.equivariance_of_points(POINTS[0], POINTS[1], t_ij, t_ji)
    return losses.equivariance(P_I, P_J, t_ij, t_ji)


def flow_gradients(kind):
    """To W1, to W2 and to the volume."""
    kernels = tuple(RANDOM.normal(size=(2, 3, 3, 1, 1)))
    gradient = jax.jit(jax.grad(lambda k, v: flow_loss(k, v, kind=kind), argnums=(0, 1)))
    return jax.tree.leaves(gradient(kernels, VOLUME))


@pytest.mark.parametrize("kind", ["hard", "hard points"])
def test_the_hard_flow_gives_w1_w2_and_the_volume_exactly_no_gradient(kind):
    for gradient in flow_gradients(kind):
        assert_array_equal(gradient, np.zeros(gradient.shape))


@pytest.mark.parametrize("kind", ["soft", "soft points", "scores"])
def test_the_soft_flow_gives_w1_w2_and_the_volume_a_gradient(kind):
    for gradient in flow_gradients(kind):
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 1e-6


def test_the_landmarks_learn_from_both_flows():
    for loss, flow in (
        (losses.equivariance, (T_IJ, T_JI)),
        (losses.soft_equivariance, (jnp.abs(VOLUME), jnp.abs(VOLUME))),
    ):
        for gradient in jax.jit(jax.grad(loss, argnums=(0, 1)))(P_I, P_J, *flow):
            assert np.abs(gradient).max() > 1e-3


def test_gradients_at_zero_distance_are_zero():
    points = jnp.asarray(POINTS[0])
    gradient = jax.grad(losses.invariance_of_points)(points, points, points, points)
    assert_array_equal(gradient, np.zeros(points.shape))
    maps = jnp.ones((2, 3, 4))
    gradient = jax.grad(losses.invariance)(maps, maps, maps, maps)
    assert_array_equal(gradient, np.zeros(maps.shape))


def test_refuses_shapes_that_do_not_fit():
    with pytest.raises(
        ValueError, match=r"reconstruction_j must .* image_i, \(2, 3, 1\), got \(2, 4, 1\)"
    ):
        images = [jnp.zeros((2, 3, 1))] * 3
        losses.cycle(*images, jnp.zeros((2, 4, 1)), distance=mean_square)
    with pytest.raises(ValueError, match="image_j must have the shapes of image_i"):
        losses.cycle([P_I, P_J], [P_I], [P_I, P_J], [P_I, P_J], distance=mean_square)
