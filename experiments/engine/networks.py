"""Networks by options: their fields, their variables by groups, and published weights."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple

import flax.linen as nn
import jax

from c3jax import packages, weights
from c3jax.models import dinov2
from c3jax.models.efficientnet import VARIANTS, EfficientNetLite
from c3jax.models.resnet import ResNet
from c3jax.tools.errors import UsageError
from c3jax.tools.models import describe
from experiments.engine import hub

Variables = dict[str, Any]
Trunk = Literal["small", "lite0", "lite2", "resnet18", "resnet50", "resnet101", "dinov2_s14"]


@dataclass(frozen=True)
class TrunkConfig:
    """The options of a trunk."""

    trunk: Trunk = "resnet50"
    """backbone (N of C3, W_F of JLAD); `lite0`, `lite2`: of a package, `small`: from scratch,
    `dinov2_s14`: DINOv2 ViT-S/14, always frozen"""
    weights: Path | None = None
    """published weights of the trunk (.safetensors, .npz, .pth); else cached ones, the package's or
    (not DINOv2's and ResNet-101's) the hub's"""
    output_stride: int = 8
    """greatest stride of a ResNet; deeper stages dilate instead"""

    @property
    def pretrained(self) -> bool:
        """Whether the trunk begins with published weights."""
        return self.trunk != "small"

    @property
    def always_frozen(self) -> bool:
        """Whether no stage can train the trunk."""
        return self.trunk in dinov2.VARIANTS


@dataclass(frozen=True)
class FlowConfig:
    """The options of a flow module, of which the baseline NC-Net has `flow_channels` alone."""

    flow_channels: tuple[int, ...] = (16, 16, 1)
    """output channels of the 4D layers"""
    flow_linear: bool = False
    """no ReLU in the flow module; with channels (1,) one layer of Eq. 3"""
    flow_mutual: bool = True
    """mutual matching before and after the flow module; Eq. 3 has none"""
    flow_symmetric: bool = True
    """the flow module sees the images in both orders; Eq. 3 in one"""


class Pretrained(NamedTuple):
    """Published weights of a group of parameters.

    group: the name of the group.
    architecture: whose weights they are.
    path: the file, if it is given with `option`.
    load: from the file to the variables of the group; raises ValueError for another network's.
    image_size: side of the pictures in pixels, where it is to be said how the network sees them.
    """

    group: str
    architecture: str
    path: Path | None
    option: str
    load: Callable[[Path], Variables]
    image_size: int | None = None


def shared_fields(module: type[nn.Module], options: Any, *, prefix: str = "") -> dict[str, Any]:
    """The fields of a module that are options too, as the options have them, networks left out.

    With a prefix the option PREFIXname is the field `name`, unless there is an option `name`.
    """
    names = {field.name for field in fields(module)} - {"name", "parent", "trunk", "flow"}
    options_of = {name: name if hasattr(options, name) else prefix + name for name in names}
    return {
        name: getattr(options, option)
        for name, option in options_of.items()
        if hasattr(options, option)
    }


def make_trunk(
    options: TrunkConfig,
    stages: tuple[str, ...],
    *,
    trainable: bool,
    axis_name: str | None = None,
) -> dinov2.DINOv2 | EfficientNetLite | ResNet:
    """The trunk of the options: one of one's own, `small`, has batch statistics, others none.

    Raises:
      UsageError: the trunk has no such stage.
    """
    try:
        if options.always_frozen:
            return dinov2.DINOv2(options.trunk, stages)
        if options.trunk in VARIANTS:
            return EfficientNetLite(options.trunk, stages, trainable)
        return ResNet(
            options.trunk,
            options.output_stride,
            stages,
            normalization="frozen" if options.pretrained else "batch",
            trainable=trainable,
            widths=None if options.pretrained else getattr(options, "trunk_widths", None),
            axis_name=axis_name,
        )
    except ValueError as error:
        raise UsageError(f"--model.trunk {options.trunk}: {error}") from error


def trunk_weights(
    options: TrunkConfig,
    stages: tuple[str, ...],
    *,
    image_size: int | None = None,
    group: str = "trunk",
) -> tuple[Pretrained, ...]:
    """The weights of a pretrained trunk up to these stages; none for a trunk of one's own."""
    if not options.pretrained:
        return ()
    load = functools.partial(weights.load_trunk, architecture=options.trunk, stages=stages)
    wanted = (group, options.trunk, options.weights, "--model.weights", load, image_size)
    return (Pretrained(*wanted),)


def find_files(wanted: Iterable[Pretrained], *, besides: Iterable[str] = ()) -> list[Path]:
    """Files of the weights: given, in the usual folders, in a package, or from the hub.

    What is fetched from the hub goes to the first of the usual folders, and a line says so; nothing
    is fetched where something else is missing.

    Args:
      wanted: the weights.
      besides: what is missing besides them, for the error.

    Raises:
      UsageError: names all that are missing, and what to put where.
    """
    wanted, told = tuple(wanted), list(besides)
    files: dict[Pretrained, Path | None] = {}
    for one in wanted:
        try:
            files[one] = _look_for(one)
        except UsageError as error:
            told.append(str(error))
    failed = {}
    for one in [one for one, file in files.items() if file is None]:
        try:
            if told:
                raise hub.HubError("that is done once all else is in place")
            files[one] = hub.fetch(one.architecture, weights.weights_folders()[0])
        except hub.HubError as error:
            failed[one.architecture, one.option] = str(error)
    if failed:
        told.append(_describe(failed))
    if told:
        raise UsageError("\nerror: ".join(dict.fromkeys(told)))
    return [file for one in wanted if (file := files[one])]


def _look_for(one: Pretrained) -> Path | None:
    """The file of some weights, or None where the hub has it; raises UsageError for neither."""
    try:
        file = weights.find_weights(one.architecture, one.path)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if file is not None:
        return file
    if package := packages.PACKAGES.get(one.architecture):
        raise UsageError(
            f"no weights of {one.architecture}: the package {package.distribution} is not "
            f"installed; run {package.command}"
        )
    if origin := hub.BY_HAND.get(one.architecture):
        raise UsageError(
            f"no weights of {one.architecture} in ~/.cache/c3jax or the folder that "
            f"C3JAX_WEIGHTS names, and they are never fetched: get {origin}, and put it there "
            f"as {one.architecture}.safetensors or give it with {one.option} FILE"
        )
    if not weights.weights_folders():
        raise UsageError(
            f"no weights of {one.architecture}, and no home to fetch them to: set "
            f"C3JAX_WEIGHTS to a folder, or give {one.option} FILE"
        )
    return None


def find_file(architecture: str, path: Path | None, option: str) -> Path:
    """The file of one architecture's weights, as `find_files` finds it."""
    (file,) = find_files([Pretrained("", architecture, path, option, lambda file: {})])
    return file


def with_pretrained(variables: Variables, wanted: Iterable[Pretrained]) -> Variables:
    """The variables with published weights in the groups that have some.

    Raises:
      UsageError: a weights file is missing, damaged or of another network.
    """
    wanted = tuple(wanted)
    files = find_files(wanted)
    for named in dict.fromkeys(
        (one.architecture, file, one.image_size) for one, file in zip(wanted, files, strict=True)
    ):
        print(f"weights: {describe(*named)}", flush=True)
    for one, file in zip(wanted, files, strict=True):
        try:
            variables = with_group(variables, one.group, one.load(file))
        except ValueError as error:
            raise UsageError(str(error)) from error
    return variables


def with_group(variables: Variables, group: str, loaded: Variables) -> Variables:
    """The variables with `loaded` in place of the group of that name, in each collection."""
    return variables | {
        name: {**variables.get(name, {}), group: tree} for name, tree in loaded.items()
    }


def without_group(variables: Variables, group: str) -> Variables:
    """The variables without the group of that name, in each collection."""
    return {
        name: {own: leaves for own, leaves in tree.items() if own != group}
        for name, tree in variables.items()
    }


def group_of(variables: Variables, group: str) -> Variables:
    """The variables of the group of that name, in each collection that has it."""
    return {name: tree[group] for name, tree in variables.items() if group in tree}


def differing_arrays(theirs: Variables, ours: Variables) -> str:
    """How many arrays are missing, too many or of another shape, and the first; '' for none."""
    there, here = (
        {
            jax.tree_util.keystr(path): leaf.shape
            for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
        }
        for tree in (theirs, ours)
    )
    differing = sorted(k for k in here.keys() | there.keys() if here.get(k) != there.get(k))
    if not differing:
        return ""
    first = differing[0]
    return (
        f"{len(differing)} arrays differ, first {first}: {there.get(first, 'nothing')} there, "
        f"{here.get(first, 'nothing')} here"
    )


def _describe(failed: dict[tuple[str, str], str]) -> str:
    names = " and ".join(f"{architecture} ({option} FILE)" for architecture, option in failed)
    puts = " and ".join(
        f"{hub.address(architecture)} as {architecture}.safetensors" for architecture, _ in failed
    )
    return (
        f"no ImageNet weights of {names} in ~/.cache/c3jax or the folder that C3JAX_WEIGHTS "
        f"names, and none fetched: {'; '.join(dict.fromkeys(failed.values()))}. Put {puts} there, "
        "or give any .safetensors, .npz or .pth with torchvision's keys"
    )
