"""The rendered objects as a TensorFlow data set, readable through tf.data and by index."""

import dataclasses

import tensorflow_datasets as tfds

from data_pipelines.rendered_objects.catalogue import CATEGORIES
from data_pipelines.rendered_objects.chunks import field_specs, renderer_digest, stock
from data_pipelines.rendered_objects.renderer import checked
from data_pipelines.rendering.arrays import examples
from data_pipelines.rendering.features import picture_features


@dataclasses.dataclass(eq=False, kw_only=True)
class RenderedObjectsConfig(tfds.core.BuilderConfig):
    """Size in pixels, seed, categories and the number of objects of each split.

    The name is made of these and of the renderer's digest, so that a changed renderer never
    meets a prepared data set.
    """

    name: str = dataclasses.field(init=False, default="")
    size: int = 64
    seed: int = 0
    categories: tuple[str, ...] = CATEGORIES
    train: int = 9000
    validation: int = 900
    test: int = 900
    workers: int | None = None

    def __post_init__(self):
        checked("train", 0, self.size, self.categories)
        counts = "-".join(str(count) for count in self.counts().values())
        kinds = "all" if tuple(self.categories) == CATEGORIES else "+".join(self.categories)
        self.name = f"{kinds}-{self.size}px-{counts}-seed{self.seed}-{renderer_digest()}"
        self.description = f"{self.size} x {self.size} pixels, renderer {renderer_digest()}"

    def counts(self):
        """Number of objects by split."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


class RenderedObjects(tfds.core.GeneratorBasedBuilder):
    """Three-dimensional parametric objects with key points and true correspondence."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [RenderedObjectsConfig(size=64), RenderedObjectsConfig(size=128)]

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=picture_features(field_specs(self.builder_config.size)),
            disable_shuffling=True,  # the order of the indices
        )

    def _split_generators(self, dl_manager):
        counts = self.builder_config.counts()
        return {split: self._generate_examples(split, count) for split, count in counts.items()}

    def _generate_examples(self, split, count):
        config = self.builder_config
        pictures = stock(split, config.size, config.seed, tuple(config.categories))
        return examples(pictures, count, config.workers)
