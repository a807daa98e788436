"""From a JSON-like dict to a network: how exported models and runs say what they are."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn

from c3jax.models.aligner import Aligner, LandmarkAligner
from c3jax.models.c3 import C3, LandmarkNetworks
from c3jax.models.flow import FlowModule
from c3jax.models.imm import IMM
from c3jax.models.jlad import JLAD
from c3jax.models.ncnet import NCNet
from c3jax.models.resnet import ResNet


def _c3(trunk: dict | None = None, **fields: Any) -> C3:
    return C3(trunk=ResNet(**(trunk or {})), **fields)


def _aligner(trunk: dict, flow: dict, **fields: Any) -> Aligner:
    return _with_landmarks(trunk=ResNet(**trunk), flow=FlowModule(**flow), **fields)


def _nc_net(trunk: dict, flow: dict, **fields: Any) -> Aligner:
    return _with_landmarks(trunk=ResNet(**trunk), flow=NCNet(**flow), **fields)


def _with_landmarks(*, landmarks: dict | None = None, **fields: Any) -> Aligner:
    if landmarks is None:
        return Aligner(**fields)
    return LandmarkAligner(landmarks=LandmarkNetworks(**landmarks), **fields)


def _jlad(trunk: dict, **fields: Any) -> JLAD:
    return JLAD(trunk=ResNet(**trunk), **fields)


_BUILDERS: dict[str, Callable[..., nn.Module]] = {
    "c3": _c3,
    "imm": IMM,
    "aligner": _aligner,
    "nc_net": _nc_net,
    "jlad": _jlad,
}


def from_config(config: dict[str, Any]) -> nn.Module:
    """The network of a JSON-like dict.

    `family` is 'c3' (also when missing), 'imm', 'aligner', 'nc_net' or 'jlad'; the rest are the
    fields of that network, `trunk` those of its `ResNet` and `flow` those of the `FlowModule` of an
    aligner or the `NCNet` of 'nc_net'. Aligners of both kinds may have `landmarks`, the fields of
    `LandmarkNetworks`.

    Raises:
      ValueError: an unknown family or field.
    """
    fields = _with_tuples(config)
    family = fields.pop("family", "c3")
    if family not in _BUILDERS:
        raise ValueError(f"family must be one of {', '.join(_BUILDERS)}, got {family!r}")
    try:
        return _BUILDERS[family](**fields)
    except TypeError as error:
        raise ValueError(f"the model configuration does not fit: {error}") from error


def _with_tuples(fields: dict[str, Any]) -> dict[str, Any]:
    """JSON's lists as tuples, so that modules are hashable."""
    return {
        name: _with_tuples(v) if isinstance(v, dict) else tuple(v) if isinstance(v, list) else v
        for name, v in fields.items()
    }
