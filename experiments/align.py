"""`python -m experiments.align SOURCE TARGET`: dense matches of two pictures, or of many pairs."""

import csv
import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from experiments.common import cli
from experiments.common.errors import UsageError

README = """\
Matches found by c3jax, python -m experiments.align

matches.csv: a row for each cell of each source: pair, source_x, source_y, target_x, target_y,
    confidence, mutual
matches.jsonl: a line for each pair, {"pair", "source", "target", "matches": [[source_x, ...], ...]}
    and, where points were given, "points": [[point, source_x, ...], ...]
points.csv: those points: pair, point, source_x, source_y, target_x, target_y, confidence
warped/PAIR.png: the source, looked up for each pixel of the target
overlays/PAIR.png: source and target side by side, with lines between the points or, without any,
    between the surest matches

x and y are in pixels of the original, upright pictures (their EXIF orientation applied), counted
from 0 at the centre of the top left pixel: that of the bottom right one is (width - 1, height - 1).
confidence is the score of the match among all cells of the target, from 1 / (their number) to 1.
mutual is 1 where the match of the target's cell leads back to within one cell, else 0.
"""
PLACES = ("source_x", "source_y", "target_x", "target_y", "confidence")
INPUTS = "give two pictures, a table of pairs (.csv) or a folder of pairs"


@dataclass(frozen=True)
class Options:
    """Match pictures of objects of one kind.

    Writes matches, in pixels of the original pictures, the sources warped onto the targets and
    overlays; with --points also where the points of the source lie in the target.
    """

    inputs: tyro.conf.Positional[
        Annotated[tuple[Path, ...], tyro.conf.arg(metavar="SOURCE TARGET | PAIRS.csv | FOLDER")]
    ]
    """two pictures; or a table with the header source,target (points are carried where it has
    them); or a folder of pairs NAMEsource.jpg and NAMEtarget.jpg, with all folders in it"""
    checkpoint: Path | None = None
    """run folder of semantic_alignment, step of a run or exported model"""
    weights: Path | None = None
    """without a checkpoint: ImageNet weights of --trunk, for the flow module before any training"""
    trunk: Literal["resnet18", "resnet50", "resnet101"] = "resnet50"
    """without a checkpoint: the network that the weights are of"""
    image_size: int = 240
    """without a checkpoint: side of the square that the network looks at, in pixels"""
    points: Path | None = None
    """of two pictures: CSV of x,y in pixels of the source; a column `point` may name them"""
    out: Path = Path("matches")
    """folder to write: a new one, or that of an earlier call, whose results are replaced"""
    overlays: bool = True
    """write overlays and warped sources (PNG)"""


@dataclass(frozen=True)
class Pair:
    """Two pictures, and named points of the source `[K, 2]` in its pixels."""

    source: Path
    target: Path
    names: tuple[str, ...] = ()
    points_px: np.ndarray | None = None


def main() -> None:
    """Matches pair by pair; what is done is on disk at any time."""
    options = tyro.cli(Options, prog="python -m experiments.align")
    out = options.out.expanduser()
    check_out(out)
    pairs = find_pairs(options.inputs, options.points)
    model = load_model(options)

    from tqdm import tqdm

    from data_pipelines.pictures import read_picture

    out.mkdir(parents=True, exist_ok=True)
    (out / "README.txt").write_text(README, encoding="utf-8")
    with writer(out, any(pair.points_px is not None for pair in pairs)) as write:
        for number, pair in enumerate(tqdm(pairs, unit="pair", disable=None), start=1):
            source, target = read_picture(pair.source), read_picture(pair.target)
            matches = model.align(source, target)
            write(number, pair, matches)
            if options.overlays:
                draw(out, number, pair, (source, target), matches)
    print(f"matches of {len(pairs):,} pair{'s' * (len(pairs) > 1)}: {out}/matches.csv, .jsonl")


def check_out(out: Path) -> None:
    """Refuses a folder with files that are not ours.

    Raises:
      UsageError: `out` is a file, or holds something else than the results of an earlier call.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file; give a folder")
    readme = out / "README.txt"
    ours = readme.is_file() and readme.read_bytes().startswith(README.encode()[:24])
    if out.is_dir() and any(out.iterdir()) and not ours:
        raise UsageError(f"--out {out} holds other files; give a new folder")


def find_pairs(inputs: tuple[Path, ...], points: Path | None) -> list[Pair]:
    """The pairs that are named, all of whose pictures are there.

    Raises:
      UsageError: not two pictures, one table or one folder; points of more than one pair.
      DataError: what is wrong with a picture, the table, the folder or the points.
    """
    from data_pipelines.pairs_csv import pairs_csv
    from data_pipelines.pairs_folder import pairs_folder

    paths = [path.expanduser() for path in inputs]
    if len(paths) == 2 and not any(path.is_dir() or is_table(path) for path in paths):
        source, target = paths
        return [pair_of(source, target, points)]
    if len(paths) != 1 or not (paths[0].is_dir() or is_table(paths[0])):
        raise UsageError(f"{INPUTS}; got {', '.join(map(str, paths)) or 'nothing'}")
    if points is not None:
        raise UsageError(
            f"--points are of one pair of pictures, {paths[0]} names many: give points in a table, "
            "in its columns source_points and target_points"
        )
    found = pairs_csv(paths[0]) if is_table(paths[0]) else pairs_folder(paths[0])
    listed = found.source.points_px or (None,) * len(found)
    return [
        Pair(source, target, () if p is None else tuple(map(str, range(len(p)))), p)
        for source, target, p in zip(found.source.files, found.target.files, listed, strict=True)
    ]


def is_table(path: Path) -> bool:
    """Whether a path is that of a table of pairs."""
    return path.suffix.lower() == ".csv"


def pair_of(source: Path, target: Path, points: Path | None) -> Pair:
    """Two pictures, and the points of a table that lie in the first.

    Raises:
      DataError: a picture that cannot be read, a faulty table, a point outside.
    """
    from data_pipelines.errors import DataError
    from data_pipelines.pairs_csv import read_numbers, read_rows
    from data_pipelines.pictures import read_picture

    height, width = read_picture(source).shape[:2]
    read_picture(target)
    if points is None:
        return Pair(source, target)
    table = points.expanduser()
    names, places = [], []
    for number, row in enumerate(read_rows(table, required=("x", "y"), optional=("point",)), 1):
        names.append(row.get("point", str(number - 1)))
        x, y = (read_numbers(table, number, axis, row[axis]) for axis in "xy")
        if len(x) != 1 or len(y) != 1:
            raise DataError(f"{table}: row {number}: give one number for x and one for y")
        if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
            raise DataError(
                f"{table}: row {number}: ({x[0]:g}, {y[0]:g}) lies outside the {width}x{height} "
                f"pixels of {source}; correct it (x, y from 0, in pixels of the upright original)"
            )
        places.append([x[0], y[0]])
    return Pair(source, target, tuple(names), np.array(places).reshape(-1, 2))


def load_model(options: Options):
    """The `c3jax.inference.AlignmentModel` to match with.

    Raises:
      UsageError: there is none.
    """
    if options.checkpoint is not None:
        from experiments.export import load_aligner

        if options.weights is not None:
            raise UsageError("--weights are for the untrained module: give no --checkpoint then")
        return load_aligner(options.checkpoint)
    from c3jax.inference import gaussian_aligner
    from experiments.common.pretrained import Wanted, find_files

    try:
        file = find_files({"trunk": Wanted(options.trunk, options.weights, "--weights")})["trunk"]
    except UsageError as error:
        raise UsageError(
            f"{error}; or give a run, --checkpoint runs/semantic_alignment/NAME (make train "
            "EXP=semantic_alignment)"
        ) from error
    print(f"no checkpoint: the flow module before any training, on {options.trunk} from {file}")
    return gaussian_aligner(file, options.trunk, image_size=options.image_size)


@contextmanager
def writer(out: Path, with_points: bool):
    """A function (number, pair, matches) that writes the results of a pair, whole and at once."""
    with ExitStack() as stack:

        def table(name: str, *header: str):
            file = stack.enter_context(
                (out / name).open("w", encoding="utf-8", newline="", buffering=1)
            )
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(header)
            return rows

        (out / "points.csv").unlink(missing_ok=True)
        cells = table("matches.csv", "pair", *PLACES, "mutual")
        points = table("points.csv", "pair", "point", *PLACES) if with_points else None
        lines = stack.enter_context((out / "matches.jsonl").open("w", encoding="utf-8"))

        def write(number: int, pair: Pair, matches) -> None:
            found: dict[str, Any] = {"matches": list_matches(matches)}
            if points is not None and pair.points_px is not None:
                found["points"] = list_points(pair, matches)
                points.writerows([number, *row] for row in found["points"])
            cells.writerows([number, *row] for row in found["matches"])
            ends = {"pair": number, "source": str(pair.source), "target": str(pair.target)}
            lines.write(json.dumps(ends | found, ensure_ascii=False) + "\n")
            lines.flush()

        yield write


def list_matches(matches) -> list[list[float]]:
    """The place of every cell of the source, that of its match, confidence, and 1 if mutual."""
    ends = np.concatenate(matches.cells_px(), axis=1).round(3)
    confidence, mutual = matches.source_confidence.ravel(), matches.mutual().ravel()
    return [
        [*places, round(float(sure), 4), int(both)]
        for places, sure, both in zip(ends.tolist(), confidence, mutual, strict=True)
    ]


def list_points(pair: Pair, matches) -> list[list[Any]]:
    """Name, place in the source, place in the target and confidence of every point."""
    ends = np.concatenate([pair.points_px, matches.carry(pair.points_px)], axis=1).round(3)
    confidence = matches.confidence(pair.points_px)
    return [
        [name, *places, round(float(sure), 4)]
        for name, places, sure in zip(pair.names, ends.tolist(), confidence, strict=True)
    ]


def draw(out: Path, number: int, pair: Pair, pictures, matches) -> None:
    """Writes the warped source and the overlay of a pair."""
    from PIL import Image

    from experiments.common.flow_pictures import draw_matches, surest

    if pair.points_px is None:
        shown = surest(matches)
        ends = [cells[shown] for cells in matches.cells_px()]
    else:
        ends = [pair.points_px, matches.carry(pair.points_px)]
    images = {
        "warped": Image.fromarray(matches.warp_source(pictures[0])),
        "overlays": draw_matches(*pictures, *ends),
    }
    for folder, image in images.items():
        (out / folder).mkdir(exist_ok=True)
        image.save(out / folder / f"{number}.png", compress_level=1)  # three times as fast


if __name__ == "__main__":
    cli.guarded(main)
