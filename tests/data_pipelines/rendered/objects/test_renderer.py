"""What every rendered object must be: deterministic, inside the picture, consistent with itself."""

import fnmatch

import numpy as np
import pytest

from c3jax.files.errors import DataError
from data_pipelines.rendered.objects import CATEGORIES, KEYPOINT_NAMES, render_object
from data_pipelines.rendered.objects.camera import generator
from data_pipelines.rendered.objects.catalogue import (
    MODULES,
    NUM_KEYPOINTS,
    build,
    draw_shape,
    template,
)
from data_pipelines.rendered.objects.lofts import normals

NUM = len(CATEGORIES)


@pytest.fixture(scope="module")
def objects():
    return [render_object("train", index) for index in range(5 * NUM)]


def grown(mask):
    """The mask and its neighbours."""
    wide, s = np.pad(mask, 1), mask.shape[0]
    return np.any([wide[i : i + s, j : j + s] for i in range(3) for j in range(3)], axis=0)


@pytest.mark.parametrize("category", CATEGORIES)
def test_shapes_of_the_splits_are_disjoint(category):
    def drawn(split):
        rngs = (generator(0, split, category, index, "shape") for index in range(20))
        return {str(draw_shape(category, rng)) for rng in rngs}

    splits = [drawn(split) for split in ("train", "validation", "test")]
    assert len(set.union(*splits)) == 60


def test_the_categories_take_turns():
    found = [render_object("test", i, size=16)["category"] for i in range(NUM + 2)]
    assert found == [i % NUM for i in range(NUM + 2)]
    chosen = [
        render_object("test", i, size=16, categories=["mug", "car"])["category"] for i in range(3)
    ]
    assert [CATEGORIES[c] for c in chosen] == ["mug", "car", "mug"]


def test_vertices_are_those_of_the_template():
    thing = render_object("validation", 0, size=48)
    assert thing["vertices_px"].shape == (3, template("car").surface.shape[1])
    assert thing["vertices_px"].dtype == np.float32


def test_objects_lie_inside_the_picture_and_fill_their_share(objects):
    sides = []
    for thing in objects:
        x0, y0, x1, y1 = thing["box"]
        assert min(x0, y0) >= 1 and max(x1, y1) <= 62
        sides.append(max(x1 - x0, y1 - y0) + 1)
    assert 0.5 * 64 < min(sides) and max(sides) <= 0.95 * 64


def test_key_points_lie_on_the_object(objects):
    on = []
    for thing in objects:
        points = thing["keypoints"][thing["keypoint_valid"]]
        columns, rows = np.round(points).astype(int).T
        on.append(grown(thing["mask"])[rows, columns])
        assert not thing["keypoints"][~thing["keypoint_valid"]].any()
        assert not (thing["visible"] & ~thing["keypoint_valid"]).any()
        assert thing["visible"].sum() >= 2
    assert np.concatenate(on).mean() > 0.97  # the tip of a wing may be thinner than a pixel


@pytest.mark.parametrize("category", CATEGORIES)
def test_key_points_are_seen_in_some_pictures_and_hidden_in_others(category):
    seen = [render_object("train", i, size=32, categories=[category])["visible"] for i in range(25)]
    assert 0.3 < np.mean(seen) < 0.95


def test_visible_key_points_show_their_own_surface(objects):
    shown = []
    for thing in objects:
        shape = template(CATEGORIES[thing["category"]])
        part, row, _ = shape.surface[:, shape.keypoints]
        for k in np.flatnonzero(thing["visible"]):
            x, y = np.round(thing["keypoints"][k]).astype(int)
            near = thing["surface"][y - 1 : y + 2, x - 1 : x + 2]
            shown.append(((near[..., 0] == part[k]) & (abs(near[..., 1] - row[k]) < 3)).any())
    assert np.mean(shown) > 0.93


@pytest.mark.parametrize("category", CATEGORIES)
def test_parts_are_closed_turn_outwards_and_keep_their_grids(category):
    module, grids = MODULES[category], template(category).grids
    for index in range(8):
        parts = module.build(draw_shape(category, generator(1, "train", category, index, "shape")))
        assert list(parts) == list(grids)
        for name, part in parts.items():
            assert part.shape == (3, grids[name].rows, grids[name].columns), name
            assert np.isfinite(part).all()
            np.testing.assert_allclose(part[:, :, 0], part[:, :, -1], atol=1e-9, err_msg=name)
            corners = (grids[name].triangles() - grids[name].start).T
            a, b, c = (part.reshape(3, -1)[:, k] - part.mean((1, 2))[:, None] for k in corners)
            assert np.einsum("it,it->", a, np.cross(b, c, axis=0)) > 0, name
            assert np.mean(np.linalg.norm(normals(part), axis=0) > 0.99) > 0.95


@pytest.mark.parametrize("category", CATEGORIES)
def test_an_object_is_scaled_to_a_diagonal_of_one(category):
    shape = draw_shape(category, generator(0, "test", category, 1, "shape"))
    shape.absent = ()
    points = build(category, shape).points
    np.testing.assert_allclose(points.min(1), -points.max(1), atol=1e-5)
    assert np.linalg.norm(np.ptp(points, axis=1)) == pytest.approx(1, abs=1e-4)


def test_every_category_names_its_key_points_and_materials():
    for name, module in MODULES.items():
        assert len(KEYPOINT_NAMES[name]) == NUM_KEYPOINTS
        grids = template(name).grids
        for part, row, column in module.KEYPOINTS.values():
            assert row < grids[part].rows and column < grids[part].columns
        places = [place for _, *places in module.MATERIALS.values() for place in places]
        assert all(fnmatch.filter(grids, pattern) for pattern, _ in places)
        assert set(template(name).materials) == set(range(len(module.MATERIALS)))


@pytest.mark.parametrize("categories", [["car", "dragon"], [], "car"])
def test_refuses_categories_that_are_none(categories):
    with pytest.raises(DataError, match="categories: expected some of") as refusal:
        render_object("train", 0, categories=categories)
    assert str(refusal.value).endswith(f"got {categories!r}")
