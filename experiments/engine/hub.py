"""ImageNet weights from the Hugging Face hub: fetched once, resumed, checked, then in their place.

HF_ENDPOINT names a mirror, and HF_HUB_OFFLINE forbids fetching. Proxies are those of the
environment. Imports nothing of JAX.
"""

import fcntl
import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

ENDPOINT = "https://huggingface.co"
FILE = "model.safetensors"
TIMEOUT_SECONDS = 30
_CONNECTION = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)
_NO_MORE = 416  # status: the range that was asked for begins at or beyond the file's end


class Published(NamedTuple):
    """A repository on the hub, with torchvision's weights of 2015 to 2017.

    Attributes:
      repository: OWNER/NAME.
      revision: a commit, or the branch where none is pinned.
      sha256: of model.safetensors; where None, what the server announces is taken.
    """

    repository: str
    revision: str = "main"
    sha256: str | None = None


PUBLISHED = {
    "resnet18": Published(
        "timm/resnet18.tv_in1k",
        "bbd144b3e5565108aad885f145491d11bc6ce807",
        "694f673df6520a3158624e8a89af086f59923ee4cd7436fe5bc3bc71d295ad81",
    ),
    "resnet50": Published(
        "timm/resnet50.tv_in1k",
        "78f3ecfdb38e06d9b8397f662e7ab8fee96026fa",
        "5d061a3c593d795bfe682d9b152bafbcf550579873492def3515b46db1189888",
    ),
    "resnet101": Published("timm/resnet101.tv_in1k"),
    "vgg16": Published(
        "timm/vgg16.tv_in1k",
        "b8d8aa2dd860af9233c8c67385a8097fd6c35d3f",
        "57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8",
    ),
    "vgg19": Published("timm/vgg19.tv_in1k"),
}


class HubError(Exception):
    """Why weights could not be fetched."""


def address(architecture: str) -> str:
    """Where the weights of an architecture are published: at HF_ENDPOINT, by default the hub."""
    repository, revision, _ = PUBLISHED[architecture]
    endpoint = os.environ.get("HF_ENDPOINT") or ENDPOINT
    return f"{endpoint.rstrip('/')}/{repository}/resolve/{revision}/{FILE}"


def fetch(architecture: str, folder: Path) -> Path:
    """Fetches the weights of an architecture, unless another process just did.

    What was received is kept beside as `.part`, from which the next call goes on; it takes its
    place when its sha256 is right, at once.

    Args:
      architecture: of `PUBLISHED`.
      folder: to write `ARCHITECTURE.safetensors` to.

    Returns:
      The file.

    Raises:
      HubError: fetching is forbidden, the server cannot be reached, does not have the file, or
        sent something else.
    """
    source, target = address(architecture), folder / f"{architecture}.safetensors"
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise HubError("HF_HUB_OFFLINE forbids it")
    if not re.match("https?://", source):
        raise HubError(f"HF_ENDPOINT must begin with https:// or http://, got {source}")
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / f".{target.name}.lock"):
        if not target.is_file():
            print(f"fetching {source} to {target}", flush=True)
            part = folder / f"{target.name}.part"
            _complete(source, part, PUBLISHED[architecture].sha256)
            os.replace(part, target)
    return target


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds a lock between processes; the file stays, since deleting it would open a race."""
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another process, which holds {path}", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _complete(source: str, part: Path, sha256: str | None) -> None:
    """Makes `part` the whole file; a part that leads to a wrong one is fetched anew, once."""
    while True:
        anew = not part.exists()
        expected = _receive(source, part, sha256)
        with open(part, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found == expected:
            return
        part.unlink()
        if anew:
            raise HubError(f"{source} has sha256 {found}, and {expected} was expected")


def _receive(source: str, part: Path, sha256: str | None) -> str:
    """Appends to `part` what it lacks, and returns the sha256 that the whole must have."""
    have = part.stat().st_size if part.exists() else 0
    redirects = _Redirects()
    request = urllib.request.Request(source, headers={"User-Agent": "c3jax"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        opener = urllib.request.build_opener(redirects)
        with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
            expected = sha256 or redirects.sha256 or _announced(response.headers)
            _refuse_others(source, response, expected)
            _append(response, part, have)
    except urllib.error.HTTPError as error:
        if error.code != _NO_MORE or not have:
            raise HubError(f"{source}: HTTP status {error.code} {error.reason}") from None
        expected = sha256 or redirects.sha256 or _announced(error.headers)
    except _CONNECTION as error:
        reason = getattr(error, "reason", None) or error
        raise HubError(f"{source}: no connection, or it broke off ({reason})") from None
    return expected or ""


def _refuse_others(source: str, response, expected: str | None) -> None:
    kind = response.headers.get_content_type()
    if kind == "text/html":
        raise HubError(f"{source} is a page ({kind}), not the file: does a proxy ask for a login?")
    if expected is None:
        raise HubError(f"{source}: no sha256 is known, and the server announces none")


def _append(response, part: Path, have: int) -> None:
    given = response.headers.get("Content-Range", "")
    resumed = response.status == 206 and given.startswith(f"bytes {have}-")
    length = int(response.headers.get("Content-Length", -1))
    start = have if resumed else 0
    total = start + length if length >= 0 else None
    bar = tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=part.stem, disable=None)
    with bar, open(part, "ab" if resumed else "wb") as file:
        while piece := response.read(1 << 20):
            file.write(piece)
            bar.update(len(piece))
        size = file.tell()
    if total is not None and size < total:
        raise http.client.IncompleteRead(b"", total - size)


def _announced(headers) -> str | None:
    """The sha256 of a file in large file storage, which is its ETag on the hub."""
    for name in ("X-Linked-Etag", "ETag"):
        tag = headers.get(name, "").removeprefix("W/").strip('"')
        if re.fullmatch("[0-9a-f]{64}", tag):
            return tag
    return None


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections, and keeps the sha256 that the hub announces in the first of them."""

    sha256: str | None = None

    def redirect_request(self, request, file, code, message, headers, address):
        self.sha256 = self.sha256 or _announced(headers)
        return super().redirect_request(request, file, code, message, headers, address)
