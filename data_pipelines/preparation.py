"""Putting a data set in place: archives unpacked, files checked, records written once.

Nothing is downloaded. Readers and builders refuse what is missing or not as published.
"""

import hashlib
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from data_pipelines.archives import unpack
from data_pipelines.catalogue import Archive, DataSet, find
from data_pipelines.errors import DataError
from data_pipelines.published_lists import check_count

RECORDS = "prepared"  # in the cache, so that records are not taken for the files they come from


class Prepared(NamedTuple):
    """A data set in place.

    `where` it is, the `counts` of its splits, and what reads it: a TFDS builder, of CelebA a
    `sources.PictureSource`.
    """

    where: Path
    counts: dict[str, int]
    data: Any


def prepare(name: str, folder, *, prepared) -> Prepared:
    """Writes the named data set as records for random access, once, and opens it.

    Archives that lie in the folder are unpacked there first, unless they have been.

    Args:
      name: of the data set.
      folder: what `catalogue.instructions` asks for, or the published archives.
      prepared: the folder that is written to.

    Raises:
      DataError: there is no such form of it, a missing or damaged file, one that is not as
        published; or as the reader of the files.
    """
    data = find(name)
    if name not in PREPARE:
        can = ", ".join(PREPARE)
        raise DataError(f"{name} needs no preparation ({data.about}); what can be prepared: {can}")
    folder = Path(folder).expanduser()
    unpack_archives(data, folder)
    return PREPARE[name](folder, Path(prepared).expanduser())


def unpack_archives(data: DataSet, folder: Path) -> None:
    """Unpacks the published archives that lie in a folder, each into a folder beside it.

    Raises:
      DataError: an archive that is damaged, or has another checksum than the published one.
    """
    for archive in data.archives:
        if (folder / archive.name).is_file() and not (folder / archive.folder).exists():
            _check_sha256(folder / archive.name, archive)
            unpack(folder / archive.name, folder / archive.folder, bare=True)


def _check_sha256(file: Path, archive: Archive) -> None:
    if archive.sha256 is None:
        return
    digest = hashlib.sha256()
    options = {"total": file.stat().st_size, "unit": "B", "unit_scale": True, "disable": None}
    with open(file, "rb") as opened, tqdm(desc=f"checking {file.name}", **options) as bar:
        while block := opened.read(1 << 20):
            digest.update(block)
            bar.update(len(block))
    if digest.hexdigest() != archive.sha256:
        raise DataError(
            f"{file}: its sha256 is {digest.hexdigest()}, {archive.sha256} is published; download "
            "it anew"
        )


def _tfds(module: str, builder: str) -> Callable[[Path, Path], Prepared]:
    """Preparation by a TFDS builder, imported (with TensorFlow) only when it is asked for."""

    def prepare(folder: Path, prepared: Path) -> Prepared:
        builder_class = getattr(importlib.import_module(f"data_pipelines.{module}"), builder)
        from data_pipelines import manual_tfds

        made = manual_tfds.prepare(builder_class, folder, prepared=prepared / RECORDS)
        counts = {split: info.num_examples for split, info in made.info.splits.items()}
        return Prepared(Path(made.data_dir), counts, made)

    return prepare


def _celeb_a(folder: Path, prepared: Path) -> Prepared:
    """The folder of pictures, each decoded once; without it TFDS prepares the archive."""
    from data_pipelines import celeb_a, verification

    tables = celeb_a.read_tables(folder)
    for file, (found, published) in celeb_a.listed_counts(tables).items():
        check_count(folder / file, found, published)
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
    from data_pipelines.celeb_a_tfds import open_archive

    return Prepared(prepared / "celeb_a", counts, open_archive(folder, tables, prepared=prepared))


def _pascal3d(folder: Path, prepared: Path) -> Prepared:
    """Writes the crops and the pair lists, if they are not there, then as the others."""
    from data_pipelines import pascal3d

    return _tfds("pairs_tfds", "Pascal3d")(pascal3d.written_pairs(folder, prepared), prepared)


PREPARE: dict[str, Callable[[Path, Path], Prepared]] = {
    "celeb_a": _celeb_a,
    "aflw": _tfds("faces_tfds", "Aflw"),
    "aflw_mtfl": _tfds("faces_tfds", "AflwMtfl"),
    "w300": _tfds("faces_tfds", "W300"),
    "lsun": _tfds("lsun_tfds", "Lsun"),
    "pf_pascal": _tfds("pairs_tfds", "PfPascal"),
    "pf_willow": _tfds("pairs_tfds", "PfWillow"),
    "spair": _tfds("pairs_tfds", "Spair"),
    "pascal3d": _pascal3d,
    "voc2012": _tfds("voc_tfds", "Voc2012"),
    "pairs_csv": _tfds("pairs_tfds", "PairsCsv"),
}
