"""Many rendered rooms as arrays, rendered in parallel and kept on disk."""

from data_pipelines.rendered_rooms.chunks import renderer_digest, stock
from data_pipelines.rendered_rooms.renderer import checked
from data_pipelines.rendering.arrays import load


def load_arrays(split, count, *, size=64, seed=0, cache_dir=None, **options):
    """Arrays of the first `count` rooms of a split, rendered once and read from files later.

    Args:
      split: 'train', 'validation' or 'test'.
      count: number of rooms, at least 1.
      size: width and height in pixels.
      seed: another seed is another population.
      cache_dir: folder that holds the folder of files; None keeps nothing.
      **options: `fields`, `workers` and `progress` of `rendering.arrays.load`.

    Returns:
      One array per field of `render_room`, [count, ...]; the same whatever the number of workers.

    Raises:
      DataError: for a count below 1, or an unknown field or split.
      OSError: names the file or folder that cannot be written.
    """
    checked(split, 0, size)
    name = f"rendered_rooms-{size}px-{split}-{count}-seed{seed}-{renderer_digest()}"
    return load(stock(split, size, seed), count, cache_dir=cache_dir, folder_name=name, **options)
