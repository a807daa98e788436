"""From a configuration to what is trained on, fitted and tested: `load(config)`.

A data set is loaded as the others of its kind in datasets.toml, but for those of `OWN`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, overload

from data_pipelines.catalogue import find, names_of
from data_pipelines.errors import DataError
from data_pipelines.load import pairs, pictures, rendered
from data_pipelines.load.config import AlignmentDataConfig, DataConfig, unread
from data_pipelines.load.pictures import (
    FEWEST,
    celeb_a_folder,
    crop_of,
    folder_photos,
    missing_of_celeb_a,
)
from data_pipelines.load.place import OWN as OWN_DATA
from data_pipelines.load.place import lacking
from data_pipelines.load.rendered import load_objects
from data_pipelines.load.values import (
    NUM_PREVIEW,
    AlignmentData,
    Data,
    DenseTruth,
    Evaluation,
    TestPairs,
)

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
