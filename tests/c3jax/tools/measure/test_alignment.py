"""Dense matches against the true ones, by whether these can be seen."""

import json

import numpy as np

from c3jax.tools.measure.alignment import DenseTruth, dense_metrics


def test_dense_metrics_by_hand():
    true = np.zeros((2, 2, 2, 2))
    predicted = true.copy()
    predicted[0, 0, 0] = [3, 4]  # visible, off by 5 px
    predicted[0, 0, 1] = [0, 1]  # visible, off by 1 px
    predicted[0, 1, 0] = [12, 0]  # occluded, off by 12 px
    predicted[0, 1, 1] = [99, 99]  # not on the object
    true[1, 1, 1] = np.nan  # of the second pair only one pixel is known
    predicted[1, 0, 0] = [0, 2]
    on_object = np.array([[[1, 1], [1, 0]], [[1, 0], [0, 1]]], bool)
    visible = np.array([[[1, 1], [0, 0]], [[1, 0], [0, 1]]], bool)
    found = dense_metrics(predicted, DenseTruth(true, on_object, visible), np.array([40, 10]))
    assert json.loads(json.dumps(found)) == found
    assert (found["visible"]["pixels"], found["occluded"]["pixels"]) == (3, 1)
    assert found["visible"]["end_point_error_px"] == (3 + 2) / 2
    assert found["visible"]["pck"] == {"0.05": 25, "0.10": 25, "0.15": 50}
    assert found["occluded"]["end_point_error_px"] == 12
    assert found["occluded"]["pck"] == {"0.05": 0, "0.10": 0, "0.15": 0}
    np.testing.assert_allclose(found["all"]["end_point_error_px"], (6 + 2) / 2)


def test_dense_metrics_of_nothing_are_none():
    field, mask = np.zeros((1, 2, 3, 2)), np.ones((1, 2, 3), bool)
    found = dense_metrics(field, DenseTruth(field, mask, mask), np.ones(1))
    assert found["occluded"] == {
        "pixels": 0,
        "end_point_error_px": None,
        "pck": {"0.05": None, "0.10": None, "0.15": None},
    }
    assert found["visible"]["pck"]["0.05"] == 100
