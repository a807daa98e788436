"""The paper's pictures from plain functions: which appearance meets which pose, and where."""

import numpy as np
import pytest

from c3jax import matching
from c3jax.coordinates import numpy_grid
from c3jax.tools.overlays import GAP
from data_pipelines.load import Data, Evaluation
from experiments.measure.consistency import Pairs, measure_consistency
from experiments.measure.viewer import Code, Viewer
from experiments.registry import find_recipe
from experiments.show import landmark_gallery as gallery
from experiments.show.pictures import TILE
from tests.experiments import tiny

STEP = TILE + GAP


class Plain(Viewer):
    """Of an image of one colour (r, g, 0): appearance r, pose g; the landmark is at (g, 0)."""

    def encode(self, images):
        r, g = images.mean((1, 2))[:, :2].T
        maps = np.broadcast_to(g[:, None, None, None], (len(g), 2, 2, 1))
        appearance = np.broadcast_to(r[:, None, None, None], (len(r), 2, 2, 1))
        landmarks = np.stack([g, 0 * g], -1)[:, None]
        return Code(appearance, landmarks, maps, appearance)

    def decode(self, appearance, maps):
        channels = [appearance.mean((1, 2, 3)), maps.mean((1, 2, 3)), 0 * maps[:, 0, 0, 0]]
        return np.broadcast_to(np.stack(channels, -1)[:, None, None], (len(maps), 8, 8, 3))

    def fields(self, code, pairs):
        return np.broadcast_to(numpy_grid((2, 2)).astype(np.float32), (len(pairs), 2, 2, 2))


@pytest.fixture
def images():
    """Images whose red is their appearance and whose green is their pose."""
    colors = [(16 * i, 255 - 16 * i, 0) for i in range(12)]
    return np.stack([np.full((8, 8, 3), color, np.uint8) for color in colors])


@pytest.fixture
def viewer():
    return Plain(None, {}, 8, hard_match=False, temperature=1.0)


def pixel(picture, row, column):
    """The colour in the middle of a tile, counted from the lower right one."""
    width, height = picture.image.size
    place = (width - TILE // 2 - STEP * column, height - TILE // 2 - STEP * row)
    return np.array(picture.image.getpixel(place))


def test_swaps_have_appearances_by_row_and_poses_by_column(viewer, images):
    picture = gallery.draw_swaps(viewer, images, viewer.look(images))
    shown = gallery.spread(len(images), gallery.SWAPPED)[::-1]
    for row, i in enumerate(shown):
        for column, j in enumerate(shown):
            np.testing.assert_allclose(
                pixel(picture, row, column), [images[i, 0, 0, 0], images[j, 0, 0, 1], 0], atol=1
            )


def test_a_perfect_model_gives_the_images_back_after_the_cycle(viewer, images):
    pairs = gallery.shown_pairs(len(images))
    picture = gallery.draw_cycles(viewer, images, viewer.look(images), pairs)
    for column, (i, j) in enumerate(zip(pairs.source[::-1], pairs.target[::-1], strict=True)):
        rows = [pixel(picture, row, column) for row in range(6)][::-1]
        np.testing.assert_allclose(rows[0], images[i, 0, 0], atol=1)
        np.testing.assert_allclose(rows[2], [images[i, 0, 0, 0], images[j, 0, 0, 1], 0], atol=1)
        np.testing.assert_allclose(rows[3], [images[j, 0, 0, 0], images[i, 0, 0, 1], 0], atol=1)
        np.testing.assert_allclose(rows[4], rows[0], atol=1)
        np.testing.assert_allclose(rows[5], rows[1], atol=1)


def test_isolated_decoding_sets_the_other_map_to_zero(viewer, images):
    picture = gallery.draw_isolated(viewer, images, viewer.look(images))
    last = gallery.spread(len(images), gallery.COLUMNS)[-1]
    red, green, _ = images[last, 0, 0]
    np.testing.assert_allclose(pixel(picture, 0, 0), [0, green, 0], atol=1)
    np.testing.assert_allclose(pixel(picture, 1, 0), [red, 0, 0], atol=1)
    np.testing.assert_allclose(pixel(picture, 2, 0), [red, green, 0], atol=1)


def test_figure_3_has_a_column_for_the_truth_only_where_it_is_known(viewer, images):
    code, pairs = viewer.look(images), Pairs(np.arange(4), np.arange(4) + 1)
    fields = viewer.fields(code, pairs)
    plain = gallery.draw_consistency(images, code.landmarks, fields, pairs, None)
    assert plain.image.width == 6 * STEP - GAP
    masks, surfaces = np.ones((12, 8, 8), bool), np.zeros((12, 8, 8, 3), np.float16)
    test = Evaluation(images, np.zeros((12, 2, 2)), masks=masks, surfaces=surfaces)
    true = gallery.draw_consistency(images, code.landmarks, fields, pairs, test)
    assert true.image.width == 8 * STEP - GAP


@pytest.mark.parametrize("count", [2, 3, 7, 12, 24])
def test_pairs_to_show_are_of_two_images_whatever_their_number(count):
    source, target = gallery.shown_pairs(count)
    assert (source != target).all() and max(*source, *target) < count
    assert len(set(source)) == len(source) == min(count, gallery.SHOWN_PAIRS)


def test_the_whole_gallery_and_consistency_without_annotations(viewer, images):
    data = Data("folder", "", 12, batches=None, preview=images)
    pictures = gallery.draw_gallery(viewer, data, {"flow", "decoder"})
    names = [picture.name for picture in pictures]
    assert names == ["consistency", "swapped", "cycled", "isolated"]
    assert not any("truth" in each.caption or "table" in each.caption for each in pictures)
    assert [p.name for p in gallery.draw_gallery(viewer, data, {"flow"})] == names[:1]
    assert gallery.draw_gallery(viewer, data, {"pose"}) == []
    assert measure_consistency(viewer.find, viewer.find, data, flow=False).keys() == {
        *("pairs", "normalizer", "protocol")
    }
    found = measure_consistency(viewer.find, viewer.find, data)["landmarks_carried_by_flow"]
    assert found["px"] == found["identity_px"] > 0


def test_a_viewer_says_what_the_network_says(images):
    network = find_recipe("c3_faces").build(tiny.config()).network
    variables = tiny.random_variables(tiny.config())
    viewer = Viewer(network, variables, tiny.SIZE, hard_match=False, temperature=0.05)
    pairs = Pairs(np.array([0]), np.array([1]))
    code = viewer.look(images)
    assert viewer.decode(code.appearance, code.maps).shape == (12, 32, 32, 3)
    assert code.landmarks.shape == (12, 3, 2)

    volume = network.apply(
        variables, code.flow_features[:1], code.flow_features[1:2], method="correlate"
    )
    scores = matching.match_scores(volume, over="target", temperature=0.05)
    field = matching.transformation_map(scores, over="target", hard=False)
    np.testing.assert_allclose(viewer.fields(code, pairs), field, atol=1e-4)
    found = viewer.find(images, pairs)
    np.testing.assert_allclose(found.landmarks, code.landmarks, atol=1e-5)
