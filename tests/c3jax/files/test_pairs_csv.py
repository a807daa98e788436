"""Tables of own pairs."""

import numpy as np
import pytest

from c3jax.files.errors import DataError
from c3jax.files.pairs_csv import pairs_csv
from tests.data_pipelines.pair_files import write_table


def test_a_table_with_categories_and_points(tmp_path):
    rows = ["a.png,b.png,mug,1;2;29;19,3;4;23.5;35", "b.png, c.png ,mug,5;6,7;39"]
    pairs = pairs_csv(write_table(tmp_path, *rows))
    assert pairs.categories == ("mug", "mug") and pairs.num_pictures == 3
    assert pairs.source.files == (tmp_path / "a.png", tmp_path / "b.png")
    np.testing.assert_array_equal(pairs.source.sizes, [[30, 20], [24, 36]])
    np.testing.assert_array_equal(pairs.source.points_px[0], [[1, 2], [29, 19]])
    np.testing.assert_array_equal(pairs.target.points_px[0], [[3, 4], [23.5, 35]])
    np.testing.assert_array_equal(pairs.target.points_px[1], [[7, 39]])


def test_two_columns_are_enough(tmp_path):
    pairs = pairs_csv(write_table(tmp_path, "a.png,b.png", "b.png,c.png", header="source,target"))
    assert len(pairs) == 2 and pairs.categories is None and pairs.source.points_px is None


def test_pictures_may_lie_elsewhere(tmp_path):
    (tmp_path / "lists").mkdir()
    file = write_table(tmp_path, f"../a.png,{tmp_path / 'b.png'}", header="source,target")
    file = file.rename(tmp_path / "lists/pairs.csv")
    assert len(pairs_csv(file)) == 1


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ([], "pairs.csv: no pairs"),
        (["a.png,b.png,mug,1;2,3"], "row 1, column 'target_points': 1 numbers; give x;y per point"),
        (["a.png,b.png,mug,1;2,3;y"], "row 1, column 'target_points': '3;y' is not numbers"),
        (["a.png,b.png,mug,1;2,3;inf"], "row 1, column 'target_points': '3;inf' is not numbers"),
        (["a.png,b.png,mug,1;2,3;36"], r"row 1: point 1 of the target, \(3, 36\), lies outside"),
        (["a.png,b.png,mug,1;2,"], "row 1, column 'target_points': empty"),
        (["a.png,b.png,,1;2,3;4"], "row 1, column 'category': empty"),
        (["a.png,b.png,mug,1,2,3,4"], "row 1 has 7 columns, its header 5"),
    ],
)
def test_faulty_rows_are_refused_by_row_and_column(tmp_path, rows, named):
    with pytest.raises(DataError, match=named):
        pairs_csv(write_table(tmp_path, *rows))


@pytest.mark.parametrize(
    "header", ["source", "source,target,points", "source,target,target", "image,x,y"]
)
def test_other_columns_are_refused(tmp_path, header):
    with pytest.raises(
        DataError, match=f"the header is '{header}'; needed: source,target, possible"
    ):
        pairs_csv(write_table(tmp_path, "a.png,b.png,mug", header=header))
