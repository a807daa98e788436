"""Exported models by their folders, and published weights by their names, for commands."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from c3jax import inference, weights
from c3jax.inference import AlignmentModel, LandmarkModel, files
from c3jax.models import dinov2
from c3jax.tools.errors import UsageError


def load_detector(path: Path) -> LandmarkModel:
    """The exported model of a folder, to find landmarks.

    Raises:
      UsageError: there is none, it is damaged, or it finds no landmarks.
    """
    return _read(inference.load, path)


def load_aligner(path: Path) -> AlignmentModel:
    """As `load_detector`, to match pictures."""
    return _read(inference.load_aligner, path)


def load_both(path: Path) -> tuple[LandmarkModel | None, AlignmentModel | None]:
    """What finds landmarks and what matches pictures in an exported model, None if it does not."""
    described = _read(files.read, path)[2]
    return (
        load_detector(path) if files.finds_landmarks(described) else None,
        load_aligner(path) if files.matches_pictures(described) else None,
    )


def find_file(architecture: str, path: Path | None, option: str) -> Path:
    """The file of published weights, given or in its usual places; UsageError where it is not."""
    try:
        file = weights.find_weights(architecture, path)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if file is None:
        raise UsageError(
            f"no weights of {architecture} in ~/.cache/c3jax or the folder that C3JAX_WEIGHTS "
            f"names: put {architecture}.safetensors there, or give it with {option} FILE"
        )
    return file


def describe(architecture: str, file: Path, image_size: int | None = None) -> str:
    """Which weights are read, and at what size the network looks at pictures of another size."""
    told = f"{architecture} from {file}, sha256 {weights.file_digest(file)}"
    seen = dinov2.seen_side(image_size or 0)
    if architecture not in dinov2.VARIANTS or seen in (0, image_size):
        return told
    return f"{told}; pictures of {image_size} px are brought to {seen} px, a multiple of 14"


def _read(read: Callable[[Path], Any], path: Path) -> Any:
    path = path.expanduser()
    if (path / "checkpoints").is_dir():
        raise UsageError(
            f"{path} is a run: export it (python -m experiments.export {path}), and give its export"
        )
    try:
        return read(path)
    except ValueError as error:
        raise UsageError(str(error)) from error
