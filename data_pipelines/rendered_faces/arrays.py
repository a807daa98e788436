"""Many rendered faces as arrays, rendered in parallel and kept on disk."""

import errno
import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from data_pipelines.rendered_faces.chunks import field_specs, render_chunk, renderer_digest
from data_pipelines.rendered_faces.worker import in_processes

CHUNK = 64
LARGE = ("image", "mask", "surface")


def folder_name(split, count, size, seed):
    return f"rendered_faces-{size}px-{split}-{count}-seed{seed}-{renderer_digest()}"


def rendered_chunks(split, count, size, seed, fields, workers):
    """Yields (start, arrays) in any order."""
    starts = range(0, count, CHUNK)
    jobs = {s: (split, range(s, min(s + CHUNK, count)), size, seed, fields) for s in starts}
    if workers > 1:
        return in_processes(jobs, workers)
    return ((start, render_chunk(*job)) for start, job in jobs.items())


def render_arrays(split, count, size, seed, fields, workers, progress):
    from tqdm import tqdm

    arrays = {
        name: np.empty((count, *shape), dtype)
        for name, (shape, dtype) in field_specs(size).items()
        if name in fields
    }
    label = f"rendering {count} {split} faces of {size} px"
    with tqdm(total=count, desc=label, unit=" faces", disable=not progress, file=sys.stderr) as bar:
        for start, chunk in rendered_chunks(split, count, size, seed, fields, workers):
            for name, values in chunk.items():
                arrays[name][start : start + len(values)] = values
            bar.update(len(values))
    return arrays


def available_cores():
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def face_bytes(shape, dtype):
    return int(np.prod(shape)) * np.dtype(dtype).itemsize


def refusal(error, path):
    """An OSError that says what could not be done, where, and the way out."""
    reason = error.strerror or error
    message = f"rendered faces cannot be kept ({reason}); free space or choose another cache_dir"
    return OSError(error.errno, message, str(path))


def make_room(folder, needed):
    """Makes the folder; refuses before the rendering, not after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < needed:
            raise OSError(errno.ENOSPC, f"{needed / 2**20:.0f} MiB needed, less is free")
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise refusal(error, folder) from error


def write(array, path):
    """Writes to a temporary file beside `path` and renames it; never leaves half a file."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            np.save(file, array)
        os.replace(temporary, path)
    except OSError as error:
        raise refusal(error, path) from error
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
      ValueError: for a count below 1 or an unknown field.
      OSError: names the file or folder that cannot be written.
    """
    specs = field_specs(size)
    fields = tuple(specs) if fields is None else tuple(fields)
    unknown = sorted(set(fields) - set(specs))
    if count < 1 or unknown:
        raise ValueError(
            f"expected count >= 1 and fields among {tuple(specs)}, "
            f"got count {count} and unknown fields {unknown}"
        )
    workers = max(1, min(workers or available_cores(), -(-count // CHUNK)))
    if cache_dir is None:
        return render_arrays(split, count, size, seed, fields, workers, progress)
    folder = Path(cache_dir) / folder_name(split, count, size, seed)
    small = [name for name in specs if name not in LARGE and not (folder / f"{name}.npy").exists()]
    found = {n: read(folder / f"{n}.npy", (count, *specs[n][0]), specs[n][1]) for n in fields}
    missing = tuple(name for name, array in found.items() if array is None)
    if missing:
        wanted = tuple(dict.fromkeys((*missing, *small)))
        make_room(folder, count * sum(face_bytes(*specs[n]) for n in wanted))
        rendered = render_arrays(split, count, size, seed, wanted, workers, progress)
        for name, array in rendered.items():
            write(array, folder / f"{name}.npy")
        found |= {name: rendered[name] for name in missing}
    return found
