"""Data sets written once as records for random access (TensorFlow Datasets). Imports TensorFlow.

One builder serves every reader: it writes what the reader gives, in its order; the archive of
CelebA's pictures has one in TFDS. Nothing is downloaded.
"""

import contextlib
import functools
import hashlib
import io
import logging
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import ExifTags, Image
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

from c3jax.files.catalogue import RECORDS, find, require_files
from c3jax.files.errors import DataError
from c3jax.files.pairs import Pairs, Side, mirror
from c3jax.files.pictures import read_picture
from c3jax.files.progress import progress_bar
from c3jax.files.sources import Pictures
from data_pipelines.host_tensorflow import tf
from data_pipelines.readers import celeb_a, read_splits
from data_pipelines.readers.voc2012 import CATEGORIES, Segmented

Split = Pictures | Pairs | Segmented
TFDS_NAMES = {"lsun": "lsun_database"}  # TFDS has an `lsun` of its own
_POINTS = ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
_COORDINATES = [f"landmarks/{point}_{axis}" for point in _POINTS for axis in "xy"]


class Records(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """The splits of one data set, in the order of their lists.

    `image` (of pairs `source_image` and `target_image`) is the file's content where it is an
    upright 8-bit JPEG or PNG, else PNG; of LSUN JPEG of quality 95. Points and boxes are those of
    the pictures as stored: mirror them where `flipped` (see `c3jax.files.pairs`). A box is NaN
    and the points are none where they are not known; the box of a face is what the protocol cuts
    about. Masks of VOC have the background as 0 and the border of objects as 255; its boxes are
    edges counted from 0.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}

    def __init__(self, name: str, **options):
        self.name, self.about = TFDS_NAMES.get(name, name), find(name)
        self.MANUAL_DOWNLOAD_INSTRUCTIONS = self.about.instructions()
        super().__init__(**options)

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"{self.about.title}: {self.about.about}.\n\n{self.__doc__}",
            features=tfds.features.FeaturesDict(_features()[self.about.kind]),
            disable_shuffling=True,  # the order of the list
        )

    def _split_generators(self, dl_manager):
        splits = read_splits(self.about.name, dl_manager.manual_dir)
        return {split: self._generate_examples(found) for split, found in splits.items()}

    def _generate_examples(self, found: Split) -> Iterator[tuple[int, dict]]:
        return ((index, _example(found, index)) for index in range(len(found)))


def _features() -> dict[str, dict[str, Any]]:
    """By the kind of data set."""
    features = tfds.features
    image, text = features.Image(shape=(None, None, 3)), features.Text()
    jpeg = features.Image(shape=(None, None, 3), encoding_format="jpeg")
    points = features.Tensor(shape=(None, 2), dtype=np.float32)
    box = features.Tensor(shape=(4,), dtype=np.float32)
    mask = features.Image(shape=(None, None, 1), encoding_format="png")
    objects = {"category": features.ClassLabel(names=CATEGORIES), "box_px": box}
    side = {"image": image, "name": text, "points_px": points, "box_px": box}
    pair = {f"{end}_{name}": each for end in ("source", "target") for name, each in side.items()}
    masks = {"classes": mask, "instances": mask, "objects": features.Sequence(objects)}
    return {
        "pictures": {"image": jpeg, "name": text},
        "landmarks": {"image": image, "name": text, "keypoints_px": points, "box_px": box},
        "pairs": pair | {"category": text, "flipped": features.Scalar(np.bool_)},
        "segmented": {"image": image, "name": text} | masks,
    }


def _example(found: Split, index: int) -> dict[str, Any]:
    if isinstance(found, Pairs):
        category = found.categories[index] if found.categories else ""
        example = {"flipped": bool(found.flipped[index]), "category": category}
        for end, side in (("source", found.source), ("target", found.target)):
            stored = _as_stored(side, index, flipped=found.flipped[index])
            example |= {f"{end}_{name}": value for name, value in stored.items()}
        return example
    name = found.names[index]
    if isinstance(found, Segmented):
        image = encoded_picture(found.pictures.root / found.pictures.names[index])
        (classes, instances), (categories, boxes) = found.masks(index), found.objects(index)
        objects = {"category": list(categories), "box_px": boxes.astype(np.float32)}
        masks = {"classes": classes[..., None], "instances": instances[..., None]}
        return {"image": image, "name": name, "objects": objects} | masks
    if found.keypoints_px is None:
        return {"image": found.picture(index), "name": name}
    box = np.array(found.boxes.get(name, (np.nan,) * 4), np.float32)
    points = {"keypoints_px": found.keypoints_px[index], "box_px": box}
    return {"image": encoded_picture(found.root / name), "name": name} | points


def _as_stored(side: Side, index: int, *, flipped: bool) -> dict[str, Any]:
    """One picture with the points and the box of its file."""
    picture = side.annotated(index)
    if flipped:
        picture = mirror(picture, side.sizes[index, 0])
    points_px = np.zeros((0, 2)) if picture.points_px is None else picture.points_px
    box_px = np.full(4, np.nan) if picture.box_px is None else picture.box_px
    return {
        "image": encoded_picture(picture.file),
        "name": picture.file.name,
        "points_px": points_px.astype(np.float32),
        "box_px": box_px.astype(np.float32),
    }


def open_records(name: str, folder, *, cache) -> Records:
    """The records of the files of a folder, below `cache`; perhaps they are not written yet.

    TFDS knows a prepared set by its name alone, so the name carries a digest of the folder's
    listing (names, sizes, times): files that are added or changed make another set.
    """
    prepared = Path(cache) / RECORDS
    listing = [
        (path.relative_to(folder).as_posix(), path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and prepared not in path.parents
    ]
    if not listing:
        raise DataError(f"{folder}: no files; needed: {find(name).instructions()}")
    logging.getLogger("absl").setLevel(logging.ERROR)  # it warns of every name of ours
    digest = hashlib.sha256(repr(listing).encode()).hexdigest()[:12]
    config = tfds.core.BuilderConfig(name=digest)
    return Records(name, data_dir=prepared, config=config, file_format="array_record")


def prepare(name: str, folder, *, cache) -> Records:
    """Writes the records of a folder, once."""
    builder = open_records(name, folder, cache=cache)
    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    _is_plain.cache_clear()
    downloads = tfds.download.DownloadConfig(manual_dir=Path(folder))
    with contextlib.redirect_stdout(io.StringIO()):  # it speaks of downloads
        builder.download_and_prepare(download_config=downloads)
    return builder


def contents_of(builder: Records, split: str, found: Pictures | Pairs) -> Callable[[str], bytes]:
    """The contents, by name, of the pictures that a reader gave and that are prepared."""
    if isinstance(found, Pictures):
        ends: dict[str, Any] = {"image": found.names}
    else:
        ends = {"source_image": found.source.files, "target_image": found.target.files}
    places = {
        str(name): (row, feature)
        for feature, names in ends.items()
        for row, name in enumerate(names)
    }
    return contents_by_name(raw_records(builder, split), places)


def raw_records(builder, split: str) -> Sequence[bytes]:
    """Serialised examples, by index."""
    raw = tfds.decode.DeserializeMethod.RAW_BYTES
    return builder.as_data_source(split, deserialize_method=raw)


def contents_by_name(
    records: Sequence[bytes], places: Mapping[str, tuple[int, str]]
) -> Callable[[str], bytes]:
    """From the name of a picture to its file's contents; `places` are its record and feature."""

    def contents(name: str) -> bytes:
        row, feature = places[name]
        return features_of(records[row])[feature].bytes_list.value[0]

    return contents


def features_of(record: bytes):
    """The features of a serialised example, by name."""
    return tf.train.Example.FromString(record).features.feature


def encoded_picture(file: Path) -> bytes:
    """The file itself if TensorFlow reads it as `read_picture` does, else its pixels as PNG."""
    if _is_plain(file):
        return file.read_bytes()
    buffer = io.BytesIO()
    Image.fromarray(read_picture(file)).save(buffer, "PNG")
    return buffer.getvalue()


@functools.cache  # a picture of many pairs is decoded once
def _is_plain(file: Path) -> bool:
    """Whether a picture, which is decoded whole, is an upright JPEG or PNG in colour or grey."""
    read_picture(file)
    with Image.open(file) as image:
        plain = image.format in ("JPEG", "PNG") and image.mode in ("RGB", "L")
        return plain and ExifTags.Base.Orientation not in image.getexif()


def open_celeb_a(root: Path, tables: celeb_a.CelebATables, *, prepared) -> Callable[[str], bytes]:
    """The contents of CelebA's pictures, by name, as the builder of TFDS prepares them once.

    `root` holds img_align_celeba.zip and the lists of `celeb_a`, and besides them
    list_attr_celeba.txt: the files that TFDS knows by name and checksum.

    Raises:
      DataError: names the files that are missing or not the published ones, or prepared records
        that do not belong to the tables.
    """
    builder = tfds.builder("celeb_a", data_dir=Path(prepared), file_format="array_record")
    if not builder.is_prepared():
        _prepare_celeb_a(builder, root)
    records = raw_records(builder, "all")
    rows = _rows_of_celeb_a(records, tables)
    return contents_by_name(records, {name: (row, "image") for name, row in rows.items()})


def _prepare_celeb_a(builder, root: Path) -> None:
    lists = (celeb_a.LANDMARKS, celeb_a.PARTITION, celeb_a.IDENTITY, "list_attr_celeba.txt")
    require_files(celeb_a.NAME, [root / file for file in (f"{celeb_a.PICTURES}.zip", *lists)])
    config = tfds.download.DownloadConfig(manual_dir=root, try_download_gcs=False)
    try:
        builder.download_and_prepare(download_config=config)
    except NonMatchingChecksumError as error:
        named = re.search(r"downloaded to (.+), has wrong checksum", str(error))
        file = named[1] if named else f"{root}: a file"
        why = "is not the published one, by its checksum; download it anew"
        raise DataError(f"{file} {why}") from None


def _rows_of_celeb_a(records: Sequence[bytes], tables: celeb_a.CelebATables) -> dict[str, int]:
    """TFDS keeps no file names, so records are recognised by identity and landmarks; pictures that
    share both show the same face and are taken in either order."""
    found = defaultdict(list)
    for row in progress_bar(range(len(records)), label="finding names", unit=" records"):
        features = features_of(records[row])
        columns = ["identity/Identity_No", *_COORDINATES]
        found[tuple(features[column].int64_list.value[0] for column in columns)].append(row)
    keypoints = tables.keypoints_px.reshape(len(tables.names), -1).astype(int).tolist()
    named = zip(tables.names, tables.identity.tolist(), keypoints, strict=True)
    try:
        return {name: found[identity, *points].pop() for name, identity, points in named}
    except IndexError:
        why = "does not belong to these lists; delete it, to prepare it anew"
        raise DataError(f"the prepared celeb_a {why}") from None
