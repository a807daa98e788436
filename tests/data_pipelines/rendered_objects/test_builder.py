"""The TFDS builder yields what render_object renders, through tf.data and by index."""

import numpy as np
import pytest

from data_pipelines.rendered_objects import render_object, renderer_digest

COUNTS = {"train": 3, "validation": 1, "test": 2}
SOME = ("plane", "mug")


@pytest.fixture(scope="module")
def tfds():
    pytest.importorskip("tensorflow")
    module = pytest.importorskip("tensorflow_datasets")
    module.disable_progress_bar()
    return module


def prepared(tmp_path, file_format):
    from data_pipelines.rendered_objects.builder import RenderedObjects, RenderedObjectsConfig

    config = RenderedObjectsConfig(size=24, seed=5, workers=1, categories=SOME, **COUNTS)
    builder = RenderedObjects(data_dir=tmp_path, config=config, file_format=file_format)
    builder.download_and_prepare()
    return builder


def check(examples, split):
    assert len(examples) == COUNTS[split]
    for index, example in enumerate(examples):
        thing = render_object(split, index, size=24, seed=5, categories=SOME)
        assert thing.keys() - example.keys() == {"vertices_px"}
        for name, value in example.items():
            np.testing.assert_array_equal(value, thing[name], err_msg=name)
            assert np.asarray(value).dtype == np.asarray(thing[name]).dtype


def test_array_record_is_read_by_index(tfds, tmp_path):
    builder = prepared(tmp_path, "array_record")
    for split in COUNTS:
        source = builder.as_data_source(split=split)
        check([source[i] for i in range(len(source))], split)


def test_tfrecord_is_read_through_tf_data(tfds, tmp_path):
    builder = prepared(tmp_path, "tfrecord")
    for split in COUNTS:
        check(list(tfds.as_numpy(builder.as_dataset(split=split))), split)


def test_the_names_of_the_configurations_carry_categories_and_digest(tfds):
    from data_pipelines.rendered_objects.builder import RenderedObjects, RenderedObjectsConfig

    assert [c.size for c in RenderedObjects.BUILDER_CONFIGS] == [64, 128]
    for config in RenderedObjects.BUILDER_CONFIGS:
        assert config.name.startswith("all-") and renderer_digest() in config.name
    assert RenderedObjectsConfig(categories=SOME).name.startswith("plane+mug-64px-9000-900-900-")
    with pytest.raises(ValueError, match="'dragon'"):
        RenderedObjectsConfig(categories=("dragon",))
