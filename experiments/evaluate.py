"""`python -m experiments.evaluate --checkpoint RUN`: what a run reaches, as JSON on stdout.

The `landmarks` object of a run of c3_faces or its like, the `alignment` object of one of
semantic_alignment; of a run of jlad the one that the data are for.
"""

import contextlib
import dataclasses
import functools
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from data_pipelines.frames import Crop
from experiments.common.data import DataConfig
from experiments.engine import cli, runs
from experiments.engine.errors import UsageError
from experiments.engine.trained import C3_RUNS, find_trained

LANDMARK_DATA = (
    "labelled", "rendered_faces", "rendered_cars", "rendered_rooms", "celeb_a", "aflw", "aflw_mtfl",
    "w300",
)  # fmt: skip
ALIGNMENT_DATA = (
    *("pf_willow", "pf_pascal", "spair", "pascal3d", "pairs_csv", "rendered_objects"),
)
FITTING = {
    **dict.fromkeys(C3_RUNS, LANDMARK_DATA),
    "semantic_alignment": ALIGNMENT_DATA,
    "jlad": LANDMARK_DATA + ALIGNMENT_DATA,
}


@dataclass(frozen=True)
class DataOptions:
    """What to evaluate on; without `--data.name` the run's own data."""

    name: (
        Literal[
            "labelled", "rendered_faces", "rendered_cars", "rendered_rooms", "celeb_a", "aflw",
            "aflw_mtfl", "w300", "pf_willow", "pf_pascal", "spair", "pascal3d", "pairs_csv",
            "rendered_objects",
        ]
        | None
    ) = None  # fmt: skip
    """labelled: a folder with images/ and landmarks.csv. aflw, aflw_mtfl: AFLW re-cropped, and in
    the crops of MTFL; w300: 300-W. The last six are for semantic_alignment and jlad; pairs_csv: a
    table of own pairs with points"""
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
    found = find_trained(options.checkpoint, *FITTING)
    experiment = found.described["experiment"]
    refuse_data_of_others(experiment, options)
    if (options.data.name or found.described["config"]["data"]["name"]) not in ALIGNMENT_DATA:
        if options.data.pairs_path:
            raise UsageError("--data.pairs-path is for pf_pascal: leave it out")
        return evaluate_faces(found, options)
    if experiment == "jlad":
        from experiments.jlad.read_back import evaluate_run
    else:
        from experiments.semantic_alignment.evaluation import evaluate_run

    given = {**vars(options.data), **vars(options)}
    del given["checkpoint"], given["data"]
    return evaluate_run(found, {name: value for name, value in given.items() if value})


def refuse_data_of_others(experiment: str, options: Options) -> None:
    """Raises UsageError for data that the runs of an experiment cannot be evaluated on."""
    name = options.data.name
    fitting = FITTING[experiment]
    if name not in (None, *fitting):
        others = " or ".join(other for other, names in FITTING.items() if name in names)
        raise UsageError(
            f"--data.name {name} is for runs of {others}, and {options.checkpoint} is one of "
            f"{experiment}: give {', '.join(fitting[:-1])} or {fitting[-1]}"
        )


def evaluate_faces(found: runs.Run, options: Options) -> dict[str, Any]:
    """The `landmarks` object."""
    from experiments.common import data_sets
    from experiments.measure.evaluation import evaluate_landmarks

    load = load_joint if found.described["experiment"] == "jlad" else load_faces
    trained, own, make_detectors = load(found)
    loaded = data_sets.load(data_config(options, own), training=False)
    fit, test = loaded.fit, loaded.test
    assert fit is not None and test is not None  # data_config refuses others
    check_eyes(test)
    print(
        f"step {trained.step:,} of {options.checkpoint} on {loaded.name}: fitted on "
        f"{len(fit):,} pictures, tested on {len(test):,}"
    )
    detect, untrained = make_detectors(trained)
    return evaluate_landmarks(detect, untrained, fit, test, loaded.validation)


def load_faces(found: runs.Run):
    """A run of c3_faces or its like, its data, what makes its detectors (trained, untrained)."""
    from experiments.c3_faces.run import load_trained, make_detector

    def make_detectors(trained):
        detect = make_detector(trained.networks)
        return tuple(
            functools.partial(detect, variables)
            for variables in (trained.variables, untrained_variables(trained))
        )

    trained = load_trained(found)
    return trained, trained.config.data, make_detectors


def load_joint(found: runs.Run):
    """The same of a run of jlad; of one on pairs only the size of its pictures counts."""
    from experiments.jlad.read_back import make_detectors
    from experiments.jlad.trained import load_trained

    trained = load_trained(found)
    own = trained.config.data
    if not isinstance(own, DataConfig):
        own = DataConfig(image_size=own.image_size)
    return trained, own, make_detectors


def data_config(options: Options, own: DataConfig) -> DataConfig:
    """The run's own data, or those that are named; the size of the pictures is the run's.

    Raises:
      UsageError: data without annotations, or options that these data do not have.
    """
    named = options.data.name is not None
    base = DataConfig(image_size=own.image_size) if named else own
    given = {**vars(options.data), "fit_rows": options.fit_rows, "test_rows": options.test_rows}
    changes = {name: value for name, value in given.items() if value is not None}
    config = dataclasses.replace(base, **changes)
    labelled = "give --data.name labelled --data.path DIR --fit-rows A-B --test-rows C-D"
    if config.name in ("folder", "lsun"):
        raise UsageError(f"the run's own data, {config.name}, have no annotations: {labelled}")
    used = {"name", *([] if config.name.startswith("rendered_") else ["path"])}
    if config.name != "labelled" and (idle := changes.keys() - used):
        raise UsageError(f"{config.name} has no {', '.join(sorted(idle))}: {labelled}")
    return config


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


def untrained_variables(trained) -> dict[str, Any]:
    """The landmark network at step 0: random by the run's seed, on the same pretrained trunk.

    The trunk is that of the checkpoint where training left it alone, so that no file is needed.

    Raises:
      UsageError: training moved the trunk, and the file that it came from is not there.
    """
    import jax

    from experiments.c3_faces import networks as nets

    model = dataclasses.replace(trained.config.model, perceptual="random")  # not looked at here
    config = dataclasses.replace(trained.config, model=model)
    networks = nets.make_networks(config)
    if nets.has_pretrained_trunk(config) and not nets.frozen_groups(config):
        return nets.init_variables(networks, config)
    variables = jax.jit(nets.random_variables, static_argnums=(0, 1))(networks, config)
    frozen = nets.frozen_groups(config)
    return {
        name: tree | {group: trained.variables[name][group] for group in frozen if group in tree}
        for name, tree in variables.items()
    }


if __name__ == "__main__":
    cli.guarded(main)
