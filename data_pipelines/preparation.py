"""Putting a data set in place: archives unpacked, files checked, records written once.

Nothing is downloaded. Readers refuse what is missing or not as published.
"""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from c3jax.files.catalogue import CATALOGUE, Archive, find
from c3jax.files.errors import DataError
from c3jax.files.progress import progress_bar
from c3jax.files.published import faulty
from data_pipelines import verification
from data_pipelines.archives import unpack
from data_pipelines.readers import celeb_a, pascal3d

NAMES = tuple(name for name, data in CATALOGUE.items() if data.prepared)


class Prepared(NamedTuple):
    """A data set in place.

    `where` it is, the `counts` of its splits, and what reads it: a TFDS builder, of CelebA its
    `sources.Pictures`.
    """

    where: Path
    counts: dict[str, int]
    data: Any


def prepare(name: str, folder, *, prepared) -> Prepared:
    """Writes the named data set as records for random access, once, and opens it.

    The folder holds what `catalogue.DataSet` asks for, or the published archives, which are
    unpacked there first, unless they have been. Records are written below `prepared`.

    Raises:
      DataError: there is no such form of it, or as the reader of the files.
    """
    data = find(name)
    if not data.prepared:
        can = ", ".join(NAMES)
        raise DataError(f"{name} needs no preparation ({data.about}); what can be prepared: {can}")
    folder, cache = Path(folder).expanduser(), Path(prepared).expanduser()
    for archive in data.archives:
        if (folder / archive.name).is_file() and not (folder / archive.folder).exists():
            _check_sha256(folder / archive.name, archive)
            unpack(folder / archive.name, folder / archive.folder, bare=True)
    if name == celeb_a.NAME:
        return _celeb_a(folder, cache)
    if name == pascal3d.NAME:  # its crops and pair lists, which are written if they are not there
        folder = pascal3d.written_pairs(folder, cache)
    from data_pipelines import tfds

    made = tfds.prepare(name, folder, cache=cache)
    counts = {split: info.num_examples for split, info in made.info.splits.items()}
    return Prepared(Path(made.data_dir), counts, made)


def _check_sha256(file: Path, archive: Archive) -> None:
    if archive.sha256 is None:
        return
    size, label = file.stat().st_size, f"checking {file.name}"
    with (
        open(file, "rb") as opened,
        progress_bar(label=label, unit="B", total=size, unit_scale=True) as bar,
    ):
        digest = hashlib.sha256()
        while block := opened.read(1 << 20):
            digest.update(block)
            bar.update(len(block))
    if digest.hexdigest() != archive.sha256:
        raise faulty(file, f"its sha256 is {digest.hexdigest()}, {archive.sha256} is published")


def _celeb_a(folder: Path, cache: Path) -> Prepared:
    """The folder of pictures, each decoded once; without it TFDS prepares the archive."""
    tables = celeb_a.read_tables(folder)
    celeb_a.check_published(tables, folder)
    counts = celeb_a.count_splits(tables)
    if (folder / celeb_a.PICTURES).is_dir():
        data = verification.open_data(folder)
        if faults := verification.find_faults(data):
            file, reason = faults[0]
            raise DataError(
                f"{folder / celeb_a.PICTURES / file}: {reason} ({len(faults):,} such files); "
                "restore the published ones"
            )
        return Prepared(folder / celeb_a.PICTURES, counts, data.pictures)
    pictures = celeb_a.open_pictures(folder, tables, prepared=cache)
    return Prepared(cache / celeb_a.NAME, counts, pictures)
