"""`python -m experiments.evaluate --checkpoint RUN`: what a run reaches, as JSON on stdout.

The `landmarks` object on annotated pictures, the `alignment` object on annotated pairs.
"""

import contextlib
import dataclasses
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import tyro

from data_pipelines.frames import Crop
from data_pipelines.load import (
    ALIGNMENT_DATA,
    LANDMARK_DATA,
    AlignmentData,
    AlignmentDataConfig,
    Data,
    DataConfig,
)
from experiments.engine import cli
from experiments.engine.errors import UsageError
from experiments.recipe import Trained
from experiments.registry import load_trained
from experiments.show.report import print_results

if TYPE_CHECKING:
    AnnotatedName = str
else:
    AnnotatedName = Literal[LANDMARK_DATA + ALIGNMENT_DATA]
OF_PAIRS = ("name", "path", "pairs_path")
LABELLED = "give --data.name labelled --data.path DIR --fit-rows A-B --test-rows C-D"


@dataclass(frozen=True)
class DataOptions:
    """What to evaluate on; without `--data.name` the run's own data."""

    name: AnnotatedName | None = None
    """labelled: a folder with images/ and landmarks.csv. aflw, aflw_mtfl: AFLW re-cropped, and in
    the crops of MTFL; w300: 300-W. rendered_objects and those behind it are pairs, for models that
    match; pairs_csv: a table of own pairs with points"""
    path: Path | None = None
    """folder of the data set; pairs_csv: the table"""
    pairs_path: Path | None = None
    """pf_pascal: folder of the pair lists (by default that of the data set)"""
    landmarks_file: str | None = None
    """labelled: the CSV of points in `path` (landmarks.csv)"""
    crop: Crop | None = None
    """how a picture that is not square becomes square (centre)"""
    iod_points: tuple[int, int] | None = None
    """the two points whose distance is the normaliser, 0-based (0 1)"""


@dataclass(frozen=True)
class Options:
    """Print what a run reaches on annotated data: errors or PCK in percent, baselines, protocol."""

    checkpoint: Path
    """run folder, or one of its steps, RUN/checkpoints/STEP"""
    data: DataOptions = field(default_factory=DataOptions)
    fit_rows: Annotated[str | None, tyro.conf.arg(aliases=["--data.fit-rows"])] = None
    """labelled: rows that the regressor is fitted on, such as 1-1500"""
    test_rows: Annotated[str | None, tyro.conf.arg(aliases=["--data.test-rows"])] = None
    """labelled: rows that are tested, such as 1501-2000"""


def main() -> None:
    """Evaluates a run, and its network before training, on annotated pictures."""
    options = tyro.cli(Options, prog="python -m experiments.evaluate")
    with contextlib.redirect_stdout(sys.stderr):  # stdout is the JSON and nothing else
        found = evaluate(options)
    print(json.dumps(found, indent=2))


def evaluate(options: Options) -> dict[str, Any]:
    """The `landmarks` or the `alignment` object.

    Raises:
      UsageError, DataError, CheckpointError: an option, data or a checkpoint that do not fit.
    """
    trained = load_trained(options.checkpoint)
    given = {**vars(options.data), "fit_rows": options.fit_rows, "test_rows": options.test_rows}
    config = data_config(
        {name: value for name, value in given.items() if value is not None}, trained
    )
    data = trained.recipe.load_data(config, training=False)
    print(f"step {trained.step:,} of {options.checkpoint} on {data.name}: {data.description}")
    if isinstance(config, AlignmentDataConfig):
        return evaluate_pairs(trained, data)
    return evaluate_pictures(trained, data)


def data_config(given: dict[str, Any], trained: Trained) -> DataConfig | AlignmentDataConfig:
    """The run's own data, or those that are named; the size of the pictures is the run's.

    Args:
      given: options of the data that were given, by name.

    Raises:
      UsageError: data that the model is not for or that have no annotations, or idle options.
    """
    own, name = trained.config.data, given.get("name", trained.config.data.name)
    check_kind(name, trained)
    if name in ALIGNMENT_DATA:
        return pairs_config(given, own)
    if "pairs_path" in given:
        raise UsageError("--data.pairs-path is for pf_pascal: leave it out")
    base = DataConfig(image_size=own.image_size) if "name" in given else own
    config = dataclasses.replace(base, **given)
    if config.name not in LANDMARK_DATA:
        raise UsageError(f"the run's own data, {config.name}, have no annotations: {LABELLED}")
    used = {"name", *([] if config.name.startswith("rendered_") else ["path"])}
    if config.name != "labelled" and (idle := given.keys() - used):
        raise UsageError(f"{config.name} has no {', '.join(sorted(idle))}: {LABELLED}")
    return config


def check_kind(name: str, trained: Trained) -> None:
    """Raises UsageError for pairs where the model matches nothing, and the like of landmarks."""
    model, of_pairs = trained.model, name in ALIGNMENT_DATA
    what = "match pictures" if of_pairs else "find landmarks"
    if (model.match if of_pairs else model.landmarks) is None:
        raise UsageError(
            f"--data.name {name} is for runs that {what}, and those of {trained.recipe.name} do not"
        )


def pairs_config(given: dict[str, Any], own: Any) -> AlignmentDataConfig:
    """Pairs, their pictures resized as those of the run.

    Raises:
      UsageError: options that pairs do not have.
    """
    if idle := sorted(given.keys() - set(OF_PAIRS)):
        raise UsageError(
            f"{', '.join(idle)}: pairs have no landmarks to fit a regressor on; of the options of "
            f"the data they know {', '.join(OF_PAIRS)}"
        )
    resize = getattr(own, "resize", AlignmentDataConfig.resize)
    base = AlignmentDataConfig(image_size=own.image_size, resize=resize)
    config = dataclasses.replace(base if "name" in given else own, **given)
    if config.name == "pairs_csv" and "path" in given:
        config = dataclasses.replace(config, test_path=None)  # the table that is named is tested
    return config


def evaluate_pairs(trained: Trained, data: AlignmentData) -> dict[str, Any]:
    """The `alignment` object; those of further test sets, where there are some, in `others`.

    Raises:
      UsageError: the pairs have no key points.
    """
    found = trained.recipe.evaluate(trained, data)
    if "alignment" not in found:
        raise UsageError(f"the pairs of {data.name} have no key points, so there is no PCK")
    for name, test in data.tests.items():
        print(f"{name}: {test.pairs}")
    print_results(found, trained.config.landmarks)
    others = found["alignment_of"]
    alignment = {name: value for name, value in found["alignment"].items() if name != "test"}
    return alignment | ({"others": others} if others else {})


def evaluate_pictures(trained: Trained, data: Data) -> dict[str, Any]:
    """The `landmarks` object."""
    fit, test = data.fit, data.test
    assert fit is not None and test is not None  # data_config refuses others
    check_eyes(test)
    print(f"fitted on {len(fit):,} pictures, tested on {len(test):,}")
    return trained.measure_landmarks(fit, test, data.validation)


def check_eyes(test) -> None:
    """Raises UsageError unless the two points of the normaliser lie apart in every picture."""
    if test.lengths_px is not None:
        return
    count, (first, second) = test.keypoints_px.shape[1], test.eyes
    if first == second or not (0 <= first < count and 0 <= second < count):
        raise UsageError(
            f"--data.iod-points {first} {second}: give two different points of 0 to {count - 1}"
        )
    eyes = test.keypoints_px[:, [first, second]]
    if len(same := np.flatnonzero((eyes[:, 0] == eyes[:, 1]).all(-1))):
        raise UsageError(
            f"points {first} and {second} coincide in test picture {same[0] + 1}: there is no "
            "inter-ocular distance; correct it, or give other --data.iod-points"
        )


if __name__ == "__main__":
    cli.guarded(main)
