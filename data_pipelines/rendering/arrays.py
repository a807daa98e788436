"""Many rendered pictures as arrays, rendered in parallel and kept on disk."""

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.rendering.worker import in_processes

CHUNK = 64


class Stock(NamedTuple):
    """Pictures 0, 1, 2, ... of one kind."""

    noun: str  # 'faces'
    label: str  # what is rendered, for people: 'train faces of 64 px'
    render: Callable  # (fields, indices) to a dictionary of arrays; importable by worker processes
    specs: dict  # shape and type of each field of one picture
    large: tuple  # fields that are kept on disk only when they are asked for


def rendered_chunks(stock, count, fields, workers):
    """Yields (start, arrays) in any order."""
    starts = range(0, count, CHUNK)
    jobs = {s: (fields, range(s, min(s + CHUNK, count))) for s in starts}
    if workers > 1:
        return in_processes(stock.render, jobs, workers)
    return ((start, stock.render(*job)) for start, job in jobs.items())


def examples(stock, count, workers=None):
    """Yields (index, picture) by rising index, whatever the order in which chunks are ready."""
    waiting, index = {}, 0
    workers = workers or available_cores()
    for start, chunk in rendered_chunks(stock, count, tuple(stock.specs), workers):
        waiting[start] = chunk
        while index in waiting:
            ready = waiting.pop(index)
            for values in zip(*ready.values(), strict=True):
                yield index, dict(zip(ready, values, strict=True))
                index += 1


def render_arrays(stock, count, fields, workers, progress):
    from tqdm import tqdm

    arrays = {
        name: np.empty((count, *shape), dtype)
        for name, (shape, dtype) in stock.specs.items()
        if name in fields
    }
    label, unit = f"rendering {count} {stock.label}", f" {stock.noun}"
    with tqdm(total=count, desc=label, unit=unit, disable=not progress, file=sys.stderr) as bar:
        for start, chunk in rendered_chunks(stock, count, fields, workers):
            for name, values in chunk.items():
                arrays[name][start : start + len(values)] = values
            bar.update(len(values))
    return arrays


def available_cores():
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def picture_bytes(shape, dtype):
    return int(np.prod(shape)) * np.dtype(dtype).itemsize


def refusal(error, path, noun):
    """An OSError that says what could not be done, where, and the way out."""
    reason = error.strerror or error
    message = f"rendered {noun} cannot be kept ({reason}); free space or choose another cache_dir"
    return OSError(error.errno, message, str(path))


def make_room(folder, needed, noun):
    """Makes the folder; refuses before the rendering, not after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < needed:
            raise OSError(errno.ENOSPC, f"{needed / 2**20:.0f} MiB needed, less is free")
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise refusal(error, folder, noun) from error


def write(array, path, noun):
    """Writes to a temporary file beside `path` and renames it; never leaves half a file."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            np.save(file, array)
        os.replace(temporary, path)
    except OSError as error:
        raise refusal(error, path, noun) from error
    finally:
        temporary.unlink(missing_ok=True)


def read(path, shape, dtype):
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


def load(stock, count, fields=None, *, cache_dir, folder_name, workers=None, progress=True):
    """Arrays of the first `count` pictures of a stock, rendered once and read from files later.

    Args:
      stock: what is rendered.
      count: number of pictures, at least 1.
      fields: names of the fields wanted; None is all of them.
      cache_dir: folder that holds the folder of files; None keeps nothing.
      folder_name: names all that the pictures depend on, their number and the digest included.
      workers: processes; None is one per core, at most one per 64 pictures.
      progress: show rate and time left on standard error.

    Returns:
      One array per field, [count, ...]; the same whatever the number of workers.

    Raises:
      DataError: for a count below 1 or an unknown field.
      OSError: names the file or folder that cannot be written.
    """
    specs, noun = stock.specs, stock.noun
    fields = tuple(specs) if fields is None else tuple(fields)
    unknown = sorted(set(fields) - set(specs))
    if count < 1 or unknown:
        raise DataError(
            f"expected count >= 1 and fields among {tuple(specs)}, "
            f"got count {count} and unknown fields {unknown}"
        )
    workers = max(1, min(workers or available_cores(), -(-count // CHUNK)))
    if cache_dir is None:
        return render_arrays(stock, count, fields, workers, progress)
    folder = Path(cache_dir) / folder_name
    small = [n for n in specs if n not in stock.large and not (folder / f"{n}.npy").exists()]
    found = {n: read(folder / f"{n}.npy", (count, *specs[n][0]), specs[n][1]) for n in fields}
    missing = tuple(name for name, array in found.items() if array is None)
    if missing:
        wanted = tuple(dict.fromkeys((*missing, *small)))
        make_room(folder, count * sum(picture_bytes(*specs[n]) for n in wanted), noun)
        rendered = render_arrays(stock, count, wanted, workers, progress)
        for name, array in rendered.items():
            write(array, folder / f"{name}.npy", noun)
        found |= {name: rendered[name] for name in missing}
    return found
