"""What `auto` means: which data are in place, which preset fits this machine. Never silent."""

import dataclasses
from pathlib import Path

from experiments.common.data import DataConfig

CELEB_A = Path("data/celeb_a")


def choose_preset() -> tuple[str, str]:
    """`paper` with CelebA in place and an accelerator, else `laptop`; and why."""
    import jax

    accelerator = jax.default_backend() != "cpu"
    celeb_a = CELEB_A.is_dir()
    if accelerator and celeb_a:
        return "paper", f"CelebA in {CELEB_A} and an accelerator are present"
    missing = " and ".join(
        ["no accelerator"] * (not accelerator) + [f"no CelebA in {CELEB_A}"] * (not celeb_a)
    )
    return "laptop", f"{missing}; the paper's run is: make train EXP=c3_faces PRESET=paper"


def resolve_data(config: DataConfig) -> DataConfig:
    """`auto` replaced by the data set that is used; says which and why."""
    if config.name != "auto":
        return config
    print(
        "data: rendered_faces (the embedded default; --data.name folder|labelled|celeb_a for others)"
    )
    return dataclasses.replace(config, name="rendered_faces")
