"""Rendered pairs: those to choose by, and those that a chosen recipe is tested on."""

import numpy as np

from data_pipelines.load import AlignmentDataConfig, load


def test_pairs_to_choose_by_are_others_and_say_so(tmp_path):
    def tests(split):
        sizes = {"image_size": 16, "train_examples": 8, "test_pairs": 8, "cache": tmp_path}
        return load(AlignmentDataConfig(**sizes, tested=split), training=False).tests

    chosen, final = tests("validation"), tests("test")
    assert list(final) == ["seen categories", "held-out category (chair)"]
    assert list(chosen) == [f"{name}, validation" for name in final]
    for name, pairs in final.items():
        assert not np.array_equal(chosen[f"{name}, validation"].images, pairs.images)
