"""LSUN: the pictures of one category, from its LMDB database as published.

    bedroom_train_lmdb/data.mdb     3,033,042 pictures
    car/data.mdb                    5,520,756 pictures

Keys are hexadecimal, values are the contents of WebP files. The package `lmdb` is needed here only.
"""

import functools
from pathlib import Path
from typing import Any

from c3jax.files.catalogue import find, require_files
from c3jax.files.errors import DataError
from c3jax.files.pictures import PictureError
from c3jax.files.published import check_count, check_split, faulty
from c3jax.files.sources import Pictures

NAME = "lsun"
SPLITS = ("train",)
DATABASE = "data.mdb"
NO_PACKAGE = "LSUN is read with the package lmdb: pip install lmdb"
COUNTS = find(NAME).counts


def needed(folder, split: str) -> list[Path]:
    """What of the published files `read` needs."""
    above = Path(folder)
    nested = [above / name for name in COUNTS if (above / name / DATABASE).is_file()]
    return [(nested[0] if nested and not (above / DATABASE).exists() else above) / DATABASE]


def lsun(folder) -> Pictures:
    """All pictures of a database, in the order of their keys."""
    files = needed(folder, "train")
    require_files(NAME, files)
    root = files[0].parent
    with _open(root).begin() as transaction:
        names = tuple(key.decode() for key in transaction.cursor().iternext(values=False))
    if not names:
        raise faulty(root / DATABASE, "an empty database")
    return Pictures(root, names, contents=functools.partial(_contents, root))


def read(folder, split: str) -> Pictures:
    """`lsun`, where no picture of a published category is missing."""
    check_split(split, SPLITS)
    pictures = lsun(folder)
    if published := COUNTS.get(pictures.root.name):
        check_count(pictures.root, len(pictures), published, what="pictures")
    return pictures


def _contents(root: Path, key: str) -> bytes:
    with _open(root).begin() as transaction:
        value = transaction.get(key.encode())
    if value is None:
        raise PictureError(root / key, "no such key in the database")
    return value


@functools.cache  # a process may open a database once
def _open(root: Path) -> Any:
    try:
        import lmdb
    except ImportError:
        raise DataError(NO_PACKAGE) from None
    file = root / DATABASE
    try:
        opened = lmdb.open(str(root), readonly=True, lock=False, readahead=False, max_readers=512)
    except lmdb.Error as error:
        raise faulty(file, f"cannot be opened ({error})") from None
    # Pages are mapped into memory: to read one behind the end of the file would kill the process.
    whole = (opened.info()["last_pgno"] + 1) * opened.stat()["psize"]
    if (found := file.stat().st_size) < whole:
        opened.close()
        raise faulty(file, f"truncated, {found:,} of {whole:,} bytes")
    return opened
