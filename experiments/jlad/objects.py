"""The rendered objects whose key points the landmarks of JLAD are measured on."""

import functools

from experiments.common.alignment_data import AlignmentDataConfig
from experiments.common.scenes import read_objects
from experiments.measure.annotations import Evaluation


def load_objects(config: AlignmentDataConfig) -> tuple[Evaluation, Evaluation]:
    """Pictures to fit on (those of training) and to test on (those of the test pairs)."""
    from data_pipelines import rendered_objects
    from data_pipelines.rendered_objects.pairs import pool_size

    categories = tuple(name for name in rendered_objects.CATEGORIES if name != config.held_out)
    arrays = functools.partial(
        rendered_objects.load_arrays,
        categories=categories,
        size=config.image_size,
        cache_dir=config.cache,
    )
    return (
        read_objects(arrays, "train", config.train_examples),
        read_objects(arrays, "test", pool_size(config.test_pairs, categories)),
    )
