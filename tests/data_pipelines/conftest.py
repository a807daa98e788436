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


def announcing(content, at, size):
    """The contents of a picture whose header at that place announces another size."""
    return content[:at] + size + content[at + len(size) :]


def inverted(content):
    """Ten bytes in the middle are."""
    half = len(content) // 2
    middle = bytes(255 - byte for byte in content[half : half + 10])
    return content[:half] + middle + content[half + 10 :]


def bad_files():
    """File contents by name, with what the refusal says."""
    good = good_files()
    jpeg, png, webp, gif = (
        good[name] for name in ("rgb.jpg", "RGB.PNG", "rgb.webp", "first_frame.gif")
    )
    bmp = encode(Image.fromarray(smooth_picture()), "BMP")
    frame = jpeg.index(b"\xff\xc0") + 5
    cut, huge = "cannot be decoded", "more than 50 megapixels"
    return {
        "half.jpg": (jpeg[: len(jpeg) // 2], cut),
        "half.png": (png[: len(png) // 2], cut),
        "half.webp": (webp[:200], cut),
        "without_2_bytes.jpg": (jpeg[:-2], cut),
        "without_2_bytes.webp": (webp[:-2], cut),
        "header_only.jpg": (jpeg[: jpeg.index(b"\xff\xda")], cut),
        "half_a_header.jpg": (jpeg[:20], "its header is damaged or cut off"),
        "header_only.png": (png_header(WIDTH, HEIGHT), cut),
        "inverted.png": (inverted(png), cut),
        "empty.jpg": (b"", "an empty file"),
        "page.jpg": (b"<!DOCTYPE html><html></html>", "not a picture .begins with b'<!DOCTYPE"),
        "one_pixel.png": (encode(Image.new("RGB", (1, 1)), "PNG"), "1x1 is tiny"),
        "ribbon.png": (encode(Image.new("RGB", (20_000, 1)), "PNG"), "20000x1 is tiny"),
        "large.png": (png_header(8_000, 8_000), "8000x8000 is more than 50 megapixels"),
        "bomb.png": (png_header(20_000, 20_000), huge),
        "bomb.jpg": (announcing(jpeg, frame, struct.pack(">HH", 20_000, 20_000)), huge),
        "bomb.gif": (announcing(gif, 6, struct.pack("<HH", 20_000, 20_000)), huge),
        "bomb.bmp": (announcing(bmp, 18, struct.pack("<ii", 20_000, 20_000)), huge),
        "float.tif": (encode(Image.new("F", (9, 9)), "TIFF"), "floating-point"),
        "32_bit.tif": (encode(Image.new("I", (9, 9), -5), "TIFF"), "32-bit"),
    }


def tolerated_files():
    """What decoders read without complaint: a closing mark is missing, or bits of JPEG flipped."""
    good = good_files()
    return {
        "without_2_bytes.png": good["RGB.PNG"][:-2],
        "without_2_bytes.gif": good["first_frame.gif"][:-2],
        "inverted.jpg": inverted(good["rgb.jpg"]),
    }


def write_all(folder, files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """A folder with `good/`, nested, and `bad/`; not to be written to."""
    root = tmp_path_factory.mktemp("corpus")
    write_all(root / "good", good_files())
    write_all(root / "bad", {name: content for name, (content, _) in bad_files().items()})
    return root
