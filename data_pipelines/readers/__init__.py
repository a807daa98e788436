"""One file for each published layout: from its files to `Pictures` or `Pairs`.

A reader takes the folder that holds the published files, or the one above it where their archive
has a folder of its own. It checks the lists and the annotations; pictures are read later. Nothing
is ever downloaded. It raises DataError for what is missing, with where to get it, and for what is
not as published, by file and line.

A new data set is a reader NAME.py here, with `SPLITS`, `read(folder, split)` and `needed(folder,
split)`, the files without which it cannot, and an entry NAME of datasets.toml. `load` trains and
tests on it as on the others of its kind, and `make data` writes its records.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

INSTALLED = ("pairs_csv", "pf_willow")  # in the library, where `c3jax evaluate` reads them


def reader_of(name: str) -> Any:
    """The module that reads a data set."""
    room = "c3jax.files" if name in INSTALLED else "data_pipelines.readers"
    return import_module(f"{room}.{name}")


def read_splits(name: str, folder: Path) -> dict[str, Any]:
    """What each split of a data set is, which do not overlap."""
    reader = reader_of(name)
    return {split: reader.read(folder, split) for split in reader.SPLITS}
