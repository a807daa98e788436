"""Many rendered objects as arrays, rendered in parallel and kept on disk."""

from data_pipelines.rendered_objects.catalogue import CATEGORIES
from data_pipelines.rendered_objects.chunks import renderer_digest, stock
from data_pipelines.rendered_objects.renderer import checked
from data_pipelines.rendering.arrays import load


def folder_name(kind, split, count, size, seed, categories):
    """Names all that the arrays depend on."""
    names = "all" if tuple(categories) == CATEGORIES else "+".join(categories)
    return f"{kind}-{names}-{size}px-{split}-{count}-seed{seed}-{renderer_digest()}"


def load_arrays(
    split,
    count,
    *,
    size=64,
    seed=0,
    categories=CATEGORIES,
    cache_dir=None,
    workers=None,
    progress=True,
    fields=None,
):
    """Arrays of the first `count` objects of a split, rendered once and read from files later.

    Args:
      split: 'train', 'validation' or 'test'.
      count: number of objects, at least 1; the categories take turns.
      size: width and height in pixels.
      seed: another seed is another population.
      categories: names, some of CATEGORIES.
      cache_dir: folder that holds the folder of files; None keeps nothing.
      workers: processes; None is one per core, at most one per 64 objects.
      progress: show rate and time left on standard error.
      fields: names of the fields wanted; None is all of them (see `render_object`; all but
        `vertices_px`). `image`, `mask`, `surface` and `depth` are kept on disk when asked for.

    Returns:
      One array per field, [count, ...]; the same whatever the number of workers.

    Raises:
      DataError: for a count below 1, or an unknown field, category or split.
      OSError: names the file or folder that cannot be written.
    """
    checked(split, 0, size, categories)
    return load(
        stock(split, size, seed, categories),
        count,
        fields,
        cache_dir=cache_dir,
        folder_name=folder_name("rendered_objects", split, count, size, seed, categories),
        workers=workers,
        progress=progress,
    )
