"""Any file comes out as upright RGB, or is refused by name."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from c3jax.files.errors import DataError
from c3jax.files.pictures import PictureError, read_picture, upright_size
from tests.data_pipelines.conftest import (
    bad_files,
    encode,
    good_files,
    smooth_picture,
    tolerated_files,
    write_all,
)

REPOSITORY = Path(__file__).parents[3]

LOSSLESS = {"RGB.PNG", "rgba.png", "tiff.tif", "png_named.jpg"}
GREY = {"grey.jpg", "grey_alpha.png", "grey_16_bit.png"}


@pytest.mark.parametrize("name", good_files())
def test_every_kind_of_picture_comes_out_as_upright_rgb(corpus, name):
    expected = smooth_picture()
    if name in GREY:
        expected = np.asarray(Image.fromarray(expected).convert("L").convert("RGB"))
    image = read_picture(corpus / "good" / name)
    assert (image.dtype, image.shape) == (np.uint8, expected.shape)
    assert upright_size(corpus / "good" / name) == expected.shape[1::-1]
    difference = np.abs(image.astype(int) - expected)
    if name in LOSSLESS | (GREY - {"grey.jpg"}):
        assert difference.max() == 0
    else:  # JPEG, WebP and 255 colours
        assert difference.mean() < 6


@pytest.mark.parametrize("name", bad_files())
def test_every_bad_file_is_refused_by_name_and_reason(corpus, name):
    path, why = corpus / "bad" / name, bad_files()[name][1]
    for read in (read_picture, upright_size) if "megapixels" in why else (read_picture,):
        with pytest.raises(PictureError, match=f"{name}: .*{why}") as caught:
            read(path)
        assert str(path) in str(caught.value) and caught.value.path == path


def test_what_decoders_read_without_complaint_is_accepted(tmp_path):
    write_all(tmp_path, tolerated_files())
    for name in tolerated_files():
        image = read_picture(tmp_path / name)
        assert (image.dtype, image.shape) == (np.uint8, smooth_picture().shape)
        assert upright_size(tmp_path / name) == image.shape[1::-1]
    # Pixels before a missing closing mark are whole.
    np.testing.assert_array_equal(read_picture(tmp_path / "without_2_bytes.png"), smooth_picture())


GROWTH = """
import sys
from pathlib import Path
from c3jax.files.pictures import read_picture
from c3jax.files.sources import Pictures

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])  # KiB

folder = Path(sys.argv[1])
read_picture(folder / "good/grey.jpg")  # decoders are loaded
before = peak()
bombs = Pictures(folder, tuple(str(path) for path in folder.glob("bad/bomb.*")))
print(sum(map(bool, bombs.reasons_against(label=""))), peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_bombs_are_refused_from_the_header_without_memory(corpus):
    run = [sys.executable, "-c", GROWTH, str(corpus)]
    done = subprocess.run(run, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    refused, growth_kib = map(int, done.stdout.split())
    assert refused == 4
    assert growth_kib < 50_000  # one of them decoded takes 1,200,000


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(tmp_path, orientation):
    stored = Image.fromarray(smooth_picture())
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "picture.png"
    path.write_bytes(encode(stored, "PNG", exif=exif))
    pixels = np.asarray(stored)
    # TIFF 6.0: which side of the stored picture is row 0, and which is column 0.
    shown = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.swapaxes(0, 1),
        6: np.rot90(pixels, -1),
        7: pixels[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(pixels),
    }[orientation]
    np.testing.assert_array_equal(read_picture(path), shown)


def test_transparency_is_laid_on_white(tmp_path):
    half = Image.new("RGBA", (8, 8), (255, 0, 0, 128))
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    for name, image, colour in [("half", half, [255, 127, 127]), ("clear", clear, [255] * 3)]:
        path = tmp_path / f"{name}.png"
        image.save(path)
        assert read_picture(path)[3, 3].tolist() == colour


def test_16_bit_levels_go_to_the_nearest_8_bit_level(tmp_path):
    levels = np.tile(np.array([0, 128, 129, 257, 32767, 32896, 65406, 65535], np.uint16), (8, 1))
    Image.fromarray(levels).save(tmp_path / "grey.png")
    row = read_picture(tmp_path / "grey.png")[0, :, 1]
    np.testing.assert_array_equal(row, np.rint(levels[0] / 257).astype(np.uint8))


def test_white_of_16_bits_is_that_of_the_bits_in_use(tmp_path):
    levels = np.tile(np.array([0, 1, 2048, 4095], np.uint16), (8, 2))
    Image.fromarray(levels).save(tmp_path / "grey.png")
    assert read_picture(tmp_path / "grey.png")[0, :4, 1].tolist() == [0, 0, 128, 255]


@pytest.mark.parametrize("white, refused", [(4095, True), (65535, False)])
def test_16_bit_colours_that_would_come_out_black_are_refused(tmp_path, white, refused):
    header = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    rows = (b"\0" + struct.pack(">24H", *[0, white, white] * 8)) * 8
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    packed = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    (tmp_path / "deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    if refused:
        with pytest.raises(PictureError, match="deep.png: 16-bit colours that end below a quarter"):
            read_picture(tmp_path / "deep.png")
    else:
        assert read_picture(tmp_path / "deep.png")[0, 0].tolist() == [0, 255, 255]


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(PictureError, match="no such file"):
        read_picture(tmp_path / "none.jpg")
    with pytest.raises(PictureError, match="cannot be opened"):
        read_picture(tmp_path)


def test_a_picture_error_is_a_data_error():
    assert issubclass(PictureError, DataError) and issubclass(DataError, ValueError)
