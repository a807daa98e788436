"""`c3jax detect PICTURE_OR_FOLDER`: landmarks in pictures, and overlays of them."""

import dataclasses
import itertools
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from PIL import Image

from c3jax import inference
from c3jax.coordinates import to_pixels
from c3jax.files.threads import behind
from c3jax.inference import Found, LandmarkModel
from c3jax.tools import fit_keypoints
from c3jax.tools import found as said
from c3jax.tools.errors import UsageError, check_least
from c3jax.tools.inputs import Inputs, LeftOut, Square, boxes_of, find_inputs, in_batches
from c3jax.tools.landmark_files import ABOUT, FILES, Detection, Format, writer
from c3jax.tools.models import load_detector
from c3jax.tools.outputs import PIXELS, check_folder, open_folder, save_photo
from c3jax.tools.shards import ALL, Shard

README = f"""\
Landmarks found by c3jax, command detect

{ABOUT}overlays/: the pictures with their landmarks, numbered from 0; with --keypoints with these
    alone

{PIXELS}
{said.README}
Landmark k has the same number in every picture. Names are relative to the folder that was searched
(of several inputs, to the folder that holds them all). Pages of one file are called scan.tif#1,
scan.tif#2 and so on, frames of a video or animation clip.mp4#0, clip.mp4#1 and so on. A picture
with several boxes has a row for each, and jsonl and csv have the box. With --shard the files are
parts, landmarks.1-of-4.csv and so on; of tables the first one alone has the header.
"""


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
    shard: str | None = None
    """N/M: part N of M of the pictures, for the jobs of an array, into one folder; each replaces
    its own files, landmarks.N-of-M.*, and cat joins them in the order of their names"""
    overlays: bool = True
    """draw the landmarks on the pictures (JPEG, original size)"""


def main(
    load: Callable[[Path], LandmarkModel] = load_detector, *, prog: str = "c3jax detect"
) -> None:
    """Detects batch by batch; what is done is on disk at any time.

    `load` reads what `--checkpoint` names, and `prog` is how the command is called.
    """
    options = tyro.cli(Options, prog=prog)
    out, shard = options.out.expanduser(), check_options(options)
    check_folder(out, README)
    root, every = find_inputs(options.pictures, out.resolve(), every=options.every)
    boxes = {} if options.boxes is None else boxes_of(options.boxes, every)
    boxed = any(len(each) > 1 for each in boxes.values())
    if boxed and "dlc" in options.format:
        raise UsageError("--format dlc has one object a picture, and --boxes several: leave it out")
    if not (names := shard.of(every)):
        raise UsageError(f"--shard {options.shard}: there are only {len(every)} pictures")
    model = load(options.checkpoint or inference.SHIPPED / "face_detector")
    fit = None if options.keypoints is None else fit_keypoints.load(options.keypoints, model)

    left_out: list[LeftOut] = []
    found = detect(model, Inputs(root, names, boxes, options.every), left_out, fit)
    first = next(found, None)  # before anything is written
    if first is None:
        name, reason = left_out[0]
        raise UsageError(f"none of {len(names)} pictures can be used; the first, {name}: {reason}")
    files = [shard.file(FILES[each]) for each in dict.fromkeys(options.format)]
    whole = shard.count == 1
    open_folder(out, README, [*RESULTS, *parts_in(out)] if whole else files)
    points, tally = () if fit is None else fit.names, Tally()
    with ExitStack() as stack:
        rows = writer(out, options.format, first[1], names=points, boxed=boxed, shard=shard)
        write, draws = stack.enter_context(rows), stack.enter_context(behind(draw))
        pictures = itertools.groupby(itertools.chain([first], found), lambda each: each[0].name)
        for name, picture in pictures:
            drawn: list[Detection] = []
            for square, row in picture:
                write(row)
                drawn.append(row)
                tally.add(square.file, row)
            if options.overlays:
                draws(square.image, drawn, out / "overlays" / name)
    for name, reason in left_out:
        fix = "; --max-megapixels lets it in" * ("megapixels" in reason)
        print(f"left out: {name}: {reason}{fix}", file=sys.stderr)
    if 2 * tally.beyond > tally.total:
        print(
            f"warning: {tally.beyond:,} of {tally.total:,} are framed unlike the photos that "
            f"--keypoints {options.keypoints} was fitted to: its errors are larger there; label "
            "some of them",
            file=sys.stderr,
        )
    print(f"{tally.told(len(names))}: {' '.join(str(out / file) for file in files)}")
    if model.calibration.landmarks is None:
        print("no confidence: it was not measured for this model (README.txt says where it is)")
    if tally.strange:
        print(
            f"{tally.strange:,} of them show no object of the kind that was trained on "
            "(object: false)"
        )


class Tally:
    """What was found in how many files; `beyond` and `strange` are framed or look unlike others."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.total = self.strange = self.beyond = 0

    def add(self, file: str, row: Detection) -> None:
        """Counts a row of a file."""
        self.done[file] += 1
        self.total += 1
        self.strange += row.fields["object"] is False
        self.beyond += row.beyond

    def told(self, num_files: int) -> str:
        """How many were found, in words."""
        objects = f" ({self.total:,} with all pages, frames and boxes)"
        more = objects * (self.total > len(self.done))
        return f"landmarks of {len(self.done):,} of {num_files:,} pictures{more}"


def parts_in(out: Path) -> list[str]:
    """Names of the files that calls with `--shard` wrote into a folder."""
    stems = {Path(file).stem for file in FILES.values()}
    parts = (file.name for file in out.glob("*.*-of-*.*"))
    return [name for name in parts if name.split(".")[0] in stems]


def check_options(options: Options) -> Shard:
    """The part that is asked for; lets larger pictures in.

    Raises:
      UsageError: numbers out of range, or a format that has no parts.
    """
    from c3jax.files.pictures import allow_megapixels

    if not options.format:
        raise UsageError(f"--format: give at least one of {', '.join(FILES)}")
    check_least("--every", options.every, 1)
    if not 0 < options.max_megapixels < float("inf"):
        raise UsageError(f"--max-megapixels must be positive, got {options.max_megapixels:g}")
    allow_megapixels(options.max_megapixels)
    shard = ALL if options.shard is None else Shard.parse(options.shard)
    if shard.count > 1 and "coco" in options.format:
        raise UsageError("--format coco is one JSON value, which has no parts: leave --shard out")
    return shard


def detect(
    model: LandmarkModel, inputs: Inputs, left_out: list, keypoints=None
) -> Iterator[tuple[Square, Detection]]:
    """What is found in each picture that can be read: in each page or frame, and each box.

    Appends to `left_out` what cannot; `keypoints` are as `fit_keypoints.load` gives them.
    """
    whole = dataclasses.replace(model, crop="squash")
    for batch in in_batches(inputs.squares(model), left_out):
        found = whole.find(np.stack([each.pixels for each in batch]))
        for row, square in enumerate(batch):
            yield square, detection(square, found, row, keypoints)


def detection(square: Square, found: Found, row: int, keypoints) -> Detection:
    """A row of what was found, in pixels of the original picture."""
    points, (height, width) = found.landmarks[row], square.image.shape[:2]

    def in_picture(points) -> np.ndarray:
        points_px = to_pixels(points, square.pixels.shape[:2])
        return square.frame.to_original(np.asarray(points_px))

    named = None if keypoints is None else in_picture(keypoints.find(points))
    beyond = keypoints is not None and keypoints.is_beyond(points)
    fields, places = said.fields_of(found, row), in_picture(points)
    return Detection(square.name, (width, height), places, named, square.box, fields, beyond)


def draw(image: np.ndarray, found: list[Detection], path: Path) -> None:
    """Writes the overlay `path`.jpg of a picture, with what was found in all of its boxes."""
    from c3jax.tools.overlays import draw_landmarks

    for each in found:
        points_px = each.landmarks_px if each.keypoints_px is None else each.keypoints_px
        image = draw_landmarks(image, points_px)
    save_photo(Image.fromarray(image), path)
