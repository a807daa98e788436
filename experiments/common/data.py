"""From a data configuration to training batches and evaluation sets."""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.sources import PictureSource
from experiments.common import processes
from experiments.common.annotations import Evaluation

if TYPE_CHECKING:
    from data_pipelines.examples import Examples

Batches = Callable[..., Iterator[dict[str, np.ndarray]]]
SCENES = ("rendered_cars", "rendered_rooms")
FACES = ("aflw", "aflw_mtfl", "w300")
STREAMED = ("folder", "celeb_a", "lsun", *FACES)
MAX_IN_MEMORY = 500_000  # pictures
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


def load(config: DataConfig, *, training: bool = True) -> Data:
    """The data set that `config` names (not `auto`).

    Raises:
      DataError: something is missing or broken; the message says what to put where.
    """
    loaders = {
        "rendered_faces": _rendered_faces,
        **dict.fromkeys(SCENES, _scenes),
        "folder": _folder,
        "labelled": _labelled,
        "celeb_a": _celeb_a,
        **dict.fromkeys(FACES, _faces),
        "lsun": _lsun,
    }
    if config.name not in loaders:
        raise DataError(f"data.name '{config.name}' is not a data set: {', '.join(loaders)}")
    if config.loader == "tf" and config.name not in STREAMED:
        raise DataError(
            f"--data.loader tf streams {', '.join(STREAMED)}; {config.name} is held in memory"
        )
    with processes.first_alone("load the data"):
        return loaders[config.name](config, training)


def _rendered_faces(config: DataConfig, training: bool) -> Data:
    from data_pipelines import rendered_faces

    def arrays(split: str, count: int, fields: tuple[str, ...]):
        return rendered_faces.load_arrays(
            split, count, size=config.image_size, cache_dir=config.cache, fields=fields
        )

    every = ("image", "keypoints", "box", "mask", "surface")
    train = arrays("train", config.train_examples, ("image", "mask")) if training else {}

    def evaluation(split: str, count: int) -> Evaluation:
        found = arrays(split, count, every)
        return Evaluation(
            found["image"], found["keypoints"], found["box"], found["mask"], found["surface"]
        )

    fit, test = (
        evaluation("validation", config.fit_examples),
        evaluation("test", config.test_examples),
    )
    return Data(
        name="rendered_faces",
        description=f"{config.train_examples:,} rendered faces (other identities are tested)",
        num_train=config.train_examples,
        batches=_memory(train.get("image"), masks=train.get("mask")),
        preview=train.get("image", fit.images)[:NUM_PREVIEW],
        fit=fit,
        test=test,
    )


def _scenes(config: DataConfig, training: bool) -> Data:
    from experiments.common import scenes

    return scenes.load(config, training)


def _folder(config: DataConfig, training: bool) -> Data:
    from data_pipelines.folder import check_folder, find_folder, load_folder

    if config.loader == "tf":
        files = check_folder(find_folder(_path(config), crop=config.crop, boxes=config.boxes))
        num, (batches, preview) = len(files.names), from_stream(files, config)
    else:
        images = load_folder(
            _path(config), size=config.image_size, crop=config.crop, boxes=config.boxes
        ).images
        num, batches, preview = len(images), _memory(images), images[:NUM_PREVIEW]
    return Data(
        name="folder",
        description=f"{num:,} pictures of {config.path}",
        num_train=num,
        batches=batches,
        preview=preview,
    )


def _celeb_a(config: DataConfig, training: bool) -> Data:
    from experiments.common import celeb_a

    return celeb_a.load(config, training)


def _faces(config: DataConfig, training: bool) -> Data:
    from experiments.common import faces

    return faces.load(config, training)


def _lsun(config: DataConfig, training: bool) -> Data:
    from data_pipelines.lsun import lsun

    pictures = lsun(_path(config), crop=config.crop)
    num = len(pictures.names)
    if config.loader == "memory" and num > MAX_IN_MEMORY:
        raise DataError(f"{num:,} pictures do not fit into memory: give --data.loader tf")
    batches, preview = (from_stream if config.loader == "tf" else from_memory)(pictures, config)
    return Data(
        name="lsun",
        description=f"{num:,} pictures of {config.path}",
        num_train=num,
        batches=batches,
        preview=preview,
    )


def _labelled(config: DataConfig, training: bool) -> Data:
    from data_pipelines.labelled import load_labelled

    def evaluation(option: str, rows: str | None) -> Evaluation:
        found = load_labelled(
            _path(config),
            size=config.image_size,
            crop=config.crop,
            rows=_rows(option, rows),
            csv=config.landmarks_file,
        )
        return evaluation_of(found, eyes=config.iod_points)

    fit, test = evaluation("fit_rows", config.fit_rows), evaluation("test_rows", config.test_rows)
    return Data(
        name="labelled",
        description=f"{len(fit):,} labelled pictures of {config.path}",
        num_train=len(fit),
        batches=_memory(fit.images),
        preview=fit.images[:NUM_PREVIEW],
        fit=fit,
        test=test,
    )


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


def batches_in_memory(images: Any) -> tuple[Batches, np.ndarray]:
    """Batches of the pictures `[n, S, S, 3]`, and the preview."""
    return _memory(images), images[:NUM_PREVIEW]


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


def _memory(images: Any, *, masks: np.ndarray | None = None) -> Batches:
    from data_pipelines.streams import memory_stream

    return functools.partial(memory_stream, images, masks=masks, **processes.shard())


def _path(config: DataConfig) -> Path:
    if config.path is None:
        raise DataError(f"data.name {config.name} needs --data.path FOLDER")
    return config.path.expanduser()


def _rows(option: str, rows: str | None) -> tuple[int, int]:
    first, _, last = (rows or "").partition("-")
    if not (first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last)):
        flag = option.replace("_", "-")
        raise DataError(
            f"--data.{flag} must be two 1-based row numbers such as 1-1500, got {rows!r}"
        )
    return int(first), int(last)
