"""Losses of JLAD: Eq. 1, 2 and 6 to 11, and who learns from them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.compiled import c3jax, library, losses
from tests.reference import jlad as reference
from tests.tolerances import FLOAT32, FLOAT64

RANDOM = np.random.default_rng(0)
# The two images have grids of different, non-square shapes; tau leaves the target here and there.
SOURCE, TARGET = RANDOM.normal(size=(3, 4, 5)), RANDOM.normal(size=(4, 5, 5))
TAU = RANDOM.uniform(-1.3, 1.3, size=(3, 4, 2))
LOG_SIGMA = RANDOM.normal(size=(3, 4, 1))
SIGMA = np.exp(LOG_SIGMA[..., 0])
PSI_S = reference.channel_softmax(RANDOM.normal(size=(3, 4, 4)))
PSI_T = reference.channel_softmax(RANDOM.normal(size=(4, 5, 4)))
POINTS = RANDOM.uniform(-1.2, 1.2, size=(2, 6, 2))
E = np.e


def test_worked_anchor_pairs_and_landmark_equivariance():
    one_cell_right = library.grid((2, 3)) + jnp.array([1.0, 0.0])
    source = jnp.array([[-1.0, -1.0], [0.0, 1.0]])
    target = jnp.array([[0.0, -1.0], [4.0, 5.0]])  # (1, 1) is expected: 3^2 + 4^2
    assert losses.anchor_pairs(source, target, one_cell_right) == pytest.approx(25)
    assert losses.landmark_equivariance(source, target, one_cell_right) == pytest.approx(25)


def cells_of_two_by_three():
    """Six features at right angles to each other."""
    return np.eye(9)[:6].reshape(2, 3, 9)


def test_worked_alignment_at_the_identity():
    f = cells_of_two_by_three()
    loss = losses.uncertainty_weighted_alignment(
        f, f, c3jax.grid((2, 3)), jnp.zeros((2, 3, 1)), radius=1
    )
    # Four cells have a window of 2 x 2 cells, the two in the middle one of 2 x 3.
    assert_allclose(loss, 4 * (np.log(E + 3) - 1) + 2 * (np.log(E + 5) - 1), rtol=1e-5)
    sharper = losses.uncertainty_weighted_alignment(
        f, f, c3jax.grid((2, 3)), jnp.zeros((2, 3, 1)), radius=1, temperature=0.5
    )
    expected = 4 * (np.log(E**2 + 3) - 2) + 2 * (np.log(E**2 + 5) - 2)
    assert_allclose(sharper, expected, rtol=1e-5)


def shift_of_two_by_three():
    """Source cell (y, x) is target cell (y, x + 1); the target does not show the last column."""
    target = cells_of_two_by_three()
    source = np.concatenate([target[:, 1:], np.eye(9)[6:8, None]], axis=1)
    return source, target, library.grid((2, 3)) + jnp.array([1.0, 0.0])


def test_worked_alignment_of_a_pure_shift():
    source, target, tau = shift_of_two_by_three()
    sigma = np.array([[1, 2, 4], [1, 2, 4]])
    loss = losses.uncertainty_weighted_alignment(
        source, target, tau, np.log(sigma)[..., None], radius=1
    )
    # In each row: a match in a window of four cells, one in six, and a hidden cell in four.
    row = (np.log(E + 3) - 1) / 1 + (np.log(E + 5) - 1) / 2 + np.log(4) / 4 + np.log(1 * 2 * 4)
    assert_allclose(loss, 2 * row, rtol=1e-5)


def test_the_true_shift_is_better_than_the_identity_and_its_inverse():
    source, target, tau = shift_of_two_by_three()
    identity = library.grid((2, 3))
    values = [
        losses.uncertainty_weighted_alignment(source, target, t, jnp.zeros((2, 3, 1)), radius=1)
        for t in (tau, identity, 2 * identity - tau)
    ]
    assert values[0] < values[1] - 0.5 and values[0] < values[2] - 0.5


def test_worked_concentration_of_two_by_three_cells():
    psi = np.zeros((2, 3, 2))
    psi[0, 0, 0], psi[0, 2, 0] = 0.1, 0.3  # at x = -1 and 1 with 1/4 and 3/4: centroid 1/2
    psi[1, 1, 1] = 0.7  # one cell: no variance
    assert_allclose(c3jax.heatmap_centroids(psi), [[0.5, -1], [0, 1]], atol=1e-6)
    expected = 1.5**2 / 4 + 0.5**2 * 3 / 4
    assert_allclose(losses.concentration(psi), expected, rtol=1e-6)


def test_worked_separation_counts_each_pair_twice():
    points = jnp.array([[0.0, 0.0], [0.3, 0.4], [5.0, 5.0]])  # squared distance 0.25
    assert losses.separation(points, margin=0.3) == pytest.approx(2 * 0.05)
    assert losses.separation(points, margin=0.2) == 0


def test_worked_joint_consistency_sums_over_space_and_averages_over_landmarks():
    psi_s = np.zeros((1, 3, 2))
    psi_s[0, 0] = [0.5, 1.0]
    psi_t = np.zeros((1, 3, 2))
    psi_t[0, 1] = [0.5, 0.0]
    psi_t[0, 2] = [0.0, 0.4]
    tau = library.grid((1, 3)) + jnp.array([1.0, 0.0])  # one cell to the right
    log_sigma = jnp.log(jnp.array([2.0, 4.0, 8.0])).reshape(1, 3, 1)
    loss = losses.joint_consistency(psi_s, psi_t, tau, log_sigma)
    assert_allclose(loss, (1.0**2 / 2 + 0.4**2 / 4) / 2, rtol=1e-6)


def test_losses_equal_slow_reference(x64):
    for radius, temperature in ((1, 1.0), (2, 0.1)):
        assert_allclose(
            losses.uncertainty_weighted_alignment(
                SOURCE, TARGET, TAU, LOG_SIGMA, radius=radius, temperature=temperature
            ),
            reference.uncertainty_weighted_alignment(
                SOURCE, TARGET, TAU, SIGMA, radius, temperature
            ),
            **FLOAT64,
        )
    assert_allclose(
        losses.joint_consistency(PSI_S, PSI_T, TAU, LOG_SIGMA),
        reference.joint_consistency(PSI_S, PSI_T, TAU, SIGMA),
        **FLOAT64,
    )
    matches = TAU[::-1]
    for matched in (None, RANDOM.random((3, 4))):
        assert_allclose(
            losses.uncertainty_likelihood(matches, TAU, LOG_SIGMA, matched=matched),
            reference.uncertainty_likelihood(matches, TAU, SIGMA, matched),
            **FLOAT64,
        )
    slow = reference.anchor_pairs(*POINTS, TAU)
    assert_allclose(losses.anchor_pairs(*POINTS, TAU), slow, **FLOAT64)
    assert_allclose(losses.landmark_equivariance(*POINTS, TAU), slow, **FLOAT64)
    assert_allclose(losses.concentration(PSI_S), reference.concentration(PSI_S), **FLOAT64)
    assert_allclose(
        losses.separation(POINTS[0], margin=0.9), reference.separation(POINTS[0], 0.9), **FLOAT64
    )


def test_maps_and_centroids_equal_slow_reference(x64):
    logits = RANDOM.normal(size=(3, 5, 4))
    assert_allclose(c3jax.channel_softmax(logits), reference.channel_softmax(logits), **FLOAT64)
    assert_allclose(c3jax.heatmap_centroids(PSI_S), reference.heatmap_centroids(PSI_S), **FLOAT64)


def test_probabilities_compete_across_channels_and_not_across_cells():
    psi = c3jax.channel_softmax(jnp.zeros((3, 4, 5)).at[..., 0].set(-1e3))
    assert_allclose(psi.sum(-1), np.ones((3, 4)), rtol=1e-6)
    assert_allclose(psi, 1 / 4, rtol=1e-6)


def test_centroids_of_a_softmax_over_space_are_the_soft_argmax():
    logits = RANDOM.normal(size=(3, 5, 4))
    assert_allclose(
        c3jax.heatmap_centroids(c3jax.spatial_softmax(logits)), c3jax.soft_argmax(logits), **FLOAT32
    )


def test_sigma_of_one_is_the_plain_loss_and_the_best_sigma_is_the_cross_entropy():
    ones = np.zeros_like(LOG_SIGMA)

    def loss(log_sigma):
        return losses.uncertainty_weighted_alignment(SOURCE, TARGET, TAU, log_sigma, radius=1)

    plain = reference.uncertainty_weighted_alignment(SOURCE, TARGET, TAU, np.ones((3, 4)), 1)
    assert_allclose(loss(ones), plain, **FLOAT32)
    cross_entropy = 1 - np.asarray(jax.grad(loss)(jnp.asarray(ones)))  # d/dlog sigma = 1 - CE
    best = jax.grad(loss)(jnp.log(cross_entropy))
    assert_allclose(best, np.zeros_like(LOG_SIGMA), atol=1e-5)


def test_the_likelihood_of_known_errors_teaches_sigma_and_not_the_field():
    matches = np.asarray(TAU) + 0.25
    of_field, of_sigma = jax.grad(losses.uncertainty_likelihood, argnums=(1, 2))(
        matches, jnp.asarray(TAU), jnp.asarray(LOG_SIGMA)
    )
    assert_array_equal(of_field, np.zeros_like(TAU))
    error = 0.25 * np.hypot(1.5, 1.0)  # in cells of 3 rows and 4 columns
    expected = 1 - error / np.exp(LOG_SIGMA)
    assert_allclose(of_sigma, expected, rtol=1e-5, atol=1e-6)
    exact = jax.grad(losses.uncertainty_likelihood, argnums=2)(TAU, TAU, jnp.asarray(LOG_SIGMA))
    assert np.isfinite(exact).all()


def test_what_has_no_match_counts_as_a_match_anywhere():
    """In a row of three cells two places are 4 / 9 * 1 + 2 / 9 * 2 cells apart in the mean."""
    tau = library.grid((1, 3))
    share = jnp.array([[0.0, 0.5, 1.0]])
    found = losses.uncertainty_likelihood(tau, tau, jnp.zeros((1, 3, 1)), matched=share)
    assert_allclose(found, 1.5 * 8 / 9, rtol=1e-6)
    unknown = tau.at[0, 0].set(jnp.nan)  # of which nothing matches
    again = losses.uncertainty_likelihood(unknown, tau, jnp.zeros((1, 3, 1)), matched=share)
    assert_array_equal(again, found)


def test_sigma_near_zero_and_very_large_give_finite_losses_and_gradients():
    def loss(source, target, tau, log_sigma):
        alignment = losses.uncertainty_weighted_alignment(source, target, tau, log_sigma, radius=1)
        return alignment + losses.joint_consistency(PSI_S, PSI_T, tau, log_sigma)

    gradient = jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2, 3)))
    for log_sigma in (-1e30, -30.0, 30.0, 1e30):
        value, gradients = gradient(SOURCE, TARGET, TAU, jnp.full((3, 4, 1), log_sigma))
        assert np.isfinite(value)
        assert all(np.isfinite(leaf).all() for leaf in gradients)
        # No cell is stuck: too small a sigma grows, too large a one shrinks.
        assert (np.sign(-gradients[3]) == -np.sign(log_sigma)).all()


def test_equal_landmarks_and_flat_or_empty_maps_give_finite_gradients():
    same = jnp.full((4, 2), 0.25)
    gradient = jax.grad(lambda p: losses.separation(p, margin=0.05))(same)
    assert_array_equal(gradient, np.zeros((4, 2)))
    tau = library.grid((3, 4))

    def loss(psi, features):
        spread = losses.concentration(psi) + losses.separation(
            library.heatmap_centroids(psi), margin=0.05
        )
        flat = jnp.zeros((3, 4, 1))
        joint = losses.joint_consistency(psi, psi, tau, flat)
        alignment = losses.uncertainty_weighted_alignment(features, features, tau, flat, radius=1)
        return spread + joint + alignment

    for value in (0.0, 0.25):
        flat = jnp.full((3, 4, 2), value)
        gradients = jax.jit(jax.grad(loss, argnums=(0, 1)))(flat, flat)
        assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert_array_equal(c3jax.heatmap_centroids(np.zeros((3, 4, 2))), np.zeros((2, 2)))
    assert losses.concentration(np.zeros((3, 4, 2))) == 0


def test_channels_that_all_underflow_give_finite_centroids_and_gradients():
    logits = jnp.zeros((3, 4, 3)).at[..., 0].set(1e4)  # background everywhere

    def loss(logits):
        psi = library.channel_softmax(logits)
        return losses.concentration(psi) + library.heatmap_centroids(psi).sum()

    assert np.isfinite(jax.jit(jax.grad(loss))(logits)).all()


def test_landmarks_that_move_with_the_scene_are_consistent_in_one_direction():
    psi_s = reference.channel_softmax(3 * RANDOM.normal(size=(5, 8, 4)))
    psi_t = psi_s[1:5, 2:8]  # source cell (y, x) is target cell (y - 1, x - 2)
    cells = np.stack(np.meshgrid(np.arange(8.0) - 2, np.arange(5.0) - 1), axis=-1)
    tau = c3jax.to_normalized(cells, (4, 6))
    hidden = np.zeros((5, 8, 1))
    hidden[0], hidden[:, :2] = 30, 30  # the target does not show these
    assert losses.joint_consistency(psi_s, psi_t, tau, hidden) < 1e-3
    assert losses.joint_consistency(psi_s, psi_t, 2 * library.grid((5, 8)) - tau, hidden) > 1


def test_joint_consistency_teaches_both_groups_and_each_alone_as_the_paper_alternates():
    """Toy groups: W_A is a flow and log sigma, W_D score maps of both images."""
    alignment = {"flow": 0.1 * RANDOM.normal(size=(3, 4, 2)), "log_sigma": LOG_SIGMA}
    detection = {"source": RANDOM.normal(size=(3, 4, 4)), "target": RANDOM.normal(size=(4, 5, 4))}

    def loss(alignment, detection):
        return losses.joint_consistency(
            library.channel_softmax(detection["source"]),
            library.channel_softmax(detection["target"]),
            library.grid(alignment["flow"].shape[-3:-1]) + alignment["flow"],
            alignment["log_sigma"],
        )

    value, gradients = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))(alignment, detection)
    for gradient in jax.tree.leaves(gradients):
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 1e-4

    def step(group, gradient):
        return jax.tree.map(lambda leaf, slope: leaf - 0.01 * slope, group, gradient)

    compiled = jax.jit(loss)
    after_alignment = compiled(step(alignment, gradients[0]), detection)
    after_detection = compiled(alignment, step(detection, gradients[1]))
    assert after_alignment < value - 1e-4 and after_detection < value - 1e-4
    flow_only = alignment | {"flow": step(alignment["flow"], gradients[0]["flow"])}
    assert compiled(flow_only, detection) < value - 1e-5


def test_refusals():
    with pytest.raises(ValueError, match="landmarks must be at least two, got 1"):
        losses.separation(POINTS[0, :1], margin=0.1)
    with pytest.raises(ValueError, match="margin must be positive, got 0"):
        losses.separation(POINTS[0], margin=0)
    with pytest.raises(ValueError, match=r"logits must have K \+ 1 >= 2 channels"):
        c3jax.channel_softmax(PSI_S[..., :1])
