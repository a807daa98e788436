"""`c3jax detect PICTURE_OR_FOLDER`: landmarks in pictures, and overlays of them."""

import dataclasses
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from c3jax import inference
from c3jax.inference import LandmarkModel
from c3jax.tools import fit_keypoints
from c3jax.tools import found as said
from c3jax.tools.errors import UsageError, check_least
from c3jax.tools.landmark_files import ABOUT, FILES, Detection, Format, writer
from c3jax.tools.models import load_detector
from c3jax.tools.outputs import PIXELS, check_folder, open_folder, save_png

BOX_MARGIN = 0.2  # as `c3jax.files.folder` widens boxes for training
README = f"""\
Landmarks found by c3jax, command detect

{ABOUT}overlays/: the pictures with their landmarks, numbered from 0; with --keypoints with these
    alone

{PIXELS}
{said.README}
Landmark k has the same number in every picture. Names are relative to the folder that was searched
(of several inputs, to the folder that holds them all). Pages of one file are called scan.tif#1,
scan.tif#2 and so on, frames of a video or animation clip.mp4#0, clip.mp4#1 and so on. A picture
with several boxes has a row for each, and jsonl and csv have the box.
"""


NAMED = 10
RESULTS = (*FILES.values(), "overlays")


@dataclass(frozen=True)
class Options:
    """Find landmarks in pictures.

    Writes landmarks.jsonl (or other formats) in pixels of the original pictures, and overlays.
    Pictures that cannot be read are named and left out.
    """

    pictures: tyro.conf.Positional[
        Annotated[tuple[Path, ...], tyro.conf.arg(metavar="PICTURE_OR_FOLDER [MORE ...]")]
    ]
    """picture files, or folders, which are searched with all folders in them"""
    checkpoint: Path | None = None
    """exported model, or with python -m experiments.detect run folder (c3_faces and its like, jlad)
    or step of a run; by default the detector of faces that comes with c3jax"""
    boxes: Path | None = None
    """CSV of image,x0,y0,x1,y1 for pictures where the object does not fill the frame; a picture
    with several objects has a row for each"""
    keypoints: Path | None = None
    """folder that fit-keypoints wrote for this model: find these key points too"""
    every: int | None = None
    """of videos and animations take every nth frame; without it videos in folders are passed over,
    all frames of a named one are taken, and the first one of an animation"""
    max_megapixels: float = 50
    """leave out pictures that are larger"""
    out: Path = Path("landmarks")
    """folder to write: a new one, or that of an earlier call, whose results are replaced"""
    format: tuple[Format, ...] = ("jsonl",)
    """JSON lines, CSV, COCO's key points (for CVAT), DeepLabCut's CSV; one or more"""
    overlays: bool = True
    """draw the landmarks on the pictures (PNG, original size)"""


def main(
    load: Callable[[Path], LandmarkModel] = load_detector, *, prog: str = "c3jax detect"
) -> None:
    """Detects picture by picture; what is done is on disk at any time.

    `load` reads what `--checkpoint` names, and `prog` is how the command is called.
    """
    options = tyro.cli(Options, prog=prog)
    out = options.out.expanduser()
    check_options(options)
    check_folder(out, README)
    root, names = find_inputs(options.pictures, out.resolve(), every=options.every)
    boxes = {} if options.boxes is None else boxes_of(options.boxes, names)
    several = any(len(each) > 1 for each in boxes.values())
    if several and "dlc" in options.format:
        raise UsageError("--format dlc has one object a picture, and --boxes several: leave it out")
    model = load(options.checkpoint or inference.SHIPPED / "face_detector")
    fit = None if options.keypoints is None else fit_keypoints.load(options.keypoints, model)

    left_out: list[tuple[str, str]] = []
    found = detect(model, root, names, left_out, boxes=boxes, every=options.every, keypoints=fit)
    first = next(found, None)  # before anything is written
    if first is None:
        name, reason = left_out[0]
        raise UsageError(f"none of {len(names)} pictures can be used; the first, {name}: {reason}")
    open_folder(out, README, RESULTS)
    done: dict[str, int] = {}
    strange = beyond = 0
    points = () if fit is None else fit.names
    with writer(out, options.format, first[2], names=points, boxed=several) as write:
        drawn, last = first[1], ""
        for file, image, each in itertools.chain([first], found):
            write(each)
            done[file] = done.get(file, 0) + 1
            strange += each.fields["object"] is False
            beyond += each.beyond
            if options.overlays:
                canvas = drawn if each.name == last else image  # several boxes, one overlay
                drawn, last = draw(canvas, each, out / "overlays" / f"{each.name}.png"), each.name
    for name, reason in left_out:
        fix = "; --max-megapixels lets it in" * ("megapixels" in reason)
        print(f"left out: {name}: {reason}{fix}", file=sys.stderr)
    total = sum(done.values())
    objects = f" ({total:,} with all pages, frames and boxes)" * (total > len(done))
    if 2 * beyond > total:
        print(
            f"warning: {beyond:,} of {total:,} are framed unlike the photos that --keypoints "
            f"{options.keypoints} was fitted to: its errors are larger there; label some of them",
            file=sys.stderr,
        )
    written = " ".join(str(out / FILES[name]) for name in dict.fromkeys(options.format))
    print(f"landmarks of {len(done):,} of {len(names):,} pictures{objects}: {written}")
    if strange:
        print(f"{strange:,} of them show no object of the kind that was trained on (object: false)")


def check_options(options: Options) -> None:
    """Raises UsageError for numbers out of range; lets larger pictures in."""
    from c3jax.files.pictures import allow_megapixels

    if not options.format:
        raise UsageError(f"--format: give at least one of {', '.join(FILES)}")
    check_least("--every", options.every, 1)
    if not 0 < options.max_megapixels < float("inf"):
        raise UsageError(f"--max-megapixels must be positive, got {options.max_megapixels:g}")
    allow_megapixels(options.max_megapixels)


def find_inputs(
    paths: tuple[Path, ...], out: Path, *, every: int | None = None
) -> tuple[Path, list[str]]:
    """The folder that holds all pictures, and their names relative to it, each once.

    Pictures in `out` are results: a search passes over them. With `every` it finds videos too.

    Raises:
      UsageError: no path is given, or one that lies in `out`.
      DataError: a folder without pictures.
    """
    from c3jax.files.folder import find_pictures
    from c3jax.files.media import VIDEOS

    more = VIDEOS if every else ()
    if not paths:
        raise UsageError("give at least one picture or folder of pictures")
    roots, files = [], []
    for path in (Path(os.path.abspath(path.expanduser())) for path in paths):
        if path.resolve().is_relative_to(out):
            raise UsageError(f"{path} lies in the folder of the results; give another --out")
        if path.is_dir():
            found = [path / name for name in find_pictures(path, more=more)]
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
    from c3jax.files import folder

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


def detect(
    model, root: Path, names: list[str], left_out: list, *, boxes=None, every=None, keypoints=None
) -> Iterator[tuple[str, np.ndarray, Detection]]:
    """The file of each picture that can be read, the picture, uint8 `[H, W, 3]`, and what is found.

    That is once for each page or frame of the file, and for each box. Appends (name, reason) to
    `left_out` for each of the others. `boxes` are lists, by name; `every` is as in
    `media.read_pages`; `keypoints` are as `fit_keypoints.load` gives them.
    """
    from c3jax.files.media import read_pages
    from c3jax.files.pictures import PictureError
    from c3jax.files.progress import progress_bar

    for name in progress_bar(names, label="finding landmarks", unit=" pictures"):
        try:
            for page, image in read_pages(root / name, every=every):
                for box in (boxes or {}).get(name, [None]):
                    try:
                        yield name, image, look(model, image, name + page, box, keypoints)
                    except PictureError as error:  # the other boxes are good
                        left_out.append((name + page, error.reason))
        except PictureError as error:
            left_out.append((name, error.reason))


def look(model, image: np.ndarray, name: str, box, keypoints) -> Detection:
    """What the model finds in a picture or in its box; raises PictureError for a box outside."""
    from c3jax.coordinates import to_pixels
    from c3jax.files.sources import cut_square

    size = model.image_size
    square, frame = cut_square(image, name, size=size, crop=model.crop, box=box, margin=BOX_MARGIN)
    found = dataclasses.replace(model, crop="squash").find(square[None])
    points = found.landmarks[0]

    def in_picture(points) -> np.ndarray:
        return frame.to_original(np.asarray(to_pixels(points, (size, size))))

    height, width = image.shape[:2]
    named = None if keypoints is None else in_picture(keypoints.find(points))
    beyond = keypoints is not None and keypoints.is_beyond(points)
    fields = said.fields_of(found, 0)
    return Detection(name, (width, height), in_picture(points), named, box, fields, beyond)


def draw(image: np.ndarray, found: Detection, path: Path) -> np.ndarray:
    """Writes the overlay of a picture and returns it."""
    from PIL import Image

    from c3jax.tools.overlays import draw_landmarks

    points_px = found.landmarks_px if found.keypoints_px is None else found.keypoints_px
    drawn = draw_landmarks(image, points_px)
    save_png(Image.fromarray(drawn), path)
    return drawn
