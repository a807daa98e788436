"""AFLW_R: the re-cropped release of AFLW that IMM, JLAD and C3 use, as published.

    output/                     the crops, JPEG
    aflw_train_images.txt       10,122 names in output/, a line each
    aflw_train_keypoints.mat    gt, 10122 x 5 x 2, (y, x) in pixels of the crops
    aflw_test_images.txt        2,991 names; the same face occurs more than once among them
    aflw_test_keypoints.mat     gt, 2991 x 5 x 2

The points are those of MAFL: eyes, nose, mouth corners. Nothing is ever downloaded.
"""

from pathlib import Path

import numpy as np

from data_pipelines.catalogue import require_files
from data_pipelines.errors import DataError
from data_pipelines.faces import Faces, hold_out_validation
from data_pipelines.matlab import read_matlab
from data_pipelines.published_lists import check_count, check_split, inside
from data_pipelines.sources import PictureFiles

NAME = "aflw"
SPLITS = ("train", "validation", "test")
COUNTS = {"train": 10_122, "test": 2_991}
PICTURES = "output"
NUM_POINTS = 5


def aflw(folder, split: str) -> Faces:
    """The faces of one split, whole crops squashed to a square, which is IMM's frame.

    As in IMM the last tenth of the published training list is `validation`.

    Args:
      folder: holds output and the lists; the folder above aflw_release-2 will do.
      split: `train`, `validation` or `test`.

    Raises:
      DataError: what is missing, a list that is not as published.
    """
    check_split(split, SPLITS)
    root = inside(folder, "aflw_release-2")
    part = "test" if split == "test" else "train"
    listed = root / f"aflw_{part}_images.txt"
    annotations = root / f"aflw_{part}_keypoints.mat"
    require_files(NAME, [root / PICTURES, listed, annotations])
    names = listed.read_text().split()
    check_count(listed, len(names), COUNTS[part])
    rows = hold_out_validation(len(names), split)
    return Faces(
        PictureFiles(root / PICTURES, tuple(names[rows]), crop="squash"),
        _keypoints(annotations, len(names))[rows],
    )


def _keypoints(file: Path, count: int) -> np.ndarray:
    """float32 `[count, 5, 2]`, (x, y)."""
    [points] = read_matlab(file, "gt")
    if points.shape != (count, NUM_POINTS, 2):
        raise DataError(
            f"{file}: gt is {points.shape}, not {(count, NUM_POINTS, 2)} as its list of names has "
            "it; download both anew"
        )
    if len(bad := np.flatnonzero(~np.isfinite(points).all((1, 2)))):
        raise DataError(f"{file}: gt of face {bad[0] + 1} is not finite; download it anew")
    return points[..., ::-1].astype(np.float32)
