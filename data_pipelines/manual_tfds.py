"""What the TFDS builders of files that the user puts in place share. Imports TensorFlow."""

import hashlib
import io
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
    digest = hashlib.sha256(repr(listing).encode()).hexdigest()[:12]
    config = tfds.core.BuilderConfig(name=digest)
    builder = builder_class(data_dir=prepared, config=config, file_format="array_record")
    downloads = tfds.download.DownloadConfig(manual_dir=folder)
    builder.download_and_prepare(download_config=downloads)
    return builder


def encoded_picture(file: Path) -> bytes:
    """The file itself if TensorFlow reads it as `read_picture` does, else its pixels as PNG.

    Raises:
      PictureError: a picture that is missing or damaged.
    """
    pixels = read_picture(file)
    with Image.open(file) as image:
        plain = image.format in ("JPEG", "PNG") and image.mode in ("RGB", "L")
        if plain and ExifTags.Base.Orientation not in image.getexif():
            return file.read_bytes()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
