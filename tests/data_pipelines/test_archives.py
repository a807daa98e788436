"""Archives are unpacked whole and inside their folder, or refused by archive and member."""

import io
import shutil
import stat
import tarfile
import zipfile

import pytest

from c3jax.files.errors import DataError
from data_pipelines.archives import unpack

FILES = {"a.txt": b"first", "sub/b.bin": bytes(range(256)) * 50, "sub/deep/empty": b""}
KINDS = ("tar", "tar.gz", "zip")


def write_tar(path, files, mode="w", **special):
    with tarfile.open(path, mode) as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for field, value in special.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(content))


def write_zip(path, files, mode=stat.S_IFREG | 0o644):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content)


def write(folder, kind, files):
    path = folder / f"pictures.{kind}"
    if kind == "zip":
        write_zip(path, files)
    else:
        write_tar(path, files, "w:gz" if kind == "tar.gz" else "w")
    return path


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def refused(tmp_path):
    """`refused(archive, match)`: it is, by name, and nothing else is on the disk than before."""

    def refused(archive, match, target=None):
        before = contents(tmp_path)
        with pytest.raises(DataError, match=match) as error:
            unpack(archive, target or tmp_path / "inner" / "new")
        assert str(archive) in str(error.value) or target
        assert contents(tmp_path) == before
        assert not list(tmp_path.glob("inner/*")) and not list(tmp_path.glob("inner/.*"))

    return refused


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_unpacked_whole(tmp_path, kind):
    archive = write(tmp_path, kind, FILES.items())
    folder = unpack(archive, tmp_path / "new" / "data")
    assert folder == tmp_path / "new" / "data" and contents(folder) == FILES
    assert folder.stat().st_mode & 0o777 == (tmp_path / "new").stat().st_mode & 0o777
    assert [path.name for path in folder.parent.iterdir()] == ["data"]


def test_contents_not_the_suffix_decide_and_an_empty_folder_may_be_there(tmp_path):
    archive = write(tmp_path, "zip", FILES.items()).rename(tmp_path / "pictures.tar")
    (tmp_path / "data").mkdir()
    assert contents(unpack(archive, tmp_path / "data")) == FILES
    # The end of this tar looks like a zip.
    nested = write(tmp_path, "tar", {"inner.zip": archive.read_bytes()}.items())
    assert list(contents(unpack(nested, tmp_path / "nested"))) == ["inner.zip"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../outside.txt", r"'\.\./outside.txt' leads outside"),
        ("sub/../../outside.txt", "leads outside"),
        ("/absolute.txt", "'/absolute.txt' has an absolute path"),
        ("C:/absolute.txt", "has an absolute path"),
        ("..\\outside.txt", "has a backslash"),
        ("line\nbreak", "unprintable"),
        ("a.txt", "'a.txt' comes twice"),
        ("a.txt/b", "'a.txt/b' comes twice, or is a file and a folder"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_with_other_names_are_refused_by_name(tmp_path, refused, kind, name, why):
    archive = write(tmp_path, kind, [*FILES.items(), (name, b"x")])
    refused(archive, f"pictures.{kind}: member .*{why}.*nothing was unpacked")


@pytest.mark.parametrize(
    ("type", "why"),
    [
        (tarfile.SYMTYPE, "'link' is a link"),
        (tarfile.LNKTYPE, "'link' is a link"),
        (tarfile.CHRTYPE, "'link' is a device"),
        (tarfile.FIFOTYPE, "'link' is a device"),
    ],
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path, refused, type, why):
    archive = tmp_path / "pictures.tar"
    write_tar(archive, {"link": b""}.items(), type=type, linkname="/etc/passwd")
    refused(archive, f"pictures.tar: member {why}, not a file or folder")


def test_links_and_encrypted_members_of_a_zip_are_refused(tmp_path, refused):
    archive = tmp_path / "pictures.zip"
    write_zip(archive, {"link": b"/etc/passwd"}.items(), mode=stat.S_IFLNK | 0o777)
    refused(archive, "pictures.zip: member 'link' is a link")
    write_zip(archive, FILES.items())
    data = bytearray(archive.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1  # the flag in the central directory
    archive.write_bytes(data)
    refused(archive, "pictures.zip: member 'a.txt' is encrypted")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("keep", [0, 3, 0.5, -40])
def test_truncated_archives_are_refused(tmp_path, refused, kind, keep):
    # A tar ends in padding, which may be missing.
    noise = bytes(i * i * 7919 // 31 % 256 for i in range(40_000))
    archive = write(tmp_path, kind, {"a": noise[:20_000], "b": noise[20_000:]}.items())
    data = archive.read_bytes().rstrip(b"\0") if kind == "tar" else archive.read_bytes()
    archive.write_bytes(data[: int(len(data) * keep) if keep == 0.5 else keep])
    refused(archive, "not a whole tar, tar.gz or zip|damaged|ends after")


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_flipped_bits_are_noticed(tmp_path, refused, kind):
    archive = write(tmp_path, kind, {"a": bytes(i * i % 251 for i in range(9_000))}.items())
    data = bytearray(archive.read_bytes())
    data[200] ^= 4
    archive.write_bytes(data)
    refused(archive, "damaged")


def test_what_is_no_archive_and_folders_that_are_full_are_refused(tmp_path, refused):
    page = tmp_path / "page.zip"
    page.write_bytes(b"<!DOCTYPE html>")
    refused(page, "page.zip: not a whole tar, tar.gz or zip; begins with b'<!DOCTYPE")
    refused(tmp_path / "none.zip", "none.zip: cannot be opened .No such file")
    archive = write(tmp_path, "zip", FILES.items())
    refused(archive, f"{tmp_path}: already there, and not an empty folder", target=tmp_path)


def test_more_than_the_disk_holds_is_refused_before_it_is_written(tmp_path, refused, monkeypatch):
    archive = write(tmp_path, "tar", {"a": b"1234"}.items())
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(9, 6, 3))
    refused(archive, "pictures.tar: member 'a' has 4 bytes, more than the disk has left")
