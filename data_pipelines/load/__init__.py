"""From a configuration to what is trained on, fitted and tested: `load(config)`.

`PICTURES` and `PAIRS` say how each data set is loaded and what it offers.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, overload

from data_pipelines.errors import DataError
from data_pipelines.load import pairs, pictures, rendered
from data_pipelines.load.config import AlignmentDataConfig, DataConfig
from data_pipelines.load.pictures import celeb_a_folder, crop_of, missing_of_celeb_a
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
    "LANDMARK_DATA",
    "NUM_PREVIEW",
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
    "load",
    "load_objects",
    "missing_of_celeb_a",
]


class Loader(NamedTuple):
    """`load(config, training)`; whether there are annotations, and whether tf.data may stream."""

    load: Callable[[Any, bool], Any]
    annotated: bool = True
    streamed: bool = False


PICTURES = {
    "rendered_faces": Loader(rendered.faces),
    "rendered_cars": Loader(rendered.cars),
    "rendered_rooms": Loader(rendered.rooms),
    "folder": Loader(pictures.folder, annotated=False, streamed=True),
    "labelled": Loader(pictures.labelled_pictures),
    "celeb_a": Loader(pictures.celeb_a_with_mafl, streamed=True),
    "lsun": Loader(pictures.one_category, annotated=False, streamed=True),
    "aflw": Loader(pictures.faces, streamed=True),
    "aflw_mtfl": Loader(pictures.faces, streamed=True),
    "w300": Loader(pictures.faces, streamed=True),
}
PAIRS = {
    "pf_willow": Loader(pairs.pf_willow_pairs, streamed=True),
    "pf_pascal": Loader(pairs.pf_pascal_pairs, streamed=True),
    "spair": Loader(pairs.spair_pairs, streamed=True),
    "pascal3d": Loader(pairs.pascal3d_pairs, streamed=True),
    "pairs_csv": Loader(pairs.own_pairs, streamed=True),
    "rendered_objects": Loader(rendered.objects),
}
LANDMARK_DATA = tuple(name for name, loader in PICTURES.items() if loader.annotated)
ALIGNMENT_DATA = tuple(PAIRS)
STREAMED = tuple(name for name, loader in PICTURES.items() if loader.streamed)


@overload
def load(
    config: DataConfig, *, training: bool = True, shard: Mapping[str, int] | None = None
) -> Data: ...
@overload
def load(
    config: AlignmentDataConfig, *, training: bool = True, shard: Mapping[str, int] | None = None
) -> AlignmentData: ...
def load(config, *, training=True, shard=None):
    """The data set that `config` names (not `auto`); pairs without `training`: their tests alone.

    Args:
      config: of pictures or of pairs.
      training: whether training pictures or pairs are needed.
      shard: `shard_index` and `shard_count` of this process, where there are several.

    Raises:
      DataError: something is missing or broken; the message says what to put where.
    """
    of_pairs = isinstance(config, AlignmentDataConfig)
    loaders = PAIRS if of_pairs else PICTURES
    if config.name not in loaders:
        raise DataError(f"data.name '{config.name}' is not a data set: {', '.join(loaders)}")
    if config.loader == "tf" and not loaders[config.name].streamed:
        streamed = ", ".join(name for name, loader in loaders.items() if loader.streamed)
        raise DataError(f"--data.loader tf streams {streamed}; {config.name} is held in memory")
    found, part = loaders[config.name].load(config, training), dict(shard or {})
    if not of_pairs:
        return replace(found, batches=functools.partial(found.batches, **part))
    others = pairs.voc_pictures(config) if training and config.voc_path else None
    return replace(found, shard=part, others=others and replace(others, shard=part))
