"""`python -m experiments.export RUN`: a trained run as a small model folder."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from experiments.common.celeb_a import crop_of
from experiments.engine import cli, runs
from experiments.engine.errors import UsageError
from experiments.engine.trained import C3_RUNS, find_trained, is_exported


@dataclass(frozen=True)
class Options:
    """Write what detection or alignment needs of a run: model.safetensors and config.json.

    Beside them MODEL_CARD.md, unless there is one: data, measurements, licence, limits.
    Optimiser state and the network of the perceptual loss are left out. `c3jax.inference.load` and
    `python -m experiments.detect --checkpoint` read the folder of a run of c3_faces or its like
    (c3_cars, c3_bedrooms, imm_faces), `c3jax.inference.load_aligner` and
    `python -m experiments.align --checkpoint` that of one of semantic_alignment, and all of them
    that of one of jlad.
    """

    run: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="RUN")]]
    """run folder, such as runs/c3_faces/NAME, or one of its steps, RUN/checkpoints/STEP"""
    out: Path | None = None
    """folder to write; by default `export` in the run folder"""
    dtype: Literal["float16", "float32"] = "float16"
    """of the numbers in the file"""


def main() -> None:
    """Exports, and compares what is found before and after."""
    options = tyro.cli(Options, prog="python -m experiments.export")
    from c3jax import inference
    from experiments.show.model_card import write_card

    exporters = {
        **dict.fromkeys(C3_RUNS, export_landmarks),
        "semantic_alignment": export_aligner,
        "jlad": export_joint,
    }
    found = find_trained(options.run, *exporters)
    out = (options.out or found.folder / "export").expanduser()
    what, difference = exporters[found.described["experiment"]](found, out, options)
    card = write_card(found, out)
    size = sum((out / name).stat().st_size for name in (inference.WEIGHTS, inference.CONFIG))
    print(f"{out}: {what}, {options.dtype}, {size / 1e6:.2f} MB\n{difference}\n{card}")


def export_landmarks(found: runs.Run, out: Path, options: Options) -> tuple[str, str]:
    """Writes the model of a run of c3_faces or its like; what it is, what the export changes."""
    from c3jax import inference
    from experiments.c3_faces.run import load_trained

    trained = load_trained(found)
    write(out, trained.variables, model_config(found, trained), options)
    exported = inference.load(out)
    return (
        f"{exported.network.num_landmarks} landmarks at {exported.image_size} px, step "
        f"{trained.step:,}",
        f"landmarks before and after differ by at most {parity(trained, exported):.4f} px",
    )


def export_aligner(found: runs.Run, out: Path, options: Options) -> tuple[str, str]:
    """Writes the model of a run of semantic_alignment; what it is, and what the export changes."""
    from c3jax import inference
    from experiments.semantic_alignment.trained import load_trained, make_model

    trained = load_trained(found)
    write(out, trained.variables, aligner_config(found, trained), options)
    before = make_model(trained.config, trained.network, trained.variables)
    exported = inference.load_aligner(out)
    return f"matches at {exported.image_size} px, step {trained.step:,}", moved(before, exported)


def export_joint(found: runs.Run, out: Path, options: Options) -> tuple[str, str]:
    """Writes the model of a run of jlad; what it is, and what the export changes.

    Raises:
      UsageError: its networks do not share a trunk.
    """
    from c3jax import inference
    from experiments.jlad.trained import load_trained, make_aligner, model_config

    trained = load_trained(found)
    if trained.config.separate:
        raise UsageError(
            f"{options.run} was trained with --separate: its landmarks have a trunk of their own, "
            "and an exported model has one; give the run itself to detect or align"
        )
    described = model_config(trained.config) | {"trained_on": trained_on(found, trained)}
    write(out, trained.variables, described, options)
    before = make_aligner(trained)
    exported = inference.load_aligner(out)
    return (
        f"{trained.config.landmarks} landmarks and matches at {exported.image_size} px, step "
        f"{trained.step:,}",
        moved(before, exported),
    )


def moved(before, exported) -> str:
    """How far matches of random pictures are apart before and after the export."""
    pictures = random_pictures(2, exported.image_size)
    maps = [model.align(*pictures).to_target for model in (before, exported)]
    apart = np.abs(maps[0] - maps[1]).max(-1) * (exported.image_size - 1) / 2
    return f"matches before and after differ by {np.median(apart):.4f} px in the median cell"


def write(out: Path, variables: dict, config: dict[str, Any], options: Options) -> None:
    """Writes a model folder.

    Raises:
      UsageError: the folder is that of a run, or the run cannot be written so.
    """
    from c3jax import inference

    if (out / inference.CONFIG).exists() and not (out / inference.WEIGHTS).exists():
        raise UsageError(f"{out} holds another {inference.CONFIG} (a run?): give another --out")
    try:
        inference.save(out, variables, config, dtype=options.dtype)
    except ValueError as error:
        raise UsageError(f"{options.run} cannot be exported: {error}") from error


def read_run(path: Path):
    """A run folder (or one of its steps) of c3_faces or its like, and what was trained there.

    Returns:
      `(runs.Run, experiments.c3_faces.run.Trained)`.

    Raises:
      UsageError: no run, or one of another experiment.
      CheckpointError: no checkpoint, or a damaged one.
    """
    from experiments.c3_faces.run import load_trained

    found = find_trained(path, *C3_RUNS)
    return found, load_trained(found)


def model_config(found: runs.Run, trained) -> dict[str, Any]:
    """What `c3jax.inference.save` stores beside the variables."""
    from experiments.c3_faces import networks

    data = trained.config.data
    return {
        "model": networks.model_config(trained.config),
        "image_size": data.image_size,
        "crop": crop_of(data),
        "trained_on": trained_on(found, trained),
    }


def aligner_config(found: runs.Run, trained) -> dict[str, Any]:
    """What `c3jax.inference.save` stores of an aligner beside the variables."""
    from experiments.semantic_alignment import networks

    config = trained.config
    return {
        "model": networks.model_config(config),
        "image_size": config.data.image_size,
        "resize": config.data.resize,
        "reading": asdict(config.reading),
        "trained_on": trained_on(found, trained),
    }


def trained_on(found: runs.Run, trained) -> dict[str, Any]:
    """Where a model comes from."""
    return {
        "experiment": found.described["experiment"],
        "preset": found.described["preset"],
        "data": trained.config.data.name,
        "seed": trained.config.seed,
        "steps": trained.step,
    }


def load_model(path: Path):
    """The `LandmarkModel` of a run folder, of one of its steps, or of an exported model.

    Raises:
      UsageError: neither is there, or it is damaged.
    """
    from c3jax import inference

    path = path.expanduser()
    if is_exported(path):
        return or_refuse(inference.load, path)
    found = find_trained(path, *C3_RUNS, "jlad")
    if found.described["experiment"] == "jlad":
        from experiments.jlad import trained as joint

        return joint.make_detector(joint.load_trained(found))
    found, trained = read_run(path)
    described = model_config(found, trained)
    described.pop("model")
    return inference.LandmarkModel(trained.networks.model, trained.variables, **described)


def load_aligner(path: Path):
    """The `AlignmentModel` of a run folder, of one of its steps, or of an exported model.

    Raises:
      UsageError: neither is there, or it is damaged.
    """
    from c3jax import inference
    from experiments.semantic_alignment.trained import load_trained, make_model

    path = path.expanduser()
    if is_exported(path):
        return or_refuse(inference.load_aligner, path)
    found = find_trained(path, "semantic_alignment", "jlad")
    if found.described["experiment"] == "jlad":
        from experiments.jlad import trained as joint

        return joint.make_aligner(joint.load_trained(found))
    trained = load_trained(found)
    return make_model(trained.config, trained.network, trained.variables)


def or_refuse(load, path: Path):
    """`load(path)`, what it refuses as a UsageError."""
    try:
        return load(path)
    except ValueError as error:
        raise UsageError(str(error)) from error


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
