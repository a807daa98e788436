"""What is said of the landmarks of a picture beside their places, in JSON and in tables."""

from typing import Any

from c3jax.inference import Found

README = """\
spread_percent: how far the network spreads each landmark, in percent of the side of the square
that it looks at: the more, the less sure it is
confidence: the probability that a landmark is off by less than 5 % of that side, as measured on
warped and partly erased pictures after training; null (in CSV blank) where it was not measured
object_score: the share of the training pictures that are less like the others than this picture
object: whether the picture shows such an object at all, false (in CSV 0) for a score below .01;
both null (blank) of a model without these statistics"""

PER_LANDMARK = ("spread_percent", "confidence")


def fields_of(found: Found, row: int) -> dict[str, Any]:
    """The fields of one picture, as JSON values."""
    numbers = (*PER_LANDMARK, "object_score")
    shown = found.object
    return {
        **{name: _rounded(getattr(found, name), row) for name in numbers},
        "object": None if shown is None else bool(shown[row]),
    }


def names_of_columns(num_landmarks: int) -> list[str]:
    """The columns of a table that hold the fields, those of landmarks numbered."""
    numbered = (f"{name}{k}" for name in PER_LANDMARK for k in range(num_landmarks))
    return [*numbered, "object_score", "object"]


def cells_of(fields: dict[str, Any]) -> list[Any]:
    """The cells of these columns; blank where a field is null."""
    count = len(fields["spread_percent"])
    numbered = [cell for name in PER_LANDMARK for cell in fields[name] or [None] * count]
    shown = fields["object"]
    return [*numbered, fields["object_score"], None if shown is None else int(shown)]


def _rounded(values, row: int) -> Any:
    return None if values is None else values[row].astype(float).round(4).tolist()
