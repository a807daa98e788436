"""Whether data are in place, before anything is read."""

import importlib.util
from pathlib import Path

from data_pipelines.catalogue import require_files
from data_pipelines.errors import DataError
from data_pipelines.load.config import RENDERED, AlignmentDataConfig, DataConfig
from data_pipelines.load.pictures import missing_of_celeb_a
from data_pipelines.readers import celeb_a, lsun, pascal3d, pf_pascal, reader_of, voc2012

OWN = ("folder", "labelled", "pairs_csv")


def lacking(config: DataConfig | AlignmentDataConfig) -> list[str]:
    """What is to be put in place before training on the data, each with what to do.

    The existence of files and packages is looked at, nothing is read.
    """
    if config.path is None and config.name in (*OWN, lsun.NAME):
        return [f"data.name {config.name} needs --data.path"]
    told = []
    if config.name == lsun.NAME and importlib.util.find_spec("lmdb") is None:
        told.append(lsun.NO_PACKAGE)
    wanted = {} if config.name in RENDERED else {config.name: needed_files(config)}
    if config.name in OWN:
        kinds = {file: "file" if file.suffix else "folder" for file in wanted.pop(config.name)}
        told += [f"{file}: no such {kind}" for file, kind in kinds.items() if not file.exists()]
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
    reader, own = reader_of(config.name), {}
    if config.name == pf_pascal.NAME and isinstance(config, AlignmentDataConfig):
        own = {"pairs_folder": config.pairs_path}
    splits = [split for split in ("train", "test") if split in (*reader.SPLITS, "test")]
    files = (file for split in splits for file in reader.needed(path, split, **own))
    return list(dict.fromkeys(files))
