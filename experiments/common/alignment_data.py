"""From a data configuration to training pairs of pictures and annotated test pairs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.pairs import Pairs, Pictures
from experiments.engine import processes
from experiments.measure.alignment import DenseTruth, TestPairs

PAIRS_PER_PICTURE = 4  # training pairs drawn for each rendered picture


@dataclass(frozen=True)
class AlignmentDataConfig:
    """Pairs of pictures to train and evaluate on."""

    name: Literal[
        "rendered_objects", "pf_pascal", "pf_willow", "spair", "pascal3d", "pairs_csv"
    ] = "rendered_objects"
    """pf_willow has test pairs alone; pascal3d: pairs of PASCAL3D+ in the manner of JLAD"""
    path: Path | None = None
    """folder of the data set (else NAME in the cache); pairs_csv: the CSV of the training pairs"""
    test_path: Path | None = None
    """pairs_csv: the CSV of the test pairs, with points"""
    pairs_path: Path | None = None
    """pf_pascal: folder of the three pair lists (by default that of the data set)"""
    image_size: int = 64
    """side of the pictures in pixels"""
    resize: Literal["antialias", "align_corners"] = "antialias"
    """`align_corners`: without a filter, as NC-Net's"""
    train_examples: int = 3000
    """rendered_objects: pictures to train on"""
    test_pairs: int = 300
    """rendered_objects: pairs that are tested, of the categories trained on"""
    held_out: str = "chair"
    """rendered_objects: the category that is not trained on, and tested apart"""
    voc_path: Path | None = None
    """PASCAL VOC 2012, to warp its pictures in the pre-training, as JLAD does, and not those above
    (semantic_alignment: in stage features)"""
    cache: Path = Path("data")
    """where rendered data lie, and the crops of pascal3d"""


@dataclass(frozen=True)
class AlignmentData:
    """What an alignment experiment works on.

    images: uint8 `[num, S, S, 3]`; pairs: `[n, 2]` rows of them; categories: int `[n]`; tests: by
    name, the first is the one that counts; masks: bool `[num, S, S]` of the objects, or None;
    others: the pictures that synthetic pairs are made of in the pre-training, if not these.
    """

    name: str
    description: str
    images: np.ndarray
    pairs: np.ndarray
    categories: np.ndarray
    tests: dict[str, TestPairs]
    masks: np.ndarray | None = None
    others: "AlignmentData | None" = None

    @property
    def to_warp(self) -> "AlignmentData":
        """What synthetic pairs are made of in the pre-training."""
        return self.others or self

    @property
    def num_train(self) -> int:
        """Pairs to train on."""
        return len(self.pairs)

    def batches(self, *, batch_size: int, seed: int, start_step: int) -> Iterator[dict]:
        """This process's part of endless batches of `source`, `target` and `category`."""
        from data_pipelines.streams import listed_stream

        return listed_stream(
            self.images, self.pairs, self.categories, masks=self.masks,
            batch_size=batch_size, seed=seed, start_step=start_step, **processes.shard(),
        )  # fmt: skip


def load(config: AlignmentDataConfig, *, training: bool = True) -> AlignmentData:
    """The data set that `config` names; without `training` its test pairs alone.

    Raises:
      DataError: something is missing or broken; the message says what to put where.
    """
    loaders = {
        "rendered_objects": _rendered_objects,
        "pf_pascal": _pf_pascal,
        "pf_willow": _pf_willow,
        "spair": _spair,
        "pascal3d": _pascal3d,
        "pairs_csv": _pairs_csv,
    }
    with processes.first_alone("load the data"):
        loaded = loaders[config.name](config, training)
        others = _voc2012(config) if training and config.voc_path else None
        return replace(loaded, others=others)


def _rendered_objects(config: AlignmentDataConfig, training: bool) -> AlignmentData:
    from data_pipelines import rendered_objects
    from data_pipelines.sampling import same_category_pairs

    every = rendered_objects.CATEGORIES
    if config.held_out not in every:
        raise DataError(
            f"--data.held-out {config.held_out} is none of the categories {', '.join(every)}"
        )
    seen = tuple(name for name in every if name != config.held_out)
    where = {"size": config.image_size, "cache_dir": config.cache}
    images, categories = np.empty((0, *[config.image_size] * 2, 3), np.uint8), np.empty(0, int)
    pairs, masks = np.empty((0, 2), int), None
    if training:
        found = rendered_objects.load_arrays(
            "train",
            config.train_examples,
            categories=seen,
            fields=("image", "category", "mask"),
            **where,
        )
        images, categories, masks = found["image"], found["category"], found["mask"]
        pairs = same_category_pairs(categories, PAIRS_PER_PICTURE * len(images), seed=0)

    def test(count: int, of: tuple[str, ...]) -> TestPairs:
        return _rendered_test(rendered_objects.load_pairs("test", count, categories=of, **where))

    tests = {
        "seen categories": test(config.test_pairs, seen),
        f"held-out category ({config.held_out})": test(
            max(1, config.test_pairs // 3), (config.held_out,)
        ),
    }
    return AlignmentData(
        name="rendered_objects",
        description=f"{config.train_examples:,} rendered pictures of {', '.join(seen)}",
        images=images,
        pairs=pairs,
        categories=categories[pairs[:, 0]],
        tests=tests,
        masks=masks,
    )


def _rendered_test(found: dict[str, np.ndarray]) -> TestPairs:
    """Test pairs of the arrays of `rendered_objects.load_pairs`; pairs without points are left out.

    A picture that occurs in several pairs is kept once.
    """
    from data_pipelines.rendered_objects import CATEGORIES

    usable = np.flatnonzero(found["keypoint_valid"].any(-1))
    found = {name: values[usable] for name, values in found.items()}
    ends = np.stack([found["source_index"], found["target_index"]])
    _, first, rows = np.unique(ends, return_index=True, return_inverse=True)
    pictures = np.concatenate([found["source"], found["target"]])
    size, valid = pictures.shape[1], found["keypoint_valid"]

    def side(name: str, index: np.ndarray) -> Pictures:
        points = found[f"{name}_keypoints"].astype(np.float32)
        return Pictures(
            files=tuple(Path(f"rendered_objects/{number}") for number in index),
            sizes=np.full((len(index), 2), size),
            numbers=index,
            points_px=tuple(p[v] for p, v in zip(points, valid, strict=True)),
            boxes_px=found[f"{name}_box"].astype(np.float32),
        )

    source, target = rows.reshape(ends.shape)
    return TestPairs(
        pairs=Pairs(
            name="rendered_objects",
            source=side("source", ends[0]),
            target=side("target", ends[1]),
            flipped=np.zeros(len(usable), bool),
            categories=tuple(CATEGORIES[number] for number in found["category"]),
        ),
        images=pictures[first],
        source=source,
        target=target,
        dense=DenseTruth(found["correspondence"], found["on_object"], found["visible"]),
    )


def _pf_pascal(config: AlignmentDataConfig, training: bool) -> AlignmentData:
    from data_pipelines.pf_pascal import clean_subsets, folder_of_lists, pf_pascal, read_list

    folder = _path(config)
    lists = config.pairs_path or folder_of_lists(folder)
    train = pf_pascal(folder, "train", lists) if training else None
    test = pf_pascal(folder, "test", lists)
    pair_clean, image_clean = clean_subsets(read_list(lists, "test"), read_list(lists, "train"))
    tests = {
        "test": test,
        "test pairs not in training": test.select(pair_clean),
        "test pictures not in training": test.select(image_clean),
    }
    return _of_files(config, train, {name: pairs for name, pairs in tests.items() if len(pairs)})


def _pf_willow(config: AlignmentDataConfig, training: bool) -> AlignmentData:
    from data_pipelines.pf_willow import pf_willow

    if training:
        raise DataError("pf_willow has test pairs alone: train on other data, then evaluate on it")
    return _of_files(config, None, {"test": pf_willow(_path(config))})


def _spair(config: AlignmentDataConfig, training: bool) -> AlignmentData:
    from data_pipelines.spair import spair

    train = spair(_path(config), "train") if training else None
    return _of_files(config, train, {"test": spair(_path(config), "test")})


def _pascal3d(config: AlignmentDataConfig, training: bool) -> AlignmentData:
    from data_pipelines.pairs_csv import pairs_csv
    from data_pipelines.pascal3d import written_pairs

    tables = written_pairs(_path(config), config.cache)
    train = pairs_csv(tables / "train.csv") if training else None
    return _of_files(config, train, {"test": pairs_csv(tables / "test.csv")})


def _voc2012(config: AlignmentDataConfig) -> AlignmentData:
    """The training pictures of the segmentation, each beside the next one."""
    from data_pipelines.examples import load_pictures
    from data_pipelines.voc import voc

    found = voc(config.voc_path, "train")
    images = load_pictures(found.pictures, size=config.image_size).images
    rows = np.arange(len(images))
    return AlignmentData(
        name="voc2012",
        description=f"{len(images):,} pictures of PASCAL VOC 2012",
        images=images,
        pairs=np.stack([rows, np.roll(rows, -1)], -1),
        categories=np.zeros(len(images), int),
        tests={},
    )


def _pairs_csv(config: AlignmentDataConfig, training: bool) -> AlignmentData:
    from data_pipelines.pairs_csv import pairs_csv

    train = pairs_csv(_path(config)) if training else None
    test = config.test_path or (None if training else config.path)
    return _of_files(config, train, {"test": pairs_csv(test)} if test else {})


def _of_files(
    config: AlignmentDataConfig, train: Pairs | None, tests: dict[str, Pairs]
) -> AlignmentData:
    from data_pipelines.pair_images import load_images

    def annotated(pairs: Pairs) -> TestPairs:
        return TestPairs(pairs, *load_images(pairs, config.image_size, resize=config.resize))

    images = np.empty((0, *[config.image_size] * 2, 3), np.uint8)
    pairs, categories = np.empty((0, 2), int), np.empty(0, int)
    if train is not None:
        images, source, target = load_images(train, config.image_size, resize=config.resize)
        pairs = np.stack([source, target], -1)
        names = train.categories or ("",) * len(train)
        categories = np.unique(names, return_inverse=True)[1]
    return AlignmentData(
        name=config.name,
        description=str(train if train is not None else next(iter(tests.values()))),
        images=images,
        pairs=pairs,
        categories=categories,
        tests={name: annotated(pairs) for name, pairs in tests.items()},
    )


def _path(config: AlignmentDataConfig) -> Path:
    if config.path is not None:
        return config.path.expanduser()
    in_cache = config.cache.expanduser() / config.name
    if config.name == "pairs_csv" or not in_cache.is_dir():
        raise DataError(f"data.name {config.name} needs --data.path, or its files in {in_cache}")
    return in_cache
