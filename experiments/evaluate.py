"""`python -m experiments.evaluate --checkpoint PATH`: what a model reaches, as JSON on stdout.

The `landmarks` object on annotated pictures, the `alignment` object on annotated pairs, the
`self_check` object on a folder of photos without labels.
"""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from c3jax.inference import AlignmentModel
from c3jax.tools import evaluate as exported
from c3jax.tools.errors import UsageError
from c3jax.tools.measure.aligners import evaluate_aligner
from c3jax.tools.measure.evaluation import Detect, find_landmarks
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
from experiments.recipe import Trained
from experiments.registry import load_both, load_trained
from experiments.show.report import print_results
from experiments.show.verdict import check_data, check_photos

if TYPE_CHECKING:
    AnnotatedName = str
else:
    AnnotatedName = Literal[(*LANDMARK_DATA, *ALIGNMENT_DATA, "folder")]
OF_PAIRS = ("name", "path", "pairs_path")


@dataclass(frozen=True)
class DataOptions(exported.DataOptions):
    """What to evaluate on; without `--data.name` the run's own data (an export has none)."""

    name: AnnotatedName | None = None  # type: ignore[assignment]
    """labelled: a folder with images/ and landmarks.csv. aflw, aflw_mtfl: AFLW re-cropped, and in
    the crops of MTFL; w300: 300-W. rendered_objects and those behind it are pairs, for models that
    match; pairs_csv: a table of own pairs with points; folder: photos without labels"""
    pairs_path: Path | None = None
    """pf_pascal: folder of the pair lists (by default that of the data set)"""


@dataclass(frozen=True)
class Options(exported.Options):
    """Print what a run or an exported model reaches: errors or PCK in percent, and baselines.

    Of photos without labels: whether the landmarks follow the object and mark the same spots.
    """

    checkpoint: Path = field()  # which has a default in the package's own command
    """run folder; one of its steps, RUN/checkpoints/STEP; or exported model, such as the shipped
    c3jax/shipped/face_detector and c3jax/shipped/aligner, with --data.name"""
    data: DataOptions = field(default_factory=DataOptions)


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
    exported.main(evaluate, Options, prog="python -m experiments.evaluate")


def evaluate(options: Options) -> dict[str, Any]:
    """The `landmarks`, the `alignment` or the `self_check` object.

    Raises:
      UsageError, DataError, CheckpointError: an option, data or a checkpoint that do not fit.
    """
    given = options.given()
    path = options.checkpoint.expanduser()
    if not runs.is_exported(path):
        subject = of_run(path, load_trained(path))
    elif "name" in given:
        subject = of_export(path)
    else:
        raise UsageError(
            f"{path} is an exported model, which has no data of its own: {exported.NAMED}"
        )
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
    detector, aligner = load_both(path)
    model: Any = aligner or detector
    resize = getattr(model, "resize", AlignmentDataConfig.resize)
    return Subject(
        str(path),
        model.trained_on if isinstance(model.trained_on, dict) else {},
        getattr(model.network, "num_landmarks", 0),
        AlignmentDataConfig(image_size=model.image_size, resize=resize),
        load,
        functools.partial(find_landmarks, detector) if detector else None,
        functools.partial(exported.measure_detector, detector) if detector else None,
        functools.partial(measure_aligner, aligner) if aligner else None,
    )


def measure_aligner(aligner: AlignmentModel, data: AlignmentData) -> dict[str, Any]:
    """`alignment` and `alignment_of` without an untrained network."""
    return evaluate_aligner(aligner, data.name, data.tests)


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
        raise UsageError(f"{config.name} has no {', '.join(sorted(idle))}: {exported.LABELLED}")
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
    alignment = exported.alignment_of(data.name, found)
    for name, test in data.tests.items():
        print(f"{name}: {test.pairs}")
    print_results(found, subject.num_landmarks)
    return alignment


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
    exported.check_eyes(test)
    print(f"fitted on {len(fit):,} pictures, tested on {len(test):,}")
    found = subject.landmarks(fit, test, data.validation)
    results = subject.origin | {"tested_data": data.name, "landmarks": found}
    print_results(results, subject.num_landmarks)
    return found


if __name__ == "__main__":
    cli.guarded(main)
