"""From a JSON-like dict to a network and back: how exported models and runs say what they are."""

import dataclasses
from collections.abc import Callable
from typing import Any

import flax.linen as nn

from c3jax._checks import check_choice
from c3jax.models import dinov2, efficientnet
from c3jax.models.aligner import Aligner, LandmarkAligner
from c3jax.models.c3 import C3, LandmarkNetworks
from c3jax.models.dinov2 import DINOv2
from c3jax.models.efficientnet import EfficientNetLite
from c3jax.models.flow import FlowModule
from c3jax.models.imm import IMM
from c3jax.models.jlad import JLAD
from c3jax.models.ncnet import NCNet
from c3jax.models.resnet import ResNet


def _make_trunk(**fields: Any) -> nn.Module:
    """The network that has an architecture of that name."""
    architecture = fields.get("architecture")
    if architecture in dinov2.VARIANTS:
        return DINOv2(**fields)
    return (EfficientNetLite if architecture in efficientnet.VARIANTS else ResNet)(**fields)


# Each family: its network, and what makes the fields that are networks themselves.
Makers = dict[str, Callable[..., nn.Module]]
_ALIGNER: Makers = {"trunk": _make_trunk, "landmarks": LandmarkNetworks}
FAMILIES: dict[str, tuple[type[nn.Module], Makers]] = {
    "c3": (C3, {"trunk": _make_trunk}),
    "imm": (IMM, {}),
    "aligner": (Aligner, {**_ALIGNER, "flow": FlowModule}),
    "nc_net": (Aligner, {**_ALIGNER, "flow": NCNet}),
    "jlad": (JLAD, {"trunk": _make_trunk}),
}


def from_config(config: dict[str, Any]) -> nn.Module:
    """The network of a JSON-like dict.

    `family` is 'c3' (also when missing), 'imm', 'aligner', 'nc_net' or 'jlad'; the rest are the
    fields of that network, `trunk` those of its `ResNet`, `EfficientNetLite` or `DINOv2` and `flow`
    those of the `FlowModule` of an aligner or the `NCNet` of 'nc_net'. Aligners of both kinds may
    have `landmarks`, the fields of `LandmarkNetworks`.

    Raises:
      ValueError: an unknown family or field.
    """
    fields = _with_tuples(config)
    family = fields.pop("family", "c3")
    check_choice("family", family, FAMILIES)
    network, parts = FAMILIES[family]
    if family == "c3":
        fields.setdefault("trunk", {})
    if network is Aligner and "landmarks" in fields:
        network = LandmarkAligner
    try:
        return network(
            **{name: parts[name](**v) if name in parts else v for name, v in fields.items()}
        )
    except TypeError as error:
        raise ValueError(f"the model configuration does not fit: {error}") from error


def to_config(network: nn.Module) -> dict[str, Any]:
    """The JSON-like dict of a network, all its fields: what `from_config` builds it from."""
    flow = type(getattr(network, "flow", None))
    for family, (kind, parts) in FAMILIES.items():
        if issubclass(type(network), kind) and parts.get("flow", flow) is flow:
            return {"family": family, **_to_json(network)}
    raise ValueError(f"{type(network).__name__} is of none of the families {', '.join(FAMILIES)}")


def _to_json(value: Any) -> Any:
    """Tuples as lists, and modules as their fields without those that flax gives each of them."""
    if isinstance(value, nn.Module):
        names = [field.name for field in dataclasses.fields(value)]
        return {
            name: _to_json(getattr(value, name)) for name in names if name not in ("parent", "name")
        }
    return list(value) if isinstance(value, tuple) else value


def offers(config: Any, method: str) -> bool:
    """Whether the network of a dict has `landmarks`, `match` or `correlate`."""
    family = config.get("family", "c3") if isinstance(config, dict) else "c3"
    network, _ = FAMILIES.get(str(family), FAMILIES["c3"])
    return callable(getattr(network, method, None))


def _with_tuples(fields: dict[str, Any]) -> dict[str, Any]:
    """JSON's lists as tuples, so that modules are hashable."""
    return {
        name: _with_tuples(v) if isinstance(v, dict) else tuple(v) if isinstance(v, list) else v
        for name, v in fields.items()
    }
