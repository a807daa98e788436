"""`python -m experiments.export RUN`: a trained run as a small model folder."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from c3jax.tools.errors import UsageError
from experiments.engine import cli


@dataclass(frozen=True)
class Options:
    """Write what detection or alignment needs of a run: model.safetensors and config.json.

    Beside them README.md, unless there is one: data, measurements, licence, limits.
    Optimiser state and the network of the perceptual loss are left out. `c3jax.inference.load` and
    `python -m experiments.detect --checkpoint` read what finds landmarks,
    `c3jax.inference.load_aligner` and `python -m experiments.align --checkpoint` what matches.
    """

    run: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="RUN")]]
    """run folder, such as runs/EXPERIMENT/NAME, or one of its steps, RUN/checkpoints/STEP"""
    out: Path | None = None
    """folder to write; by default `export` in the run folder"""
    dtype: Literal["float16", "float32"] = "float16"
    """of the numbers in the file"""
    format: Literal["safetensors", "stablehlo"] = "safetensors"
    """stablehlo: beside them landmarks.stablehlo and matches.stablehlo, programs that JAX runs
    without c3jax, one picture or pair at a time"""


def main() -> None:
    """Exports, and compares what is found before and after."""
    options = tyro.cli(Options, prog="python -m experiments.export")
    from c3jax import inference
    from experiments.engine import runs
    from experiments.measure.calibration import calibration_of
    from experiments.registry import load_trained
    from experiments.show.model_card import write_card

    trained = load_trained(options.run)
    found = runs.find_run(options.run)
    out = (options.out or found.folder / "export").expanduser()
    detector = trained.model.landmarks and trained.model.landmarks(trained)
    aligner = trained.model.match and trained.model.match(trained)
    calibration = calibration_of(found.folder, trained.step)
    write(out, trained, detector, aligner, options, calibration)
    what, parity = [], []
    if detector:
        exported = inference.load(out)
        what.append(f"{exported.network.num_landmarks} landmarks")
        parity.append(landmarks_moved(detector, exported))
    if aligner:
        what.append("matches")
        parity.append(matches_moved(aligner, inference.load_aligner(out)))
    if options.format == "stablehlo":
        write_programs(out, detector, aligner, options.dtype)
    card = write_card(found, out)
    size = sum((out / name).stat().st_size for name in (inference.WEIGHTS, inference.CONFIG))
    print(
        f"{out}: {' and '.join(what)} at {trained.config.data.image_size} px, step "
        f"{trained.step:,}, {options.dtype}, {size / 1e6:.2f} MB"
    )
    print(*parity, card, sep="\n")


def write(out: Path, trained, detector, aligner, options: Options, calibration) -> None:
    """Writes a model folder.

    Raises:
      UsageError: the folder is that of a run, or the run cannot be exported.
    """
    from c3jax import inference
    from c3jax.models.families import to_config

    if out.is_file():
        raise UsageError(f"--out {out} is a file; give a folder")
    if (out / inference.CONFIG).exists() and not (out / inference.WEIGHTS).exists():
        raise UsageError(f"{out} holds another {inference.CONFIG} (a run?): give another --out")
    model = detector or aligner
    trunks = [each.variables["params"].get("trunk") for each in (detector, aligner) if each]
    if trunks[0] is not trunks[-1]:
        raise UsageError(
            f"{options.run}: its landmarks have a trunk of their own (--separate), and an exported "
            "model has one; give the run itself to detect or align"
        )
    described: dict[str, Any] = {
        "model": to_config(model.network),
        "image_size": model.image_size,
        "trained_on": trained.origin(),
    }
    if detector:
        described["crop"] = detector.crop
    if aligner:
        described["resize"] = aligner.resize
    if aligner and not detector:  # a joint model reads its matches from a field
        described["reading"] = asdict(aligner.reading)
    try:
        inference.save(
            out, model.variables, described, dtype=options.dtype, calibration=calibration
        )
    except ValueError as error:
        raise UsageError(f"{options.run} cannot be exported: {error}") from error


def write_programs(out: Path, detector, aligner, dtype: str) -> None:
    """Writes what finds landmarks and what matches as StableHLO programs, and says so."""
    from c3jax.inference import stablehlo

    for name, model in ((stablehlo.LANDMARKS, detector), (stablehlo.MATCHES, aligner)):
        if model:
            stablehlo.save_program(out / name, model, dtype=dtype)
            size = (out / name).stat().st_size
            print(f"{out / name}: jax.export.deserialize, {size / 1e6:.2f} MB")


def landmarks_moved(before, exported) -> str:
    """How far landmarks of random pictures are apart before and after the export."""
    images = random_pictures(16, exported.image_size)
    apart = np.abs(exported.landmarks(images) - before.landmarks(images)).max()
    pixels = apart * (exported.image_size - 1) / 2
    return f"landmarks before and after differ by at most {pixels:.4f} px"


def matches_moved(before, exported) -> str:
    """How far matches of random pictures are apart before and after the export."""
    pictures = random_pictures(2, exported.image_size)
    maps = [model.align(*pictures).to_target for model in (before, exported)]
    apart = np.abs(maps[0] - maps[1]).max(-1) * (exported.image_size - 1) / 2
    return f"matches before and after differ by {np.median(apart):.4f} px in the median cell"


def random_pictures(count: int, size: int) -> np.ndarray:
    """Smooth colour pictures, uint8 `[count, size, size, 3]`."""
    from PIL import Image

    coarse = np.random.default_rng(0).integers(0, 256, (count, 6, 6, 3), np.uint8)
    smooth = (Image.fromarray(c).resize((size, size), Image.Resampling.BICUBIC) for c in coarse)
    return np.stack([np.asarray(picture) for picture in smooth])


if __name__ == "__main__":
    cli.guarded(main)
