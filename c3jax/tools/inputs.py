"""The pictures that a command is given: found, read and cut in threads, a batch at a time."""

import functools
import itertools
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from c3jax.files import folder
from c3jax.files.frames import Box, Frame
from c3jax.files.media import VIDEOS, read_pages
from c3jax.files.pictures import PictureError
from c3jax.files.progress import progress_bar
from c3jax.files.sources import cut_square
from c3jax.files.threads import ahead
from c3jax.inference import LandmarkModel
from c3jax.tools.errors import UsageError

BOX_MARGIN = 0.2  # as `c3jax.files.folder` widens boxes for training
NAMED = 10  # rows of a table, in a message
BATCH, PIXELS = 16, 100e6  # at most: squares, and pixels of their pictures, which wait in memory


class Square(NamedTuple):
    """A picture, or one box of it, as the network sees it.

    file: name of its file; name: with the page or frame of it; image: uint8 `[H, W, 3]`; pixels:
    uint8 `[S, S, 3]`; frame: where they lie in it; box: that was cut out, or None.
    """

    file: str
    name: str
    image: np.ndarray
    pixels: np.ndarray
    frame: Frame
    box: Box | None


class LeftOut(NamedTuple):
    """A picture, or a box, that cannot be used."""

    name: str
    reason: str


@dataclass(frozen=True)
class Inputs:
    """Pictures below the folder `root`; boxes: lists of them by name; every: as in `read_pages`."""

    root: Path
    names: list[str]
    boxes: Mapping[str, list[Box]]
    every: int | None = None

    def squares(self, model: LandmarkModel) -> Iterator[Square | LeftOut]:
        """A square for each page or frame and each box, in order, and what cannot be used."""
        begin = functools.partial(self._begun, model)
        files = ahead(begin, self.names)
        told = progress_bar(
            files, label="finding landmarks", unit=" pictures", total=len(self.names)
        )
        return itertools.chain.from_iterable(told)

    def _begun(self, model: LandmarkModel, name: str) -> Iterator[Square | LeftOut]:
        """The squares of a file, the first of which (mostly all) is there."""
        found = self._of_file(model, name)
        return itertools.chain(list(itertools.islice(found, 1)), found)

    def _of_file(self, model: LandmarkModel, file: str) -> Iterator[Square | LeftOut]:
        crop: Any = model.crop
        cut = functools.partial(cut_square, size=model.image_size, crop=crop, margin=BOX_MARGIN)
        try:
            for page, image in read_pages(self.root / file, every=self.every):
                name = file + page
                for box in self.boxes.get(file, [None]):
                    try:
                        yield Square(file, name, image, *cut(image, name, box=box), box)
                    except PictureError as error:  # the other boxes are good
                        yield LeftOut(name, error.reason)
        except PictureError as error:
            yield LeftOut(file, error.reason)


def in_batches(squares: Iterator[Square | LeftOut], left_out: list) -> Iterator[list[Square]]:
    """Lists of squares, in order; appends what cannot be used to `left_out`."""
    batch: list[Square] = []
    for each in squares:
        if isinstance(each, LeftOut):
            left_out.append(each)
            continue
        batch.append(each)
        if len(batch) == BATCH or sum(one.image[..., 0].size for one in batch) > PIXELS:
            yield batch
            batch = []
    if batch:
        yield batch


def find_inputs(
    paths: tuple[Path, ...], out: Path, *, every: int | None = None
) -> tuple[Path, list[str]]:
    """The folder that holds all pictures, and their names relative to it, each once.

    Pictures in `out` are results: a search passes over them. With `every` it finds videos too.

    Raises:
      UsageError: no path is given, or one that lies in `out`.
      DataError: a folder without pictures.
    """
    more = VIDEOS if every else ()
    if not paths:
        raise UsageError("give at least one picture or folder of pictures")
    roots, files = [], []
    for path in (Path(os.path.abspath(path.expanduser())) for path in paths):
        if path.resolve().is_relative_to(out):
            raise UsageError(f"{path} lies in the folder of the results; give another --out")
        if path.is_dir():
            found = [path / name for name in folder.find_pictures(path, more=more)]
            files += [file for file in found if not file.resolve().is_relative_to(out)]
        else:
            files.append(path)
        roots.append(path if path.is_dir() else path.parent)
    try:
        root = Path(os.path.commonpath(roots))
    except ValueError:
        raise UsageError("the pictures lie on several drives; give those of one") from None
    return root, list(dict.fromkeys(file.relative_to(root).as_posix() for file in files))


def boxes_of(path: Path, names: list[str]) -> dict:
    """The boxes of a table for the pictures `names`, a list for each; says how many have some.

    Raises:
      DataError: a faulty table.
      UsageError: it names none of the pictures.
    """
    boxes, left_over = folder.boxes_of(folder.read_all_boxes(path.expanduser()), names)
    if not boxes:
        raise UsageError(f"{path} names none of the pictures, such as {names[0]}")
    print(f"boxes: for {len(boxes):,} of {len(names):,} pictures")
    if left_over:
        rest = ", ..." * (len(left_over) > NAMED)
        print(
            f"boxes: {len(left_over):,} rows of {path} name no picture: "
            f"{', '.join(left_over[:NAMED])}{rest}",
            file=sys.stderr,
        )
    return boxes
