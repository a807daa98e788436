"""Whether pose and appearance are apart, in numbers."""

import jax.numpy as jnp
import numpy as np
import pytest

from c3jax import warps
from c3jax.coordinates import numpy_grid
from c3jax.tools.measure.evaluation import mean_error
from c3jax.tools.measure.units import in_pixels
from data_pipelines.load import Evaluation
from data_pipelines.rendered.faces import load_arrays
from experiments.measure import swaps
from experiments.measure.judge import judged_points
from experiments.measure.viewer import Code

SIDE, COUNT = 16, 40
CELLS = numpy_grid((SIDE, SIDE))


def test_fit_finds_the_coefficients_of_a_worked_sum():
    of_i, of_j = np.random.default_rng(0).normal(size=(2, 50, 3))
    z = np.array([1.0, -2.0, 5.0]) + 0.3 * of_i + 0.6 * of_j
    found = swaps.fit(z, of_i, of_j, np.ones((3, 50)))
    assert [found["alpha"], found["beta"]] == pytest.approx([0.3, 0.6])
    assert found["beta_interval"] == pytest.approx([0.6, 0.6])


def test_fit_is_least_squares_with_a_constant_for_each_column():
    rng = np.random.default_rng(1)
    z, of_i, of_j = rng.normal(size=(3, 30, 2))
    weights = np.stack([np.ones(30), rng.integers(0, 3, 30)])
    rows = np.sqrt(np.repeat(weights[1], 2))[:, None]
    constants = np.tile(np.eye(2), (30, 1))
    design = np.c_[of_i.ravel(), of_j.ravel(), constants]
    slow, *_ = np.linalg.lstsq(rows * design, rows[:, 0] * z.ravel(), rcond=None)
    found = swaps.fit(z, of_i, of_j, weights[[1, 1]])
    assert [found["alpha"], found["beta"]] == pytest.approx(slow[:2])


def test_pairs_are_of_different_persons_and_count_as_often_as_both_are_drawn():
    persons = np.repeat(np.arange(10), 2)
    pairs = swaps.pairs_of_persons(persons)
    assert len(pairs) == swaps.NUM_PAIRS
    assert np.all(persons[pairs.source] != persons[pairs.target])
    weights = swaps.bootstrap_weights(persons, pairs)
    assert weights.shape == (1 + swaps.DRAWS, len(pairs)) and np.all(weights[0] == 1)
    same = [(a, b) for a, b in zip(*pairs, strict=True) if {a // 2, b // 2} == {0, 1}]
    rows = [k for k, pair in enumerate(zip(*pairs, strict=True)) if pair in same]
    assert np.ptp(weights[:, rows], axis=1).max() == 0  # two persons, two pictures each


def test_a_similarity_moves_place_size_and_tilt_and_leaves_the_yaw():
    points = np.random.default_rng(2).normal(size=(6, 5, 2))
    angle, scale, shift = 0.3, 1.7, np.array([0.4, -0.2])
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    before, after = swaps.pose(points), swaps.pose(points @ turn.T + shift)
    np.testing.assert_allclose(after["place"], before["place"] @ turn.T + shift)
    np.testing.assert_allclose(after["size"], scale * before["size"])
    turned = np.angle(np.exp(1j * (after["tilt"] - before["tilt"])))
    np.testing.assert_allclose(turned, np.full((6, 1), angle))
    np.testing.assert_allclose(after["yaw"], before["yaw"])


def test_the_mean_of_one_face_that_moves_is_that_face():
    poses = {"place": np.array([[0.1, 0.0], [-0.1, 0.2]]), "size": np.array([[0.5], [0.6]])}
    poses["tilt"] = np.array([[0.2], [-0.2]])
    images = np.stack([blob(*poses["place"][n], 0.55 * poses["size"][n, 0]) for n in range(2)])
    moved = swaps.moved_mean_face(images, poses)
    np.testing.assert_allclose(moved, images, atol=0.08)  # resampled twice


def blob(x, y, width):
    """A round grey face in the middle of its place."""
    near = np.exp(-np.square(CELLS - [x, y]).sum(-1) / (2 * width**2))
    return np.repeat(near[..., None], 3, -1).astype(np.float32)


class Painter:
    """A viewer whose decoder paints a disc of colour a at p; its landmarks are the disc's place."""

    image_size = SIDE

    def look(self, images):
        return self.encode(images / np.float32(255))

    def encode(self, images):
        bright = images.sum(-1, keepdims=True)
        place = (bright * CELLS).sum((1, 2)) / bright.sum((1, 2))
        inside = (bright > 0.2).astype(float)
        return Code(swaps.mean_color(images, inside), place[:, None], place, place)

    def decode(self, appearance, maps):
        return np.stack([disc(a, p) for a, p in zip(appearance, maps, strict=True)])


def disc(color, place):
    inside = np.square(CELLS - place).sum(-1, keepdims=True) < 0.3**2
    return (inside * np.maximum(color, 0.1)).astype(np.float32)  # never invisible


@pytest.fixture
def discs(monkeypatch):
    """Pictures of discs with what is known of them, and a judge that finds discs."""
    rng = np.random.default_rng(3)
    colors, places = rng.uniform(0.3, 0.9, (COUNT, 3)), rng.uniform(-0.5, 0.5, (COUNT, 2))
    images = np.stack([disc(*each) for each in zip(colors, places, strict=True)])
    offsets = np.array([[-0.1, -0.1], [0.1, -0.1], [0.0, 0.0], [-0.1, 0.1], [0.1, 0.1]])

    def judged(name, pictures):
        return Painter().encode(pictures).landmarks + offsets

    monkeypatch.setattr(swaps, "SIDE", SIDE)
    monkeypatch.setattr(swaps, "judged_points", judged)
    uint8 = np.rint(255 * images).astype(np.uint8)
    points_px = in_pixels(places[:, None] + offsets, (SIDE, SIDE))
    return Evaluation(uint8, points_px, masks=images.sum(-1) > 0, persons=np.arange(COUNT) // 2)


def test_a_painter_of_discs_has_the_pose_of_one_picture_and_the_colour_of_the_other(discs):
    found = swaps.measure_swaps(Painter(), discs, "rendered_faces")
    assert found["pose"]["place"]["beta"] == pytest.approx(1, abs=0.02)
    assert found["pose"]["place"]["alpha"] == pytest.approx(0, abs=0.02)
    assert found["color"]["alpha"] == pytest.approx(1, abs=0.05)
    assert found["color"]["beta"] == pytest.approx(0, abs=0.05)
    reconstruction = found["reconstruction"]
    assert reconstruction["error"] < 0.05 * reconstruction["mean_image_error"]
    assert reconstruction["swapped_error"] > reconstruction["mean_image_error"]
    assert found["own_landmarks_px"] < 0.1


def test_a_painter_that_leaks_colours_through_the_pose_is_told(discs):
    class Leaky(Painter):
        def encode(self, images):  # the maps have the colour too, and the decoder takes it
            code = super().encode(images)
            return code._replace(maps=np.c_[code.maps, code.appearance])

        def decode(self, appearance, maps):
            return np.stack([disc(p[2:], p[:2]) for p in maps])

    found = swaps.measure_swaps(Leaky(), discs, "rendered_faces")
    assert found["color"]["alpha"] == pytest.approx(0, abs=0.05)
    assert found["color"]["beta"] == pytest.approx(1, abs=0.05)


def test_points_keep_their_place_in_pictures_of_another_side():
    """The middle of the corner pixel of 2x2 pixels lies between the first two of 4x4."""
    corner, between = np.array([-1.0, -1.0]), np.array([-2 / 3, -2 / 3])
    np.testing.assert_allclose(swaps._on_side(corner, 2, 4), between)
    np.testing.assert_allclose(swaps._on_side(between, 4, 2), corner)


def test_without_a_judge_the_reason_is_said(discs):
    found = swaps.measure_swaps(Painter(), discs, "folder")
    assert found["judge"] is None and found["reason"] == swaps.NO_JUDGE
    assert "pose" not in found and found["reconstruction"]["error"] < 0.01


def test_two_pictures_of_one_person_are_no_ground_for_a_judge(discs):
    found = swaps.measure_swaps(Painter(), discs.select(slice(2)), "rendered_faces")
    assert found["judge"] is None and found["pairs"] == swaps.NUM_PAIRS


def test_the_judge_finds_the_key_points_of_rendered_faces(tmp_path):
    found = load_arrays("test", 40, size=64, cache_dir=tmp_path, progress=False)
    points = judged_points("rendered_faces", found["image"] / np.float32(255))
    test = Evaluation(found["image"], found["keypoints"])
    assert mean_error(in_pixels(points, (64, 64)), test) < 8
    moved = warps.affine_grid(jnp.array([[1.0, 0, 0.2], [0, 1, 0]]), (64, 64))
    images = np.stack(
        [warps.warp(i / np.float32(255), moved, padding="clamp") for i in found["image"]]
    )
    shift = judged_points("rendered_faces", images) - points
    np.testing.assert_allclose(shift.mean((0, 1)), [-0.2, 0], atol=0.03)
