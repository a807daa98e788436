"""`c3jax evaluate`: what an exported model reaches, as JSON on stdout.

The `landmarks` object on annotated pictures, the `alignment` object on annotated pairs.
"""

import contextlib
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from c3jax.files import pf_willow
from c3jax.files.crops import Crop
from c3jax.files.pairs_csv import pairs_csv
from c3jax.files.tested import Evaluation, hold, labelled_sets
from c3jax.inference import SHIPPED, AlignmentModel, LandmarkModel
from c3jax.tools.errors import UsageError
from c3jax.tools.measure.aligners import evaluate_aligner
from c3jax.tools.measure.evaluation import evaluate_landmarks, find_landmarks
from c3jax.tools.models import load_both
from c3jax.tools.outputs import json_text

LABELLED = "give --data.name labelled --data.path DIR --fit-rows A-B --test-rows C-D"
NAMED = f"{LABELLED}, or of a model that matches pictures --data.name pf_willow --data.path DIR"


@dataclass(frozen=True)
class DataOptions:
    """What to evaluate on."""

    name: Literal["labelled", "pairs_csv", "pf_willow"] | None = None
    """labelled: a folder with images/ and landmarks.csv; pairs_csv: a table of own pairs with
    points; pf_willow: the sub-class folders of PF-WILLOW. Pairs are for models that match"""
    path: Path | None = None
    """folder of the data set; pairs_csv: the table"""
    landmarks_file: str | None = None
    """labelled: the table, COCO's JSON or DeepLabCut's CSV of points in `path` (landmarks.csv)"""
    crop: Crop | None = None
    """how a picture that is not square becomes square (centre)"""
    iod_points: tuple[int, int] | None = None
    """the two points whose distance is the normaliser, 0-based (0 1)"""


@dataclass(frozen=True)
class Options:
    """Print what a model reaches: errors or PCK in percent, and baselines."""

    checkpoint: Path | None = None
    """exported model; by default the detector of faces or the aligner that comes with c3jax"""
    data: DataOptions = field(default_factory=DataOptions)
    fit_rows: Annotated[str | None, tyro.conf.arg(aliases=["--data.fit-rows"])] = None
    """labelled: rows that the regressor is fitted on, such as 1-1500"""
    test_rows: Annotated[str | None, tyro.conf.arg(aliases=["--data.test-rows"])] = None
    """labelled: rows that are tested, such as 1501-2000"""

    def given(self) -> dict[str, Any]:
        """The options of the data that were given, by name."""
        rows = {"fit_rows": self.fit_rows, "test_rows": self.test_rows}
        return {k: value for k, value in (vars(self.data) | rows).items() if value is not None}


def evaluate(options: Options) -> dict[str, Any]:
    """The `landmarks` or the `alignment` object of an exported or shipped model.

    Raises:
      UsageError, DataError: an option, a model or data that do not fit.
    """
    given = options.given()
    if not {"name", "path"} <= given.keys():
        raise UsageError(f"name the data: {NAMED}")
    name, path = given.pop("name"), given.pop("path").expanduser()
    shipped = SHIPPED / ("face_detector" if name == "labelled" else "aligner")
    model = options.checkpoint or shipped
    detector, aligner = load_both(model)
    if name == "labelled" and detector:
        return evaluate_labelled(detector, path, **given)
    if name != "labelled" and given:
        raise UsageError(f"{name} has no {', '.join(sorted(given))}: {LABELLED}")
    if name != "labelled" and aligner:
        return evaluate_pairs(aligner, name, path)
    what = "find landmarks" if name == "labelled" else "match pictures"
    raise UsageError(f"--data.name {name} is for models that {what}, and {model} does not")


def evaluate_labelled(detector: LandmarkModel, path: Path, **given: Any) -> dict[str, Any]:
    """The `landmarks` object on a folder of labelled pictures; options of `labelled_sets`."""
    fit, test = labelled_sets(path, size=detector.image_size, **given)
    check_eyes(test)
    print(f"fitted on {len(fit):,} pictures, tested on {len(test):,}")
    return measure_detector(detector, fit, test)


def measure_detector(detector: LandmarkModel, *annotated: Evaluation) -> dict[str, Any]:
    """The `landmarks` object without that of an untrained network."""
    return evaluate_landmarks(functools.partial(find_landmarks, detector), None, *annotated)


def evaluate_pairs(aligner: AlignmentModel, name: str, path: Path) -> dict[str, Any]:
    """The `alignment` object on pairs with points."""
    pairs = pairs_csv(path) if name == "pairs_csv" else pf_willow.read(path, "test")
    resize: Any = aligner.resize
    test = hold(pairs, aligner.image_size, resize=resize)
    print(pairs)
    return alignment_of(name, evaluate_aligner(aligner, name, {"test": test}))


def alignment_of(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """The `alignment` object; those of further test sets, where there are some, in `others`.

    Raises:
      UsageError: the pairs have no key points.
    """
    if "alignment" not in found:
        raise UsageError(f"the pairs of {name} have no key points, so there is no PCK")
    alignment = {key: value for key, value in found["alignment"].items() if key != "test"}
    return alignment | ({"others": found["alignment_of"]} if found["alignment_of"] else {})


def check_eyes(test: Evaluation) -> None:
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


def main(
    measure: Callable[[Any], dict[str, Any]] = evaluate,
    options: type[Options] = Options,
    *,
    prog: str = "c3jax evaluate",
) -> None:
    """Prints the object that `measure` makes of the options, of that type; `prog` is the usage."""
    given = tyro.cli(options, prog=prog)
    with contextlib.redirect_stdout(sys.stderr):  # stdout is the JSON and nothing else
        found = measure(given)
    print(json_text(found, indent=2))
