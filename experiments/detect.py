"""`python -m experiments.detect PICTURE_OR_FOLDER`: landmarks in pictures, and overlays of them."""

import csv
import dataclasses
import itertools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from experiments.engine import cli
from experiments.engine.errors import UsageError
from experiments.engine.outputs import PIXELS, check_folder, open_folder, save_png
from experiments.engine.runs import json_text

BOX_MARGIN = 0.2  # as `data_pipelines.folder` widens boxes for training
README = f"""\
Landmarks found by c3jax, python -m experiments.detect

landmarks.jsonl: a line per picture, {{"image": name, "landmarks_px": [[x, y], ...]}}
landmarks.csv: a row per picture, image,x0,y0,x1,y1,... (--format csv)
overlays/: the pictures with their landmarks, numbered from 0

{PIXELS}
Landmark k has the same number in every picture. Names are relative to the folder that was searched
(of several inputs, to the folder that holds them all).
"""


NAMED = 10
RESULTS = ("landmarks.jsonl", "landmarks.csv", "overlays")


@dataclass(frozen=True)
class Options:
    """Find landmarks in pictures.

    Writes landmarks.jsonl (or .csv) in pixels of the original pictures, and overlays. Pictures
    that cannot be read are named and left out.
    """

    pictures: tyro.conf.Positional[
        Annotated[tuple[Path, ...], tyro.conf.arg(metavar="PICTURE_OR_FOLDER [MORE ...]")]
    ]
    """picture files, or folders, which are searched with all folders in them"""
    checkpoint: Path | None = None
    """run folder (c3_faces and its like, jlad), step of a run or exported model; by default the
    detector of faces that comes with c3jax"""
    boxes: Path | None = None
    """CSV of image,x0,y0,x1,y1 for pictures where the object does not fill the frame"""
    out: Path = Path("landmarks")
    """folder to write: a new one, or that of an earlier call, whose results are replaced"""
    format: Literal["jsonl", "csv"] = "jsonl"
    overlays: bool = True
    """draw the landmarks on the pictures (PNG, original size)"""


def main() -> None:
    """Detects picture by picture; what is done is on disk at any time."""
    options = tyro.cli(Options, prog="python -m experiments.detect")
    out = options.out.expanduser()
    check_folder(out, README)
    root, names = find_inputs(options.pictures, out.resolve())
    model = load_model(options.checkpoint)

    from data_pipelines.sources import Pictures

    boxes = {} if options.boxes is None else boxes_of(options.boxes, names)
    files = Pictures(root, tuple(names), crop=model.crop, boxes=boxes, margin=BOX_MARGIN)
    left_out: list[tuple[str, str]] = []
    found = detect(model, files, left_out)
    first = next(found, None)  # before anything is written
    if first is None:
        name, reason = left_out[0]
        raise UsageError(f"none of {len(names)} pictures can be used; the first, {name}: {reason}")
    open_folder(out, README, RESULTS)
    results = out / f"landmarks.{options.format}"
    with writer(results, len(first[1])) as write:
        for name, points_px in itertools.chain([first], found):
            write(name, points_px)
            if options.overlays:
                draw(root / name, points_px, out / "overlays" / f"{name}.png")
    for name, reason in left_out:
        print(f"left out: {name}: {reason}", file=sys.stderr)
    print(f"landmarks of {len(names) - len(left_out):,} of {len(names):,} pictures: {results}")


def find_inputs(paths: tuple[Path, ...], out: Path) -> tuple[Path, list[str]]:
    """The folder that holds all pictures, and their names relative to it, each once.

    Pictures in `out` are results: a search passes over them.

    Raises:
      UsageError: no path is given, or one that lies in `out`.
      DataError: a folder without pictures.
    """
    from data_pipelines.readers.folder import find_pictures

    if not paths:
        raise UsageError("give at least one picture or folder of pictures")
    roots, files = [], []
    for path in (Path(os.path.abspath(path.expanduser())) for path in paths):
        if path.resolve().is_relative_to(out):
            raise UsageError(f"{path} lies in the folder of the results; give another --out")
        if path.is_dir():
            found = [path / name for name in find_pictures(path)]
            files += [file for file in found if not file.resolve().is_relative_to(out)]
        else:
            files.append(path)
        roots.append(path if path.is_dir() else path.parent)
    root = Path(os.path.commonpath(roots))
    return root, list(dict.fromkeys(file.relative_to(root).as_posix() for file in files))


def load_model(checkpoint: Path | None):
    """The model to detect with, a `c3jax.inference.LandmarkModel`.

    Raises:
      UsageError: there is none.
    """
    from c3jax.inference import SHIPPED
    from experiments.registry import load_detector

    return load_detector(checkpoint or SHIPPED / "face_detector")


def boxes_of(path: Path, names: list[str]) -> dict:
    """The boxes of a table for the pictures `names`; says how many have one.

    Raises:
      DataError: a faulty table.
      UsageError: it names none of the pictures.
    """
    from data_pipelines.readers import folder

    boxes, left_over = folder.boxes_of(folder.read_boxes(path.expanduser()), names)
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


def detect(model, files, left_out: list) -> Iterator[tuple[str, np.ndarray]]:
    """Name and landmarks `[K, 2]`, in pixels of the original, of each picture that can be read.

    Appends (name, reason) to `left_out` for each of the others.
    """
    from c3jax.coordinates import to_pixels
    from data_pipelines.pictures import PictureError
    from data_pipelines.progress import progress_bar

    model = dataclasses.replace(model, crop="squash")  # the files are framed already
    size = model.image_size
    names = progress_bar(files.names, label="finding landmarks", unit=" pictures")
    for index, name in enumerate(names):
        try:
            square, frame = files.read(index, size=size)
        except PictureError as error:
            left_out.append((name, error.reason))
            continue
        points = model.landmarks(square[None])[0]
        yield name, frame.to_original(np.asarray(to_pixels(points, (size, size))))


@contextmanager
def writer(path: Path, num_landmarks: int):
    """A function (name, points_px) that writes one line of `path`, whole and at once.

    A name that is not UTF-8 has its bytes escaped, in JSON so that they are read back.
    """
    text: Any = {"encoding": "utf-8", "errors": "backslashreplace", "newline": ""}
    with path.open("w", buffering=1, **text) as file:
        if path.suffix == ".csv":
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(["image", *(f"{axis}{k}" for k in range(num_landmarks) for axis in "xy")])

        def write(name: str, points_px: np.ndarray) -> None:
            points = points_px.round(3)
            if path.suffix == ".csv":
                rows.writerow([name, *points.ravel().tolist()])
            else:
                row = {"image": name, "landmarks_px": points.tolist()}
                file.write(json_text(row, ensure_ascii=False) + "\n")

        yield write


def draw(picture: Path, points_px: np.ndarray, path: Path) -> None:
    """Writes the overlay of a picture."""
    from PIL import Image

    from data_pipelines.pictures import read_picture
    from experiments.show.pictures import draw_landmarks

    save_png(Image.fromarray(draw_landmarks(read_picture(picture), points_px)), path)


if __name__ == "__main__":
    cli.guarded(main)
