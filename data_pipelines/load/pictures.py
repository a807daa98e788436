"""The data sets of single pictures: folders, own labels, CelebA, LSUN, and what is published."""

import dataclasses
import functools
import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from c3jax.files.catalogue import RECORDS, find, require_files
from c3jax.files.errors import DataError
from c3jax.files.folder import check_folder, find_folder, load_folder
from c3jax.files.pairs import Pairs
from c3jax.files.sources import OnDisk, Pictures, load_pictures
from c3jax.files.tested import Evaluation, evaluation_of, labelled_sets
from data_pipelines.load.config import AlignmentDataConfig, DataConfig
from data_pipelines.load.values import NUM_PREVIEW, Data
from data_pipelines.readers import celeb_a, lsun, reader_of
from data_pipelines.streams import stream

MAX_IN_MEMORY = 500_000  # pictures
FEWEST = 40  # photos of a folder, below which none is kept back
CHECKED = 200  # photos at most that the check without labels looks at
Images = np.ndarray | OnDisk
_log = logging.getLogger(__name__)


def folder(config: DataConfig, training: bool) -> Data:
    """Unlabelled pictures below a folder; of 40 or more a tenth is kept back from the training."""
    files = _files(config)
    kept, trained = keep_back(files.names)
    train = files.select(trained)
    if config.loader == "tf":
        images: Images = OnDisk(check_folder(train), config.image_size)
    else:
        images = load_folder(train, size=config.image_size).images
    description, checked = f"{len(images):,} pictures of {config.path}", None
    if len(kept):
        checked = load_pictures(files.select(kept[:CHECKED]), size=config.image_size).images
        description += f", {len(kept):,} more are kept back"
    return data_of(config, images, description, kept_back=checked)


def keep_back(names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Which photos of a folder are kept back, and which are trained on.

    A tenth, at least 8: those whose names have the lowest sha256, so that the same ones are kept
    back whatever the order. None where there are fewer than 40.

    Args:
      names: of the photos, relative to the folder.

    Returns:
      two int arrays of rows: those kept back by their sha256, the others in their order.
    """
    count = max(8, len(names) // 10) if len(names) >= FEWEST else 0
    kept = by_sha256(names)[:count]
    return kept, np.setdiff1d(np.arange(len(names)), kept)


def by_sha256(names: Sequence[str]) -> np.ndarray:
    """Rows of the names in the order of the sha256 of each; a draw that nothing else changes."""
    digests = [hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest() for name in names]
    return np.array(sorted(range(len(names)), key=digests.__getitem__), int)


def folder_photos(config: DataConfig) -> np.ndarray:
    """Up to 200 photos of a folder, uint8 `[n, S, S, 3]`, to check a model on and not to train.

    Raises:
      DataError: the folder is missing, or has fewer than two usable photos.
    """
    files = _files(config)
    chosen = files.select(by_sha256(files.names)[:CHECKED])
    return load_folder(chosen, size=config.image_size).images


def unlabelled(config: DataConfig, training: bool) -> Data:
    """The training pictures that a reader gives; of LSUN any category, or a part of one."""
    path, is_lsun = _path(config), config.name == lsun.NAME
    found = lsun.lsun(path) if is_lsun else reader_of(config.name).read(path, "train")
    num = len(found)
    if config.loader == "memory" and num > MAX_IN_MEMORY:
        raise DataError(f"{num:,} pictures do not fit into memory: give --data.loader tf")
    images = images_of(config, dataclasses.replace(found, crop=config.crop), path)
    return data_of(config, images, f"{num:,} pictures of {config.path}", num_train=num)


def labelled_pictures(config: DataConfig, training: bool) -> Data:
    """A folder with a table of points: some rows to fit on, others to test."""
    fit, test = labelled_sets(
        _path(config),
        size=config.image_size,
        landmarks_file=config.landmarks_file,
        fit_rows=config.fit_rows,
        test_rows=config.test_rows,
        crop=config.crop,
        iod_points=config.iod_points,
    )
    description = f"{len(fit):,} labelled pictures of {config.path}"
    return data_of(config, fit.images, description, fit=fit, test=test)


def celeb_a_folder(config: DataConfig) -> Path:
    """Where CelebA is looked for: `--data.path`, by default `celeb_a` in the cache."""
    return (config.path or config.cache / celeb_a.NAME).expanduser()


def missing_of_celeb_a(config: DataConfig) -> list[Path]:
    """What is not in place of its lists and pictures."""
    return celeb_a.missing_files(celeb_a_folder(config), config.cache)


def crop_of(config: DataConfig) -> str:
    """How pictures become square for the networks: CelebA's in the frame of the MAFL protocol."""
    return "squash_inner" if config.name == celeb_a.NAME else config.crop


def celeb_a_with_mafl(config: DataConfig, training: bool) -> Data:
    """CelebA in the frame of the MAFL protocol, which is IMM's.

    The landmark regressor is fitted on MAFL's training faces without their last tenth, which is the
    validation split. All MAFL pictures are held in memory: 20,000 of them, 980 MB at 128 px.
    """
    require_files(celeb_a.NAME, missing_of_celeb_a(config))
    root = celeb_a_folder(config)
    tables = celeb_a.read_tables(root)
    counts = celeb_a.count_splits(tables)
    every = celeb_a.open_pictures(root, tables, prepared=config.cache)

    def evaluation(split: celeb_a.Split) -> Evaluation:
        chosen = every.select(celeb_a.split_rows(tables, split))
        return evaluation_of(chosen, size, fix="restore the published CelebA files")

    streamed = config.loader == "tf" or not training
    split: celeb_a.Split = "train_of_others" if config.other_persons else "train"
    train, size = every.select(celeb_a.split_rows(tables, split)), config.image_size
    of_tested = counts[split] - counts["train_of_others"]
    return data_of(
        config,
        OnDisk(train, size) if streamed else load_pictures(train, size=size).images,
        f"CelebA in {root}: {counts[split]:,} training pictures of "
        f"{counts[f'{split}_identities']:,} people ({of_tested:,} show "
        f"people of the MAFL test set), fitted on {counts['mafl_train']:,} MAFL faces, tested "
        f"on {counts['mafl_test']:,}",
        num_train=counts[split],
        fit=evaluation("mafl_train"),
        test=evaluation("mafl_test"),
        validation=evaluation("mafl_validation"),
    )


def annotated(config: DataConfig, training: bool) -> Data:
    """Published pictures with points, such as AFLW or 300-W, in the frame of their protocol.

    Unlabelled training and the fit of the regressor see the same pictures, those of `train`. All
    are held in memory for evaluation: 13,000 of them, 640 MB at 128 px.
    """
    reader = reader_of(config.name)
    splits = ("train", "test", *({"validation"} & set(reader.SPLITS)))
    root = (config.path or config.cache / config.name).expanduser()
    pictures = {split: reader.read(root, split) for split in splits}
    found = {split: evaluation_of(each, config.image_size) for split, each in pictures.items()}
    fit = found["train"]
    streamed = config.loader == "tf" and training
    images = images_of(config, pictures["train"], root) if streamed else fit.images
    counts = f"{len(fit):,} faces to train and fit on, tested on {len(found['test']):,}"
    return data_of(
        config,
        images,
        f"{find(config.name).title} in {root}: {counts}",
        fit=fit,
        test=found["test"],
        validation=found.get("validation"),
    )


def data_of(
    config: DataConfig,
    images: Images,
    description: str,
    *,
    masks: np.ndarray | None = None,
    num_train: int | None = None,
    kept_back: np.ndarray | None = None,
    **sets: Evaluation | None,
) -> Data:
    """Pictures to train on as batches, beside the sets to fit and test on."""
    if isinstance(images, OnDisk):  # pictures that cannot be read are left out, and said
        preview = load_pictures(images.pictures.select(slice(NUM_PREVIEW)), size=images.size).images
    else:
        preview = images[:NUM_PREVIEW]
    return Data(
        name=config.name,
        description=description,
        num_train=len(images) if num_train is None else num_train,
        batches=functools.partial(stream, images, masks=masks),
        preview=preview,
        kept_back=kept_back,
        **sets,
    )


def images_of(
    config: DataConfig | AlignmentDataConfig, pictures: Pictures, root: Path, *, name: str = ""
) -> Images:
    """The training pictures in memory or, to be streamed, on the disk."""
    if config.loader == "memory":
        return load_pictures(pictures, size=config.image_size).images
    return on_disk(config, pictures, name or config.name, root)


def on_disk(
    config: DataConfig | AlignmentDataConfig,
    pictures: Pictures,
    name: str,
    root: Path | None,
    split: str = "train",
    pairs: Pairs | None = None,
) -> OnDisk:
    """Pictures to be streamed: from records where `make data` has written those of `root`."""
    if root is not None and (config.cache.expanduser() / RECORDS).is_dir():
        from data_pipelines import tfds

        builder = tfds.open_records(name, root, cache=config.cache.expanduser())
        if builder.is_prepared():
            contents = tfds.contents_of(builder, split, pictures if pairs is None else pairs)
            pictures = dataclasses.replace(pictures, contents=contents)
    return OnDisk(pictures, config.image_size)


def _files(config: DataConfig) -> Pictures:
    return find_folder(_path(config), crop=config.crop, boxes=config.boxes)


def _path(config: DataConfig) -> Path:
    if config.path is None:
        raise DataError(f"data.name {config.name} needs --data.path FOLDER")
    return config.path.expanduser()
