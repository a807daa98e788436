"""CelebA's pictures as TFDS `celeb_a` prepares them, found by name. Imports TensorFlow.

The folder holds img_align_celeba.zip and the lists of `celeb_a`, and besides them
list_attr_celeba.txt: the files that TFDS knows by name and checksum. They are prepared once, as
array records (random access); nothing is downloaded.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError
from tqdm import tqdm

from data_pipelines.catalogue import require_files
from data_pipelines.errors import DataError
from data_pipelines.readers.celeb_a import IDENTITY, LANDMARKS, PARTITION, CelebATables
from data_pipelines.tfds import contents_by_name, features_of, raw_records

ARCHIVE = "img_align_celeba.zip"
ATTRIBUTES = "list_attr_celeba.txt"
_POINTS = ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
_COORDINATES = [f"landmarks/{point}_{axis}" for point in _POINTS for axis in "xy"]


def open_archive(root: Path, tables: CelebATables, *, prepared) -> Callable[[str], bytes]:
    """The contents of the pictures of the archive in `root`, by name; prepared the first time.

    Raises:
      DataError: names the files that are missing or not the published ones, or prepared records
        that do not belong to the tables.
    """
    builder = tfds.builder("celeb_a", data_dir=Path(prepared), file_format="array_record")
    if not builder.is_prepared():
        _prepare(builder, root)
    records = raw_records(builder, "all")
    rows = _rows_by_name(records, tables)
    return contents_by_name(records, {name: (row, "image") for name, row in rows.items()})


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


def _rows_by_name(records: Sequence[bytes], tables: CelebATables) -> dict[str, int]:
    """TFDS keeps no file names, so records are recognised by identity and landmarks; pictures that
    share both show the same face and are taken in either order."""
    found = defaultdict(list)
    for row in tqdm(range(len(records)), desc="finding names", disable=None):
        features = features_of(records[row])
        columns = ["identity/Identity_No", *_COORDINATES]
        found[tuple(features[column].int64_list.value[0] for column in columns)].append(row)
    keypoints = tables.keypoints_px.reshape(len(tables.names), -1).astype(int).tolist()
    named = zip(tables.names, tables.identity.tolist(), keypoints, strict=True)
    try:
        return {name: found[identity, *points].pop() for name, identity, points in named}
    except IndexError:
        raise DataError(
            "the prepared celeb_a does not belong to these lists; delete it, to prepare it anew"
        ) from None
