"""Data sets written once as records for random access (TensorFlow Datasets). Imports TensorFlow.

One builder serves every reader of `preparation.READERS`: it writes what the reader gives, in its
order. Nothing is downloaded.
"""

import contextlib
import functools
import hashlib
import io
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import ExifTags, Image

from data_pipelines.catalogue import RECORDS, find
from data_pipelines.errors import DataError
from data_pipelines.host_tensorflow import tf
from data_pipelines.pairs import Pairs, Side, mirror
from data_pipelines.pictures import read_picture
from data_pipelines.readers.voc import CATEGORIES, Segmented
from data_pipelines.sources import Pictures

Split = Pictures | Pairs | Segmented
Read = Callable[[Path], dict[str, Split]]
TFDS_NAMES = {"lsun": "lsun_database"}  # TFDS has an `lsun` of its own


class Records(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """The splits of one data set, in the order of their lists.

    `image` (of pairs `source_image` and `target_image`) is the file's content where it is an
    upright 8-bit JPEG or PNG, else PNG; of LSUN JPEG of quality 95. Points and boxes are those of
    the pictures as stored: mirror them where `flipped` (see `data_pipelines.pairs`). A box is NaN
    and the points are none where they are not known; the box of a face is what the protocol cuts
    about. Masks of VOC have the background as 0 and the border of objects as 255; its boxes are
    edges counted from 0.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}

    def __init__(self, name: str, read: Read | None, **options):
        self.name, self.read, self.about = TFDS_NAMES.get(name, name), read, find(name)
        self.MANUAL_DOWNLOAD_INSTRUCTIONS = self.about.instructions()
        super().__init__(**options)

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"{self.about.title}: {self.about.about}.\n\n{self.__doc__}",
            features=tfds.features.FeaturesDict(_features()[self.about.records]),
            disable_shuffling=True,  # the order of the list
        )

    def _split_generators(self, dl_manager):
        splits = self.read(dl_manager.manual_dir)
        return {split: self._generate_examples(found) for split, found in splits.items()}

    def _generate_examples(self, found: Split) -> Iterator[tuple[int, dict]]:
        return ((index, _example(found, index)) for index in range(len(found)))


def _features() -> dict[str, dict[str, Any]]:
    """By what datasets.toml says that the records hold."""
    image, text = tfds.features.Image(shape=(None, None, 3)), tfds.features.Text()
    points = tfds.features.Tensor(shape=(None, 2), dtype=np.float32)
    box = tfds.features.Tensor(shape=(4,), dtype=np.float32)
    mask = tfds.features.Image(shape=(None, None, 1), encoding_format="png")
    category = tfds.features.ClassLabel(names=CATEGORIES)
    side = {"image": image, "name": text, "points_px": points, "box_px": box}
    pair = {f"{end}_{name}": each for end in ("source", "target") for name, each in side.items()}
    return {
        "pictures": {
            "image": tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg"),
            "name": text,
        },
        "faces": {"image": image, "name": text, "keypoints_px": points, "box_px": box},
        "pairs": pair | {"category": text, "flipped": tfds.features.Scalar(np.bool_)},
        "segmented": {
            "image": image,
            "name": text,
            "classes": mask,
            "instances": mask,
            "objects": tfds.features.Sequence({"category": category, "box_px": box}),
        },
    }


def _example(found: Split, index: int) -> dict[str, Any]:
    if isinstance(found, Pairs):
        example: dict[str, Any] = {"flipped": bool(found.flipped[index])}
        example["category"] = found.categories[index] if found.categories else ""
        for end, side in (("source", found.source), ("target", found.target)):
            stored = _as_stored(side, index, flipped=example["flipped"])
            example |= {f"{end}_{name}": value for name, value in stored.items()}
        return example
    name = found.names[index]
    if isinstance(found, Segmented):
        classes, instances = found.masks(index)
        categories, boxes = found.objects(index)
        return {
            "image": encoded_picture(found.pictures.root / found.pictures.names[index]),
            "name": name,
            "classes": classes[..., None],
            "instances": instances[..., None],
            "objects": {"category": list(categories), "box_px": boxes.astype(np.float32)},
        }
    if found.keypoints_px is None:
        return {"image": found.picture(index), "name": name}
    return {
        "image": encoded_picture(found.root / name),
        "name": name,
        "keypoints_px": found.keypoints_px[index],
        "box_px": np.array(found.boxes.get(name, (np.nan,) * 4), np.float32),
    }


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


def open_records(name: str, folder, *, cache, read: Read | None = None) -> Records:
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
    return Records(name, read, data_dir=prepared, config=config, file_format="array_record")


def prepare(name: str, folder, *, cache, read: Read) -> Records:
    """Writes the records of a folder, once; `read` is from the folder to what each split is."""
    builder = open_records(name, folder, cache=cache, read=read)
    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    _is_plain.cache_clear()
    downloads = tfds.download.DownloadConfig(manual_dir=Path(folder))
    with contextlib.redirect_stdout(io.StringIO()):  # it speaks of downloads
        builder.download_and_prepare(download_config=downloads)
    return builder


def contents_of(builder: Records, split: str, found: Pictures | Pairs) -> Callable[[str], bytes]:
    """The contents, by name, of the pictures that a reader gave and that are prepared."""
    if isinstance(found, Pairs):
        ends = (("source_image", found.source), ("target_image", found.target))
        places = {
            str(file): (row, feature) for feature, end in ends for row, file in enumerate(end.files)
        }
    else:
        places = {name: (row, "image") for row, name in enumerate(found.names)}
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
