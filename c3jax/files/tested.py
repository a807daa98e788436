"""What is tested: annotated pictures and pairs, in memory."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import numpy as np

from c3jax.files.crops import Corners, Crop
from c3jax.files.errors import DataError
from c3jax.files.folder import labelled
from c3jax.files.pairs import Pairs
from c3jax.files.sources import Pictures, load_annotated

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evaluation:
    """Annotated pictures; points in pixels of the square picture, centres at integers.

    images: uint8 `[n, S, S, 3]`; keypoints_px: `[n, P, 2]`; boxes_px: `[n, 4]` or None; masks:
    bool `[n, S, S]` or None; surfaces: `[n, S, S, 3]` or None; eyes: the two points of the
    normaliser; persons: `[n]`, who is shown, or None; stretch: `[n]`, how many times longer x is
    against y than in the originals, or None where no picture is distorted; parts: rows of subsets
    that are measured as well.

    Pictures of things without eyes also have seen: bool `[n, P]`, the points that count;
    categories: names `[n]`; lengths_px: `[n]`, the normaliser; normalizer: what that is.
    """

    images: np.ndarray
    keypoints_px: np.ndarray
    boxes_px: np.ndarray | None = None
    masks: np.ndarray | None = None
    surfaces: np.ndarray | None = None
    eyes: tuple[int, int] = (0, 1)
    persons: np.ndarray | None = None
    stretch: np.ndarray | None = None
    parts: Mapping[str, slice | np.ndarray] = field(default_factory=dict)
    seen: np.ndarray | None = None
    categories: np.ndarray | None = None
    lengths_px: np.ndarray | None = None
    normalizer: str = "inter-ocular distance"

    def __len__(self) -> int:
        return len(self.images)

    def select(self, rows) -> "Evaluation":
        """Some of the pictures, without parts."""
        columns = {n: each for n, each in vars(self).items() if isinstance(each, np.ndarray)}
        return replace(self, **{n: each[rows] for n, each in columns.items()}, parts={})

    def counted(self) -> np.ndarray:
        """Which points count, bool `[n, P]`: those that are seen, else all."""
        every = np.ones(np.shape(self.keypoints_px)[:2], bool)
        return every if self.seen is None else self.seen


@dataclass(frozen=True)
class DenseTruth:
    """The true correspondence of pairs, from source pixels to target pixels.

    points_px: float `[n, S, S, 2]`; on_object, visible: bool `[n, S, S]` (`visible` in the target).
    """

    points_px: np.ndarray
    on_object: np.ndarray
    visible: np.ndarray


@dataclass(frozen=True)
class TestPairs:
    """Annotated pairs, and their pictures squashed to squares.

    images: uint8 `[m, S, S, 3]`; source, target: the rows of each pair's pictures, `[n]`.
    """

    pairs: Pairs
    images: np.ndarray
    source: np.ndarray
    target: np.ndarray
    dense: DenseTruth | None = None

    def __len__(self) -> int:
        return len(self.pairs)


def labelled_sets(
    root: Path,
    *,
    size: int,
    landmarks_file: str = "landmarks.csv",
    fit_rows: str | None = None,
    test_rows: str | None = None,
    crop: Crop = "centre",
    iod_points: tuple[int, int] = (0, 1),
) -> tuple[Evaluation, Evaluation]:
    """What is fitted on and tested of a folder: `rows` of a file of points, such as 1-1500.

    Pictures become squares of side `size`; `iod_points` are the eyes.

    Raises:
      DataError: rows, points or pictures that cannot be used.
    """
    table, ranges = landmarks_file, [_rows("fit-rows", fit_rows), _rows("test-rows", test_rows)]
    if (low := max(first for first, _ in ranges)) <= (high := min(last for _, last in ranges)):
        _log.warning("%s: rows %d-%d are both fitted on and tested", root / table, low, high)

    def evaluation(rows: tuple[int, int]) -> Evaluation:
        found = labelled(root, crop=crop, rows=rows, csv=table)
        fix = f"restore them in {found.root}, or correct or delete their rows in {table}"
        found = replace(found, eyes=iod_points)
        return evaluation_of(found, size, fix=fix)

    fit, test = map(evaluation, ranges)
    if fit.seen is not None or test.seen is not None:  # measured point by point, all as one kind
        fit, test = (
            replace(each, seen=each.counted(), categories=np.full(len(each), "labelled"))
            for each in (fit, test)
        )
    return fit, test


def evaluation_of(found: Pictures, size: int, **fix: str) -> Evaluation:
    """Pictures with keypoints, as something to fit or test on; all have to be readable."""
    examples = load_annotated(found, size=size, **fix)
    images, points = examples.images, examples.keypoints_px
    assert points is not None
    x0, y0, x1, y1 = np.array([frame.region for frame in examples.frames]).T
    stretch = (y1 - y0) / (x1 - x0)
    distorted = None if np.allclose(stretch, 1) else stretch
    known = np.isfinite(points).all(-1)
    return Evaluation(
        images,
        np.nan_to_num(points),
        eyes=found.eyes,
        stretch=distorted,
        parts=found.parts,
        seen=None if known.all() else known,
    )


def distinct_pictures(
    pairs: Pairs, size: int, *, resize: Corners = "antialias"
) -> tuple[Pictures, np.ndarray]:
    """Each distinct picture (and each mirror image that is asked for) once; nothing is read.

    Args:
      pairs: whose pictures.
      size: the side of the squares that they will become.
      resize: `antialias` is a triangle filter, `align_corners` bilinear interpolation without a
        filter (NC-Net's, but for the rounding to 8 bits).

    Returns:
      The pictures, and the rows of the sources and targets, int `[2, num]`.
    """
    if resize not in get_args(Corners) or size < 2:
        raise DataError(
            f"pictures cannot be resized to size {size} by {resize!r}; the size must be 2 or more "
            f"and the way one of {', '.join(get_args(Corners))}"
        )
    ends = (pairs.source, pairs.target)
    keys = np.stack([np.concatenate([end.numbers for end in ends]), np.tile(pairs.flipped, 2)], -1)
    _, first, index = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    files = [str(file) for end in ends for file in end.files]
    names = tuple(files[row] for row in first)
    pictures = Pictures(Path(), names, crop=resize, flipped=keys[first, 1].astype(bool))
    return pictures, index.reshape(2, -1)


def load_images(
    pairs: Pairs, size: int, *, resize: Corners = "antialias"
) -> tuple[np.ndarray, np.ndarray]:
    """The `distinct_pictures`, uint8 `[num_distinct, size, size, 3]`, each read once; the rows."""
    pictures, rows = distinct_pictures(pairs, size, resize=resize)
    fix = "replace the files or take their rows out"
    return load_annotated(pictures, size=size, fix=fix).images, rows


def hold(pairs: Pairs, size: int, *, resize: Corners = "antialias") -> TestPairs:
    """Pairs to test on, with their pictures."""
    images, rows = load_images(pairs, size, resize=resize)
    return TestPairs(pairs, images, *rows)


def _rows(option: str, rows: str | None) -> tuple[int, int]:
    first, _, last = (rows or "").partition("-")
    if not (first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last)):
        must = "must be two 1-based row numbers such as 1-1500"
        raise DataError(f"--data.{option} {must}, got {rows!r}")
    return int(first), int(last)
