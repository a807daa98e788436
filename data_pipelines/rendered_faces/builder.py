"""The rendered faces as a TensorFlow data set, readable through tf.data and by index."""

import dataclasses

from data_pipelines.rendered_faces.chunks import renderer_digest, stock
from data_pipelines.rendering.builder import RenderedBuilder, RenderedConfig


@dataclasses.dataclass(eq=False, kw_only=True)
class RenderedFacesConfig(RenderedConfig):
    """Size in pixels, seed and the number of faces of each split."""

    def digest(self):
        return renderer_digest()

    def stock(self, split):
        return stock(split, self.size, self.seed)


class RenderedFaces(RenderedBuilder):
    """Three-dimensional parametric heads with landmarks and true correspondence."""

    BUILDER_CONFIGS = [RenderedFacesConfig(size=64), RenderedFacesConfig(size=128)]
