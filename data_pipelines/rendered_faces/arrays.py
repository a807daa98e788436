"""Many rendered faces as arrays, rendered in parallel and kept on disk."""

from data_pipelines.rendered_faces.chunks import renderer_digest, stock
from data_pipelines.rendering.arrays import load


def folder_name(split, count, size, seed):
    return f"rendered_faces-{size}px-{split}-{count}-seed{seed}-{renderer_digest()}"


def load_arrays(
    split, count, *, size=64, seed=0, cache_dir=None, workers=None, progress=True, fields=None
):
    """Arrays of the first `count` faces of a split, rendered once and read from the cache later.

    The folder's name carries size, split, count, seed and a digest of the renderer's source, so
    that a changed renderer never meets old pictures. Small fields are kept along with the ones
    that are asked for; `image`, `mask` and `surface` only when they are.

    Args:
      split: 'train', 'validation' or 'test'.
      count: number of faces, at least 1.
      size: width and height in pixels.
      seed: another seed is another population.
      cache_dir: folder that holds the folder of files; None keeps nothing.
      workers: processes; None is one per core, at most one per 64 faces.
      progress: show rate and time left on standard error.
      fields: names of the fields wanted; None is all of them (see `render_face`).

    Returns:
      One array per field, [count, ...]; the same whatever the number of workers.

    Raises:
      DataError: for a count below 1 or an unknown field.
      OSError: names the file or folder that cannot be written.
    """
    return load(
        stock(split, size, seed),
        count,
        fields,
        cache_dir=cache_dir,
        folder_name=folder_name(split, count, size, seed),
        workers=workers,
        progress=progress,
    )
