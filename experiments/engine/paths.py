"""What `auto` means: which data are in place, which preset fits this machine. Never silent."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

from c3jax import weights
from data_pipelines.lsun import DATABASE
from experiments.common import celeb_a
from experiments.common.data import DataConfig


def choose_preset(experiment: Any) -> tuple[str, str]:
    """The preset of an experiment (`name`, `presets`) that fits what is in place, and why.

    `paper` with its data and an accelerator; else `laptop_resnet18` where weights are found, else
    `laptop`.
    """
    paper = experiment.presets["paper"].data
    without = [*_no_accelerator(), *_not_in_place(paper)]
    if not without:
        return "paper", f"{_place(paper)} and an accelerator are present"
    found = weights.find_weights("resnet18")
    preset = "laptop_resnet18" if found else "laptop"
    trunk = f"ResNet-18 weights in {found}" if found else "no ResNet-18 weights"
    command = f"make train EXP={experiment.name} PRESET=paper"
    return preset, f"{', '.join([*without, trunk])}; the paper's run is: {command}"


def resolve_data(config: DataConfig) -> DataConfig:
    """`auto` replaced by the data set that is used; says which and why."""
    if config.name != "auto":
        return config
    without = [*_no_accelerator(), *_not_in_place(config)]
    name: Literal["rendered_faces", "celeb_a"] = "rendered_faces" if without else "celeb_a"
    why = " and ".join(without) or "CelebA is in place and an accelerator is present"
    print(f"data: {name} ({why}; --data.name folder|labelled|celeb_a|rendered_faces for others)")
    return dataclasses.replace(config, name=name)


def _no_accelerator() -> list[str]:
    import jax

    return ["no accelerator"] if jax.default_backend() == "cpu" else []


def _place(config: DataConfig) -> str:
    """Data set and folder: LSUN, else CelebA."""
    if config.name == "lsun":
        return f"LSUN in {config.path}"
    return f"CelebA in {celeb_a.folder_of(config)}"


def _not_in_place(config: DataConfig) -> list[str]:
    """Nothing if LSUN, else CelebA, is in place, else a phrase that says what is missing."""
    if config.name == "lsun":
        database = Path(config.path or ".") / DATABASE
        return [] if database.is_file() else [f"no {_place(config)}"]
    missing = celeb_a.missing_files(config)
    if not missing:
        return []
    if not celeb_a.folder_of(config).is_dir():
        return [f"no {_place(config)}"]
    return [f"{_place(config)} is incomplete (no {', '.join(f.name for f in missing)})"]
