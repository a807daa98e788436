"""Fields: their directions, composition and inversion."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.compiled import c3jax, library
from tests.gradients import assert_gradient
from tests.reference import jlad as reference
from tests.tolerances import FLOAT32, FLOAT64

RANDOM = np.random.default_rng(0)
FIELD = RANDOM.uniform(-1.2, 1.2, size=(3, 4, 2))
OTHER = RANDOM.uniform(-1.2, 1.2, size=(4, 5, 2))


@pytest.fixture(scope="module")
def shifted():
    """Source and target crop one scene: source cell (y, x) is target cell (y - 1, x - 2).

    The source is 5 x 8 cells, the target 4 x 6, so the two sides cannot be exchanged unnoticed.
    """
    scene = RANDOM.normal(size=(5, 8, 3))
    cells_px = np.stack(np.meshgrid(np.arange(8.0), np.arange(5.0)), axis=-1)
    tau = c3jax.to_normalized(cells_px - np.array([2, 1]), (4, 6))
    return scene, scene[1:5, 2:8], tau


def smooth_field(shape):
    """A rotation by 20 degrees, larger by a fifth, shifted, with a small wave."""
    angle = np.deg2rad(20)
    linear = 1.2 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = np.asarray(library.grid(shape), np.float64)
    return points @ linear.T + np.array([0.1, -0.05]) + 0.05 * np.sin(3 * points[..., ::-1])


def test_tau_carries_points_from_source_to_target_and_its_inverse_back(shifted):
    _, _, tau = shifted
    in_target_px = np.array([[0.0, 0.0], [2.5, 1.25], [5.0, 3.0]])
    in_target = c3jax.to_normalized(in_target_px, (4, 6))
    in_source = c3jax.to_normalized(in_target_px + np.array([2, 1]), (5, 8))
    np.testing.assert_allclose(c3jax.carry_points(in_source, tau), in_target, atol=1e-5)
    inverse = c3jax.invert_field(tau, shape=(4, 6))
    np.testing.assert_allclose(c3jax.carry_points(in_target, inverse), in_source, atol=1e-5)


def test_tau_warps_maps_of_the_target_to_the_source_and_its_inverse_back(shifted):
    source, target, tau = shifted
    warped = c3jax.warp(target, tau)
    np.testing.assert_allclose(warped[1:, 2:], source[1:, 2:], atol=1e-5)
    np.testing.assert_allclose(warped[0], 0, atol=1e-5)  # cells that the target does not show
    np.testing.assert_allclose(warped[:, :2], 0, atol=1e-5)
    inverse = c3jax.invert_field(tau, shape=(4, 6))
    np.testing.assert_allclose(c3jax.warp(source, inverse, padding="clamp"), target, atol=1e-4)


def test_tau_is_the_transformation_map_over_the_target():
    cells = np.eye(40).reshape(5, 8, 40)
    volume = c3jax.correlation_4d(cells, cells[1:5, 2:8])
    t_ji = c3jax.transformation_map(volume, over="target")
    tau = c3jax.to_normalized(
        np.stack(np.meshgrid(np.arange(8.0) - 2, np.arange(5.0) - 1), axis=-1), (4, 6)
    )
    np.testing.assert_allclose(t_ji[1:, 2:], tau[1:, 2:], atol=1e-6)


def test_worked_flow_and_field_of_two_by_three_cells():
    flow = np.zeros((2, 3, 2))
    flow[1, 2] = [0.5, -1]  # the lower right corner, (1, 1)
    field = c3jax.flow_to_field(flow)
    np.testing.assert_allclose(field[1], [[-1, 1], [0, 1], [1.5, 0]])
    np.testing.assert_allclose(c3jax.field_to_flow(field), flow, atol=1e-6)


def test_worked_resize_of_a_field():
    field = np.array([[[0.0, 0.0], [2.0, 4.0]]])
    out = c3jax.resize_field(field, (1, 5))
    np.testing.assert_allclose(out[0], [[0, 0], [0.5, 1], [1, 2], [1.5, 3], [2, 4]])


def test_worked_composition_inside_and_beyond_the_border():
    first = np.array([[[0.5, -1.0], [3.0, -1.0]]])  # two cells of image A
    second = np.array([[[0.0, 0.0], [0.0, 1.0], [2.0, 1.0]]])  # three cells of image B
    out = c3jax.compose_fields(first, second)
    np.testing.assert_allclose(out[0], [[1, 1], [4, 1]])  # (3, -1) + the last flow, (1, 2)


def test_fields_equal_slow_reference(x64):
    composed = c3jax.compose_fields(FIELD, OTHER)
    slow = reference.evaluate(OTHER, FIELD.reshape(-1, 2)).reshape(FIELD.shape)
    np.testing.assert_allclose(composed, slow, **FLOAT64)
    cells = np.asarray(c3jax.grid((6, 5))).reshape(-1, 2)
    slow = reference.read(FIELD, cells).reshape(6, 5, 2)
    np.testing.assert_allclose(c3jax.resize_field(FIELD, (6, 5)), slow, **FLOAT64)


@pytest.mark.parametrize("shape", [(7, 9), (5, 4)])
def test_an_inverse_is_taken_back_to_its_cells_by_the_slow_reference(shape, x64):
    field = smooth_field((7, 9))
    inverse = np.asarray(c3jax.invert_field(field, shape=shape))
    found = reference.evaluate(field, inverse.reshape(-1, 2)).reshape(inverse.shape)
    reached = np.abs(inverse).max(-1) <= 1
    assert reached.mean() > 0.7
    np.testing.assert_allclose(found[reached], np.asarray(c3jax.grid(shape))[reached], **FLOAT64)


def test_an_affine_field_has_the_inverse_affine_map():
    for linear in (np.diag([2.0, 0.4]), np.diag([-1.0, 1.0]), np.array([[0.0, -0.8], [0.8, 0.0]])):
        forth = np.concatenate([linear, [[0.1], [0.2]]], axis=1)
        inverse = np.linalg.inv(linear)
        back = np.concatenate([inverse, -inverse @ np.array([[0.1], [0.2]])], axis=1)
        found = np.asarray(c3jax.invert_field(c3jax.affine_grid(forth, (6, 5)), shape=(4, 7)))
        expected = np.asarray(c3jax.affine_grid(back, (4, 7)))
        reached = np.abs(expected).max(-1) <= 1
        assert reached.sum() >= 4
        np.testing.assert_allclose(found[reached], expected[reached], atol=2e-5)
        assert (np.abs(found[~reached]).max(-1) > 1).all()


def test_a_field_after_its_inverse_is_the_identity():
    field = smooth_field((7, 9)).astype(np.float32)
    inverse = np.asarray(c3jax.invert_field(field))
    reached = np.abs(inverse).max(-1) <= 1
    again = np.asarray(c3jax.compose_fields(inverse, field))
    np.testing.assert_allclose(again[reached], library.grid((7, 9))[reached], atol=1e-5)


def test_the_identity_changes_nothing():
    identity = c3jax.grid((3, 4))
    np.testing.assert_allclose(c3jax.compose_fields(FIELD, c3jax.grid((4, 5))), FIELD, **FLOAT32)
    np.testing.assert_allclose(c3jax.compose_fields(identity, FIELD), FIELD, **FLOAT32)
    np.testing.assert_allclose(c3jax.invert_field(identity), identity, **FLOAT32)
    np.testing.assert_allclose(c3jax.resize_field(identity, (5, 7)), c3jax.grid((5, 7)), **FLOAT32)


def test_a_field_without_an_inverse_gives_finite_locations():
    constant = jnp.full((3, 4, 2), 0.3)
    assert np.isfinite(c3jax.invert_field(constant)).all()
    gradient = jax.jit(jax.grad(lambda f: library.invert_field(f).sum()))(constant)
    assert np.isfinite(gradient).all()


def test_gradients(x64):
    flow = 0.1 * RANDOM.normal(size=(3, 4, 2))
    assert_gradient(c3jax.flow_to_field, flow)
    assert_gradient(c3jax.field_to_flow, FIELD)
    assert_gradient(lambda f: c3jax.resize_field(f, (5, 3)), FIELD)
    assert_gradient(c3jax.compose_fields, 0.7 * FIELD, OTHER)
    larger = 1.3 * np.asarray(library.grid((3, 4))) + flow
    assert_gradient(lambda f: c3jax.invert_field(f, shape=(4, 3), iterations=6), larger)


def test_refusals():
    with pytest.raises(ValueError, match=r"flow must have shape .*, got \(3, 4\)"):
        c3jax.flow_to_field(np.zeros((3, 4)))
    with pytest.raises(ValueError, match=r"field must have shape .*, got \(3, 4, 3\)"):
        c3jax.field_to_flow(np.zeros((3, 4, 3)))
    with pytest.raises(ValueError, match=r"shape must be \(height, width\)"):
        c3jax.resize_field(FIELD, (0, 3))
    with pytest.raises(ValueError, match="second of shape .* has batch axes = .5,., but first has"):
        c3jax.compose_fields(FIELD, np.zeros((5, 4, 4, 2)))
    with pytest.raises(ValueError, match="iterations must not be negative, got -1"):
        c3jax.invert_field(FIELD, iterations=-1)
    with pytest.raises(ValueError, match=r"shape must be \(height, width\)"):
        library.invert_field(FIELD, shape=(3,))
