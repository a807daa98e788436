"""PF-PASCAL, on files in the published formats and on the real lists where they are in place."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from c3jax.files.errors import DataError
from data_pipelines.readers.pf_pascal import COUNTS, clean_subsets, read, read_list
from tests.data_pipelines.pair_files import PASCAL, PASCAL_PAIRS, write_pascal

REAL = Path(__file__).parents[4] / "shared/data/pf_pascal_pairs"


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    root = tmp_path_factory.mktemp("pf_pascal")
    write_pascal(root / "PF-dataset-PASCAL")
    return root


@pytest.fixture
def lists(tmp_path):
    write_pascal(tmp_path, pictures=False, annotations=False)
    return tmp_path


def seen(source, target):
    """Points of two pictures that are seen in both, counted from 0."""
    both = np.stack([np.array(PASCAL[name][3]) for name in (source, target)])
    return both[:, np.isfinite(both).all((0, 2))] - 1


@pytest.mark.parametrize("split", COUNTS)
def test_the_lists_are_read_as_published(complete, split):
    pairs = read(complete, split)
    assert len(pairs) == COUNTS[split] and pairs.num_pictures == 5
    assert set(pairs.categories) == {"aeroplane", "tvmonitor"}
    for index in range(4):
        names = PASCAL_PAIRS[index]
        assert (pairs.source.files[index].stem, pairs.target.files[index].stem) == names
        sizes = [PASCAL[name][1:3] for name in names]
        np.testing.assert_array_equal([pairs.source.sizes[index], pairs.target.sizes[index]], sizes)
        boxes = [[0, 1, width - 1, height - 1] for width, height in sizes]
        found = [pairs.source.boxes_px[index], pairs.target.boxes_px[index]]
        np.testing.assert_array_equal(found, boxes)


def test_points_of_training_pairs_come_from_the_annotations_where_both_see_them(complete):
    pairs = read(complete, "val")
    for index, names in enumerate(PASCAL_PAIRS):
        found = [pairs.source.points_px[index], pairs.target.points_px[index]]
        np.testing.assert_allclose(found, seen(*names))


def test_points_of_test_pairs_come_from_the_list(complete):
    pairs = read(complete, "test")
    source, target = seen("2008_000003", "2008_000001")
    np.testing.assert_allclose(pairs.source.points_px[2], source + 0.25)
    np.testing.assert_allclose(pairs.target.points_px[2], np.minimum(target + 0.25, [29, 19]))


def test_the_second_half_of_the_training_pairs_is_mirrored(complete):
    pairs = read(complete, "train")
    assert pairs.flipped.sum() == 1470
    source, _ = seen(*PASCAL_PAIRS[0])
    mirrored = 1472  # the first pair again
    assert pairs.flipped[mirrored] and PASCAL_PAIRS[mirrored % 4] == PASCAL_PAIRS[0]
    np.testing.assert_allclose(pairs.source.points_px[0], source)
    np.testing.assert_allclose(pairs.source.points_px[mirrored], [29, 0] + source * [-1, 1])


def test_without_annotations_test_pairs_have_points_and_no_boxes(tmp_path):
    write_pascal(tmp_path, annotations=False)
    (tmp_path / "lists").mkdir()
    for split in COUNTS:
        (tmp_path / f"{split}_pairs.csv").rename(tmp_path / "lists" / f"{split}_pairs.csv")
    pairs = read(tmp_path, "test", tmp_path / "lists")
    assert pairs.source.points_px is not None and pairs.source.boxes_px is None
    pairs = read(tmp_path, "train", tmp_path / "lists")
    assert pairs.source.points_px is None and pairs.target.boxes_px is None


def test_clean_subsets_ignore_the_order_of_a_pair(lists):
    train, test = (read_list(lists, split) for split in ("train", "test"))
    assert not clean_subsets(test, train)[0].any()
    text = (lists / "train_pairs.csv").read_text()
    # Without the second and fourth pair, which are each other's reverse.
    text = text.replace("2008_000005", "2008_000009").replace("2008_000004", "2008_000008")
    (lists / "train_pairs.csv").write_text(text.replace("2008_000001", "2008_000008"))
    pair_clean, image_clean = clean_subsets(test, read_list(lists, "train"))
    assert pair_clean.tolist()[:4] == [True] * 4
    assert image_clean.tolist()[:4] == [False, True, False, True]


@pytest.mark.skipif(not REAL.is_dir(), reason="the published lists are not in place")
def test_the_published_lists_have_their_counts():
    train, val, test = (read_list(REAL, split) for split in COUNTS)
    flipped = sum(row.flipped for row in train)
    assert (len(train), len(val), len(test), flipped) == (2940, 308, 299, 1470)
    pair_clean, image_clean = clean_subsets(test, train)
    assert (pair_clean.sum(), image_clean.sum()) == (204, 79)
    assert not (image_clean & ~pair_clean).any()
    assert all(row.source.points_px is None for row in train)
    assert sum(len(row.source.points_px) for row in test) == 2414


def test_faulty_annotations_are_named(tmp_path):
    write_pascal(tmp_path)
    mat = tmp_path / "Annotations/tvmonitor/2008_000005.mat"
    savemat(mat, {"kps": np.ones((3, 2)), "bbox": np.ones((1, 4))})
    with pytest.raises(DataError, match="row 2: 2 points annotated in the source, 3 in the target"):
        read(tmp_path, "val")
    savemat(mat, {"kps": np.ones((2, 3)), "bbox": np.ones((1, 4))})
    with pytest.raises(DataError, match=r"kps is \(2, 3\)"):
        read(tmp_path, "val")
