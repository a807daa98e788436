"""Fields of rendered pictures as features of a TensorFlow data set."""

import tensorflow_datasets as tfds


def picture_features(specs):
    """A FeaturesDict for the shape and type of each field: `image` as PNG, the rest exactly."""

    def feature(name, shape, dtype):
        if name == "image":
            return tfds.features.Image(shape=shape, encoding_format="png")
        if not shape:
            return tfds.features.Scalar(dtype)
        zlib = tfds.features.Encoding.ZLIB
        return tfds.features.Tensor(shape=shape, dtype=dtype, encoding=zlib)

    return tfds.features.FeaturesDict({name: feature(name, *spec) for name, spec in specs.items()})
