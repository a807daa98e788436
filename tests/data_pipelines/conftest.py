"""Pictures as they come from the world, good and bad, written by the tests themselves."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

HEIGHT, WIDTH = 24, 32
UPRIGHT_EXIF = 0x0112


def smooth_picture(height=HEIGHT, width=WIDTH, seed=0):
    """uint8 `[height, width, 3]` of low frequencies, which survive JPEG, with no symmetry."""
    coarse = np.random.default_rng(seed).integers(20, 236, (4, 5, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def encode(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def png_header(width, height):
    """A PNG that announces a size and ends."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    crc = struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + crc + b"\0\0\0\1IDAT"


def good_files():
    """File contents by name: all show `smooth_picture()`, in colour or in grey."""
    rgb = Image.fromarray(smooth_picture())
    exif = Image.Exif()
    exif[UPRIGHT_EXIF] = 6  # shown after a quarter turn clockwise
    turned = rgb.transpose(Image.Transpose.ROTATE_90)
    grey_16 = Image.fromarray(np.asarray(rgb.convert("L")).astype(np.uint16) * 257)
    palette = rgb.quantize(255)
    return {
        "rgb.jpg": encode(rgb, "JPEG", quality=95),
        "RGB.PNG": encode(rgb, "PNG"),
        "grey.jpg": encode(rgb.convert("L"), "JPEG", quality=95),
        "grey_alpha.png": encode(rgb.convert("LA"), "PNG"),
        "grey_16_bit.png": encode(grey_16, "PNG"),
        "cmyk.jpg": encode(rgb.convert("CMYK"), "JPEG", quality=95),
        "rgba.png": encode(rgb.convert("RGBA"), "PNG"),
        "palette.png": encode(palette, "PNG"),
        "transparent_palette.png": encode(palette, "PNG", transparency=255),
        "first_frame.gif": encode(palette, "GIF", save_all=True, append_images=[palette.rotate(9)]),
        "rgb.webp": encode(rgb, "WEBP", quality=95),
        "turned.jpg": encode(turned, "JPEG", quality=95, exif=exif),
        "progressive.jpg": encode(rgb, "JPEG", quality=95, progressive=True),
        "tiff.tif": encode(rgb, "TIFF"),
        "png_named.jpg": encode(rgb, "PNG"),
    }


def bad_files():
    """File contents by name, with what the refusal says."""
    jpeg = good_files()["rgb.jpg"]
    return {
        "half.jpg": (jpeg[: len(jpeg) // 2], "truncated|cannot be decoded"),
        "header_only.jpg": (jpeg[:24], "cannot be decoded|not a picture"),
        "half.png": (good_files()["RGB.PNG"][:300], "cannot be decoded"),
        "empty.jpg": (b"", "an empty file"),
        "page.jpg": (b"<!DOCTYPE html><html></html>", "not a picture .begins with b'<!DOCTYPE"),
        "one_pixel.png": (encode(Image.new("RGB", (1, 1)), "PNG"), "1x1 is tiny"),
        "ribbon.png": (encode(Image.new("RGB", (20000, 1)), "PNG"), "20000x1 is tiny"),
        "huge.png": (png_header(20_000, 20_000), "more than 50 megapixels"),
        "large.png": (png_header(8_000, 8_000), "8000x8000 is more than 50 megapixels"),
        "float.tif": (encode(Image.new("F", (9, 9)), "TIFF"), "floating-point"),
        "32_bit.tif": (encode(Image.new("I", (9, 9), -5), "TIFF"), "32-bit"),
    }


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """A folder with `good/`, nested, and `bad/`; not to be written to."""
    root = tmp_path_factory.mktemp("corpus")
    (root / "good").mkdir()
    (root / "bad").mkdir()
    for name, content in good_files().items():
        (root / "good" / name).write_bytes(content)
    for name, (content, _) in bad_files().items():
        (root / "bad" / name).write_bytes(content)
    return root
