"""Decoding and resizing in tf.data. Importing this module imports TensorFlow.

Plain JPEGs (JFIF without EXIF, grey or colour) are decoded, cut and resized by TensorFlow, outside
Python; everything else goes through the same function as the in-memory loader.
"""

import os
from collections.abc import Callable, Iterator
from itertools import count

import numpy as np

from c3jax.files.crops import Framing, crop_sides
from c3jax.files.errors import DataError
from c3jax.files.frames import PADDED_PIXELS, frame_picture
from c3jax.files.pictures import MAX_PIXELS, MIN_SIDE, PictureError
from c3jax.files.sources import OnDisk, Pictures
from data_pipelines.host_tensorflow import tf

# Start of image, a JFIF segment of 16 bytes, then at once the quantisation tables: so there is no
# EXIF orientation and no Adobe colour transform.
_JFIF = b"\xff\xd8\xff\xe0\x00\x10"
_TABLES = b"\xff\xdb"
_TABLES_AT = 20
_CMYK_CHANNELS = 4
PADDED = ("pad", "antialias")  # regions that may reach beyond the picture
_HEAD = _TABLES_AT + len(_TABLES)


def decoded_batches(
    images: OnDisk,
    indices: Callable[[int], np.ndarray],
    *,
    start_step: int,
    pairs_per_step: int,
    workers: int | None,
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of the pictures at `indices(step)`, int64 `[2, b]`: sources, then targets."""
    workers = workers or os.cpu_count()
    steps = tf.data.Dataset.range(start_step, np.iinfo(np.int64).max)

    def rows(step):
        return tf.ensure_shape(tf.numpy_function(indices, [step], tf.int64), [2, pairs_per_step])

    decode = make_decoder(images.pictures, size=images.size)
    decoded = steps.map(rows).unbatch().unbatch().map(decode, num_parallel_calls=workers)
    options = tf.data.Options()
    options.deterministic = True
    options.threading.private_threadpool_size = workers
    options.threading.max_intra_op_parallelism = 1
    batches = decoded.batch(pairs_per_step).batch(2).prefetch(2).with_options(options)
    return _as_numpy(images, iter(batches), indices, start_step=start_step)


def _as_numpy(images: OnDisk, batches, indices, *, start_step: int):
    for step in count(start_step):
        try:
            source, target = next(batches).numpy()
        except tf.errors.OpError as error:
            raise _diagnosis(images, indices(step), error) from None
        yield {"source": source, "target": target}


def _diagnosis(images: OnDisk, indices: np.ndarray, error) -> DataError:
    """The first picture of a failed step that Pillow refuses as well, or TensorFlow's message."""
    for index in indices.ravel():
        try:
            images.pictures.read(index, size=images.size)
        except PictureError as refusal:
            return refusal
    return DataError(f"a picture of this step, none that Pillow refuses: {error.message}")


def make_decoder(pictures: Pictures, *, size: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns the graph function from a picture's index to uint8 `[size, size, 3]`."""
    crop = pictures.crop
    frame_picture(9, 9, size=size, crop=crop)  # refuse bad options now
    fetch = _make_fetch(pictures)
    boxed = tf.constant([name in pictures.boxes for name in pictures.names])
    none = np.zeros(len(pictures), bool)
    flipped = tf.constant(none if pictures.flipped is None else pictures.flipped)

    def by_pillow(index):
        image = tf.numpy_function(lambda i: pictures.read(i, size=size)[0], [index], tf.uint8)
        return tf.ensure_shape(image, [size, size, 3])

    def by_tensorflow(index, data):
        image = _decode(data, crop=crop, size=size)
        return tf.cond(flipped[index], lambda: image[:, ::-1], lambda: image)

    def decode(index):
        data = fetch(index)
        usable = tf.cond(  # only the header of a JPEG has a shape
            _is_plain_jfif(data) & ~boxed[index],
            lambda: _has_usable_shape(data, crop=crop, size=size),
            lambda: False,
        )
        return tf.cond(usable, lambda: by_tensorflow(index, data), lambda: by_pillow(index))

    return decode


def _make_fetch(pictures: Pictures) -> Callable[[tf.Tensor], tf.Tensor]:
    if pictures.contents is None:
        paths = tf.constant([os.fsencode(pictures.root / name) for name in pictures.names])
        return lambda index: tf.io.read_file(paths[index])
    encoded = pictures.encoded
    return lambda index: tf.ensure_shape(tf.numpy_function(encoded, [index], tf.string), [])


def _is_plain_jfif(data: tf.Tensor) -> tf.Tensor:
    padded = tf.strings.join([tf.strings.substr(data, 0, _HEAD), b"\0" * _HEAD])
    begins = tf.strings.substr(padded, 0, len(_JFIF)) == _JFIF
    return begins & (tf.strings.substr(padded, _TABLES_AT, len(_TABLES)) == _TABLES)


def _has_usable_shape(data: tf.Tensor, *, crop: Framing, size: int) -> tf.Tensor:
    height, width, channels = tf.unstack(tf.io.extract_jpeg_shape(data), num=3)
    shorter, longer = tf.minimum(height, width), tf.maximum(height, width)
    small_enough = tf.cast(shorter, tf.int64) * tf.cast(longer, tf.int64) <= MAX_PIXELS
    usable = small_enough & (shorter >= MIN_SIDE) & (channels < _CMYK_CHANNELS)
    if crop in PADDED:  # larger ones are shrunk before they are padded
        usable &= longer < 2 * PADDED_PIXELS * (size if crop == "pad" else size - 1)
    return usable


def _decode(data: tf.Tensor, *, crop: Framing, size: int) -> tf.Tensor:
    """Decodes a plain JPEG and does as `frames.resize_picture`."""
    # The accurate transform is Pillow's, so the decoded pixels are equal.
    image = tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
    if crop == "align_corners":
        resize = tf.raw_ops.ResizeBilinear
        square = resize(images=image[None], size=[size, size], align_corners=True)
        return tf.cast(tf.round(square[0]), tf.uint8)
    extent = tf.cast(tf.shape(image)[:2], tf.float32)
    height, width = tf.unstack(extent)
    shorter, longer = tf.minimum(width, height), tf.maximum(width, height)
    sides = crop_sides(crop, width, height, size=size, shorter=shorter, longer=longer)
    sides = tf.stack(sides[::-1])  # (height, width)
    start = (extent - sides) / 2
    if crop in PADDED:
        image, start = _pad(image, start)
    scale = size / sides
    resized = tf.raw_ops.ScaleAndTranslate(
        images=image[None],
        size=[size, size],
        scale=scale,
        translation=-start * scale,
        kernel_type="triangle",
        antialias=True,
    )
    return tf.cast(resized[0] + 0.5, tf.uint8)


def _pad(image: tf.Tensor, start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Repeats edge pixels so that a central region that starts at `start` lies inside."""
    border = tf.cast(tf.math.ceil(tf.maximum(-start, 0)), tf.int32)
    for axis in (0, 1):
        extent = tf.shape(image)[axis]
        positions = tf.range(-border[axis], extent + border[axis])
        image = tf.gather(image, tf.clip_by_value(positions, 0, extent - 1), axis=axis)
    return image, start + tf.cast(border, tf.float32)
