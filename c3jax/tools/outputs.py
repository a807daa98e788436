"""Results for people: commands write into new folders, or into their own."""

import dataclasses
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from c3jax.tools.errors import UsageError

README = "README.txt"
LONGEST_JPEG = 65_500  # pixels
PIXELS = """\
x and y are in pixels of the original, upright pictures (their EXIF orientation applied), counted
from 0 at the centre of the top left pixel: the bottom right one is at (width - 1, height - 1).\
"""


def check_folder(out: Path, readme: str) -> None:
    """Refuses a folder with other files than the results of an earlier call.

    Such results have a README that begins as `readme`.

    Raises:
      UsageError: `out` is a file, or holds other files.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file; give a folder")
    file = out / README
    ours = file.is_file() and file.read_bytes().startswith(readme.encode()[:24])
    others = [each for each in out.iterdir() if each != file] if out.is_dir() else []
    # An empty one alone: another shard of the same call is about to write it.
    begun = file.is_file() and not file.stat().st_size and not others
    if (others or file.exists()) and not (ours or begun):
        raise UsageError(f"--out {out} holds other files; give a new folder")


def open_folder(out: Path, readme: str, results: Iterable[str]) -> None:
    """Makes the folder, with its README, and takes the `results` of an earlier call away.

    They are names of files, and of folders of pictures, that a call may write.
    """
    out.mkdir(parents=True, exist_ok=True)
    for name in results:
        if (out / name).is_dir():
            shutil.rmtree(out / name)
        else:
            (out / name).unlink(missing_ok=True)
    (out / README).write_text(readme, encoding="utf-8")


def save_png(image: Image.Image, path: Path) -> None:
    """Writes a picture and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, compress_level=1)  # three times as fast as the default


def save_photo(image: Image.Image, path: Path) -> None:
    """Writes `path`.jpg, in a twentieth of the time of PNG; PNG where JPEG has no such sides."""
    suffix = ".jpg" if max(image.size) <= LONGEST_JPEG else ".png"
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path.with_name(path.name + suffix), quality=90, compress_level=1)


def json_text(value: Any, **options: Any) -> str:
    """JSON that every program reads: numbers that are not finite are null, dataclasses objects.

    >>> json_text({"error": [1.5, float("nan")]})
    '{"error": [1.5, null]}'
    """

    def plain(each: Any) -> dict[str, Any]:
        return dict(each) if isinstance(each, Mapping) else dataclasses.asdict(each)

    known = json.loads(json.dumps(value, default=plain), parse_constant=lambda _: None)
    return json.dumps(known, **options)
