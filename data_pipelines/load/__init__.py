"""From a configuration to what is trained on, fitted and tested: `load(config)`.

A data set is loaded as the others of its kind in datasets.toml, but for those of `OWN`.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

from c3jax.files.catalogue import CATALOGUE, find, names_of, require_files
from c3jax.files.errors import DataError
from c3jax.files.tested import DenseTruth, Evaluation, TestPairs
from data_pipelines.load import pairs, pictures, rendered
from data_pipelines.load.config import RENDERED, AlignmentDataConfig, DataConfig, unread
from data_pipelines.load.pictures import (
    FEWEST,
    celeb_a_folder,
    crop_of,
    folder_photos,
    missing_of_celeb_a,
)
from data_pipelines.load.rendered import load_objects
from data_pipelines.load.values import (
    NUM_PREVIEW,
    AlignmentData,
    Data,
)
from data_pipelines.readers import celeb_a, lsun, pascal3d, pf_pascal, reader_of, voc2012

__all__ = [
    "ALIGNMENT_DATA",
    "FEWEST",
    "LANDMARK_DATA",
    "NUM_PREVIEW",
    "OWN_DATA",
    "STREAMED",
    "AlignmentData",
    "AlignmentDataConfig",
    "Data",
    "DataConfig",
    "DenseTruth",
    "Evaluation",
    "TestPairs",
    "celeb_a_folder",
    "crop_of",
    "folder_photos",
    "lacking",
    "load",
    "load_objects",
    "missing_of_celeb_a",
    "unread",
]

# From the configuration, and whether there is training.
Loader = Callable[[Any, bool], Any]
OF_KIND: dict[str, Loader] = {
    "pictures": pictures.unlabelled,
    "landmarks": pictures.annotated,
    "pairs": pairs.published,
}
OWN: dict[str, Loader] = {
    **dict.fromkeys(rendered.LANDMARKS, rendered.landmarks),
    "rendered_objects": rendered.objects,
    "folder": pictures.folder,
    "labelled": pictures.labelled_pictures,
    "celeb_a": pictures.celeb_a_with_mafl,
    "pf_pascal": pairs.pf_pascal_pairs,
    "pascal3d": pairs.pascal3d_pairs,
    "pairs_csv": pairs.own_pairs,
}
PICTURE_DATA = names_of("pictures", "landmarks")
LANDMARK_DATA = names_of("landmarks")
ALIGNMENT_DATA = names_of("pairs")
OWN_DATA = ("folder", "labelled", "pairs_csv")
STREAMED = tuple(name for name in PICTURE_DATA if find(name).streamed)


@overload
def load(config: DataConfig, *, training: bool = True) -> Data: ...
@overload
def load(config: AlignmentDataConfig, *, training: bool = True) -> AlignmentData: ...
def load(config, *, training=True):
    """The data set that `config` names (not `auto`); pairs without `training`: their tests alone.

    Args:
      config: of pictures or of pairs.
      training: whether training pictures or pairs are needed.

    Raises:
      DataError: something is missing or broken; the message says what to put where.
    """
    of_pairs = isinstance(config, AlignmentDataConfig)
    names = ALIGNMENT_DATA if of_pairs else PICTURE_DATA
    if config.name not in names:
        raise DataError(f"data.name '{config.name}' is not a data set: {', '.join(names)}")
    if config.loader == "tf" and not find(config.name).streamed:
        streamed = ", ".join(name for name in names if find(name).streamed)
        raise DataError(f"--data.loader tf streams {streamed}; {config.name} is held in memory")
    loader = OWN.get(config.name) or OF_KIND[find(config.name).kind]
    found = loader(config, training)
    if of_pairs and training and config.voc_path:
        return replace(found, others=pairs.voc_pictures(config))
    return found


def lacking(config: DataConfig | AlignmentDataConfig) -> list[str]:
    """What is to be put in place before training on the data, each with what to do.

    The existence of files and packages is looked at, nothing is read.

    Raises:
      DataError: data that nothing can be trained on.
    """
    if config.name not in CATALOGUE:  # an experiment's own
        return []
    if config.path is None and config.name in (*OWN_DATA, lsun.NAME):
        return [f"data.name {config.name} needs --data.path"]
    told = []
    if config.name == lsun.NAME and importlib.util.find_spec("lmdb") is None:
        told.append(lsun.NO_PACKAGE)
    wanted = {} if config.name in RENDERED else {config.name: needed_files(config)}
    if config.name in OWN_DATA:
        kinds = {".csv": "file", ".txt": "file"}
        for file in wanted.pop(config.name):
            if not file.exists():
                told.append(f"{file}: no such {kinds.get(file.suffix, 'folder')}")
    if isinstance(config, AlignmentDataConfig) and config.voc_path is not None:
        wanted[voc2012.NAME] = voc2012.needed(config.voc_path.expanduser(), "train")
    for name, files in wanted.items():
        try:
            require_files(name, files)
        except DataError as error:
            told.append(str(error))
    return told


def needed_files(config: DataConfig | AlignmentDataConfig) -> list[Path]:
    """The files and folders without which data that are not rendered cannot be read."""
    path = (config.path or config.cache / config.name).expanduser()
    if isinstance(config, DataConfig):
        if config.name == celeb_a.NAME:
            return missing_of_celeb_a(config)
        if config.name == "labelled":
            return [path] if not path.is_dir() else [path / "images", path / config.landmarks_file]
        if config.name == "folder":
            return [path, *([config.boxes] if config.boxes else [])]
    elif config.name == "pairs_csv":
        return [path, *([config.test_path] if config.test_path else [])]
    elif config.name == pascal3d.NAME and all(
        table.is_file() for table in pascal3d.tables(path, config.cache)
    ):
        return []
    own: dict[str, Any] = {}
    if isinstance(config, AlignmentDataConfig):
        pairs.check_trainable(config.name)
        own = {"pairs_folder": config.pairs_path} if config.name == pf_pascal.NAME else {}
    needed = reader_of(config.name).needed
    both = (file for split in ("train", "test") for file in needed(path, split, **own))
    return list(dict.fromkeys(both))
