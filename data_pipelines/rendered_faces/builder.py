"""The rendered faces as a TensorFlow data set, readable through tf.data and by index."""

import dataclasses

import tensorflow_datasets as tfds

from data_pipelines.rendered_faces.chunks import field_specs, renderer_digest, stock
from data_pipelines.rendering.arrays import examples
from data_pipelines.rendering.features import picture_features


@dataclasses.dataclass(eq=False, kw_only=True)
class RenderedFacesConfig(tfds.core.BuilderConfig):
    """Size in pixels, seed and the number of faces of each split.

    The name is made of these and of the renderer's digest, so that a changed renderer never
    meets a prepared data set.
    """

    name: str = dataclasses.field(init=False, default="")
    size: int = 64
    seed: int = 0
    train: int = 8000
    validation: int = 500
    test: int = 1000
    workers: int | None = None

    def __post_init__(self):
        counts = "-".join(str(count) for count in self.counts().values())
        self.name = f"{self.size}px-{counts}-seed{self.seed}-{renderer_digest()}"
        self.description = f"{self.size} x {self.size} pixels, renderer {renderer_digest()}"

    def counts(self):
        """Number of faces by split."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


class RenderedFaces(tfds.core.GeneratorBasedBuilder):
    """Three-dimensional parametric heads with landmarks and true correspondence."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [RenderedFacesConfig(size=64), RenderedFacesConfig(size=128)]

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
        return examples(stock(split, config.size, config.seed), count, config.workers)
