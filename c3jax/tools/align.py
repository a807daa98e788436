"""`c3jax align SOURCE TARGET`: dense matches of two pictures, or of many pairs."""

import csv
import itertools
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from c3jax import inference
from c3jax.files.named_pairs import Pair, find_pairs
from c3jax.files.pictures import PictureError, read_picture
from c3jax.inference import AlignmentModel
from c3jax.tools.errors import UsageError
from c3jax.tools.models import describe, find_file, load_aligner
from c3jax.tools.outputs import PIXELS, check_folder, json_text, open_folder, save_png

README = f"""\
Matches found by c3jax, command align

matches.csv: a row for each cell of each source: pair, source_x, source_y, target_x, target_y,
    confidence, score, mutual and, of a model that predicts it, sigma
matches.jsonl: a line for each pair, {{"pair", "source", "target", "matches": [[source_x, ...],
    ...]}} and, where points were given, "points": [[point, source_x, ...], ...]
points.csv: those points: pair, point, source_x, source_y, target_x, target_y, confidence, score and
    sigma
warped/PAIR.png: the source, looked up for each pixel of the target; the less confident, the more
    transparent
overlays/PAIR.png: source and target side by side, with lines between the points or, without any,
    between the surest matches
uncertainty/PAIR.png: sigma on the source, from the least of the pair (white) to the largest (black)

{PIXELS}
confidence is the probability that the match is off by less than a tenth of the side of the target,
as measured after training on pictures that were warped and partly erased, so it is too high where
the two objects differ much; null (in CSV blank) where it was not measured.
score is that of the match among all cells of the target, from 1 / (their number) to 1; of a run of
jlad it is 1 / (1 + sigma), where sigma is the uncertainty of the match.
mutual is 1 where the match of the target's cell leads back to within one cell, else 0.
"""
RESULTS = ("matches.csv", "matches.jsonl", "points.csv", "warped", "overlays", "uncertainty")
PLACES = ("source_x", "source_y", "target_x", "target_y", "confidence", "score")
Rows = list[list[Any]]


@dataclass(frozen=True)
class Options:
    """Match pictures of objects of one kind.

    Writes matches, in pixels of the original pictures, the sources warped onto the targets and
    overlays; with --points also where the points of the source lie in the target. Of many pairs
    those that cannot be read are named and left out.
    """

    inputs: tyro.conf.Positional[
        Annotated[tuple[Path, ...], tyro.conf.arg(metavar="SOURCE TARGET | PAIRS.csv | FOLDER")]
    ]
    """two pictures; or a table with the header source,target (points are carried where it has
    them); or a folder of pairs NAMEsource.jpg and NAMEtarget.jpg, with all folders in it"""
    checkpoint: Path | None = None
    """exported model, or with python -m experiments.align run folder of semantic_alignment or jlad,
    or step of a run; by default the aligner that comes with c3jax"""
    trunk: Literal["resnet18", "resnet50", "resnet101", "dinov2_s14"] | None = None
    """without a checkpoint: the flow module before any training, on features of this network"""
    weights: Path | None = None
    """with --trunk: its published weights; else cached ones, or the hub's (not DINOv2's and
    ResNet-101's, and by python -m experiments.align alone)"""
    image_size: int | None = None
    """with --trunk: side of the square that the network looks at, in pixels (240)"""
    points: Path | None = None
    """of two pictures: CSV of x,y in pixels of the source; a column `point` may name them"""
    max_sigma: float = math.inf
    """jlad: leave out matches and points that are more uncertain"""
    out: Path = Path("matches")
    """folder to write: a new one, or that of an earlier call, whose results are replaced"""
    overlays: bool = True
    """write overlays, warped sources and, of jlad, maps of the uncertainty (PNG)"""


def main(
    load: Callable[[Path], AlignmentModel] = load_aligner,
    find: Callable[..., Path] = find_file,
    *,
    prog: str = "c3jax align",
) -> None:
    """Matches pair by pair; what is done is on disk at any time.

    `load` reads what `--checkpoint` names, `find` finds the weights of `--trunk`, and `prog` is how
    the command is called.
    """
    options = tyro.cli(Options, prog=prog)
    out = options.out.expanduser()
    check_folder(out, README)
    left_out: dict[int, str] = {}
    pairs = find_pairs(options.inputs, options.points, left_out)
    total = len(pairs) + len(left_out)
    model = load_model(options, load, find)
    check_sigma(options, model)

    found = read_pairs(pairs, left_out)
    first = next(found, None)  # before anything is written
    if first is None:
        raise UsageError(f"none of {len(left_out)} pairs can be used; the first: {left_out[1]}")
    open_folder(out, README, RESULTS)
    names = [*PLACES, "mutual", *(["sigma"] if model.with_uncertainty else [])]
    of_points = [name for name in names if name != "mutual"]
    with_points = any(pair.points_px is not None for pair in pairs)
    with writer(out, names, of_points if with_points else None) as write:
        for pair, pictures in itertools.chain([first], found):
            matches = model.align(*pictures)
            write(pair, *list_matches(pair, matches, options.max_sigma))
            if options.overlays:
                draw(out, pair, pictures, matches, options.max_sigma)
    for number, reason in sorted(left_out.items()):
        print(f"left out: pair {number}: {reason}", file=sys.stderr)
    done = f"{total - len(left_out):,} of {total:,}" if left_out else f"{total:,}"
    print(f"matches of {done} pair{'s' * (total > 1)}: {out}/matches.csv, .jsonl")


def read_pairs(pairs: list[Pair], left_out: dict[int, str]) -> Iterator[tuple[Pair, Any]]:
    """Pair and pictures of each that can be read; `left_out` gets what is wrong with the others."""
    from c3jax.files.progress import progress_bar

    for pair in progress_bar(pairs, label="matching", unit=" pairs"):
        try:
            yield pair, (read_picture(pair.source), read_picture(pair.target))
        except PictureError as error:
            left_out[pair.number] = f"{error.path}: {error.reason}"


def load_model(
    options: Options,
    load: Callable[[Path], AlignmentModel] = load_aligner,
    find: Callable[..., Path] = find_file,
) -> AlignmentModel:
    """The `c3jax.inference.AlignmentModel` to match with.

    Raises:
      UsageError: there is none.
    """
    if options.trunk is None:
        for option, given in (("--weights", options.weights), ("--image-size", options.image_size)):
            if given is not None:
                raise UsageError(f"{option} is for the untrained module: give its --trunk too")
        return load(options.checkpoint or inference.SHIPPED / "aligner")
    if options.checkpoint is not None:
        raise UsageError("--trunk is for the untrained module: give no --checkpoint then")
    file = find(options.trunk, options.weights, "--weights")
    size = options.image_size or 240
    told = describe(options.trunk, file, size)
    print(f"the flow module before any training, on {told}")
    return inference.gaussian_aligner(file, options.trunk, image_size=size)


def check_sigma(options: Options, model) -> None:
    """Raises UsageError for a --max-sigma that leaves nothing, or of a model without sigma."""
    if not options.max_sigma > 0:
        raise UsageError(f"--max-sigma must be positive, got {options.max_sigma:g}")
    if options.max_sigma < math.inf and not model.with_uncertainty:
        raise UsageError(
            f"--max-sigma {options.max_sigma:g}: {options.checkpoint or 'the untrained module'} "
            "predicts no uncertainty; give a run of jlad that was trained with it, or leave it out"
        )


@contextmanager
def writer(out: Path, names: list[str], of_points: list[str] | None):
    """A function (pair, matches, points) that writes a pair, whole and at once.

    `names` and `of_points` are the columns of matches and of points; None: no points are given.
    """
    with ExitStack() as stack:

        def opened(name: str):
            text: Any = {"encoding": "utf-8", "errors": "backslashreplace", "newline": ""}
            return stack.enter_context((out / name).open("w", buffering=1, **text))

        def table(name: str, *header: str):
            file = opened(name)
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(header)
            return rows

        cells = table("matches.csv", "pair", *names)
        carried = table("points.csv", "pair", "point", *of_points) if of_points else None
        lines = opened("matches.jsonl")

        def write(pair: Pair, matches: Rows, points: Rows | None) -> None:
            found: dict[str, Any] = {"matches": matches}
            if carried is not None and points is not None:
                found["points"] = points
                carried.writerows([pair.number, *row] for row in points)
            cells.writerows([pair.number, *row] for row in found["matches"])
            ends = {"pair": pair.number, "source": str(pair.source), "target": str(pair.target)}
            lines.write(json_text(ends | found, ensure_ascii=False) + "\n")

        yield write


def list_matches(pair: Pair, matches, max_sigma: float) -> tuple[Rows, Rows | None]:
    """Rows of the cells of the source, and of the pair's points; those too uncertain left out.

    A cell: its place, that of its match, confidence, score, 1 if mutual; a point: name, place in
    the source, place in the target, confidence, score; both with their sigma where there is one.
    """
    ends = np.concatenate(matches.cells_px(), axis=1).round(3)
    sure, mutual = surely(matches, matches.source_confidence.ravel()), matches.mutual().ravel()
    cells: Rows = [
        [*places, *each, int(both)]
        for places, each, both in zip(ends.tolist(), sure, mutual, strict=True)
    ]
    cells = certain(cells, matches.source_sigma, max_sigma)
    if pair.points_px is None:
        return cells, None
    ends = np.concatenate([pair.points_px, matches.carry(pair.points_px)], axis=1).round(3)
    sure = surely(matches, matches.confidence(pair.points_px))
    points: Rows = [
        [name, *places, *each]
        for name, places, each in zip(pair.names, ends.tolist(), sure, strict=True)
    ]
    return cells, certain(points, sigma_of_points(pair, matches), max_sigma)


def surely(matches, scores: np.ndarray) -> list[tuple[float | None, float]]:
    """Confidence, None where it was not measured, and score of each of the scores."""
    known = [None] * len(scores)
    if matches.probability is not None:
        known = matches.probability(scores).round(4).tolist()
    return list(zip(known, scores.astype(float).round(4).tolist(), strict=True))


def sigma_of_points(pair: Pair, matches) -> np.ndarray | None:
    """Sigma of the pair's points; None without uncertainty."""
    return None if matches.source_sigma is None else matches.sigma(pair.points_px)


def certain(rows: Rows, sigma: np.ndarray | None, largest: float) -> Rows:
    """Rows with their sigma, without those whose sigma is too large; as they are without sigma."""
    if sigma is None:
        return rows
    pairs = zip(rows, sigma.ravel().tolist(), strict=True)
    known = [[*row, round(value, 4)] for row, value in pairs]
    return [row for row in known if row[-1] <= largest]


def draw(out: Path, pair: Pair, pictures, matches, max_sigma: float) -> None:
    """Writes the warped source, the overlay and the map of the uncertainty of a pair."""
    from c3jax.tools.overlays import draw_matches, draw_uncertainty, surest

    if pair.points_px is None:
        shown = surest(matches)
        ends = [cells[shown] for cells in matches.cells_px()]
        sigma = None if matches.source_sigma is None else matches.source_sigma.ravel()[shown]
    else:
        ends = [pair.points_px, matches.carry(pair.points_px)]
        sigma = sigma_of_points(pair, matches)
    if sigma is not None:
        ends = [points[sigma <= max_sigma] for points in ends]
    images = {
        "warped": draw_warped(pictures[0], matches),
        "overlays": draw_matches(*pictures, *ends),
    }
    if matches.source_sigma is not None:
        images["uncertainty"] = draw_uncertainty(matches)
    for folder, image in images.items():
        save_png(image, out / folder / f"{pair.number}.png")


def draw_warped(source: np.ndarray, matches):
    """The warped source, the less confident the more transparent where confidence is known."""
    from PIL import Image

    image = Image.fromarray(matches.warp_source(source))
    if matches.probability is not None:
        opaque = 255 * matches.probability(matches.target_confidence)
        cells = Image.fromarray(opaque.round().astype(np.uint8))
        image.putalpha(cells.resize(image.size, Image.Resampling.BILINEAR))
    return image
