"""The rendered rooms as a TensorFlow data set, readable through tf.data and by index."""

import dataclasses

from data_pipelines.rendered_rooms.chunks import renderer_digest, stock
from data_pipelines.rendering.builder import RenderedBuilder, RenderedConfig


@dataclasses.dataclass(eq=False, kw_only=True)
class RenderedRoomsConfig(RenderedConfig):
    """Size in pixels, seed and the number of rooms of each split."""

    def digest(self):
        return renderer_digest()

    def stock(self, split):
        return stock(split, self.size, self.seed)


class RenderedRooms(RenderedBuilder):
    """Furnished rooms seen from inside, with the corners of their layouts."""

    BUILDER_CONFIGS = [RenderedRoomsConfig(size=64), RenderedRoomsConfig(size=128)]
