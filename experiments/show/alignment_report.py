"""The `alignment` object of `results.json` as a section of a report."""

from collections.abc import Sequence
from typing import Any

from experiments.show.page import Section, Table

METHODS = (
    ("identity", "identity"),
    ("nearest_neighbour", "nearest neighbour"),
    ("mutual_matching", "mutual matching"),
    ("nearest_neighbour_kernel", "nearest neighbour, kernel soft-argmax"),
    ("mutual_matching_kernel", "mutual matching, kernel soft-argmax"),
    ("gaussian", "separable Gaussian block"),
    ("start", "the flow module as it starts"),
    ("untrained", "untrained network"),
    ("trained", "this run"),
)
ALPHA = "0.10"  # of the tables that have room for one
PARTS = ("all", "visible", "occluded")


def alignment_section(
    alignment: dict[str, Any], published: Sequence[tuple[str, float]] = ()
) -> Section:
    """PCK by method and by definition, by category, and of the dense field where it is known.

    Args:
      alignment: the object.
      published: (method, PCK@.1) that the headline may stand beside.
    """
    title = "Alignment" + (f": {alignment['test']}" if "test" in alignment else "")
    tables = [headline_table(alignment, published)]
    methods = alignment.get("methods", {})
    if "trained" in methods:
        tables += [definitions_table(methods["trained"]), *categories_tables(alignment)]
        tables += dense_tables(methods)
    return Section(title, tables=tables)


def headline_table(alignment: dict[str, Any], published: Sequence[tuple[str, float]]) -> Table:
    """PCK of every method by the one definition that is the headline."""
    alphas = list(alignment["pck"])
    rows: list[list[Any]] = []
    for key, name in METHODS:
        pck = alignment["pck"] if key == "trained" else alignment.get(f"{key}_pck")
        if pck is not None:
            rows.append([name, *(pck[alpha] for alpha in alphas)])
    for method, value in published:
        rows.append([method, *(value if alpha == ALPHA else None for alpha in alphas)])
    count = ""
    if "pairs" in alignment:
        count = f"; {alignment['pairs']:,} pairs of {alignment['pictures']:,} pictures"
    return Table(
        ["", *(f"PCK@{alpha}, %" for alpha in alphas)], rows, f"{alignment['protocol']}{count}."
    )


def definitions_table(table: dict[str, Any]) -> Table:
    """PCK of this run by every definition whose ingredients there are."""
    rows = []
    for directions in table["definitions"].values():
        for found in directions.values():
            low, high = found["interval"]["per_pair"][ALPHA]
            pck = list(found["per_pair"].values())
            rows.append([found["definition"], *pck, f"{low:.1f} to {high:.1f}"])
    columns = [f"PCK@{alpha}, %" for alpha in found["per_pair"]]
    return Table(
        ["this run, by definition", *columns, f"95 % interval at {ALPHA}"],
        rows,
        f"Means over pairs. Interval: {table['interval']}.",
    )


def categories_tables(alignment: dict[str, Any]) -> list[Table]:
    """The headline of every method by category; nothing without categories."""
    found = {
        name: by_sentence(table, alignment["protocol"])
        for name, table in alignment["methods"].items()
    }
    if "categories" not in found["trained"]:
        return []
    shown = [(key, name) for key, name in METHODS if key in found]
    rows = [
        [
            category,
            counted["pairs"],
            *(found[key]["categories"][category]["per_pair"][ALPHA] for key, _ in shown),
        ]
        for category, counted in found["trained"]["categories"].items()
    ]
    means = [found[key]["mean_of_categories"][ALPHA] for key, _ in shown]
    rows.append(["mean of the categories", None, *means])
    names = [name.partition(":")[0] for _, name in shown]
    return [Table([f"PCK@{ALPHA}, %", "pairs", *names], rows)]


def by_sentence(table: dict[str, Any], sentence: str) -> dict[str, Any]:
    """The numbers of the definition that reads so."""
    every = (found for way in table["definitions"].values() for found in way.values())
    return next(found for found in every if found["definition"] == sentence)


def dense_tables(methods: dict[str, Any]) -> list[Table]:
    """End-point error and PCK of the dense field of every method; none where it is not known."""
    if "dense" not in methods["trained"]:
        return []
    rows = [
        [
            name,
            *(methods[key]["dense"][part]["end_point_error_px"] for part in PARTS),
            *(methods[key]["dense"][part]["pck"][ALPHA] for part in PARTS),
        ]
        for key, name in METHODS
        if key in methods
    ]
    columns = [f"error, px, {part}" for part in PARTS]
    columns += [f"PCK@{ALPHA}, %, {part}" for part in PARTS]
    dense = methods["trained"]["dense"]
    pixels = ", ".join(f"{dense[part]['pixels']:,} {part}" for part in PARTS)
    note = f"{dense['definition']}; pixels: {pixels}."
    return [Table(["dense field", *columns], rows, note[0].upper() + note[1:])]
