"""`python -m experiments.evaluate --checkpoint PATH`: what a model reaches, as JSON on stdout.

The `landmarks` object on annotated pictures, the `alignment` object on annotated pairs, the
`self_check` object on a folder of photos without labels.
"""

import contextlib
import dataclasses
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import numpy as np
import tyro

from c3jax.files.frames import Crop
from c3jax.inference import LandmarkModel
from data_pipelines.load import (
    ALIGNMENT_DATA,
    LANDMARK_DATA,
    AlignmentData,
    AlignmentDataConfig,
    Data,
    DataConfig,
    folder_photos,
    load,
)
from experiments.engine import cli, runs
from experiments.engine.errors import UsageError
from experiments.measure.aligners import evaluate_aligner
from experiments.measure.evaluation import Detect, evaluate_landmarks, find_landmarks
from experiments.recipe import Trained
from experiments.registry import load_exported, load_trained
from experiments.show.report import print_results
from experiments.show.verdict import check_data, check_photos

if TYPE_CHECKING:
    AnnotatedName = str
else:
    AnnotatedName = Literal[(*LANDMARK_DATA, *ALIGNMENT_DATA, "folder")]
OF_PAIRS = ("name", "path", "pairs_path")
LABELLED = "give --data.name labelled --data.path DIR --fit-rows A-B --test-rows C-D"
NAMED = f"{LABELLED}, or of a model that matches pictures --data.name pf_willow --data.path DIR"


@dataclass(frozen=True)
class DataOptions:
    """What to evaluate on; without `--data.name` the run's own data (an export has none)."""

    name: AnnotatedName | None = None
    """labelled: a folder with images/ and landmarks.csv. aflw, aflw_mtfl: AFLW re-cropped, and in
    the crops of MTFL; w300: 300-W. rendered_objects and those behind it are pairs, for models that
    match; pairs_csv: a table of own pairs with points; folder: photos without labels"""
    path: Path | None = None
    """folder of the data set; pairs_csv: the table"""
    pairs_path: Path | None = None
    """pf_pascal: folder of the pair lists (by default that of the data set)"""
    landmarks_file: str | None = None
    """labelled: the table, COCO's JSON or DeepLabCut's CSV of points in `path` (landmarks.csv)"""
    crop: Crop | None = None
    """how a picture that is not square becomes square (centre)"""
    iod_points: tuple[int, int] | None = None
    """the two points whose distance is the normaliser, 0-based (0 1)"""


@dataclass(frozen=True)
class Options:
    """Print what a run or an exported model reaches: errors or PCK in percent, and baselines.

    Of photos without labels: whether the landmarks follow the object and mark the same spots.
    """

    checkpoint: Path
    """run folder; one of its steps, RUN/checkpoints/STEP; or exported model, such as the shipped
    c3jax/shipped/face_detector and c3jax/shipped/aligner, with --data.name"""
    data: DataOptions = field(default_factory=DataOptions)
    fit_rows: Annotated[str | None, tyro.conf.arg(aliases=["--data.fit-rows"])] = None
    """labelled: rows that the regressor is fitted on, such as 1-1500"""
    test_rows: Annotated[str | None, tyro.conf.arg(aliases=["--data.test-rows"])] = None
    """labelled: rows that are tested, such as 1501-2000"""


class Subject(NamedTuple):
    """What is evaluated.

    title: names it; origin: what it was trained on, as `Trained.origin`; num_landmarks: 0 for none;
    own: its data, of an exported model no more than how it sees pictures; load: their loader;
    find: pictures -> landmarks; landmarks: fit, test, validation -> the `landmarks` object;
    alignment: pairs -> `alignment` and `alignment_of`. The latter three are None where it cannot.
    """

    title: str
    origin: dict[str, Any]
    num_landmarks: int
    own: Any
    load: Callable[..., Any]
    find: Detect | None
    landmarks: Callable[..., dict[str, Any]] | None
    alignment: Callable[[AlignmentData], dict[str, Any]] | None


def main() -> None:
    """Evaluates a model, and the network of a run before training, on annotated pictures."""
    options = tyro.cli(Options, prog="python -m experiments.evaluate")
    with contextlib.redirect_stdout(sys.stderr):  # stdout is the JSON and nothing else
        found = evaluate(options)
    print(runs.json_text(found, indent=2))


def evaluate(options: Options) -> dict[str, Any]:
    """The `landmarks`, the `alignment` or the `self_check` object.

    Raises:
      UsageError, DataError, CheckpointError: an option, data or a checkpoint that do not fit.
    """
    given = {**vars(options.data), "fit_rows": options.fit_rows, "test_rows": options.test_rows}
    given = {name: value for name, value in given.items() if value is not None}
    path = options.checkpoint.expanduser()
    if not runs.is_exported(path):
        subject = of_run(path, load_trained(path))
    elif "name" in given:
        subject = of_export(path)
    else:
        raise UsageError(f"{path} is an exported model, which has no data of its own: {NAMED}")
    config = data_config(given, subject)
    if config.name not in LANDMARK_DATA + ALIGNMENT_DATA:
        return check_unlabelled(subject, config)
    data = subject.load(config, training=False)
    print(f"{subject.title} on {data.name}: {data.description}")
    measure = evaluate_pairs if isinstance(config, AlignmentDataConfig) else evaluate_pictures
    return measure(subject, data)


def of_run(path: Path, trained: Trained) -> Subject:
    """A run, beside its network before training."""
    model, recipe = trained.model, trained.recipe
    return Subject(
        f"step {trained.step:,} of {path}",
        trained.origin(),
        trained.config.landmarks,
        trained.config.data,
        recipe.load_data,
        trained.find_landmarks if model.landmarks else None,
        trained.measure_landmarks if model.landmarks else None,
        functools.partial(recipe.evaluate, trained) if model.match else None,
    )


def of_export(path: Path) -> Subject:
    """An exported model; its network before training is not known."""
    detector, aligner = load_exported(path)
    model: Any = aligner or detector
    resize = getattr(model, "resize", AlignmentDataConfig.resize)
    return Subject(
        str(path),
        model.trained_on if isinstance(model.trained_on, dict) else {},
        getattr(model.network, "num_landmarks", 0),
        AlignmentDataConfig(image_size=model.image_size, resize=resize),
        load,
        functools.partial(find_landmarks, detector) if detector else None,
        functools.partial(measure_detector, detector) if detector else None,
        functools.partial(evaluate_aligner, aligner) if aligner else None,
    )


def measure_detector(detector: LandmarkModel, *annotated: Any) -> dict[str, Any]:
    """The `landmarks` object without that of an untrained network."""
    return evaluate_landmarks(functools.partial(find_landmarks, detector), None, *annotated)


def data_config(given: dict[str, Any], subject: Subject) -> DataConfig | AlignmentDataConfig:
    """The run's own data, or those that are named; the size of the pictures is the model's.

    Args:
      given: options of the data that were given, by name.

    Raises:
      UsageError: data that the model is not for, or idle options.
    """
    own, name = subject.own, given.get("name", subject.own.name)
    check_kind(name, subject)
    if name in ALIGNMENT_DATA:
        return pairs_config(given, own)
    if "pairs_path" in given:
        raise UsageError("--data.pairs-path is for pf_pascal: leave it out")
    base = DataConfig(image_size=own.image_size) if "name" in given else own
    config = dataclasses.replace(base, **given)
    used = {"name", *([] if config.name.startswith("rendered_") else ["path"])}
    used |= {"crop"} if config.name == "folder" else set()
    if config.name != "labelled" and (idle := given.keys() - used):
        raise UsageError(f"{config.name} has no {', '.join(sorted(idle))}: {LABELLED}")
    return config


def check_kind(name: str, subject: Subject) -> None:
    """Raises UsageError for pairs where the model matches nothing, and the like of landmarks."""
    of_pairs = name in ALIGNMENT_DATA
    what = "match pictures" if of_pairs else "find landmarks"
    if (subject.alignment if of_pairs else subject.landmarks) is None:
        raise UsageError(
            f"--data.name {name} is for models that {what}, and {subject.title} does not"
        )


def pairs_config(given: dict[str, Any], own: Any) -> AlignmentDataConfig:
    """Pairs, their pictures resized as those of the model.

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


def evaluate_pairs(subject: Subject, data: AlignmentData) -> dict[str, Any]:
    """The `alignment` object; those of further test sets, where there are some, in `others`.

    Raises:
      UsageError: the pairs have no key points.
    """
    assert subject.alignment is not None  # check_kind refuses others
    found = subject.alignment(data)
    if "alignment" not in found:
        raise UsageError(f"the pairs of {data.name} have no key points, so there is no PCK")
    for name, test in data.tests.items():
        print(f"{name}: {test.pairs}")
    print_results(found, subject.num_landmarks)
    alignment = {name: value for name, value in found["alignment"].items() if name != "test"}
    return alignment | ({"others": found["alignment_of"]} if found["alignment_of"] else {})


def is_own(config: DataConfig, own: Any) -> bool:
    """Whether a folder is the one that the run was trained on."""
    paths = [each and each.expanduser().resolve() for each in (config.path, own.path)]
    return own.name == config.name and paths[0] == paths[1]


def check_unlabelled(subject: Subject, config: Any) -> dict[str, Any]:
    """The `self_check` object: of the pictures that a run has kept back, or of another folder's."""
    assert subject.find is not None  # check_kind refuses others
    if config.name == "folder" and not is_own(config, subject.own):
        photos = folder_photos(config)
        print(f"{subject.title} on {len(photos):,} photos of {config.path}")
        found = check_photos(subject.find, photos)
    else:
        data = subject.load(config, training=False)
        print(f"{subject.title} on {data.name}: {data.description}")
        found = check_data(subject.find, data)
    print_results({"self_check": found}, subject.num_landmarks)
    return found


def evaluate_pictures(subject: Subject, data: Data) -> dict[str, Any]:
    """The `landmarks` object."""
    fit, test = data.fit, data.test
    assert fit is not None and test is not None and subject.landmarks is not None  # as checked
    check_eyes(test)
    print(f"fitted on {len(fit):,} pictures, tested on {len(test):,}")
    found = subject.landmarks(fit, test, data.validation)
    results = subject.origin | {"tested_data": data.name, "landmarks": found}
    print_results(results, subject.num_landmarks)
    return found


def check_eyes(test) -> None:
    """Raises UsageError unless the two points of the normaliser lie apart in every picture."""
    if test.lengths_px is not None:
        return
    count, (first, second) = test.keypoints_px.shape[1], test.eyes
    if first == second or not (0 <= first < count and 0 <= second < count):
        raise UsageError(
            f"--data.iod-points {first} {second}: give two different points of 0 to {count - 1}"
        )
    eyes, known = test.keypoints_px[:, [first, second]], test.counted()[:, [first, second]]
    wrong = {
        "are not both labelled": ("fill them in", ~known.all(-1)),
        "coincide": ("correct it", (eyes[:, 0] == eyes[:, 1]).all(-1)),
    }
    for what, (fix, which) in wrong.items():
        if len(rows := np.flatnonzero(which)):
            raise UsageError(
                f"points {first} and {second} {what} in test picture {rows[0] + 1}: there is no "
                f"inter-ocular distance; {fix}, or give other --data.iod-points"
            )


if __name__ == "__main__":
    cli.guarded(main)
