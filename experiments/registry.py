"""The experiments by name, imported when they are asked for, and their runs read back.

An experiment is a folder with a `recipe.py` that has a `RECIPE`.
"""

import dataclasses
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from c3jax.inference import AlignmentModel, LandmarkModel
from c3jax.tools import models
from c3jax.tools.errors import UsageError
from experiments.engine import runs
from experiments.measure.calibration import calibration_of
from experiments.recipe import Model, Recipe, Trained, read_back

OF_PHOTOS = "c3_faces"  # what learns landmarks of any photos
_registered: dict[str, Recipe] = {}


def register(recipe: Recipe) -> None:
    """Adds an experiment that has no folder here."""
    _registered[recipe.name] = recipe


def names() -> list[str]:
    """Of all experiments."""
    return sorted(
        {p.parent.name for p in Path(__file__).parent.glob("*/recipe.py")} | {*_registered}
    )


def find_recipe(name: str) -> Recipe:
    """The recipe of an experiment.

    Raises:
      UsageError: there is none of that name.
    """
    if name in _registered:
        return _registered[name]
    if name not in names():
        raise UsageError(f"there is no experiment '{name}': {', '.join(names())}")
    return importlib.import_module(f"experiments.{name}.recipe").RECIPE


def load_trained(path: Path) -> Trained:
    """What the run of a run folder, or of one of its steps, has trained.

    Raises:
      UsageError: there is no run.
      CheckpointError: there is no checkpoint, or it is damaged.
    """
    found = runs.find_run(path)
    if "experiment" not in found.described:
        raise UsageError(
            f"{path} is an exported model or something else, not a run; give a run folder such as "
            "runs/EXPERIMENT/NAME"
        )
    return read_back(find_recipe(found.described["experiment"]), found)


def load_detector(path: Path) -> LandmarkModel:
    """What finds landmarks: of a run folder, of one of its steps, or of an exported model.

    Raises:
      UsageError: neither is there, it is damaged, or it finds no landmarks.
    """
    return _load(path, models.load_detector, lambda model: model.landmarks, "finds no landmarks")


def load_aligner(path: Path) -> AlignmentModel:
    """What matches pictures: of a run folder, of one of its steps, or of an exported model.

    Raises:
      UsageError: neither is there, it is damaged, or it matches no pictures.
    """
    return _load(path, models.load_aligner, lambda model: model.match, "matches no pictures")


def load_both(path: Path) -> tuple[LandmarkModel | None, AlignmentModel | None]:
    """What finds landmarks and what matches pictures, of a run, a step or an exported model.

    Either is None where the model does not do it.

    Raises:
      UsageError: there is no model, or it is damaged.
    """
    path = path.expanduser()
    if runs.is_exported(path):
        return models.load_both(path)
    trained = load_trained(path)
    landmarks, match = trained.model.landmarks, trained.model.match
    return landmarks and landmarks(trained), match and match(trained)


def _load(path: Path, read_export: Callable, of_run: Callable[[Model], Any], lacking: str) -> Any:
    path = path.expanduser()
    if runs.is_exported(path):
        return read_export(path)
    trained = load_trained(path)
    if (make := of_run(trained.model)) is None:
        raise UsageError(f"{path} is a run of {trained.recipe.name}, which {lacking}")
    calibration = calibration_of(runs.find_run(path).folder, trained.step)
    return dataclasses.replace(make(trained), calibration=calibration)
