"""The rendered objects as a TensorFlow data set, readable through tf.data and by index."""

import dataclasses

from data_pipelines.rendered_objects.catalogue import CATEGORIES
from data_pipelines.rendered_objects.chunks import renderer_digest, stock
from data_pipelines.rendered_objects.renderer import checked
from data_pipelines.rendering.builder import RenderedBuilder, RenderedConfig


@dataclasses.dataclass(eq=False, kw_only=True)
class RenderedObjectsConfig(RenderedConfig):
    """Size in pixels, seed, categories and the number of objects of each split."""

    categories: tuple[str, ...] = CATEGORIES
    train: int = 9000
    validation: int = 900
    test: int = 900

    def __post_init__(self):
        checked("train", 0, self.size, self.categories)
        super().__post_init__()

    def prefix(self):
        kinds = "all" if tuple(self.categories) == CATEGORIES else "+".join(self.categories)
        return f"{kinds}-"

    def digest(self):
        return renderer_digest()

    def stock(self, split):
        return stock(split, self.size, self.seed, tuple(self.categories))


class RenderedObjects(RenderedBuilder):
    """Three-dimensional parametric objects with key points and true correspondence."""

    BUILDER_CONFIGS = [RenderedObjectsConfig(size=64), RenderedObjectsConfig(size=128)]
