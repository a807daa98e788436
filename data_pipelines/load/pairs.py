"""The published pairs and own ones: training pairs of pictures, and annotated test pairs."""

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.frames import Corners
from data_pipelines.load.config import AlignmentDataConfig
from data_pipelines.load.pictures import Images, images_of, on_disk
from data_pipelines.load.values import AlignmentData, TestPairs, nothing_to_train_on
from data_pipelines.pairs import Pairs
from data_pipelines.readers import pascal3d, pf_pascal, reader_of, voc2012
from data_pipelines.readers.pairs_csv import TABLE, pairs_csv
from data_pipelines.sources import Pictures, load_annotated


def published(config: AlignmentDataConfig, training: bool) -> AlignmentData:
    """The published lists `train`, where there is one, and `test`."""
    reader = reader_of(config.name)
    if training:
        check_trainable(config.name)
    folder = _path(config)
    train = reader.read(folder, "train") if training else None
    return _data_of(config, train, {"test": reader.read(folder, "test")}, folder)


def check_trainable(name: str) -> None:
    """Raises DataError for a published data set without pairs to train on."""
    if "train" not in reader_of(name).SPLITS:
        raise DataError(f"{name} has test pairs alone: train on other data, then evaluate on it")


def pf_pascal_pairs(config: AlignmentDataConfig, training: bool) -> AlignmentData:
    """The published lists; test pairs that training has not seen are tested apart."""
    folder = _path(config)
    lists = config.pairs_path or pf_pascal.folder_of_lists(folder)
    train = pf_pascal.read(folder, "train", lists) if training else None
    test = pf_pascal.read(folder, "test", lists)
    pair_clean, image_clean = pf_pascal.clean_subsets(
        pf_pascal.read_list(lists, "test"), pf_pascal.read_list(lists, "train")
    )
    tests = {
        "test": test,
        "test pairs not in training": test.select(pair_clean),
        "test pictures not in training": test.select(image_clean),
    }
    tests = {name: pairs for name, pairs in tests.items() if len(pairs)}
    return _data_of(config, train, tests, None if config.pairs_path else folder)


def pascal3d_pairs(config: AlignmentDataConfig, training: bool) -> AlignmentData:
    """Pairs that are drawn, cropped and written on first use."""
    tables = pascal3d.written_pairs(_path(config), config.cache)
    return published(replace(config, path=tables), training)


def own_pairs(config: AlignmentDataConfig, training: bool) -> AlignmentData:
    """Tables of own pairs."""
    table = _path(config)
    train = pairs_csv(table) if training else None
    test = config.test_path or (None if training else config.path)
    prepared = table.parent if table.name == TABLE else None
    return _data_of(config, train, {"test": pairs_csv(test)} if test else {}, prepared)


def voc_pictures(config: AlignmentDataConfig) -> AlignmentData:
    """The training pictures of VOC's segmentation, each beside the next one."""
    assert config.voc_path is not None
    found = voc2012.read(config.voc_path, "train").pictures
    images = images_of(config, found, config.voc_path, name=voc2012.NAME)
    rows, description = np.arange(len(images)), f"{len(images):,} pictures of PASCAL VOC 2012"
    pairs, categories = np.stack([rows, np.roll(rows, -1)], -1), np.zeros(len(images), int)
    return AlignmentData(voc2012.NAME, description, images, pairs, categories, tests={})


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


def _data_of(
    config: AlignmentDataConfig, train: Pairs | None, tests: dict[str, Pairs], folder: Path | None
) -> AlignmentData:
    """The training pairs, in memory or to be streamed, and the test pairs, always in memory."""
    size, resize = config.image_size, config.resize
    columns: dict[str, Any] = nothing_to_train_on(size)
    if train is not None:
        if config.loader == "tf":
            pictures, rows = distinct_pictures(train, size, resize=resize)
            split = "pairs" if config.name == "pairs_csv" else "train"
            images: Images = on_disk(config, pictures, config.name, folder, split, train)
        else:
            images, rows = load_images(train, size, resize=resize)
        names = train.categories or ("",) * len(train)
        categories = np.unique(names, return_inverse=True)[1]
        columns = {"images": images, "pairs": rows.T, "categories": categories}
    held = {}
    for name, pairs in tests.items():
        squares, rows = load_images(pairs, size, resize=resize)
        held[name] = TestPairs(pairs, squares, *rows)
    description = str(train if train is not None else next(iter(tests.values())))
    return AlignmentData(config.name, description, tests=held, **columns)


def _path(config: AlignmentDataConfig) -> Path:
    if config.path is not None:
        return config.path.expanduser()
    in_cache = config.cache.expanduser() / config.name
    if config.name == "pairs_csv" or not in_cache.is_dir():
        raise DataError(f"data.name {config.name} needs --data.path, or its files in {in_cache}")
    return in_cache
