"""The annotated face data sets in the experiments: AFLW in both versions, and 300-W."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from data_pipelines import aflw, aflw_mtfl, catalogue, w300
from data_pipelines.faces import Faces
from experiments.common.data import (
    Data,
    DataConfig,
    batches_in_memory,
    evaluation_of,
    from_stream,
)


class FaceSet(NamedTuple):
    """How a data set is read: `read(folder, split)`, and its splits."""

    read: Callable[[Path, str], Faces]
    splits: tuple[str, ...]


FACE_SETS = {
    aflw.NAME: FaceSet(aflw.aflw, aflw.SPLITS),
    aflw_mtfl.NAME: FaceSet(aflw_mtfl.aflw_mtfl, aflw_mtfl.SPLITS),
    w300.NAME: FaceSet(w300.w300, w300.SPLITS),
}


def load(config: DataConfig, training: bool) -> Data:
    """A face data set in the frame of its protocol.

    Unlabelled training and the fit of the regressor see the same pictures, those of `train`. All
    are held in memory for evaluation: 13,000 of them, 640 MB at 128 px.

    Raises:
      DataError: what is missing, with instructions, or not as published.
    """
    chosen = FACE_SETS[config.name]
    root = (config.path or config.cache / config.name).expanduser()
    faces = {split: chosen.read(root, split) for split in chosen.splits}
    found = {
        split: evaluation_of(each.load(size=config.image_size), eyes=each.eyes)
        for split, each in faces.items()
    }
    fit = found["train"]
    test = dataclasses.replace(found["test"], parts=faces["test"].parts)
    if config.loader == "tf" and training:
        batches, preview = from_stream(faces["train"].pictures, config)
    else:
        batches, preview = batches_in_memory(fit.images)
    return Data(
        name=config.name,
        description=(
            f"{catalogue.find(config.name).title} in {root}: {len(fit):,} faces to train and fit "
            f"on, tested on {len(test):,}"
        ),
        num_train=len(fit),
        batches=batches,
        preview=preview,
        fit=fit,
        test=test,
        validation=found.get("validation"),
    )
