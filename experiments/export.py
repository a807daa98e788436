"""`python -m experiments.export RUN`: a trained run as a small model folder for detection."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from experiments.common import cli, runs
from experiments.common.errors import UsageError


@dataclass(frozen=True)
class Options:
    """Write what detection needs of a run: model.safetensors and config.json.

    Optimiser state and the network of the perceptual loss are left out. `c3jax.inference.load` and
    `python -m experiments.detect --checkpoint` read the folder.
    """

    run: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="RUN")]]
    """run folder, such as runs/c3_faces/NAME, or one of its steps, RUN/checkpoints/STEP"""
    out: Path | None = None
    """folder to write; by default `export` in the run folder"""
    dtype: Literal["float16", "float32"] = "float16"
    """of the numbers in the file"""


def main() -> None:
    """Exports, and compares the landmarks before and after."""
    options = tyro.cli(Options, prog="python -m experiments.export")
    from c3jax import inference

    found, trained = read_run(options.run)
    out = (options.out or found.folder / "export").expanduser()
    if (out / inference.CONFIG).exists() and not (out / inference.WEIGHTS).exists():
        raise UsageError(f"{out} holds another {inference.CONFIG} (a run?): give another --out")
    try:
        inference.save(out, trained.variables, model_config(found, trained), dtype=options.dtype)
    except ValueError as error:
        raise UsageError(f"{options.run} cannot be exported: {error}") from error
    exported = inference.load(out)
    size = sum((out / name).stat().st_size for name in (inference.WEIGHTS, inference.CONFIG))
    print(
        f"{out}: {exported.network.num_landmarks} landmarks at {exported.image_size} px, step "
        f"{trained.step:,}, {options.dtype}, {size / 1e6:.2f} MB\n"
        f"landmarks before and after differ by at most {parity(trained, exported):.4f} px"
    )


def read_run(path: Path):
    """A run folder (or one of its steps) of c3_faces and what was trained there.

    Returns:
      `(runs.Run, experiments.c3_faces.run.Trained)`.

    Raises:
      UsageError: no run, or one of another experiment.
      CheckpointError: no checkpoint, or a damaged one.
    """
    from experiments.c3_faces.run import load_trained
    from experiments.common.trained import find_trained

    found = find_trained(path, "c3_faces")
    return found, load_trained(found)


def model_config(found: runs.Run, trained) -> dict[str, Any]:
    """What `c3jax.inference.save` stores beside the variables."""
    from experiments.c3_faces import networks

    data = trained.config.data
    return {
        "model": networks.model_config(trained.config),
        "image_size": data.image_size,
        # CelebA always comes in the frame of the MAFL protocol.
        "crop": "squash_inner" if data.name == "celeb_a" else data.crop,
        "trained_on": {
            "experiment": found.described["experiment"],
            "preset": found.described["preset"],
            "data": data.name,
            "seed": trained.config.seed,
            "steps": trained.step,
        },
    }


def load_model(path: Path):
    """The `LandmarkModel` of a run folder, of one of its steps, or of an exported model.

    Raises:
      UsageError: neither is there, or it is damaged.
    """
    from c3jax import inference

    path = path.expanduser()
    try:
        if path.suffix == ".safetensors" or (path / inference.WEIGHTS).exists():
            return inference.load(path)
    except ValueError as error:
        raise UsageError(str(error)) from error
    found, trained = read_run(path)
    described = model_config(found, trained)
    described.pop("model")
    return inference.LandmarkModel(trained.networks.model, trained.variables, **described)


def parity(trained, exported) -> float:
    """Greatest difference of the landmarks of a run and of its export on random pictures, in px."""
    from experiments.c3_faces.run import make_detector

    images = random_pictures(16, exported.image_size)
    before = make_detector(trained.networks, batch_size=16)(trained.variables, images)
    return np.abs(exported.landmarks(images) - before).max() * (exported.image_size - 1) / 2


def random_pictures(count: int, size: int) -> np.ndarray:
    """Smooth colour pictures, uint8 `[count, size, size, 3]`."""
    from PIL import Image

    coarse = np.random.default_rng(0).integers(0, 256, (count, 6, 6, 3), np.uint8)
    smooth = (Image.fromarray(c).resize((size, size), Image.Resampling.BICUBIC) for c in coarse)
    return np.stack([np.asarray(picture) for picture in smooth])


if __name__ == "__main__":
    cli.guarded(main)
