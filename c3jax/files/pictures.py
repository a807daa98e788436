"""Reading pictures as they come from the world: always upright uint8 RGB, or a named refusal.

Imports Pillow and NumPy only.
"""

import contextlib
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from c3jax.files.errors import DataError
from c3jax.files.progress import progress_bar
from c3jax.files.threads import ahead

MAX_PIXELS = 50_000_000
MIN_SIDE = 8
SUFFIXES = (
    *(".avif", ".bmp", ".gif", ".heic", ".heif", ".jp2", ".jpeg", ".jpg", ".mpo", ".pgm", ".png"),
    *(".ppm", ".tif", ".tiff", ".webp"),
)
# Only these decoders are tried: among the others, EPS starts an external program.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")
_BEGINNINGS = (
    *(b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8", b"BM", b"II*\0", b"MM\0*"),
    b"\0\0\0\x0cjP",
)
_HEIC = (b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1")
MEDIA = "pip install 'c3jax[media]'"
# Pillow warns above 89 megapixels; what is above ours is refused, which says more.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
_COLOURED = ("RGB", "RGBA")
_QUARTER_TURNS = (5, 6, 7, 8)  # orientations that exchange width and height
_SUBFILE, _REDUCED = 254, 1  # TIFF's NewSubfileType, and its bit of a smaller version


class PictureError(DataError):
    """A file that is not a usable picture: `path`, and the `reason` in words."""

    def __init__(self, path, reason: str, *, fix: str = "Replace the file or take it out"):
        super().__init__(f"{path}: {reason}. {fix}.")
        self.path = Path(path)
        self.reason = reason


def allow_megapixels(megapixels: float) -> None:
    """Sets how large a picture may be that is read from now on, by this process."""
    global MAX_PIXELS
    MAX_PIXELS = round(megapixels * 1e6)
    Image.MAX_IMAGE_PIXELS = max(MAX_PIXELS, 89_478_485)  # Pillow refuses twice as many


def read_picture(path, *, page: int = 0) -> np.ndarray:
    """Reads any picture file as upright uint8 RGB.

    Grey, palette, CMYK and 16-bit pictures are converted (of 16-bit grey white is the greatest
    value of 8, 10, 12, 14 or 16 bits, the fewest that hold the picture); transparency is laid on
    white; of several pages or frames the first is taken (`media.read_pages` has all); the EXIF
    orientation is applied, so that "original pixels" everywhere in this package are those of the
    upright picture.

    Returns:
      uint8 array `[height, width, 3]`; the contents decide on the format, not the suffix.

    Raises:
      PictureError: a missing, empty, truncated or foreign file, more than 50 megapixels (decided
        from the header, before any pixel is allocated; see `allow_megapixels`), a side below 8 px,
        16-bit colours that end below a quarter of the range, HEIC without the extra `media`.
    """
    try:
        file = open(path, "rb")
    except FileNotFoundError:
        raise PictureError(path, "no such file") from None
    except OSError as error:
        raise PictureError(path, f"cannot be opened ({error.strerror})") from None
    with file:
        return decode_picture(file, path, page=page)


def decode_picture(file: BinaryIO, name, *, page: int = 0) -> np.ndarray:
    """As `read_picture`, from an open file; `name` is what errors call it."""
    try:
        with Image.open(file, formats=_formats(file)) as image:
            if page:
                image.seek(page)
            check_size(name, *image.size)
            is_deep = any(";16" in str(tile) for tile in image.tile) and image.mode in _COLOURED
            image.load()
            # Of 16-bit colours Pillow keeps 8 bits: nothing is left of 12 that were stored.
            if is_deep and np.asarray(image)[..., :3].max() < 64:
                raise PictureError(name, "16-bit colours that end below a quarter of the range")
            with contextlib.suppress(Exception):  # a damaged EXIF block leaves the pixels usable
                ImageOps.exif_transpose(image, in_place=True)
            return np.asarray(_to_rgb(name, image))
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError(name, f"more than {MAX_PIXELS / 1e6:g} megapixels") from None
    except UnidentifiedImageError:
        raise PictureError(name, _what_it_is_instead(file)) from None
    except Exception as error:  # decoders raise anything: OSError, SyntaxError, struct.error...
        raise PictureError(name, f"cannot be decoded ({error})") from error


def upright_size(path) -> tuple[int, int]:
    """Width and height of `read_picture(path)`, from the header alone where that is sound."""
    try:
        with open(path, "rb") as file, Image.open(file, formats=_formats(file)) as image:
            check_size(path, *image.size)
            turned = image.getexif().get(ExifTags.Base.Orientation) in _QUARTER_TURNS
            return image.size[::-1] if turned else image.size
    except Exception:  # whatever it is, the reader below says it better
        height, width = read_picture(path).shape[:2]
        return width, height


def in_threads(
    function: Callable, items: Sequence, *, label: str, workers: int | None = None
) -> list[Any]:
    """What a function gives for each item, in threads: its result, or the PictureError it raises.

    Progress is told, see `progress_bar`.
    """

    def attempt(item: Any) -> Any:
        try:
            return function(item)
        except PictureError as error:
            return error

    results = ahead(attempt, items, threads=workers or os.cpu_count() or 1)
    return list(progress_bar(results, total=len(items), label=label, unit=" pictures"))


def list_pages(path, *, every: int | None = None) -> list[tuple[str, int]]:
    """What names the pages of a TIFF, previews left out, or every nth frame of an animation.

    ("#1", 0), ("#2", 1), ... are pages, ("#0", 0), ("#9", 9), ... frames; [("", 0)] is all that
    other files have, files that cannot be read, and animations without `every`.
    """
    found: list[tuple[str, int]] = []
    try:
        with open(path, "rb") as file, Image.open(file, formats=_formats(file)) as image:
            if image.format == "TIFF":
                for page in range(image.n_frames):  # type: ignore[attr-defined]
                    image.seek(page)
                    if not image.tag_v2.get(_SUBFILE, 0) & _REDUCED:  # type: ignore[attr-defined]
                        found.append((f"#{page + 1}", page))
            elif every and image.format != "MPO":
                num = getattr(image, "n_frames", 1)
                found = [(f"#{frame}", frame) for frame in range(0, num, every)]
    except Exception:  # as above
        pass
    return found if len(found) > 1 else [("", 0)]


def check_size(path, width: int, height: int) -> None:
    """Raises PictureError for a picture that is too large or too small."""
    if width * height > MAX_PIXELS:
        raise PictureError(path, f"{width}x{height} is more than {MAX_PIXELS / 1e6:g} megapixels")
    if min(width, height) < MIN_SIDE:
        raise PictureError(path, f"{width}x{height} is tiny: a side is below {MIN_SIDE} px")


def _formats(file: BinaryIO) -> tuple[str, ...]:
    """The decoders to try, of HEIC the one of the extra `media`, where that is installed."""
    start = file.read(12)
    file.seek(0)
    if not start[4:].startswith(_HEIC):
        return _FORMATS
    try:
        import pillow_heif
    except ImportError:
        return _FORMATS
    pillow_heif.register_heif_opener()
    return ("HEIF",)


def _to_rgb(path, image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise PictureError(path, "floating-point pixels, whose range is unknown")
    if image.mode.startswith("I"):
        grey = np.asarray(image)
        if grey.min() < 0 or grey.max() > 65535:
            raise PictureError(path, "32-bit pixels, whose range is unknown")
        # Cameras and scanners store 10 to 14 bits in 16: white is the greatest value of these.
        top = next(2**bits - 1 for bits in (8, 10, 12, 14, 16) if grey.max() < 2**bits)
        levels = (grey.astype(np.uint32) * 255 + top // 2) // top
        return Image.fromarray(levels.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def _what_it_is_instead(file: BinaryIO) -> str:
    file.seek(0)
    start = file.read(16)
    if start[4:].startswith(_HEIC) and "HEIF" not in Image.OPEN:
        return f"a HEIC picture, which needs pillow-heif ({MEDIA})"
    if start.startswith(_BEGINNINGS) or start[4:8] == b"ftyp":
        return "cannot be decoded (its header is damaged or cut off)"
    return f"not a picture (begins with {start!r})" if start else "an empty file"
