"""Every data set that can be read, from datasets.toml: what it is, what is to be put where.

The names of `--data.name` come from here. Nothing is downloaded. The readers raise these
instructions where something is missing, and docs/datasets.md repeats the table.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from c3jax.files.errors import DataError

TABLE = Path(__file__).with_name("datasets.toml")
RECORDS = "prepared"  # in the cache, so that records are not taken for the files they come from


class Archive(NamedTuple):
    """A published archive: its `name`, the `folder` that it becomes, and `sha256` where known."""

    name: str
    folder: str
    sha256: str | None = None


@dataclass(frozen=True)
class DataSet:
    """One data set.

    Attributes:
      name: as after `--data.name`, and of its reader.
      kind: `pictures`, pictures with `landmarks`, `pairs`, or `segmented` pictures (for the
        pre-training on pairs).
      title: what people call it.
      about: what is in it.
      source: where it is to be had.
      licence: what its owners allow, in short.
      size: of the download, or of what is made.
      files: what a complete folder holds.
      archives: what is downloaded, where it is unpacked by `preparation.prepare`.
      counts: published numbers of pictures or pairs, of a split, a list or a folder.
      pck: of pairs, the definition and the direction of PCK by which points are right or wrong.
      streamed: whether tf.data may stream its training pictures.
      prepared: whether `preparation.prepare` puts it in place.
    """

    name: str
    kind: str
    title: str
    about: str
    source: str
    licence: str
    size: str
    files: tuple[str, ...] = ()
    archives: tuple[Archive, ...] = ()
    counts: Mapping[str, Any] = field(default_factory=dict)
    pck: tuple[Any, ...] = ()
    streamed: bool = True
    prepared: bool = False

    def instructions(self) -> str:
        """What to do, for people."""
        if not self.files:
            return f"{self.title}: {self.source}."
        if self.source == "you":
            return f"{', and '.join(self.files)}."
        unpacking = (
            " Archives that lie in a folder are checked and unpacked by: make data "
            f"NAME={self.name} ARGS='--path FOLDER'."
        )
        return (
            f"{self.title} ({self.size}; licence: {self.licence}): get it from {self.source}, and "
            f"unpack it so that one folder holds {', '.join(self.files)}; give that folder "
            f"(--data.path).{unpacking if self.archives else ''}"
        )


def find(name: str) -> DataSet:
    """The named data set; raises DataError where there is none."""
    if name not in CATALOGUE:
        raise DataError(f"{name!r} is no data set; there are {', '.join(CATALOGUE)}")
    return CATALOGUE[name]


def names_of(*kinds: str) -> tuple[str, ...]:
    """The data sets of these kinds."""
    return tuple(name for name, data in CATALOGUE.items() if data.kind in kinds)


def require_files(name: str, paths: Sequence[Path]) -> None:
    """Raises one DataError for everything of a data set that is missing, with its instructions."""
    if missing := [path for path in paths if not path.exists()]:
        listed = "".join(f"\n  {path}" for path in missing)
        data = find(name)
        raise DataError(
            f"{data.title} is incomplete; put these in place (nothing is downloaded):{listed}\n"
            f"{data.instructions()}"
        )


def read_entry(name: str, entry: dict[str, Any]) -> DataSet:
    """A table of datasets.toml; raises DataError where PCK is not that of pairs."""
    if (entry["kind"] == "pairs") != ("pck" in entry):
        raise DataError(f"datasets.toml, {name}: pck is that of pairs; give it for these alone")
    files, pck = tuple(entry.pop("files", ())), tuple(entry.pop("pck", ()))
    archives = tuple(Archive(**archive) for archive in entry.pop("archives", ()))
    return DataSet(name, **entry, files=files, pck=pck, archives=archives)


CATALOGUE = {
    name: read_entry(name, entry)
    for name, entry in tomllib.loads(TABLE.read_text(encoding="utf-8")).items()
}
