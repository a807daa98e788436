"""The TFDS builder yields what render_face renders, through tf.data and by index."""

import numpy as np
import pytest

from data_pipelines.rendered_faces import render_face, renderer_digest

COUNTS = {"train": 3, "validation": 1, "test": 2}


@pytest.fixture(scope="module")
def tfds():
    pytest.importorskip("tensorflow")
    module = pytest.importorskip("tensorflow_datasets")
    module.disable_progress_bar()
    return module


def prepared(tmp_path, file_format):
    from data_pipelines.rendered_faces.builder import RenderedFaces, RenderedFacesConfig

    config = RenderedFacesConfig(size=24, seed=5, workers=1, **COUNTS)
    builder = RenderedFaces(data_dir=tmp_path, config=config, file_format=file_format)
    builder.download_and_prepare()
    return builder


def check(examples, split):
    assert len(examples) == COUNTS[split]
    for index, example in enumerate(examples):
        face = render_face(split, index, size=24, seed=5)
        assert example.keys() == face.keys()
        for name, value in face.items():
            np.testing.assert_array_equal(example[name], value, err_msg=name)
            assert np.asarray(example[name]).dtype == np.asarray(value).dtype


def test_array_record_is_read_by_index(tfds, tmp_path):
    builder = prepared(tmp_path, "array_record")
    for split in COUNTS:
        source = builder.as_data_source(split=split)
        check([source[i] for i in range(len(source))], split)


def test_tfrecord_is_read_through_tf_data(tfds, tmp_path):
    builder = prepared(tmp_path, "tfrecord")
    for split in COUNTS:
        check(list(tfds.as_numpy(builder.as_dataset(split=split))), split)


def test_the_names_of_the_configurations_carry_the_digest(tfds):
    from data_pipelines.rendered_faces.builder import RenderedFaces

    assert [c.size for c in RenderedFaces.BUILDER_CONFIGS] == [64, 128]
    assert all(renderer_digest() in c.name for c in RenderedFaces.BUILDER_CONFIGS)
