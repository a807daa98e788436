"""Rendered pictures as a TensorFlow data set, readable through tf.data and by index."""

import dataclasses

import tensorflow_datasets as tfds

from data_pipelines.rendering.arrays import examples
from data_pipelines.rendering.features import picture_features


@dataclasses.dataclass(eq=False, kw_only=True)
class RenderedConfig(tfds.core.BuilderConfig):
    """Size in pixels, seed and the number of pictures of each split.

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
        digest = self.digest()
        self.name = f"{self.prefix()}{self.size}px-{counts}-seed{self.seed}-{digest}"
        self.description = f"{self.size} x {self.size} pixels, renderer {digest}"

    def counts(self):
        """Number of pictures by split."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def prefix(self):
        """What else the name begins with."""
        return ""

    def digest(self):
        """Digits that change with the renderer's source."""
        raise NotImplementedError

    def stock(self, split):
        """All pictures of a split (`rendering.arrays.Stock`)."""
        raise NotImplementedError


class RenderedBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """A builder of the pictures of a `RenderedConfig`."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=type(self).__doc__,
            features=picture_features(self.builder_config.stock("train").specs),
            disable_shuffling=True,  # the order of the indices
        )

    def _split_generators(self, dl_manager):
        counts = self.builder_config.counts()
        return {split: self._generate_examples(split, count) for split, count in counts.items()}

    def _generate_examples(self, split, count):
        return examples(self.builder_config.stock(split), count, self.builder_config.workers)
