"""AFLW_R: the re-cropped release of AFLW that IMM uses, as published; C3 and JLAD name none.

    output/                     the crops, JPEG
    aflw_train_images.txt       10,122 names in output/, a line each
    aflw_train_keypoints.mat    gt, 10122 x 5 x 2, (y, x) in pixels of the crops
    aflw_test_images.txt        2,991 names; the same face occurs more than once among them
    aflw_test_keypoints.mat     gt, 2991 x 5 x 2

The points are those of MAFL: eyes, nose, mouth corners.
"""

from pathlib import Path

import numpy as np

from c3jax.files import published
from c3jax.files.catalogue import find, require_files
from c3jax.files.sources import Pictures

NAME = "aflw"
SPLITS = ("train", "validation", "test")
COUNTS = find(NAME).counts
FACES = "output"
NUM_POINTS = 5


def needed(folder, split: str) -> list[Path]:
    """What of the published files `read` needs."""
    root, part = published.inside(folder, "aflw_release-2"), "test" if split == "test" else "train"
    return [root / FACES, root / f"aflw_{part}_images.txt", root / f"aflw_{part}_keypoints.mat"]


def read(folder, split: str) -> Pictures:
    """The faces of one split, whole crops squashed to a square, which is IMM's frame.

    As in IMM the last tenth of the published training list is `validation`.
    """
    published.check_split(split, SPLITS)
    faces, listed, annotations = needed(folder, split)
    require_files(NAME, [faces, listed, annotations])
    names = published.read_names(listed, COUNTS["test" if split == "test" else "train"])
    points = _keypoints(annotations, len(names))
    every = Pictures(faces, tuple(names), crop="squash", keypoints_px=points)
    return every.select(published.hold_out_validation(len(names), split))


def _keypoints(file: Path, count: int) -> np.ndarray:
    """float32 `[count, 5, 2]`, (x, y)."""
    [points] = published.read_matlab(file, "gt")
    if points.shape != (count, NUM_POINTS, 2):
        expected = f"{(count, NUM_POINTS, 2)} as its list of names has it"
        raise published.faulty(file, f"gt is {points.shape}, not {expected}")
    if len(bad := np.flatnonzero(~np.isfinite(points).all((1, 2)))):
        raise published.faulty(file, f"gt of face {bad[0] + 1} is not finite")
    return points[..., ::-1].astype(np.float32)
