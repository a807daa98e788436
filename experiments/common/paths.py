"""What `auto` means: which data are in place, which preset fits this machine. Never silent."""

import dataclasses
from typing import Literal

from c3jax import weights
from experiments.common import celeb_a
from experiments.common.data import DataConfig


def choose_preset() -> tuple[str, str]:
    """The preset that fits what is in place, and why.

    `paper` with CelebA and an accelerator; else `laptop_resnet18` where weights are found, else
    `laptop`.
    """
    without = [*_no_accelerator(), *_no_celeb_a(DataConfig())]
    if not without:
        folder = celeb_a.folder_of(DataConfig())
        return "paper", f"CelebA in {folder} and an accelerator are present"
    found = weights.find_weights("resnet18")
    preset = "laptop_resnet18" if found else "laptop"
    trunk = f"ResNet-18 weights in {found}" if found else "no ResNet-18 weights"
    return preset, (
        f"{', '.join([*without, trunk])}; the paper's run is: make train EXP=c3_faces PRESET=paper"
    )


def resolve_data(config: DataConfig) -> DataConfig:
    """`auto` replaced by the data set that is used; says which and why."""
    if config.name != "auto":
        return config
    without = [*_no_accelerator(), *_no_celeb_a(config)]
    name: Literal["rendered_faces", "celeb_a"] = "rendered_faces" if without else "celeb_a"
    why = " and ".join(without) or "CelebA is in place and an accelerator is present"
    print(f"data: {name} ({why}; --data.name folder|labelled|celeb_a|rendered_faces for others)")
    return dataclasses.replace(config, name=name)


def _no_accelerator() -> list[str]:
    import jax

    return ["no accelerator"] if jax.default_backend() == "cpu" else []


def _no_celeb_a(config: DataConfig) -> list[str]:
    """Nothing if CelebA is in place, else a phrase that says what is missing."""
    folder, missing = celeb_a.folder_of(config), celeb_a.missing_files(config)
    if not missing:
        return []
    if not folder.is_dir():
        return [f"no CelebA in {folder}"]
    return [f"CelebA in {folder} is incomplete (no {', '.join(f.name for f in missing)})"]
