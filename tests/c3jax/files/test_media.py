"""Pictures of phones and scanners, pages, and frames of videos."""

import re
import sys

import numpy as np
import pytest
from PIL import Image

from c3jax.files import pictures
from c3jax.files.media import read_pages
from c3jax.files.pictures import PictureError, allow_megapixels, read_picture, upright_size
from tests.data_pipelines.conftest import encode, smooth_picture


@pytest.fixture
def rgb():
    return Image.fromarray(smooth_picture())


def write_video(path, count=7):
    """A video of 64x48, its left half dark, its right half brighter with each frame."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(count):
            frame = np.zeros((48, 64, 3), np.uint8)
            frame[:, 32:] = 30 * (number + 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(("name", "format"), [("a.avif", "AVIF"), ("a.heic", "HEIF")])
def test_pictures_of_phones_are_read(tmp_path, rgb, name, format):
    if format == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    (tmp_path / name).write_bytes(encode(rgb, format, quality=95))
    found = read_picture(tmp_path / name)
    assert np.abs(found.astype(int) - smooth_picture()).mean() < 8
    assert upright_size(tmp_path / name) == rgb.size
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:100])
    with pytest.raises(PictureError, match="cannot be decoded"):
        read_picture(tmp_path / name)


def test_avif_and_jpeg_2000_and_mpo_are_upright_and_whole(tmp_path, rgb):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = rgb.transpose(Image.Transpose.ROTATE_90)
    (tmp_path / "a.avif").write_bytes(encode(turned, "AVIF", quality=95, exif=exif))
    (tmp_path / "a.jp2").write_bytes(encode(rgb, "JPEG2000"))
    two = {"save_all": True, "append_images": [rgb.reduce(2)], "quality": 95}
    (tmp_path / "a.mpo").write_bytes(encode(rgb, "MPO", **two))
    for name in ("a.avif", "a.jp2", "a.mpo"):
        [(page, found)] = read_pages(tmp_path / name, every=1)
        assert page == "" and np.abs(found.astype(int) - smooth_picture()).mean() < 8


def test_heic_without_its_decoder_names_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x1cftypheic\0\0\0\0mif1heic")
    with pytest.raises(PictureError, match=re.escape("pip install 'c3jax[media]'")):
        read_picture(tmp_path / "a.heic")


def test_pages_are_read_one_by_one_without_previews(tmp_path, rgb):
    small = rgb.reduce(2)
    small.encoderinfo = {"tiffinfo": {254: 1}}
    pages = [Image.fromarray(smooth_picture(seed=seed)) for seed in (1, 2)]
    rgb.save(tmp_path / "a.tif", save_all=True, append_images=[*pages, small])
    found = dict(read_pages(tmp_path / "a.tif"))
    assert list(found) == ["#1", "#2", "#3"]
    for seed, page in enumerate(found.values()):
        np.testing.assert_array_equal(page, smooth_picture(seed=seed))
    rgb.save(tmp_path / "b.tif")
    assert [name for name, _ in read_pages(tmp_path / "b.tif")] == [""]


def test_of_an_animation_the_first_frame_is_read_or_every_nth(tmp_path, rgb):
    rgb.save(tmp_path / "a.gif", save_all=True, append_images=[rgb.rotate(9 * k) for k in (1, 2)])
    assert [name for name, _ in read_pages(tmp_path / "a.gif")] == [""]
    assert [name for name, _ in read_pages(tmp_path / "a.gif", every=2)] == ["#0", "#2"]
    assert [name for name, _ in read_pages(tmp_path / "a.gif", every=9)] == [""]


def test_every_nth_frame_of_a_video_is_read(tmp_path):
    file = write_video(tmp_path / "a.mp4")
    assert [name for name, _ in read_pages(file)] == [f"#{number}" for number in range(7)]
    found = dict(read_pages(file, every=3))
    assert list(found) == ["#0", "#3", "#6"]
    for number, frame in zip((0, 3, 6), found.values(), strict=True):
        assert frame.shape == (48, 64, 3)
        assert abs(frame[:, 40:].mean() - 30 * (number + 1)) < 8 and frame[:, :24].mean() < 8


def test_videos_are_turned_upright(tmp_path):
    content = bytearray(write_video(tmp_path / "a.mp4", count=1).read_bytes())
    at = content.index(b"tkhd") + 44  # the matrix: x' = -y, y' = x, a quarter turn clockwise
    one = (1 << 16).to_bytes(4, "big")
    content[at : at + 20] = (
        bytes(4) + one + bytes(4) + (-(1 << 16) & 0xFFFFFFFF).to_bytes(4, "big") + bytes(4)
    )
    (tmp_path / "a.mp4").write_bytes(content)
    [(_, frame)] = read_pages(tmp_path / "a.mp4")
    assert frame.shape == (64, 48, 3)
    assert frame[:24].mean() < 8 < 22 < frame[40:].mean()  # what was left is on top


def test_videos_that_cannot_be_read_are_refused_by_name(tmp_path, monkeypatch):
    pytest.importorskip("av")
    (tmp_path / "a.mov").write_bytes(b"no video")
    with pytest.raises(PictureError, match="a.mov: a video that cannot be decoded"):
        list(read_pages(tmp_path / "a.mov"))
    with pytest.raises(PictureError, match="b.mov: no such file"):
        list(read_pages(tmp_path / "b.mov"))
    monkeypatch.setattr(pictures, "MAX_PIXELS", 64 * 48 - 1)
    with pytest.raises(PictureError, match="64x48 is more than .* megapixels"):
        list(read_pages(write_video(tmp_path / "c.mp4", count=1)))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(PictureError, match="a video, which needs PyAV"):
        list(read_pages(tmp_path / "a.mov"))


def test_larger_pictures_are_read_where_they_are_allowed(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_PIXELS", pictures.MAX_PIXELS)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    (tmp_path / "a.png").write_bytes(encode(Image.new("L", (1000, 500)), "PNG"))
    allow_megapixels(0.4)
    with pytest.raises(PictureError, match="1000x500 is more than 0.4 megapixels"):
        read_picture(tmp_path / "a.png")
    allow_megapixels(400)
    assert read_picture(tmp_path / "a.png").shape == (500, 1000, 3)
    assert Image.MAX_IMAGE_PIXELS >= 400e6 / 2  # Pillow refuses twice as many
