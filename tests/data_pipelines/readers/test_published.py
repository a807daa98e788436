"""What the readers of published lists share."""

from pathlib import Path

import numpy as np
import pytest

from data_pipelines.errors import DataError
from data_pipelines.readers.published import (
    box_of_points,
    check_count,
    check_split,
    hold_out_validation,
)
from data_pipelines.tables import read_floats


def test_the_last_tenth_of_the_training_list_is_validation():
    rows = np.arange(10_122)
    train, validation = (rows[hold_out_validation(10_122, s)] for s in ("train", "validation"))
    assert (len(train), len(validation)) == (9_110, 1_012)  # IMM's split of AFLW
    assert np.concatenate([train, validation]).tolist() == rows.tolist()
    assert len(rows[hold_out_validation(10_122, "test")]) == 10_122


def test_a_box_of_points_goes_through_the_pixels_centres():
    # A pixel's centre is half a pixel within its edges.
    assert box_of_points(np.array([[2, 9], [4, 5], [3, 7]])) == (2.5, 5.5, 4.5, 9.5)


def test_numbers_are_read_or_named():
    assert read_floats("a.txt", ["1", "-2.5", "1e3"]) == [1, -2.5, 1000]
    for cell in ("x", "", "nan", "inf", "1,5"):
        with pytest.raises(DataError, match=f"a.txt: line 3: '{cell}' is not a number"):
            read_floats("a.txt: line 3", ["1", cell])


def test_lists_of_another_length_are_refused():
    check_count(Path("a.txt"), 3, 2, 3)
    with pytest.raises(DataError, match="a.txt: 1,000 pairs, 2 or 3,000 are published"):
        check_count(Path("a.txt"), 1000, 2, 3000, what="pairs")


def test_unknown_splits_are_refused():
    check_split("b", ("a", "b"))
    with pytest.raises(DataError, match="split is 'c'; it must be one of a, b"):
        check_split("c", ("a", "b"))
