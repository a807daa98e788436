"""What is said of the landmarks of a picture beside their places, in JSON and in tables."""

from typing import Any

from c3jax.inference import Found
from c3jax.tools.landmark_files import PER_LANDMARK

README = """\
spread_percent: how far the network spreads each landmark, in percent of the side of the square
that it looks at: the more, the less sure it is
confidence: the probability that a landmark is off by less than 5 % of that side, as measured on
warped and partly erased pictures after training; null (in CSV blank) where it was not measured: of
    a run that was stopped before its end python -m experiments.report RUN measures it
object_score: the share of the training pictures that are less like the others than this picture,
whose distance is divided by 1.15
object: whether the picture shows such an object at all, false (in CSV 0) for a score below .01;
both null (blank) of a model without these statistics"""


def fields_of(found: Found, row: int) -> dict[str, Any]:
    """The fields of one picture, as JSON values."""
    numbers = (*PER_LANDMARK, "object_score")
    shown = found.object
    return {
        **{name: _rounded(getattr(found, name), row) for name in numbers},
        "object": None if shown is None else bool(shown[row]),
    }


def _rounded(values, row: int) -> Any:
    return None if values is None else values[row].astype(float).round(4).tolist()
