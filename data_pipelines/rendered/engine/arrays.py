"""Many rendered pictures as arrays, rendered in parallel and kept on disk."""

import contextlib
import errno
import itertools
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.rendered.engine.draws import check
from data_pipelines.rendered.engine.scene import Scene, render_chunk
from data_pipelines.rendered.engine.workers import in_processes

CHUNK = 64

Arrays = dict[str, np.ndarray]


def load(
    scene: Scene,
    split: str,
    count: int,
    *,
    size: int = 64,
    seed: int = 0,
    cache_dir: str | Path | None = None,
    workers: int | None = None,
    progress: bool = True,
    fields: Sequence[str] | None = None,
) -> Arrays:
    """Arrays of the first `count` pictures of a split, rendered once and read from files later.

    The folder's name carries all that the pictures depend on, the digest of the source included,
    so that a changed renderer never meets old pictures. Small fields are kept along with the ones
    that are asked for; the large ones of a scene only when they are.

    Args:
      scene: what is rendered.
      split: 'train', 'validation' or 'test'.
      count: number of pictures, at least 1.
      size: width and height in pixels.
      seed: another seed is another population.
      cache_dir: folder that holds the folder of files; None keeps nothing.
      workers: processes; None is one per core, at most one per 64 pictures.
      progress: show rate and time left on standard error.
      fields: names of the fields wanted; None is all of them.

    Returns:
      One array per field, [count, ...]; the same whatever the number of workers.

    Raises:
      DataError: for a count below 1, or an unknown field or split.
      OSError: names the file or folder that cannot be written.
    """
    check(split, 0, size)
    specs = scene.specs(size)
    fields = tuple(specs) if fields is None else tuple(fields)
    unknown = sorted(set(fields) - set(specs))
    if count < 1 or unknown:
        raise DataError(
            f"expected count >= 1 and fields among {tuple(specs)}, "
            f"got count {count} and unknown fields {unknown}"
        )

    def rendered(wanted: tuple[str, ...]) -> Arrays:
        return _render(scene, split, count, size, seed, wanted, workers, progress)

    if cache_dir is None:
        return rendered(fields)
    name = scene.label(f"{size}px", split, count, f"seed{seed}", scene.digest)
    folder = Path(cache_dir) / f"{scene.name}-{name}"
    found: dict[str, Any] = {
        n: _read(folder / f"{n}.npy", (count, *specs[n][0]), specs[n][1]) for n in fields
    }
    missing = tuple(name for name, array in found.items() if array is None)
    if missing:
        small = [n for n in specs if n not in scene.large and not (folder / f"{n}.npy").exists()]
        wanted = tuple(dict.fromkeys((*missing, *small)))
        needed = sum(math.prod(specs[n][0]) * np.dtype(specs[n][1]).itemsize for n in wanted)
        with _refused(folder, scene.noun):
            _make_room(folder, count * needed)
        new = rendered(wanted)
        for name, array in new.items():
            path = folder / f"{name}.npy"
            with _refused(path, scene.noun):
                _write(array, path)
        found |= {name: new[name] for name in missing}
    return found


def examples(
    scene: Scene, split: str, count: int, size: int, seed: int, workers: int | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields (index, picture) by rising index."""
    numbers = itertools.count()
    for chunk in _chunks(scene, split, count, size, seed, tuple(scene.specs(size)), workers):
        for values in zip(*chunk.values(), strict=True):
            yield next(numbers), dict(zip(chunk, values, strict=True))


def _chunks(scene, split, count, size, seed, fields, workers) -> Iterator[Arrays]:
    runs = [range(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
    jobs = [(scene, split, size, seed, fields, run) for run in runs]
    return in_processes(render_chunk, jobs, workers)


def _render(scene, split, count, size, seed, fields, workers, progress) -> Arrays:
    from tqdm import tqdm

    specs = {name: spec for name, spec in scene.specs(size).items() if name in fields}
    arrays = {name: np.empty((count, *shape), dtype) for name, (shape, dtype) in specs.items()}
    label, unit = f"rendering {count} {split} {scene.noun} of {size} px", f" {scene.noun}"
    with tqdm(total=count, desc=label, unit=unit, disable=not progress, file=sys.stderr) as bar:
        chunks = _chunks(scene, split, count, size, seed, fields, workers)
        for start, chunk in zip(range(0, count, CHUNK), chunks, strict=True):
            for name, values in chunk.items():
                arrays[name][start : start + len(values)] = values
            bar.update(len(values))
    return arrays


@contextlib.contextmanager
def _refused(path: Path, noun: str):
    """Lets a failure say what could not be done, where, and the way out."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        what = f"rendered {noun} cannot be kept ({reason}); free space or choose another cache_dir"
        raise OSError(error.errno, what, str(path)) from error


def _make_room(folder: Path, needed: int):
    """Makes the folder; refuses before the rendering, not after it, when too few bytes are free."""
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < needed:
        raise OSError(errno.ENOSPC, f"{needed / 2**20:.0f} MiB needed, less is free")
    tempfile.TemporaryFile(dir=folder).close()


def _write(array: np.ndarray, path: Path):
    """Writes to a temporary file beside `path` and renames it; never leaves half a file."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            np.save(file, array)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path, shape: tuple, dtype: type) -> np.ndarray | None:
    """The array, or None if the file is missing, cut short or not what it should be."""
    try:
        array = np.load(path, allow_pickle=False)
        if (array.shape, array.dtype) != (shape, dtype):
            raise ValueError(f"it holds {array.dtype}{array.shape}, expected {dtype}{shape}")
        return array
    except FileNotFoundError:
        return None
    except (ValueError, EOFError, OSError) as error:
        print(f"{path} is damaged ({error}): rendering it again", file=sys.stderr)
        return None
