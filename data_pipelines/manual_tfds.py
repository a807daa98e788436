"""What the TFDS builders of files that the user puts in place share. Imports TensorFlow."""

import contextlib
import functools
import hashlib
import io
import logging
import sys
from pathlib import Path

import tensorflow_datasets as tfds
from PIL import ExifTags, Image

from data_pipelines.errors import DataError
from data_pipelines.pictures import read_picture


def prepare(builder_class: type[tfds.core.GeneratorBasedBuilder], folder, *, prepared):
    """The data set of a folder, written once as array records (random access).

    TFDS knows a prepared set by its name alone, so the name carries a digest of the folder's
    listing (names, sizes, times): files that are added or changed make another set.

    Args:
      builder_class: with MANUAL_DOWNLOAD_INSTRUCTIONS.
      folder: the manual_dir.
      prepared: the folder that TFDS writes to.

    Returns:
      The builder, prepared.

    Raises:
      DataError: the folder is missing or empty, or as the reader of the files.
    """
    listing = [
        (path.relative_to(folder).as_posix(), path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and Path(prepared) not in path.parents
    ]
    if not listing:
        raise DataError(f"{folder}: no files; needed: {builder_class.MANUAL_DOWNLOAD_INSTRUCTIONS}")
    _is_plain.cache_clear()
    logging.getLogger("absl").setLevel(logging.ERROR)  # it warns of every name of ours
    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    digest = hashlib.sha256(repr(listing).encode()).hexdigest()[:12]
    config = tfds.core.BuilderConfig(name=digest)
    builder = builder_class(data_dir=prepared, config=config, file_format="array_record")
    downloads = tfds.download.DownloadConfig(manual_dir=folder)
    with contextlib.redirect_stdout(io.StringIO()):  # it speaks of downloads
        builder.download_and_prepare(download_config=downloads)
    return builder


def encoded_picture(file: Path) -> bytes:
    """The file itself if TensorFlow reads it as `read_picture` does, else its pixels as PNG.

    Raises:
      PictureError: a picture that is missing or damaged.
    """
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
