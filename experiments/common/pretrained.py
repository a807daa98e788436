"""ImageNet weights for experiments: which files there are, and what to do about missing ones."""

from pathlib import Path
from typing import Any, NamedTuple

from c3jax import weights
from experiments.common.errors import UsageError


class Wanted(NamedTuple):
    """Weights of an architecture, from `path` if it is given with `option`."""

    architecture: str
    path: Path | None
    option: str


def find_files(wanted: dict[str, Wanted]) -> dict[str, Path]:
    """Files of the weights, by the same names.

    Raises:
      UsageError: names all that are missing, and what to put where.
    """
    try:
        found = {name: weights.find_weights(*of[:2]) for name, of in wanted.items()}
    except ValueError as error:
        raise UsageError(str(error)) from error
    files = {name: file for name, file in found.items() if file is not None}
    missing = [of for name, of in wanted.items() if name not in files]
    if missing:
        names = " and ".join(f"{of.architecture} ({of.option} FILE)" for of in missing)
        published = ", ".join(f"timm/{of.architecture}.tv_in1k" for of in missing)
        raise UsageError(
            f"no ImageNet weights of {names}: put NAME.safetensors or NAME.npz with torchvision's "
            "keys into ~/.cache/c3jax or the folder that C3JAX_WEIGHTS names; the files "
            f"model.safetensors of {published} on the Hugging Face hub fit, renamed"
        )
    return files


def with_group(variables: dict, group: str, loaded: dict[str, Any]) -> dict[str, Any]:
    """The variables with `loaded` in place of the group of that name, in each collection."""
    return variables | {
        name: {**variables.get(name, {}), group: tree} for name, tree in loaded.items()
    }
