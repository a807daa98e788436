"""ImageNet weights from the Hugging Face hub: fetched once, checked, then put in their place.

huggingface_hub reads HF_ENDPOINT (a mirror), HF_HUB_OFFLINE and the proxies of the environment. It
is imported late: most commands fetch nothing.
"""

import hashlib
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

FILE = "model.safetensors"


class Published(NamedTuple):
    """A repository on the hub, with torchvision's weights of 2015 to 2017.

    Attributes:
      repository: OWNER/NAME.
      revision: a commit.
      sha256: of model.safetensors.
    """

    repository: str
    revision: str
    sha256: str


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
    "vgg16": Published(
        "timm/vgg16.tv_in1k",
        "b8d8aa2dd860af9233c8c67385a8097fd6c35d3f",
        "57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8",
    ),
}

BY_HAND = {
    "resnet101": "model.safetensors of timm/resnet101.tv_in1k on the Hugging Face hub, or "
    "torchvision's resnet101-63fe2227.pth",
    "dinov2_s14": "model.safetensors of timm/vit_small_patch14_dinov2.lvd142m on the Hugging Face "
    "hub (Apache-2.0)",
}
"""Weights that are not fetched, since no sha256 of theirs is known here: where they are."""


class HubError(Exception):
    """Why weights could not be fetched."""


def address(architecture: str) -> str:
    """Where the weights of an architecture are published: on the hub, or on HF_ENDPOINT."""
    from huggingface_hub import file_download

    repository, revision, _ = PUBLISHED[architecture]
    return file_download.hf_hub_url(repository, FILE, revision=revision)


def fetch(architecture: str, folder: Path) -> Path:
    """Fetches the weights of an architecture, unless another process just did.

    Args:
      architecture: of `PUBLISHED`.
      folder: to write `ARCHITECTURE.safetensors` to.

    Returns:
      The file.

    Raises:
      HubError: fetching is forbidden, the server cannot be reached, does not have the file, or
        sent something else.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # before the first import
    from huggingface_hub import constants
    from huggingface_hub.utils import WeakFileLock

    if constants.HF_HUB_OFFLINE:
        raise HubError("HF_HUB_OFFLINE forbids it")
    target = folder / f"{architecture}.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(folder / f".{target.name}.lock"):
        if not target.is_file():
            print(f"fetching {address(architecture)} to {target}", flush=True)
            with TemporaryDirectory(dir=folder, prefix=f".{target.name}.") as temporary:
                os.replace(_download(architecture, temporary), target)
    return target


def _download(architecture: str, folder: str) -> Path:
    """The file in `folder`, its sha256 checked."""
    from huggingface_hub import file_download

    (repository, revision, expected), source = PUBLISHED[architecture], address(architecture)
    try:
        file_download.get_hf_file_metadata(source)  # fails at once, unlike below
        path = Path(
            file_download.hf_hub_download(repository, FILE, revision=revision, local_dir=folder)
        )
    except Exception as error:  # of the hub, of its HTTP library, of the disk
        reason = str(error.__cause__ or error).strip().partition("\n")[0]
        raise HubError(f"{source}: {reason or type(error).__name__}") from error
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise HubError(f"{source} has sha256 {found}, and {expected} was expected")
    return path
