"""The published pairs and own ones: training pairs of pictures, and annotated test pairs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from c3jax.files.errors import DataError
from c3jax.files.pairs import Pairs
from c3jax.files.pairs_csv import TABLE, pairs_csv
from c3jax.files.tested import distinct_pictures, hold, load_images
from data_pipelines.load.config import AlignmentDataConfig
from data_pipelines.load.pictures import Images, images_of, on_disk
from data_pipelines.load.values import AlignmentData, nothing_to_train_on
from data_pipelines.readers import pascal3d, pf_pascal, reader_of, voc2012


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
    held = {name: hold(pairs, size, resize=resize) for name, pairs in tests.items()}
    description = str(train if train is not None else next(iter(tests.values())))
    return AlignmentData(config.name, description, tests=held, **columns)


def _path(config: AlignmentDataConfig) -> Path:
    if config.path is not None:
        return config.path.expanduser()
    in_cache = config.cache.expanduser() / config.name
    if config.name == "pairs_csv" or not in_cache.is_dir():
        raise DataError(f"data.name {config.name} needs --data.path, or its files in {in_cache}")
    return in_cache
