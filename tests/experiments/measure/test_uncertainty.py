"""The worth of sigma."""

import numpy as np
import pytest

from experiments.measure.uncertainty import auroc, sparsification_area, uncertainty_quality

random = np.random.default_rng(0)


def test_the_area_is_the_mean_of_what_remains_over_the_mean_of_all():
    # Most certain first: errors 0, 1, 5 have means 0, 1/2 and 2.
    assert sparsification_area([0.1, 0.3, 0.2], [0.0, 5.0, 1.0]) == pytest.approx(2.5 / 3 / 2)
    assert sparsification_area([-0.1, -0.3, -0.2], [0.0, 5.0, 1.0]) > 1


def test_equal_uncertainties_take_out_at_random():
    error = random.uniform(0, 1, 50)
    assert sparsification_area(np.zeros(50), error) == pytest.approx(1)
    tied = sparsification_area([0.0, 0.0, 1.0], [1.0, 3.0, 5.0])  # means 2, 2 and 3
    assert tied == pytest.approx(7 / 3 / 3)


def test_no_order_is_better_than_the_oracle():
    error = random.exponential(1, 200)
    found = uncertainty_quality(random.normal(size=200), error, error > 1)
    assert found["oracle_area"] < found["sparsification_area"]
    assert found["sparsification_area"] == pytest.approx(found["random_area"], abs=0.2)
    assert found["pixels"] == 200


def test_auroc_counts_pairs_in_the_right_order_and_halves_of_ties():
    scores, hidden = np.array([1.0, 2.0, 2.0, 3.0, 0.0]), np.array([False, True, False, True, True])
    pairs = [np.sign(p - n) for p in scores[hidden] for n in scores[~hidden]]
    assert auroc(scores, hidden) == pytest.approx(np.mean([(s + 1) / 2 for s in pairs]))
    assert auroc([1, 2], [False, True]) == 1
    assert auroc([1, 2], [True, True]) is None
