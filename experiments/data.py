"""`python -m experiments.data`: data sets put in place, and pictures checked, before training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from c3jax.tools.errors import UsageError, check_least
from experiments.engine import cli


@dataclass(frozen=True)
class Verify:
    """Decode every picture as training does, and list what it refuses, each with the reason.

    Listed are files that are empty, truncated or no picture at all, above 50 megapixels (told from
    the header, before decoding), with a side below 8 pixels, without labels where the others have
    some, and labels without a file. What the decoders read without complaint is sound, such as a
    PNG or GIF that lacks its closing mark alone, or a JPEG with flipped bits. Nothing is changed.

    Exit status: 0 all sound, 1 files are listed, 2 wrong use.
    """

    what: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="NAME|PATH")]]
    """folder of pictures, with all folders in it; or the name of a data set in --cache, such as
    celeb_a"""
    report: Path = Path("verify.json")
    """the list, as JSON"""
    cache: Path = Path("data")
    """where data sets are in place"""
    landmarks_file: str | None = None
    """CSV of points in PATH, with the pictures in PATH/images (landmarks.csv where there is one)"""
    workers: int | None = None
    """threads that decode; by default one a core"""

    def run(self) -> None:
        from data_pipelines.verification import find_faults, open_data
        from experiments.engine.runs import write_json

        self.check()
        data = open_data(self.root(), landmarks_file=self.landmarks_file, prepared=self.cache)
        count, labels = len(data.pictures.names), data.labels or "none"
        print(f"data: {data.where} ({count:,} pictures; labels: {labels})", flush=True)
        faults = find_faults(data, workers=self.workers)
        self.report.parent.mkdir(parents=True, exist_ok=True)
        found = {
            "data": str(data.where),
            "pictures": count,
            "labels": data.labels,
            "no_pictures": data.others,
            "faults": [fault._asdict() for fault in faults],
        }
        write_json(self.report, found)
        for file, reason in faults:
            print(f"{file}: {reason}")
        if data.others:
            others = ", ".join(f"{count:,} {suffix}" for suffix, count in data.others.items())
            print(f"no pictures: {others}")
        print(f"{len(faults):,} of {count:,} listed" if faults else "all sound", end="; ")
        print(f"report: {self.report}")
        if faults:
            raise SystemExit(1)

    def check(self) -> None:
        """Raises UsageError for options that cannot be."""
        if self.report.suffix != ".json" or self.report.is_dir():
            raise UsageError(f"--report must be a file that ends in .json, got {self.report}")
        check_least("--workers", self.workers, 1)

    def root(self) -> Path:
        """The folder: PATH, or NAME in the cache."""
        path, named = Path(self.what).expanduser(), self.cache.expanduser() / self.what
        if not path.exists() and not named.is_dir():
            raise UsageError(f"{self.what} is no folder, and no data set of --cache {self.cache}")
        return path if path.exists() else named


@dataclass(frozen=True)
class Prepare:
    """Put a data set in place: unpack its archives, check its files, write it once as records.

    Nothing is downloaded: the folder holds the published archives, or what is in them. Checksums
    and counts are compared with the published ones where they are known, and every picture is
    decoded. docs/datasets.md says for each data set which files, from where, and how large.

    Exit status: 0 in place, 2 something is missing, damaged or not as published.
    """

    name: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="NAME")]]
    """of the data set, such as pf_pascal"""
    path: Path | None = None
    """folder of its files; by default NAME in --cache"""
    cache: Path = Path("data")
    """where the records are written"""

    def run(self) -> None:
        from c3jax.files import catalogue
        from data_pipelines import preparation

        data = catalogue.find(self.name)
        folder = self.path or self.cache / self.name
        print(f"{data.title} ({data.size}; licence: {data.licence})\nfiles: {folder}", flush=True)
        made = preparation.prepare(self.name, folder, prepared=self.cache)
        counts = ", ".join(f"{split} {count:,}" for split, count in made.counts.items())
        print(f"in place: {made.where} ({counts})")


@dataclass(frozen=True)
class Unpack:
    """Unpack a tar, tar.gz or zip archive: whole, or not at all.

    An archive with links, absolute names or names that lead outside is refused.
    """

    archive: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="ARCHIVE")]]
    """the file; its contents decide on the format"""
    folder: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="FOLDER")]]
    """a new folder"""

    def run(self) -> None:
        from data_pipelines.archives import unpack

        print(f"unpacked: {unpack(self.archive.expanduser(), self.folder.expanduser())}")


def main() -> None:
    """Runs the command that is named."""
    commands: Any = {"prepare": Prepare, "verify": Verify, "unpack": Unpack}
    tyro.extras.subcommand_cli_from_dict(
        commands, prog="python -m experiments.data", description="Pictures before training."
    ).run()


if __name__ == "__main__":
    cli.guarded(main)
