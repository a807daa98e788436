"""ImageNet weights for experiments: which files there are, and what to do about missing ones."""

from pathlib import Path
from typing import Any, NamedTuple, Protocol

from c3jax import weights
from experiments.engine import hub
from experiments.engine.errors import UsageError


class Wanted(NamedTuple):
    """Weights of an architecture, from `path` if it is given with `option`."""

    architecture: str
    path: Path | None
    option: str


class TrunkConfig(Protocol):
    """The fields of a model's configuration that describe its trunk; `small` is one's own."""

    @property
    def trunk(self) -> str: ...

    @property
    def weights(self) -> Path | None: ...

    @property
    def stages(self) -> tuple[str, ...]: ...


def find_files(wanted: dict[str, Wanted]) -> dict[str, Path]:
    """Files of the weights, by the same names: given, in the usual folders, or from the hub.

    What is fetched from the hub goes to the first of the usual folders, and a line says so.

    Raises:
      UsageError: names all that are missing, and what to put where.
    """
    try:
        found = {name: weights.find_weights(*of[:2]) for name, of in wanted.items()}
    except ValueError as error:
        raise UsageError(str(error)) from error
    files = {name: file for name, file in found.items() if file is not None}
    failed: dict[Wanted, str] = {}
    for name, of in wanted.items():
        if name not in files:
            try:
                files[name] = hub.fetch(of.architecture, weights.weights_folders()[0])
            except hub.HubError as error:
                failed[of] = str(error)
    if failed:
        raise UsageError(_describe(failed))
    return files


def _describe(failed: dict[Wanted, str]) -> str:
    names = " and ".join(f"{of.architecture} ({of.option} FILE)" for of in failed)
    puts = " and ".join(
        f"{hub.address(of.architecture)} as {of.architecture}.safetensors" for of in failed
    )
    return (
        f"no ImageNet weights of {names} in ~/.cache/c3jax or the folder that C3JAX_WEIGHTS "
        f"names, and none fetched: {'; '.join(dict.fromkeys(failed.values()))}. Put {puts} there, "
        "or give any .safetensors, .npz or .pth with torchvision's keys"
    )


def with_group(variables: dict, group: str, loaded: dict[str, Any]) -> dict[str, Any]:
    """The variables with `loaded` in place of the group of that name, in each collection."""
    return variables | {
        name: {**variables.get(name, {}), group: tree} for name, tree in loaded.items()
    }


def find_trunk(model: TrunkConfig) -> dict[str, Path]:
    """The file of the trunk's ImageNet weights, by group; none for a trunk of one's own.

    Raises:
      UsageError: it is missing; what to put where.
    """
    if model.trunk == "small":
        return {}
    return find_files({"trunk": Wanted(model.trunk, model.weights, "--model.weights")})


def with_pretrained_trunk(variables: dict, model: TrunkConfig) -> dict:
    """The variables with ImageNet weights in the trunk; a trunk of one's own stays as it is.

    Raises:
      UsageError: the weights file is missing, damaged or of another network.
    """
    for group, file in find_trunk(model).items():
        print(f"weights: {model.trunk} from {file}", flush=True)
        try:
            loaded = weights.load_resnet(file, model.trunk, stages=model.stages)
        except ValueError as error:
            raise UsageError(str(error)) from error
        variables = with_group(variables, group, loaded)
    return variables
