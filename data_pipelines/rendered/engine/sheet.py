"""Contact sheets of rendered pictures."""

import functools
from pathlib import Path
from typing import Literal

import numpy as np

from data_pipelines.rendered.engine.arrays import Scene


def main(scene: Scene):
    """The command that writes a contact sheet of a scene."""
    import tyro

    about = f"Writes a contact sheet of rendered {scene.noun}."
    command = functools.partial(write_sheet, scene)
    tyro.cli(command, prog=f"python -m {scene.package}", description=about)


def write_sheet(
    scene: Scene,
    out: Path,
    split: Literal["train", "validation", "test"] = "train",
    rows: int = 6,
    columns: int = 10,
    size: int = 128,
    seed: int = 0,
    start: int = 0,
):
    """Writes one picture of rows x columns pictures of `size` pixels, the first is `start`."""
    from PIL import Image

    indices = range(start, start + rows * columns)
    pictures = [scene.render(split, i, size=size, seed=seed)["image"] for i in indices]
    grid = np.stack(pictures).reshape(rows, columns, size, size, 3).transpose(0, 2, 1, 3, 4)
    Image.fromarray(grid.reshape(rows * size, columns * size, 3)).save(out)
    print(f"{out}: {rows} x {columns} {split} {scene.noun} of {size} px")
