"""Kinds of rendered pictures, and many of one as arrays: rendered in parallel and kept on disk."""

import contextlib
import errno
import functools
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from c3jax.files.errors import DataError
from c3jax.files.progress import progress_bar
from data_pipelines.rendered.engine.draws import check

CHUNK = 64
ENGINE = Path(__file__).parent

Arrays = dict[str, np.ndarray]
Fields = dict[str, tuple[tuple[int | None, ...], type]]


@dataclass(frozen=True)
class Scene:
    """Pictures 0, 1, 2, ... of one kind; arrays and sheets are made from this alone."""

    name: str  # begins the names of folders: 'rendered_faces'
    noun: str  # for people: 'faces'
    package: str  # that renders
    render: Callable[..., dict[str, Any]]  # (split, index, size=pixels, seed=number) -> fields
    fields: Fields  # shape, None for the size in pixels, and type of what arrays hold
    variant: str = ""  # what else names the pictures: the categories of objects

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that change with the source of package and engine."""
        return _digest(self.package)

    @property
    def large(self) -> set[str]:
        """Fields that grow with the size; they are kept on disk only when they are asked for."""
        return {name for name, (shape, _) in self.fields.items() if None in shape}

    def specs(self, size: int) -> dict[str, np.dtype]:
        """The type, with its shape, of each field of one picture."""
        return {
            name: np.dtype((kind, tuple(size if side is None else side for side in shape)))
            for name, (shape, kind) in self.fields.items()
        }

    def folder(self, size: int, split: str, count: int, seed: int) -> str:
        """A name with all that the first pictures of a split depend on."""
        parts = self.name, self.variant, f"{size}px", split, str(count), f"seed{seed}", self.digest
        return "-".join(filter(None, parts))


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
    folder = Path(cache_dir) / scene.folder(size, split, count, seed)
    paths = {name: folder / f"{name}.npy" for name in specs}
    found: dict[str, Any] = {name: _read(paths[name], count, specs[name]) for name in fields}
    missing = [name for name, array in found.items() if array is None]
    if missing:
        small = [n for n in specs if n not in scene.large and not paths[n].exists()]
        wanted = tuple(dict.fromkeys((*missing, *small)))
        with _refused(folder, scene.noun):
            _make_room(folder, count * sum(specs[name].itemsize for name in wanted))
        new = rendered(wanted)
        for name, array in new.items():
            with _refused(paths[name], scene.noun):
                _write(array, paths[name])
        found |= {name: new[name] for name in missing}
    return found


def in_processes(function: Callable, jobs: list[tuple], workers: int | None) -> Iterator[Any]:
    """Yields function(*job) for each job in its order; None workers are one per core.

    The processes start without a fork and do not run the caller's main module. The function goes
    to them by its name, so its module must be importable. One worker is this process.
    """
    from joblib import Parallel, cpu_count, delayed, parallel_config

    workers = max(1, min(workers or cpu_count(), len(jobs)))
    with parallel_config("loky", inner_max_num_threads=1):
        pool = Parallel(workers, return_as="generator", batch_size=1)
    yield from pool(delayed(function)(*job) for job in jobs)


def render_chunk(
    scene: Scene, split: str, size: int, seed: int, fields: Sequence[str], indices: Sequence[int]
) -> Arrays:
    """Some fields of some pictures, stacked [n, ...]."""
    pictures = [scene.render(split, index, size=size, seed=seed) for index in indices]
    return {name: np.stack([picture[name] for picture in pictures]) for name in fields}


def _render(scene, split, count, size, seed, fields, workers, progress) -> Arrays:
    specs = scene.specs(size)
    arrays = {name: np.empty(count, specs[name]) for name in fields}
    runs = [range(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
    jobs = [(scene, split, size, seed, fields, run) for run in runs]
    label, unit = f"rendering {count} {split} {scene.noun} of {size} px", f" {scene.noun}"
    with progress_bar(label=label, unit=unit, total=count, disable=not progress) as bar:
        for run, chunk in zip(runs, in_processes(render_chunk, jobs, workers), strict=True):
            for name, values in chunk.items():
                arrays[name][run.start : run.stop] = values
            bar.update(len(run))
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


def _read(path: Path, count: int, spec: np.dtype) -> np.ndarray | None:
    """The array, or None if the file is missing, cut short or not what it should be."""
    try:
        array = np.load(path, allow_pickle=False)
        kind, shape = spec.base, (count, *spec.shape)
        if (array.dtype, array.shape) != (kind, shape):
            raise ValueError(f"it holds {array.dtype}{array.shape}, expected {kind}{shape}")
        return array
    except FileNotFoundError:
        return None
    except (ValueError, EOFError, OSError) as error:
        print(f"{path} is damaged ({error}): rendering it again", file=sys.stderr)
        return None


@functools.cache
def _digest(package: str) -> str:
    """Of the source of a package and of the engine."""
    folders = [ENGINE, ENGINE.parents[2].joinpath(*package.split("."))]
    files = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
