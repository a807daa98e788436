"""Examples through a function that takes batches of one size."""

import numpy as np
import pytest

from c3jax.inference.batches import in_batches


@pytest.mark.parametrize("count", [1, 3, 4, 9])
def test_every_row_comes_back_once_from_batches_of_one_size(count):
    first, second = np.arange(count * 2.0).reshape(count, 2), np.arange(count)
    seen = []

    def function(x, y):
        seen.append((x.shape, y.shape))
        assert set(y) <= set(second), "the last batch is filled up with rows that exist"
        return {"both": (x.sum(1) + y, x)}

    both, same = in_batches(function, first, second, size=4)["both"]
    np.testing.assert_array_equal(both, first.sum(1) + second)
    np.testing.assert_array_equal(same, first)
    assert seen == [((4, 2), (4,))] * -(-count // 4)
