"""CelebA's pictures as TFDS `celeb_a` prepares them, found by name. Imports TensorFlow.

The folder holds img_align_celeba.zip and the lists of `data_pipelines.celeb_a`, and besides them
list_attr_celeba.txt: the files that TFDS knows by name and checksum. They are prepared once, as
array records (random access); nothing is downloaded.
"""

import io
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError
from tqdm import tqdm

from data_pipelines.catalogue import require_files
from data_pipelines.celeb_a import IDENTITY, LANDMARKS, PARTITION, CelebATables
from data_pipelines.errors import DataError
from data_pipelines.frames import Crop, Frame, frame_picture, resize_picture
from data_pipelines.host_tensorflow import tf
from data_pipelines.pictures import decode_picture
from data_pipelines.sources import Box

ARCHIVE = "img_align_celeba.zip"
ATTRIBUTES = "list_attr_celeba.txt"
_POINTS = ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
_COORDINATES = [f"landmarks/{point}_{axis}" for point in _POINTS for axis in "xy"]


@dataclass(frozen=True)
class CelebARecords:
    """Pictures by name among prepared records (a `sources.PictureSource`).

    Attributes:
      names: of the pictures.
      records: all of CelebA, as serialised examples.
      positions: of every name in `records`.
      crop: as in `celeb_a.open_pictures`.
      boxes: none.
    """

    names: tuple[str, ...]
    records: Sequence[bytes]
    positions: Mapping[str, int]
    crop: Crop = "squash_inner"
    boxes: Mapping[str, Box] = field(default_factory=dict)

    def select(self, names: Sequence[str]) -> "CelebARecords":
        """The named pictures alone, for instance of a split."""
        return replace(self, names=tuple(names))

    def read(self, index: int, *, size: int) -> tuple[np.ndarray, Frame]:
        image = decode_picture(io.BytesIO(self.encoded(index)), self.names[index])
        height, width = image.shape[:2]
        frame = frame_picture(width, height, size=size, crop=self.crop)
        return resize_picture(image, frame), frame

    def encoded(self, index: int) -> bytes:
        record = self.records[self.positions[self.names[index]]]
        return _features(record)["image"].bytes_list.value[0]


def open_archive(
    root, tables: CelebATables, *, prepared, crop: Crop = "squash_inner"
) -> CelebARecords:
    """All pictures of the archive in `root`, which TFDS prepares the first time.

    Args:
      root: the folder of the archive and the lists.
      tables: `celeb_a.read_tables(root)`.
      prepared: the folder that TFDS writes to.
      crop: as in `celeb_a.open_pictures`.

    Raises:
      DataError: names the files that are missing or not the published ones, or prepared records
        that do not belong to the tables.
    """
    builder = tfds.builder("celeb_a", data_dir=Path(prepared), file_format="array_record")
    if not builder.is_prepared():
        _prepare(builder, Path(root))
    raw = tfds.decode.DeserializeMethod.RAW_BYTES
    records = builder.as_data_source("all", deserialize_method=raw)
    return CelebARecords(tables.names, records, _positions(records, tables), crop=crop)


def _prepare(builder, root: Path) -> None:
    files = (ARCHIVE, LANDMARKS, PARTITION, IDENTITY, ATTRIBUTES)
    require_files("celeb_a", [root / file for file in files])
    config = tfds.download.DownloadConfig(manual_dir=root, try_download_gcs=False)
    try:
        builder.download_and_prepare(download_config=config)
    except NonMatchingChecksumError as error:
        named = re.search(r"downloaded to (.+), has wrong checksum", str(error))
        file = named[1] if named else f"{root}: a file"
        raise DataError(
            f"{file} is not the published one, by its checksum; download it anew"
        ) from None


def _positions(records: Sequence[bytes], tables: CelebATables) -> dict[str, int]:
    """TFDS keeps no file names, so records are recognised by identity and landmarks; pictures that
    share both show the same face and are taken in either order."""
    found = defaultdict(list)
    for position in tqdm(range(len(records)), desc="finding names", disable=None):
        found[_record_key(records[position])].append(position)
    keypoints = tables.keypoints_px.reshape(len(tables.names), -1).astype(int).tolist()
    rows = zip(tables.names, tables.identity.tolist(), keypoints, strict=True)
    try:
        return {name: found[identity, *points].pop() for name, identity, points in rows}
    except IndexError:
        raise DataError(
            "the prepared celeb_a does not belong to these lists; delete it, to prepare it anew"
        ) from None


def _features(record: bytes):
    return tf.train.Example.FromString(record).features.feature


def _record_key(record: bytes) -> tuple[int, ...]:
    features = _features(record)
    columns = ["identity/Identity_No", *_COORDINATES]
    return tuple(features[column].int64_list.value[0] for column in columns)
