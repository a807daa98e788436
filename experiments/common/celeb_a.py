"""CelebA in the experiments: unlabelled training pictures, MAFL to fit and test on."""

from pathlib import Path

from data_pipelines import celeb_a
from data_pipelines.catalogue import require_files
from data_pipelines.sources import PictureSource
from experiments.common.data import (
    Data,
    DataConfig,
    Evaluation,
    evaluation_of,
    from_memory,
    from_stream,
    select,
)


def folder_of(config: DataConfig) -> Path:
    """Where CelebA is looked for: `--data.path`, by default `celeb_a` in the cache."""
    return (config.path or config.cache / "celeb_a").expanduser()


def crop_of(config: DataConfig) -> str:
    """How pictures become square for the networks: CelebA's in the frame of the MAFL protocol."""
    return "squash_inner" if config.name == "celeb_a" else config.crop


def missing_files(config: DataConfig) -> list[Path]:
    """What is not in place of the lists and the pictures (see `data_pipelines.celeb_a`)."""
    root = folder_of(config)
    mafl = root / "MAFL" if (root / "MAFL").is_dir() else root
    files = [root / name for name in (celeb_a.LANDMARKS, celeb_a.PARTITION, celeb_a.IDENTITY)]
    files += [mafl / name for name in (celeb_a.MAFL_TRAINING, celeb_a.MAFL_TESTING)]
    if not _archive(root).is_file() and not _prepared(config):
        files.append(root / celeb_a.PICTURES)
    return [file for file in files if not file.exists()]


def load(config: DataConfig, training: bool) -> Data:
    """CelebA in the frame of the MAFL protocol, which is IMM's.

    The landmark regressor is fitted on MAFL's training faces without their last tenth, which is the
    validation split. All MAFL pictures are held in memory: 20,000 of them, 980 MB at 128 px.

    Raises:
      DataError: one error for all that is missing, and what is not as published.
    """
    require_files("celeb_a", missing_files(config))
    root = folder_of(config)
    tables = celeb_a.read_tables(root)
    pictures = _pictures(config, tables)
    counts = celeb_a.count_splits(tables)

    def evaluation(split: celeb_a.Split) -> Evaluation:
        chosen = select(pictures, celeb_a.split_names(tables, split))
        return evaluation_of(celeb_a.load_labelled_pictures(chosen, tables, size=config.image_size))

    train = select(pictures, celeb_a.split_names(tables, "train"))
    streamed = config.loader == "tf" or not training
    batches, preview = (from_stream if streamed else from_memory)(train, config)
    return Data(
        name="celeb_a",
        description=(
            f"CelebA in {root}: {counts['train']:,} training pictures of "
            f"{counts['train_identities']:,} people ({counts['train_of_test_identities']:,} show "
            f"people of the MAFL test set), fitted on {counts['mafl_train']:,} MAFL faces, tested "
            f"on {counts['mafl_test']:,}"
        ),
        num_train=counts["train"],
        batches=batches,
        preview=preview,
        fit=evaluation("mafl_train"),
        test=evaluation("mafl_test"),
        validation=evaluation("mafl_validation"),
    )


def _pictures(config: DataConfig, tables: celeb_a.CelebATables) -> PictureSource:
    """The published folder of pictures, else what TFDS prepares from the archive."""
    root = folder_of(config)
    if (root / celeb_a.PICTURES).is_dir():
        return celeb_a.open_pictures(root, tables.names)
    from data_pipelines.celeb_a_tfds import open_archive

    return open_archive(root, tables, prepared=config.cache)


def _archive(root: Path) -> Path:
    return root / f"{celeb_a.PICTURES}.zip"


def _prepared(config: DataConfig) -> bool:
    """Whether TFDS has prepared CelebA in the cache (CACHE/celeb_a/VERSION)."""
    return any((config.cache / "celeb_a").glob("*/dataset_info.json"))
