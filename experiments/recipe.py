"""An experiment is a value: `train` runs a recipe, `read_back` reads what a run has trained."""

import dataclasses
import functools
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from c3jax.inference import AlignmentModel, LandmarkModel, files
from c3jax.tools.errors import UsageError
from c3jax.tools.measure.evaluation import Kept, evaluate_landmarks, find_landmarks, once
from c3jax.training.checkpoints import CheckpointError, Checkpoints
from c3jax.training.state import TrainState, init_state
from data_pipelines.load import lacking
from experiments.engine import cli, locks, loop, processes, runs
from experiments.engine.networks import (
    Pretrained,
    Variables,
    differing_arrays,
    find_files,
    group_of,
    with_group,
    with_pretrained,
    without_group,
)
from experiments.engine.stages import Stage, check_options, stage_at
from experiments.show.page import Gallery
from experiments.show.report import conclude
from experiments.show.rows import add_row


@dataclass(frozen=True)
class Recipe:
    """What is trained on what, and how it is measured and shown.

    name: of the experiment; its runs lie in runs/NAME.
    presets: name of the data, or None -> configurations by name. A configuration has
      `check(num_devices)` and `variant(preset)`, what tells it from that preset in a folder's name.
    load_data: `data_pipelines.load.load`, or another function of the configuration of the data.
    build: configuration -> Model.
    stages: configuration, data, model -> the stages.
    evaluate: trained, data -> keys of results.json.
    pictures: trained runs by name, data -> Gallery.
    """

    name: str
    presets: Callable[[str | None], Mapping[str, Any]]
    load_data: Callable[..., Any]
    build: Callable[[Any], "Model"]
    stages: Callable[[Any, Any, "Model"], list[Stage]]
    evaluate: Callable[["Trained", Any], dict[str, Any]]
    pictures: Callable[[Mapping[str, "Trained"], Any], Gallery]


@dataclass(frozen=True)
class Model:
    """The networks of a configuration, and what a run must know of them.

    network: a module of Flax; `c3jax.models.families.to_config` says what it is made of.
    random: variables at step 0 by the seed, without weight files.
    pretrained: ImageNet weights.
    keeps_trunk: whether training leaves a pretrained trunk as its file has it.
    frozen: groups of parameters that learn in no stage.
    init_loss_stats: variables -> running statistics of the losses.
    start: variables at step 0 of the run that is being trained.
    may_begin_anew: groups that the run of `--init-from` may lack, or have and not need here; each
      with the group that it is a copy of then, or None.
    check_start: raises UsageError for a run that cannot be started from.
    landmarks, match: trained -> the model that finds landmarks, or matches; None: it does not.
    warn: trained, data -> what is wrong with its health.
    """

    network: nn.Module
    random: Callable[[], Variables]
    pretrained: tuple[Pretrained, ...] = ()
    keeps_trunk: bool = False
    frozen: tuple[str, ...] = ()
    init_loss_stats: Callable[[Variables], dict[str, Any]] = lambda variables: {}
    start: Variables | None = None
    may_begin_anew: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    check_start: Callable[["Trained"], None] = lambda trained: None
    landmarks: Callable[["Trained"], LandmarkModel] | None = None
    match: Callable[["Trained"], AlignmentModel] | None = None
    warn: Callable[["Trained", Any], list[str]] = lambda trained, data: []

    def first(self, *groups: str) -> Variables:
        """Variables at step 0, ImageNet weights (of these groups alone) read from their files.

        Raises UsageError where a file is missing, damaged or of another network.
        """
        wanted = [one for one in self.pretrained if not groups or one.group in groups]
        find_files(wanted)  # what is missing is said at once
        return with_pretrained(self.random(), wanted)


@final
@dataclass(frozen=True)
class Trained:
    """A trained run: its newest (or the named) state. `stage` is the one that it was saved in."""

    recipe: Recipe
    preset: str
    config: Any
    model: Model
    variables: Variables
    step: int
    stage: str

    @functools.cached_property
    def untrained(self) -> "Trained | None":
        """The same networks before any training: random by the seed, on the pretrained trunk.

        A trunk that training left alone is taken from the run. None where a file is not there.
        """
        trunks = [one.group for one in self.model.pretrained if one.group.endswith("trunk")]
        variables = self.model.random()
        if trunks and self.model.keeps_trunk:
            variables = with_group(variables, "trunk", group_of(self.variables, "trunk"))
        elif trunks:
            try:
                variables = self.model.first(*trunks)
            except UsageError as error:
                print(f"no numbers of the untrained network: {error}", file=sys.stderr)
                return None
        return dataclasses.replace(self, variables=variables)

    def find_landmarks(self, images: np.ndarray) -> np.ndarray:
        """Landmarks `[n, K, 2]` of uint8 images `[n, S, S, 3]` of the size of training."""
        assert self.model.landmarks is not None
        return find_landmarks(self.model.landmarks(self), images)

    def measure_landmarks(self, *annotated: Any, kept: Kept | None = None) -> dict[str, Any]:
        """The `landmarks` object: errors of this run beside those of its untrained networks.

        `annotated` is as `evaluate_landmarks` takes it; `kept` is what the untrained ones found.
        """
        before = self.untrained and once(
            self.untrained.find_landmarks, {} if kept is None else kept
        )
        return evaluate_landmarks(self.find_landmarks, before, *annotated)

    def differing(self) -> dict[str, tuple[Any, Any]] | None:
        """The fields that differ from the preset `paper`, where there is one."""
        paper = self.recipe.presets(self.config.data.name).get("paper")
        return paper and runs.differences(runs.to_json(self.config), runs.to_json(paper))

    def origin(self) -> dict[str, Any]:
        """Where results and an exported model come from."""
        return {
            "experiment": self.recipe.name,
            "preset": self.preset,
            "data": self.config.data.name,
            "seed": self.config.seed,
            "steps": self.step,
        }


def train(recipe: Recipe) -> None:
    """The command of an experiment."""
    smaller = "--STAGE.batch-size or --data.image-size"
    cli.guarded(lambda: run(recipe, *cli.parse_run(recipe.name, recipe.presets)), smaller=smaller)


def run(recipe: Recipe, preset: str, config: Any) -> None:
    """Trains (or goes on), evaluates, and writes the run's folder; a refused run leaves none."""
    check_options(config, jax.device_count())
    folder = config.runs / recipe.name / config.name
    runs.check_run(folder, config)
    print(f"run: {folder}", flush=True)
    started = time.monotonic()
    model = recipe.build(config)
    find_files(() if config.init_from else model.pretrained, besides=lacking(config.data))
    model = dataclasses.replace(model, start=first_variables(recipe, config, model))
    with processes.first_alone("load the data"):
        data = recipe.load_data(config.data)
    print(f"data: {data.description}, {config.data.image_size} px", flush=True)
    command = cli.command_line(recipe.name)
    with locks.locked(folder):
        runs.open_run(folder, recipe.name, preset, config, command, num_train=data.num_train)
        with locks.noting_failure(folder):
            trained, seconds = train_stages(recipe, preset, config, model, data, folder)
            if processes.is_first():
                report = conclude(trained, data, folder, seconds)
                print(f"whole command: {time.monotonic() - started:.0f} s; report: {report}")


def train_stages(
    recipe: Recipe, preset: str, config: Any, model: Model, data: Any, folder: Path
) -> tuple[Trained, float]:
    """Trains; what was trained, and the seconds. Raises UsageError where no stage has steps."""
    stages = recipe.stages(config, data, model)
    if not any(stage.steps for stage in stages):
        raise UsageError("there is nothing to train: no stage has steps")
    variables = jax.tree.map(jnp.copy, model.start)  # the step donates its state

    def trained_at(state: TrainState) -> Trained:
        step = int(state.step)
        stage = stage_at(stages, step)
        return Trained(recipe, preset, config, model, state.variables(), step, stage.name)

    def ended(stage: Stage, state: TrainState) -> None:
        if stage.measure is not None:
            add_row(folder, stage.measure(trained_at(state)))

    state, seconds = loop.train(
        stages,
        init_state(
            variables,
            optimizer=stages[0].optimizer,
            loss_stats=model.init_loss_stats(variables),
            frozen=model.frozen,
        ),
        folder=folder,
        seed=config.seed,
        log_every=config.log_every,
        checkpoint_every=config.checkpoint_every,
        keep=config.keep_checkpoints,
        check_every=config.check_every,
        check=lambda state: model.warn(trained_at(state), data),
        ended=ended,
    )
    return trained_at(state), seconds


def first_variables(recipe: Recipe, config: Any, model: Model) -> Variables:
    """Variables at step 0: random ones on pretrained weights, or those of `--init-from`.

    Raises:
      UsageError: weights are missing, or `--init-from` is of another model.
    """
    if config.init_from is None:
        return model.first()
    path = config.init_from.expanduser()
    if runs.is_exported(path):
        theirs = files.read(path)[1]
    else:
        trained = read_back(recipe, runs.find_run(path))
        model.check_start(trained)
        theirs = trained.variables
    ours = jax.eval_shape(model.random)
    groups = theirs["params"].keys() ^ ours["params"].keys()
    for group in sorted(groups & set(model.may_begin_anew)):
        if group in theirs["params"]:
            print(f"start: {path}, its {group} is left out", flush=True)
            theirs = without_group(theirs, group)
        elif origin := model.may_begin_anew[group]:
            theirs = with_group(theirs, group, group_of(theirs, origin))
        else:
            print(f"start: {path} has no {group}, it is made afresh", flush=True)
            theirs = with_group(theirs, group, group_of(model.first(group), group))
    if differing := differing_arrays(theirs, ours):
        raise UsageError(
            f"--init-from {config.init_from} is a run of another model: {differing}; give the "
            "options of the model (--model.*, --landmarks and its like) that it was trained with"
        )
    return theirs


def read_back(recipe: Recipe, found: runs.Run) -> Trained:
    """What a run of a recipe, or of one with the same configuration, trained; by its folder alone.

    Raises:
      UsageError: a run of another kind.
      CheckpointError: there is no checkpoint, or it is damaged.
    """
    described = found.described
    config_type = type(next(iter(recipe.presets(None).values())))
    try:
        config = runs.from_json(config_type, described["config"])
    except UsageError as error:
        if described["experiment"] == recipe.name:
            raise
        raise UsageError(
            f"{found.folder} is a run of {described['experiment']}, not of {recipe.name}"
        ) from error
    model = recipe.build(config)
    shapes = jax.eval_shape(model.random)
    with Checkpoints(found.folder / "checkpoints", read_only=True) as checkpoints:
        meta = checkpoints.meta(found.step)
        step = checkpoints.latest_step() if found.step is None else found.step
        variables = checkpoints.restore_variables(found.step)
    for group in set(model.may_begin_anew) - shapes["params"].keys():  # earlier versions kept it
        variables = without_group(variables, group)
    if differing := differing_arrays(variables, shapes):
        raise CheckpointError(f"{found.folder} is of another version's model: {differing}")
    # Before stages were stored, the runs with several kinds of them stored where the first ended.
    stage = meta.get("stage", "pretrain" if step <= meta.get("pretrain_steps", 0) else "")
    return Trained(recipe, described["preset"], config, model, variables, step, stage)
