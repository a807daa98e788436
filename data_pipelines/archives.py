"""Unpacking archives from anywhere: `tar`, `tar.gz` and `zip`, whole or not at all.

Members are folders and plain files with relative names. Anything else (links, devices, `..`,
absolute names) refuses the archive; modes, owners and times of the members are not kept.
`tarfile.data_filter` alone would strip absolute names and keep links, and a cut-off tar ends
without an error there.
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

from c3jax.files.errors import DataError
from c3jax.files.progress import progress_bar

_DAMAGE = (
    *(tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError),
    *(EOFError, NotImplementedError),
)


class _Member(NamedTuple):
    """`kind` is 'folder', 'file', or what it is instead; `extract(path=)` writes it."""

    name: str
    kind: str
    size: int
    extract: Callable[..., Any]


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
            for member in progress_bar(members, label=archive.name, unit=" files"):
                if why := _write(member, contents):
                    where = f"{archive}: member {member.name!r}"
                    raise DataError(f"{where} {why}; nothing was unpacked")
            added = ("__MACOSX", ".DS_Store")  # by macOS
            found = [path for path in contents.iterdir() if path.name not in added]
            inner = bare and len(found) == 1 and found[0].is_dir()
            os.rename(found[0] if inner else contents, folder)
        except _DAMAGE:
            raise
        except OSError as error:
            raise DataError(f"{archive}: cannot be unpacked into {folder}: {error}") from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return folder


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[_Member]]:
    try:
        with open(archive, "rb") as file:
            start = file.read(16)
    except OSError as error:
        raise DataError(f"{archive}: cannot be opened ({error.strerror or error})") from None
    try:
        if tarfile.is_tarfile(archive):  # first: the last member of a tar may be a zip
            with tarfile.open(archive) as tar:
                yield _tar_members(tar)
        elif zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                yield _zip_members(zipped)
        else:
            raise DataError(f"{archive}: not a whole tar, tar.gz or zip; begins with {start!r}")
    except _DAMAGE as error:
        raise DataError(f"{archive}: damaged, or of an unknown kind ({error})") from error


def _zip_members(opened: zipfile.ZipFile) -> Iterator[_Member]:
    kinds = {0: "file", stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "a link"}
    for info in opened.infolist():
        kind = kinds.get(stat.S_IFMT(info.external_attr >> 16), "a device")
        if kind == "file" and info.is_dir():
            kind = "folder"
        if info.flag_bits & 1:
            kind = "encrypted"
        yield _Member(info.filename, kind, info.file_size, functools.partial(opened.extract, info))


def _tar_members(opened: tarfile.TarFile) -> Iterator[_Member]:
    extract = functools.partial(opened.extract, set_attrs=False, filter="data")
    for info in opened:
        kind = "folder" if info.isdir() else "file" if info.isreg() else "a device"
        kind = "a link" if info.issym() or info.islnk() else kind
        yield _Member(info.name, kind, info.size, functools.partial(extract, info))
    contents: Any = opened.fileobj
    contents.seek(opened.offset)
    if contents.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise EOFError("its end is missing")  # tarfile takes any other block for the end too
    while contents.read(1 << 20):  # up to the checksum of a .gz
        pass


def _write(member: _Member, contents: Path) -> str | None:
    """Writes a member, or says why it is refused."""
    name, path = member.name, contents / member.name
    if member.kind not in ("file", "folder"):
        return f"is {member.kind}, not a file or folder"
    if name.startswith("/") or name[1:2] == ":":
        return "has an absolute path"
    if ".." in name.split("/"):
        return "leads outside, by '..'"
    if "\\" in name or not name.isprintable():
        return "has a backslash or an unprintable character in its name"
    if path.exists() and not (member.kind == "folder" and path.is_dir()):
        return "comes twice, or is a file and a folder"
    if member.size > shutil.disk_usage(contents).free:
        return f"has {member.size:,} bytes, more than the disk has left"
    try:
        member.extract(path=contents)
    except (FileExistsError, NotADirectoryError):
        return "comes twice, or is a file and a folder"
    except _DAMAGE as error:
        return f"is damaged ({error})"
    if member.kind == "file" and (size := path.stat().st_size) != member.size:
        return f"ends after {size:,} of its {member.size:,} bytes"
    return None
