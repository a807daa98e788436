"""What to train and evaluate on: its configuration, and pictures as batches and annotations."""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from data_pipelines.sources import PictureSource
from experiments.engine import processes
from experiments.measure.annotations import Evaluation

if TYPE_CHECKING:
    from data_pipelines.examples import Examples

Batches = Callable[..., Iterator[dict[str, np.ndarray]]]
SCENES = ("rendered_cars", "rendered_rooms")
FACES = ("aflw", "aflw_mtfl", "w300")
STREAMED = ("folder", "celeb_a", "lsun", *FACES)
NUM_PREVIEW = 64


@dataclass(frozen=True)
class DataConfig:
    """What to train and evaluate on."""

    name: Literal[
        "auto", "rendered_faces", "rendered_cars", "rendered_rooms", "folder", "labelled",
        "celeb_a", "aflw", "aflw_mtfl", "w300", "lsun",
    ] = "auto"  # fmt: skip
    """`auto`: CelebA where it is in place and an accelerator is present, else rendered_faces"""
    path: Path | None = None
    """folder of the data set (not of rendered ones); by default CACHE/NAME but for folder,
    labelled and lsun"""
    boxes: Path | None = None
    """folder: CSV of image,x0,y0,x1,y1 for photos where the object is not centred"""
    crop: Literal["centre", "centre_inner", "pad", "squash", "squash_inner"] = "centre"
    """how a photo becomes square (folder, labelled, lsun): `inner` keeps the central 80 %"""
    landmarks_file: str = "landmarks.csv"
    """labelled: the CSV of points in `path`"""
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
class Data:
    """A training stream and, where there are annotations, what to fit and test on.

    name, description: for people; batches(batch_size=, seed=, start_step=): this process's part
    of endless batches of `source`, `target` and, of rendered faces, the sources' `mask`; preview:
    some training pictures, uint8; num_train: pictures to train on; validation: faces of the fitting
    list that the protocol keeps back.
    """

    name: str
    description: str
    num_train: int
    batches: Batches
    preview: np.ndarray
    fit: Evaluation | None = None
    test: Evaluation | None = None
    validation: Evaluation | None = None


def evaluation_of(examples: "Examples", *, eyes: tuple[int, int] = (0, 1)) -> Evaluation:
    """Pictures with keypoints, as something to fit or test on."""
    assert examples.keypoints_px is not None
    x0, y0, x1, y1 = np.array([frame.region for frame in examples.frames]).T
    stretch = (y1 - y0) / (x1 - x0)
    return Evaluation(
        examples.images,
        examples.keypoints_px,
        eyes=eyes,
        stretch=None if np.allclose(stretch, 1) else stretch,
    )


def from_memory(pictures: PictureSource, config: DataConfig) -> tuple[Batches, np.ndarray]:
    """Batches of pictures that are held in memory, and the preview."""
    from data_pipelines.examples import load_pictures

    return batches_in_memory(load_pictures(pictures, size=config.image_size).images)


def batches_in_memory(
    images: Any, *, masks: np.ndarray | None = None
) -> tuple[Batches, np.ndarray]:
    """Batches of the pictures `[n, S, S, 3]` and of their masks, and the preview."""
    from data_pipelines.streams import memory_stream

    batches = functools.partial(memory_stream, images, masks=masks, **processes.shard())
    return batches, images[:NUM_PREVIEW]


def from_stream(pictures: PictureSource, config: DataConfig) -> tuple[Batches, np.ndarray]:
    """Batches of pictures that tf.data decodes as they are needed, and the preview."""
    from data_pipelines.examples import load_pictures
    from data_pipelines.streams import tf_stream

    first = select(pictures, pictures.names[:NUM_PREVIEW])
    batches = functools.partial(tf_stream, pictures, size=config.image_size, **processes.shard())
    return batches, load_pictures(first, size=config.image_size).images


def select(pictures: Any, names: tuple[str, ...]) -> PictureSource:
    """The named ones of some pictures."""
    return dataclasses.replace(pictures, names=names)
