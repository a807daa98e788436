"""The published pairs and own ones: training pairs of pictures, and annotated test pairs."""

from pathlib import Path

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.examples import load_pictures
from data_pipelines.load.config import AlignmentDataConfig
from data_pipelines.load.pictures import Images, on_disk
from data_pipelines.load.values import AlignmentData, TestPairs
from data_pipelines.pair_images import distinct_pictures, load_images
from data_pipelines.pairs import Pairs
from data_pipelines.readers import pascal3d, pf_pascal, spair, voc
from data_pipelines.readers.pairs_csv import TABLE, pairs_csv
from data_pipelines.readers.pf_willow import pf_willow


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


def pf_willow_pairs(config: AlignmentDataConfig, training: bool) -> AlignmentData:
    """Test pairs alone."""
    if training:
        raise DataError("pf_willow has test pairs alone: train on other data, then evaluate on it")
    return _data_of(config, None, {"test": pf_willow(_path(config))}, _path(config))


def spair_pairs(config: AlignmentDataConfig, training: bool) -> AlignmentData:
    """The published lists."""
    folder = _path(config)
    train = spair.read(folder, "train") if training else None
    return _data_of(config, train, {"test": spair.read(folder, "test")}, folder)


def pascal3d_pairs(config: AlignmentDataConfig, training: bool) -> AlignmentData:
    """Pairs that are drawn, cropped and written on first use."""
    tables = pascal3d.written_pairs(_path(config), config.cache)
    train = pascal3d.read(tables, "train") if training else None
    return _data_of(config, train, {"test": pascal3d.read(tables, "test")}, tables)


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
    found = voc.read(config.voc_path, "train").pictures
    if config.loader == "tf":
        images: Images = on_disk(config, found, voc.NAME, config.voc_path)
    else:
        images = load_pictures(found, size=config.image_size).images
    rows = np.arange(len(images))
    return AlignmentData(
        name=voc.NAME,
        description=f"{len(images):,} pictures of PASCAL VOC 2012",
        images=images,
        pairs=np.stack([rows, np.roll(rows, -1)], -1),
        categories=np.zeros(len(images), int),
        tests={},
    )


def _data_of(
    config: AlignmentDataConfig, train: Pairs | None, tests: dict[str, Pairs], folder: Path | None
) -> AlignmentData:
    """The training pairs, in memory or to be streamed, and the test pairs, always in memory."""
    size, resize = config.image_size, config.resize
    images: Images = np.empty((0, size, size, 3), np.uint8)
    rows, categories = np.empty((2, 0), int), np.empty(0, int)
    if train is not None:
        if config.loader == "tf":
            pictures, rows = distinct_pictures(train, size, resize=resize)
            split = "pairs" if config.name == "pairs_csv" else "train"
            images = on_disk(config, pictures, config.name, folder, split, train)
        else:
            images, *both = load_images(train, size, resize=resize)
            rows = np.stack(both)
        names = train.categories or ("",) * len(train)
        categories = np.unique(names, return_inverse=True)[1]
    return AlignmentData(
        name=config.name,
        description=str(train if train is not None else next(iter(tests.values()))),
        images=images,
        pairs=rows.T,
        categories=categories,
        tests={
            name: TestPairs(pairs, *load_images(pairs, size, resize=resize))
            for name, pairs in tests.items()
        },
    )


def _path(config: AlignmentDataConfig) -> Path:
    if config.path is not None:
        return config.path.expanduser()
    in_cache = config.cache.expanduser() / config.name
    if config.name == "pairs_csv" or not in_cache.is_dir():
        raise DataError(f"data.name {config.name} needs --data.path, or its files in {in_cache}")
    return in_cache
