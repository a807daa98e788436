"""Which data to train and evaluate on, as options of a command."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from c3jax.files.catalogue import names_of
from c3jax.files.crops import Corners, Crop

if TYPE_CHECKING:
    PictureName = str
    PairName = str
else:
    PictureName = Literal["auto", *names_of("pictures", "landmarks")]
    PairName = Literal[names_of("pairs")]


@dataclass(frozen=True)
class DataConfig:
    """What to train and evaluate on."""

    name: PictureName = "auto"
    """`auto`: CelebA where it is in place and an accelerator is present, else rendered_faces"""
    path: Path | None = None
    """folder of the data set (not of rendered ones); by default CACHE/NAME but for folder,
    labelled and lsun"""
    boxes: Path | None = None
    """folder: CSV of image,x0,y0,x1,y1 for photos where the object is not centred"""
    crop: Crop = "centre"
    """how a photo becomes square (folder, labelled, lsun): `inner` keeps the central 80 %"""
    other_persons: bool = False
    """celeb_a: leave all pictures of the persons of MAFL's test set out of the training"""
    landmarks_file: str = "landmarks.csv"
    """labelled: the file of points in `path`: a table, COCO's JSON or DeepLabCut's CSV"""
    fit_rows: str | None = None
    """labelled: rows that the landmark regressor is fitted on, such as 1-1500"""
    test_rows: str | None = None
    """labelled: rows that are tested, such as 1501-2000"""
    iod_points: tuple[int, int] = (0, 1)
    """labelled: the two points whose distance is the normaliser (0-based)"""
    image_size: int = 128
    """side of the pictures in pixels"""
    train_examples: int = 8000
    """rendered data: pictures to train on"""
    fit_examples: int = 1000
    """rendered data: pictures that the regressor is fitted on"""
    test_examples: int = 500
    """rendered data: pictures that are tested"""
    cache: Path = Path("data")
    """where rendered and prepared data lie"""
    loader: Literal["memory", "tf"] = "memory"
    """training pictures held in memory, or streamed by tf.data (not rendered data, labelled)"""


@dataclass(frozen=True)
class AlignmentDataConfig:
    """Pairs of pictures to train and evaluate on."""

    name: PairName = "rendered_objects"
    """pf_willow has test pairs alone; pascal3d: pairs of PASCAL3D+ in the manner of JLAD"""
    path: Path | None = None
    """folder of the data set (else NAME in the cache); pairs_csv: the CSV of the training pairs"""
    test_path: Path | None = None
    """pairs_csv: the CSV of the test pairs, with points"""
    pairs_path: Path | None = None
    """pf_pascal: folder of the three pair lists (by default that of the data set)"""
    image_size: int = 64
    """side of the pictures in pixels"""
    resize: Corners = "antialias"
    """`align_corners`: without a filter, as NC-Net's"""
    train_examples: int = 3000
    """rendered_objects: pictures to train on"""
    test_pairs: int = 300
    """rendered_objects: pairs that are tested, of the categories trained on"""
    tested: Literal["validation", "test"] = "test"
    """rendered_objects: pairs to choose by, or those that a chosen recipe is tested on once"""
    held_out: str = "chair"
    """rendered_objects: the category that is not trained on, and tested apart"""
    voc_path: Path | None = None
    """PASCAL VOC 2012, to warp its pictures in the pre-training, as JLAD does, and not those above
    (semantic_alignment: in stage features)"""
    cache: Path = Path("data")
    """where rendered and prepared data lie, and the crops of pascal3d"""
    loader: Literal["memory", "tf"] = "memory"
    """training pictures held in memory, or streamed by tf.data (not rendered_objects)"""


RENDERED = ("rendered_faces", "rendered_objects", "rendered_cars", "rendered_rooms")
_READ_BY = {
    "boxes": ("folder",),
    "other_persons": ("celeb_a",),
    **dict.fromkeys(("landmarks_file", "fit_rows", "test_rows", "iod_points"), ("labelled",)),
    **dict.fromkeys(("train_examples", "fit_examples", "test_examples"), RENDERED),
    "test_path": ("pairs_csv",),
    "pairs_path": ("pf_pascal",),
    **dict.fromkeys(("test_pairs", "tested", "held_out"), ("rendered_objects",)),
}


def unread(name: str, options: Iterable[str]) -> list[str]:
    """Those of the options, by field, that the loader of a data set does not read."""
    never = {option for option, names in _READ_BY.items() if name not in names}
    never |= {"path"} if name in RENDERED else set()
    return [option for option in options if option in never]
