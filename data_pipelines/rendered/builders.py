"""The rendered data as TensorFlow data sets, readable through tf.data and by index."""

import dataclasses
import functools

import tensorflow_datasets as tfds

from data_pipelines.rendered import faces, objects, rooms
from data_pipelines.rendered.engine.arrays import examples
from data_pipelines.rendered.engine.draws import SPLITS
from data_pipelines.rendered.engine.scene import Scene


@dataclasses.dataclass(eq=False, kw_only=True)
class RenderedConfig(tfds.core.BuilderConfig):
    """A scene, the size in pixels, the seed and the number of pictures of each split.

    The name is made of these and of the renderer's digest, so that a changed renderer never
    meets a prepared data set.
    """

    name: str = dataclasses.field(init=False, default="")
    scene: Scene
    size: int = 64
    seed: int = 0
    train: int = 8000
    validation: int = 500
    test: int = 1000
    workers: int | None = None

    def __post_init__(self):
        digest, counts = self.scene.digest, (self.train, self.validation, self.test)
        self.name = self.scene.label(f"{self.size}px", *counts, f"seed{self.seed}", digest)
        self.description = f"{self.size} x {self.size} pixels, renderer {digest}"


@dataclasses.dataclass(eq=False, kw_only=True)
class RenderedObjectsConfig(RenderedConfig):
    """Size in pixels, seed, categories and the number of objects of each split."""

    scene: Scene = dataclasses.field(init=False)
    categories: tuple[str, ...] = objects.CATEGORIES
    train: int = 9000
    validation: int = 900
    test: int = 900

    def __post_init__(self):
        self.scene = objects.scene_of(self.categories)
        super().__post_init__()


RenderedFacesConfig = functools.partial(RenderedConfig, scene=faces.SCENE)
RenderedRoomsConfig = functools.partial(RenderedConfig, scene=rooms.SCENE)


class _Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}

    def _info(self):
        config = self.builder_config
        fields = {n: _feature(n, *spec) for n, spec in config.scene.specs(config.size).items()}
        return tfds.core.DatasetInfo(
            builder=self,
            description=type(self).__doc__,
            features=tfds.features.FeaturesDict(fields),
            disable_shuffling=True,  # the order of the indices
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in SPLITS}

    def _generate_examples(self, split):
        config = self.builder_config
        count = getattr(config, split)
        return examples(config.scene, split, count, config.size, config.seed, config.workers)


def _feature(name, shape, dtype):
    """`image` is kept as PNG, the other fields exactly."""
    if name == "image":
        return tfds.features.Image(shape=shape, encoding_format="png")
    if not shape:
        return tfds.features.Scalar(dtype)
    return tfds.features.Tensor(shape=shape, dtype=dtype, encoding=tfds.features.Encoding.ZLIB)


class RenderedFaces(_Builder):
    """Three-dimensional parametric heads with landmarks and true correspondence."""

    BUILDER_CONFIGS = [RenderedFacesConfig(size=64), RenderedFacesConfig(size=128)]


class RenderedObjects(_Builder):
    """Three-dimensional parametric objects with key points and true correspondence."""

    BUILDER_CONFIGS = [RenderedObjectsConfig(size=64), RenderedObjectsConfig(size=128)]


class RenderedRooms(_Builder):
    """Furnished rooms seen from inside, with the corners of their layouts."""

    BUILDER_CONFIGS = [RenderedRoomsConfig(size=64), RenderedRoomsConfig(size=128)]
