"""LSUN: the pictures of one category, from its LMDB database as published.

    bedroom_train_lmdb/data.mdb     3,033,042 pictures
    car/data.mdb                    5,520,756 pictures

Keys are hexadecimal, values are the contents of WebP files. The package `lmdb` is needed here only.
Nothing is ever downloaded.
"""

import functools
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from data_pipelines.catalogue import require_files
from data_pipelines.errors import DataError
from data_pipelines.frames import Crop, Frame, frame_picture, resize_picture
from data_pipelines.pictures import PictureError, decode_picture
from data_pipelines.sources import Box

NAME = "lsun"
DATABASE = "data.mdb"
COUNTS = {"bedroom_train_lmdb": 3_033_042, "car": 5_520_756}


@dataclass(frozen=True)
class LsunPictures:
    """Pictures by key (a `sources.PictureSource`).

    Attributes:
      root: the folder of the database.
      names: the keys.
      crop: how a picture becomes square (see `frames.frame_picture`).
      boxes: none.
    """

    root: Path
    names: tuple[str, ...]
    crop: Crop = "centre"
    boxes: Mapping[str, Box] = field(default_factory=dict)

    def read(self, index: int, *, size: int) -> tuple[np.ndarray, Frame]:
        image = self.picture(index)
        height, width = image.shape[:2]
        frame = frame_picture(width, height, size=size, crop=self.crop)
        return resize_picture(image, frame), frame

    def picture(self, index: int) -> np.ndarray:
        """The whole picture, uint8 `[height, width, 3]`; raises PictureError."""
        return decode_picture(io.BytesIO(self.encoded(index)), self.root / self.names[index])

    def encoded(self, index: int) -> bytes:
        with _open(self.root).begin() as transaction:
            value = transaction.get(self.names[index].encode())
        if value is None:
            raise PictureError(self.root / self.names[index], "no such key in the database")
        return value


def lsun(folder, *, crop: Crop = "centre") -> LsunPictures:
    """All pictures of a database, in the order of their keys.

    Args:
      folder: holds data.mdb; the folder above bedroom_train_lmdb or car will do.
      crop: as in `frames.frame_picture`.

    Raises:
      DataError: no such database, a damaged or empty one, no package `lmdb`.
    """
    above = Path(folder)
    nested = [above / name for name in COUNTS if (above / name / DATABASE).is_file()]
    root = nested[0] if nested and not (above / DATABASE).exists() else above
    require_files(NAME, [root / DATABASE])
    with _open(root).begin() as transaction:
        names = tuple(key.decode() for key in transaction.cursor().iternext(values=False))
    if not names:
        raise DataError(f"{root / DATABASE}: an empty database; download it anew")
    return LsunPictures(root, names, crop=crop)


@functools.cache  # a process may open a database once
def _open(root: Path) -> Any:
    try:
        import lmdb
    except ImportError:
        raise DataError("LSUN is read with the package lmdb: pip install lmdb") from None
    file = root / DATABASE
    try:
        opened = lmdb.open(str(root), readonly=True, lock=False, readahead=False, max_readers=512)
    except lmdb.Error as error:
        raise DataError(f"{file}: cannot be opened ({error}); download it anew") from None
    # Pages are mapped into memory: to read one behind the end of the file would kill the process.
    whole = (opened.info()["last_pgno"] + 1) * opened.stat()["psize"]
    if (found := file.stat().st_size) < whole:
        opened.close()
        raise DataError(f"{file}: truncated, {found:,} of {whole:,} bytes; download it anew")
    return opened
