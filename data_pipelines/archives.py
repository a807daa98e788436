"""Unpacking archives from anywhere: `tar`, `tar.gz` and `zip`, whole or not at all.

Members are folders and plain files with relative names. Anything else (links, devices, `..`,
absolute names) refuses the archive; modes, owners and times of the members are not kept. One writer
serves both formats: `tarfile.data_filter` strips absolute names and keeps links, and a cut-off tar
ends without an error there.
"""

import functools
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from data_pipelines.errors import DataError

_DAMAGE = (
    *(tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError),
    *(EOFError, NotImplementedError),
)


class _Member(NamedTuple):
    """`kind` is 'folder', 'file', or what it is instead; `open` reads a file."""

    name: str
    kind: str
    size: int
    open: Callable[[], Any]


def unpack(archive, folder, *, bare: bool = False) -> Path:
    """Unpacks an archive into a new folder.

    The members are written beside `folder` under a temporary name, which is renamed at the end: a
    refused, damaged or interrupted archive leaves nothing behind.

    Args:
      archive: the file; its contents decide on the format, not its suffix.
      folder: to make; an empty one may be there.
      bare: where everything lies in one folder of the archive, `folder` becomes that one.

    Returns:
      The folder.

    Raises:
      DataError: no such archive, a folder with files in it, a member that is not a plain file or
        folder within the archive, one that comes twice, encrypted or damaged ones, a full disk.
    """
    archive, folder = Path(archive), Path(folder)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise DataError(f"{folder}: already there, and not an empty folder; give a new one")
    with _members(archive) as members:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            contents = scratch / "contents"  # has the usual mode, `scratch` is its owner's alone
            contents.mkdir()
            for member in tqdm(members, desc=archive.name, unit="file", disable=None):
                if why := _reason_against(member) or _write(member, contents):
                    raise DataError(
                        f"{archive}: member {member.name!r} {why}; nothing was unpacked"
                    )
            os.rename(_innermost(contents) if bare else contents, folder)
        except _DAMAGE:
            raise
        except OSError as error:
            raise DataError(f"{archive}: cannot be unpacked into {folder}: {error}") from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _innermost(contents: Path) -> Path:
    """The only folder in a folder; what macOS adds to archives does not count."""
    found = [path for path in contents.iterdir() if path.name not in ("__MACOSX", ".DS_Store")]
    return found[0] if len(found) == 1 and found[0].is_dir() else contents


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[_Member]]:
    try:
        if _is_tar(archive):  # first: the last member of a tar may be a zip
            with tarfile.open(archive) as tar:
                yield _tar_members(tar)
        elif zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                yield _zip_members(archive, zipped)
        else:
            with open(archive, "rb") as file:
                start = file.read(16)
            raise DataError(f"{archive}: not a whole tar, tar.gz or zip; begins with {start!r}")
    except _DAMAGE as error:
        raise DataError(f"{archive}: damaged, or of an unknown kind ({error})") from error


def _is_tar(archive: Path) -> bool:
    try:
        return tarfile.is_tarfile(archive)
    except _DAMAGE:
        return False
    except OSError as error:
        raise DataError(f"{archive}: cannot be opened ({error.strerror or error})") from None


def _zip_members(archive: Path, opened: zipfile.ZipFile) -> Iterator[_Member]:
    kinds = {0: "file", stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "a link"}
    for info in opened.infolist():
        if info.flag_bits & 1:
            raise DataError(f"{archive}: member {info.filename!r} is encrypted")
        kind = kinds.get(stat.S_IFMT(info.external_attr >> 16), "a device")
        if kind == "file" and info.is_dir():
            kind = "folder"
        yield _Member(info.filename, kind, info.file_size, functools.partial(opened.open, info))


def _tar_members(opened: tarfile.TarFile) -> Iterator[_Member]:
    for info in opened:
        kind = "folder" if info.isdir() else "file" if info.isreg() else "a device"
        kind = "a link" if info.issym() or info.islnk() else kind
        yield _Member(info.name, kind, info.size, functools.partial(opened.extractfile, info))
    contents: Any = opened.fileobj
    contents.seek(opened.offset)
    if contents.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise EOFError("its end is missing")  # tarfile takes any other block for the end too
    while contents.read(1 << 20):  # up to the checksum of a .gz
        pass


def _reason_against(member: _Member) -> str | None:
    name = member.name
    if member.kind not in ("file", "folder"):
        return f"is {member.kind}, not a file or folder"
    if name.startswith("/") or name[1:2] == ":":
        return "has an absolute path"
    if ".." in name.split("/"):
        return "leads outside, by '..'"
    if "\\" in name or not name.isprintable():
        return "has a backslash or an unprintable character in its name"
    return None


def _write(member: _Member, contents: Path) -> str | None:
    """Writes a member; the reason where it cannot be."""
    path = contents / member.name
    try:
        if member.kind == "folder":
            path.mkdir(parents=True, exist_ok=True)
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "xb") as file:
            if member.size > shutil.disk_usage(contents).free:
                return f"has {member.size:,} bytes, more than the disk has left"
            with member.open() as source:
                shutil.copyfileobj(source, file, 1 << 20)
    except (FileExistsError, IsADirectoryError, NotADirectoryError):
        return "comes twice, or is a file and a folder"
    except _DAMAGE as error:
        return f"is damaged ({error})"
    whole = path.stat().st_size == member.size
    return None if whole else f"ends after {path.stat().st_size:,} of its {member.size:,} bytes"
