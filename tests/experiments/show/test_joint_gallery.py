"""The report of JLAD: pictures of a tiny run, and the table of rounds."""

import numpy as np
import pytest

from c3jax.tools.overlays import GAP
from data_pipelines.load import AlignmentData
from experiments.registry import load_trained
from experiments.show import joint_gallery
from experiments.show.pictures import TILE
from experiments.show.sections import rounds_section
from tests.experiments.tiny import SIZE

STEP = TILE + GAP


@pytest.fixture(scope="module")
def trained(run_of):
    return load_trained(run_of("jlad"))


def test_a_run_without_tests_shows_training_pairs(trained):
    random = np.random.default_rng(0)
    data = AlignmentData(
        name="noise",
        description="noise",
        images=random.integers(0, 256, (4, SIZE, SIZE, 3), np.uint8),
        pairs=np.array([[0, 1], [2, 3]]),
        categories=np.zeros(2, int),
        tests={},
    )
    (section,) = trained.recipe.pictures({"tiny": trained}, data).sections
    pictures = {picture.name: picture for picture in section.pictures}
    assert list(pictures) == ["landmarks", "warped", "self_similarity"]
    widths = {name: (picture.image.width + GAP) // STEP for name, picture in pictures.items()}
    assert widths == {"landmarks": 3, "warped": 4, "self_similarity": 3}
    similarity = np.asarray(pictures["self_similarity"].image)[-TILE // 2, STEP + TILE // 2]
    assert similarity[0] > 200 and similarity[2] < 100  # itself: yellow


def test_a_window_is_that_of_the_nearest_cell():
    windows = np.zeros((2, 3, 9))
    windows[1, 2] = np.arange(9) / 2
    found = joint_gallery.window_at(windows, np.array([0.8, 0.4]))
    np.testing.assert_allclose(found, np.arange(9).reshape(3, 3) / 8)
    assert not joint_gallery.window_at(windows, np.array([0.4, 0.4])).any()


def test_rounds_stand_beside_the_published_ones():
    rows = [
        {"round": k, "pck": {"0.10": 10.0 * k}, "landmarks": {"nme_percent": 9.0 - k}}
        for k in (0, 1, 4, 5)
    ]
    (table,) = rounds_section(rows).tables
    assert [list(row[1:]) for row in table.rows] == [
        [0.0, 9.0, 63.2, 7.97],
        [10.0, 8.0, 67.0, 7.36],
        [40.0, 5.0, 72.7, 6.92],
        [50.0, 4.0, None, None],
    ]
    assert table.rows[0][0] == "pre-trained"
    (table,) = rounds_section([{"round": 1, "pck": {"0.10": 1.0}}]).tables
    assert table.rows[0][2] is None


def test_rounds_on_faces_have_what_was_measured_and_nothing_published():
    def row(number, error, **units):
        return {"round": number, "consistency": {"landmarks_carried_by_flow": units}} | (
            {"landmarks": {"nme_percent": error}} if error else {}
        )

    (table,) = rounds_section(
        [row(0, 9.0, percent=7.0, px=2.0), row(1, 8.0, percent=6.0, px=1.0)]
    ).tables
    assert list(table.columns)[1:] == [
        "landmark error, %",
        "carried landmarks, %",
        "carried landmarks, px",
    ]
    assert [list(line[1:]) for line in table.rows] == [[9.0, 7.0, 2.0], [8.0, 6.0, 1.0]]
    (table,) = rounds_section([row(0, None, px=2.0)]).tables
    assert list(table.columns)[1:] == ["carried landmarks, px"]
    assert [list(line[1:]) for line in table.rows] == [[2.0]] and "error" not in table.note
