"""What is fitted after training, so that a model can say how sure it is; how it is stored."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from c3jax.confidence import Familiar, Isotonic
from c3jax.weights import file_digest

OBJECT = "object.safetensors"
FIELDS = {"landmarks": "spread_percent", "matches": "score"}  # what the knots are of


@dataclass(frozen=True)
class Calibration:
    """From what networks say to probabilities; None where nothing was fitted.

    Attributes:
      landmarks: from the spread of a landmark, in percent of the side, to the probability that it
        is off by less than 5 % of the side.
      matches: from the raw score of a match to the probability that it is off by less than a tenth
        of the side.
      object: of training pictures, to tell whether a picture shows what the network learned from.
    """

    landmarks: Isotonic | None = None
    matches: Isotonic | None = None
    object: Familiar | None = None


def write_calibration(folder: Path, calibration: Calibration) -> dict[str, Any]:
    """Writes the arrays beside a model, and returns the field of the description: all else.

    The field has `landmarks` and `matches`, the knots as lists, and `object`, the sha256 of the
    file `object.safetensors`; each where it is known.
    """
    field: dict[str, Any] = {}
    for name, inputs in FIELDS.items():
        if (knots := getattr(calibration, name)) is not None:
            lists = [[float(f"{value:.5g}") for value in values.tolist()] for values in knots]
            field[name] = dict(zip((inputs, "probability"), lists, strict=True))
    file = folder / OBJECT
    file.unlink(missing_ok=True)
    if calibration.object is not None:
        arrays = {k: v.astype(np.float32) for k, v in calibration.object._asdict().items()}
        safetensors.numpy.save_file(arrays, file)
        field["object"] = file_digest(file)
    return field


def read_calibration(folder: Path, field: Any) -> Calibration:
    """What `write_calibration` wrote into a folder; of a description without the field all is None.

    Raises:
      ValueError: a field that does not fit, a missing or damaged file; the message names it.
    """
    if field is None:
        return Calibration()
    try:
        knots = {
            name: Isotonic(*(np.array(field[name][key], float) for key in (inputs, "probability")))
            for name, inputs in FIELDS.items()
            if name in field
        }
        if any(np.shape(x) != np.shape(y) or np.ndim(x) != 1 for x, y in knots.values()):
            raise ValueError("knots must be two lists of one length")
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{folder}: the field 'calibration' does not fit: {error!r}") from None
    return Calibration(**knots, object=_read_object(folder / OBJECT, field.get("object")))


def _read_object(file: Path, digest: str | None) -> Familiar | None:
    if digest is None:
        return None
    if not file.is_file() or file_digest(file) != digest:
        raise ValueError(f"{file} is missing or damaged: its sha256 is not the one that is named")
    try:
        return Familiar(**safetensors.numpy.load_file(file))
    except (SafetensorError, TypeError) as error:
        raise ValueError(f"{file} holds no statistics of an object: {error}") from None
