"""The data sets of single pictures, by name: rendered, in folders, and the published ones."""

from pathlib import Path

from data_pipelines.errors import DataError
from experiments.common.data import (
    FACES,
    SCENES,
    STREAMED,
    Data,
    DataConfig,
    batches_in_memory,
    evaluation_of,
    from_memory,
    from_stream,
)
from experiments.engine import processes
from experiments.measure.annotations import Evaluation

MAX_IN_MEMORY = 500_000  # pictures


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
    images = train.get("image", fit.images)
    batches, preview = batches_in_memory(images, masks=train.get("mask"))
    return Data(
        name="rendered_faces",
        description=f"{config.train_examples:,} rendered faces (other identities are tested)",
        num_train=config.train_examples,
        batches=batches,
        preview=preview,
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
        num, (batches, preview) = len(images), batches_in_memory(images)
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
    batches, preview = batches_in_memory(fit.images)
    return Data(
        name="labelled",
        description=f"{len(fit):,} labelled pictures of {config.path}",
        num_train=len(fit),
        batches=batches,
        preview=preview,
        fit=fit,
        test=test,
    )


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
