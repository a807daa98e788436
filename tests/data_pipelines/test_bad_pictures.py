"""What the world does to pictures: each kind comes out as RGB, or is refused by name.

What decoders read without complaint is accepted, as in training: whole pixels behind which the
closing mark is missing, and JPEG with flipped bits.
"""

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_pipelines.pictures import PictureError, read_picture, upright_size
from tests.data_pipelines.conftest import (
    HEIGHT,
    UPRIGHT_EXIF,
    WIDTH,
    encode,
    good_files,
    png_header,
    smooth_picture,
)

REPOSITORY = Path(__file__).parents[2]
TRUNCATED = "cannot be decoded"
HUGE = "more than 50 megapixels"


def flipped(data):
    """Ten bytes in the middle, inverted."""
    middle = len(data) // 2
    return data[:middle] + bytes(255 - byte for byte in data[middle : middle + 10]) + data[-middle:]


def huge_jpeg():
    """A JPEG whose frame header announces 20000x20000."""
    data = bytearray(good_files()["rgb.jpg"])
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 20_000, 20_000)
    return bytes(data)


def huge_gif():
    data = bytearray(good_files()["first_frame.gif"])
    data[6:10] = struct.pack("<HH", 20_000, 20_000)
    return bytes(data)


def huge_bmp():
    data = bytearray(encode(Image.fromarray(smooth_picture()), "BMP"))
    data[18:26] = struct.pack("<ii", 20_000, 20_000)
    return bytes(data)


def kinds():
    """File name -> (contents, why it is refused or None)."""
    good, rgb = good_files(), Image.fromarray(smooth_picture())
    jpeg, png = good["rgb.jpg"], good["RGB.PNG"]
    exif = Image.Exif()
    exif[UPRIGHT_EXIF] = 6
    return {
        "half.jpg": (jpeg[: len(jpeg) // 2], TRUNCATED),
        "half.png": (png[: len(png) // 2], TRUNCATED),
        "half.webp": (good["rgb.webp"][:200], TRUNCATED),
        "without_2_bytes.jpg": (jpeg[:-2], TRUNCATED),
        "without_2_bytes.webp": (good["rgb.webp"][:-2], TRUNCATED),
        "without_2_bytes.png": (png[:-2], None),
        "without_2_bytes.gif": (good["first_frame.gif"][:-2], None),
        "header_only.jpg": (jpeg[: jpeg.index(b"\xff\xda")], TRUNCATED),
        "half_a_header.jpg": (jpeg[:20], "its header is damaged or cut off"),
        "header_only.png": (png_header(WIDTH, HEIGHT), TRUNCATED),
        "empty.jpg": (b"", "an empty file"),
        "page.jpg": (b"<!DOCTYPE html><html></html>", "not a picture .begins with b'<!DOCTYPE"),
        "flipped.png": (flipped(png), TRUNCATED),
        "flipped.jpg": (flipped(jpeg), None),
        "grey.jpg": (encode(rgb.convert("L"), "JPEG"), None),
        "rotated.jpg": (encode(rgb, "JPEG", exif=exif), None),
        "one_pixel.png": (encode(Image.new("RGB", (1, 1)), "PNG"), "1x1 is tiny"),
        "ribbon.png": (encode(Image.new("RGB", (20_000, 1)), "PNG"), "20000x1 is tiny"),
        "bomb.png": (png_header(20_000, 20_000), HUGE),
        "bomb.jpg": (huge_jpeg(), HUGE),
        "bomb.gif": (huge_gif(), HUGE),
        "bomb.bmp": (huge_bmp(), HUGE),
    }


def write_kinds(folder):
    for name, (content, _) in kinds().items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_kinds(tmp_path_factory.mktemp("kinds"))


@pytest.mark.parametrize("name", kinds())
def test_each_kind_is_rgb_or_refused_by_name(folder, name):
    path, why = folder / name, kinds()[name][1]
    if why:
        for read in (read_picture, upright_size) if HUGE in why else (read_picture,):
            with pytest.raises(PictureError, match=f"{name}: .*{why}"):
                read(path)
        return
    image = read_picture(path)
    turned = (WIDTH, HEIGHT, 3) if name == "rotated.jpg" else (HEIGHT, WIDTH, 3)
    assert (image.dtype, image.shape) == (np.uint8, turned)
    assert upright_size(path) == turned[1::-1]


def test_pixels_before_a_missing_closing_mark_are_whole(folder):
    np.testing.assert_array_equal(read_picture(folder / "without_2_bytes.png"), smooth_picture())


GROWTH = """
import sys
from pathlib import Path
from data_pipelines.pictures import read_picture
from data_pipelines.sources import Pictures

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])  # KiB

folder = Path(sys.argv[1])
read_picture(folder / "grey.jpg")  # decoders are loaded
before = peak()
bombs = Pictures(folder, tuple(path.name for path in folder.glob("bomb.*")))
print(sum(map(bool, bombs.reasons_against(label=""))), peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_bombs_are_refused_from_the_header_without_memory(folder):
    run = [sys.executable, "-c", GROWTH, str(folder)]
    done = subprocess.run(run, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    refused, growth_kib = map(int, done.stdout.split())
    assert refused == 4
    assert growth_kib < 50_000  # one of them decoded takes 1,200,000
