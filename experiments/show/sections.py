"""What was measured, as sections of a report: tables beside baselines and published numbers."""

from collections.abc import Sequence
from typing import Any

from c3jax.tools.measure.alignment import METHODS, method_rows
from c3jax.tools.measure.evaluation import error_rows
from experiments.engine.runs import flatten
from experiments.measure.published import comparable_errors, comparable_pck, table
from experiments.show.page import Section, Table
from experiments.show.swaps import swaps_section

# Keys of results.json with a place of their own.
OWN_PLACE = (
    *("config", "landmarks", "self_check", "consistency", "swaps"),
    *("alignment", "alignment_of"),
)
ALPHA = "0.10"  # of the tables that have room for one
PARTS = ("all", "visible", "occluded")
HEALTH = (
    ("spread of the stillest landmark over the images, px", "min_stddev_px"),
    ("mean distance of the closest two landmarks, px", "min_distance_px"),
    ("landmarks on the head, %", "on_head_percent"),
    ("images with 80 % of the landmarks on the head, %", "images_with_80_percent_on_head"),
    ("spread on the head's surface, 1 = random points", "surface_spread_ratio"),
)
SELF_CHECK = (
    ("verdict", "verdict"),
    ("landmarks of warped pictures, error in % of the side", "warp_error_percent"),
    ("follow: share of a shift of the object; 0 stays in the frame", "follow"),
    ("same spot in different pictures; 1 always, 0 by chance", "same_spot"),
    ("landmarks that stand still", "still"),
    ("landmarks that coincide", "coinciding"),
    ("landmarks that mark no spot of the object", "elsewhere"),
)
CONSISTENCY = (
    ("detected landmarks, carried by the flow (Fig. 3)", "landmarks_carried_by_flow", "identity"),
    ("detected landmarks, carried by the truth", "landmarks_true", "fixed"),
    ("points of the head, carried by the flow", "flow_true", "identity"),
)
ROUNDS_OF_FACES = (
    ("carried landmarks, %", "landmarks_carried_by_flow", "percent"),
    ("carried landmarks, px", "landmarks_carried_by_flow", "px"),
    ("field by the truth, %", "flow_true", "percent"),
)
NOTE_ON_PAIRS = (
    "PCK by the headline of this page, the landmark error in percent of its normaliser. The "
    "published numbers are of pairs of PASCAL3D+ that were not released, with ResNet-101 and 20 "
    "landmarks, and their first row is of separate learning: their course over the rounds can be "
    "compared, not their values."
)
NOTE_ON_PICTURES = (
    "Consistency across images: landmarks of one picture, carried by the field, against those "
    "found in the other."
)
NOTE_ON_TRUTH = (
    " The landmark error is in percent of its normaliser; by the truth: points carried by the "
    "field against where they belong."
)


def result_sections(results: dict[str, Any], num_landmarks: int | None) -> list[Section]:
    """Sections of what was measured; measurements that are unknown here become plain tables."""
    sections = headline_sections(results, num_landmarks)
    for name, value in results.items():
        if isinstance(value, dict) and name not in OWN_PLACE:
            table = Table(["", ""], list(flatten(value).items()))
            sections.append(Section(name.replace("_", " ").capitalize(), tables=[table]))
    return sections


def headline_sections(results: dict[str, Any], num_landmarks: int | None) -> list[Section]:
    """Sections of what papers measure."""
    sections = []
    if "landmarks" in results:
        sections.append(landmarks_section(results, num_landmarks))
    if "self_check" in results:
        sections.append(self_check_section(results["self_check"]))
    if "consistency" in results:
        sections.append(consistency_section(results["consistency"]))
    if "swaps" in results:
        sections.append(swaps_section(results["swaps"]))
    if "alignment" in results:
        sections.append(alignment_section(results["alignment"], comparable_pck(results)))
    if results.get("iterations"):
        sections.append(rounds_section(results["iterations"]))
    for name, found in results.get("alignment_of", {}).items():
        sections.append(alignment_section({"test": name, **found}))
    return sections


def landmarks_section(results: dict[str, Any], num_landmarks: int | None) -> Section:
    """The headline: the error beside its baselines, and whether the landmarks are alive."""
    landmarks = results["landmarks"]
    rows = [("this run", landmarks["nme_percent"]), *error_rows(landmarks)]
    rows += comparable_errors(results, num_landmarks or 0)
    errors = Table(
        ["", f"error, % of {landmarks['normalizer']}"],
        rows,
        f"{landmarks['protocol']}; fitted on {landmarks['fitted_on']:,}, tested on "
        f"{landmarks['tested_on']:,} images.",
    )
    few = landmarks.get("few_shot_nme_percent", {})
    draws = Table(
        ["faces that are fitted on", "mean error", "deviation over draws"],
        [(count, error["mean"], error["deviation"]) for count, error in few.items()],
    )
    health = landmarks.get("health", {})
    alive = Table(
        ["health of the landmarks", ""],
        [(name, health[key]) for name, key in HEALTH if key in health],
    )
    return Section("Landmarks", tables=[each for each in (errors, draws, alive) if each.rows])


def self_check_section(check: dict[str, Any]) -> Section:
    """Whether the landmarks are good, measured without labels."""
    rows = [(name, check[key] if check[key] != [] else "none") for name, key in SELF_CHECK]
    unknown = f" Same spot is not known: {check['reason']}." if "reason" in check else ""
    note = f"{check['sentence']} Checked on {check['pictures']:,} {check['made_on']}.{unknown}"
    return Section(
        "Self-check, without labels", tables=[Table(["of the landmarks", ""], rows, note)]
    )


def consistency_section(consistency: dict[str, Any]) -> Section:
    """Figure 3 in numbers."""
    known = [(name, consistency.get(key), still) for name, key, still in CONSISTENCY]
    units = (
        ["percent", "px"] if any("percent" in (found or {}) for _, found, _ in known) else ["px"]
    )
    rows = []
    for name, found, still in known:
        if found:
            beside = (found[f"{still}_{units[0]}"], found.get(f"untrained_{units[0]}"))
            rows.append((name, *(found[unit] for unit in units), *beside))
    named = {"percent": "%", "px": "px"}
    columns = ["", *(named[unit] for unit in units), "left in place", "untrained"]
    never = ", or a detector that never moves" if "landmarks_true" in consistency else ""
    note = (
        f"{consistency['protocol']}. {consistency['pairs']} pairs. Left in place: points that stay "
        f"where they are{never}. Untrained: the same before training."
    )
    return Section("Consistency across images", tables=[Table(columns, rows, note)])


def alignment_section(
    alignment: dict[str, Any], published: Sequence[tuple[str, float]] = ()
) -> Section:
    """PCK by method, definition and category, beside comparable published (method, PCK@.1)."""
    tables = [headline_table(alignment, published)]
    methods = alignment.get("methods", {})
    if "trained" in methods:
        tables += [definitions_table(methods["trained"]), *categories_tables(alignment)]
        tables += dense_tables(methods)
    title = f"Alignment: {alignment['test']}" if "test" in alignment else "Alignment"
    return Section(title, tables=tables)


def headline_table(alignment: dict[str, Any], published: Sequence[tuple[str, float]]) -> Table:
    """PCK of every method by the one definition that is the headline."""
    alphas = list(alignment["pck"])
    rows = method_rows(alignment)
    for method, value in published:
        rows.append([method, *(value if alpha == ALPHA else None for alpha in alphas)])
    note = alignment["protocol"]
    if "pairs" in alignment:
        note += f"; {alignment['pairs']:,} pairs of {alignment['pictures']:,} pictures"
    return Table(["", *(f"PCK@{alpha}, %" for alpha in alphas)], rows, f"{note}.")


def definitions_table(table: dict[str, Any]) -> Table:
    """PCK of this run by every definition for which the data have what it needs."""
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
    methods, protocol = alignment["methods"], alignment["protocol"]
    found = {key: by_sentence(methods[key], protocol) for key in METHODS if key in methods}
    if "categories" not in found["trained"]:
        return []
    rows = [
        [name, counted["pairs"]]
        + [each["categories"][name]["per_pair"][ALPHA] for each in found.values()]
        for name, counted in found["trained"]["categories"].items()
    ]
    means = [each["mean_of_categories"][ALPHA] for each in found.values()]
    rows.append(["mean of the categories", None, *means])
    names = [METHODS[key].partition(":")[0] for key in found]
    return [Table([f"PCK@{ALPHA}, %", "pairs", *names], rows)]


def by_sentence(table: dict[str, Any], sentence: str) -> dict[str, Any]:
    """The numbers of the definition that this sentence describes."""
    every = (found for way in table["definitions"].values() for found in way.values())
    return next(found for found in every if found["definition"] == sentence)


def dense_tables(methods: dict[str, Any]) -> list[Table]:
    """End-point error and PCK of the dense field of every method; none where it is not known."""
    if "dense" not in methods["trained"]:
        return []
    rows = []
    for key, name in METHODS.items():
        if key in methods:
            parts = [methods[key]["dense"][part] for part in PARTS]
            errors = [part["end_point_error_px"] for part in parts]
            rows.append([name, *errors, *(part["pck"][ALPHA] for part in parts)])
    columns = [f"error, px, {part}" for part in PARTS]
    columns += [f"PCK@{ALPHA}, %, {part}" for part in PARTS]
    dense = methods["trained"]["dense"]
    pixels = ", ".join(f"{dense[part]['pixels']:,} {part}" for part in PARTS)
    note = f"{dense['definition']}; pixels: {pixels}."
    return [Table(["dense field", *columns], rows, note[0].upper() + note[1:])]


def rounds_section(rows: Sequence[dict[str, Any]]) -> Section:
    """JLAD's Table 1: a row of `iterations` after the pre-training and after every round."""
    if "pck" in rows[0]:
        note, published = NOTE_ON_PAIRS, dict(enumerate(published_rounds()))
        columns = [*(f"PCK@{alpha}, %" for alpha in rows[0]["pck"]), "landmarks, %"]
        columns += ["published PCK@0.1", "published error"]
        cells = [
            [*row["pck"].values(), landmark_error(row), *published.get(row["round"], (None, None))]
            for row in rows
        ]
    else:
        known, labelled = rows[0]["consistency"], "landmarks" in rows[0]
        note = NOTE_ON_PICTURES + NOTE_ON_TRUTH * labelled
        shown = [each for each in ROUNDS_OF_FACES if each[2] in known.get(each[1], {})]
        columns = [*["landmark error, %"] * labelled, *(name for name, *_ in shown)]
        cells = [
            [landmark_error(row)] * labelled
            + [row["consistency"][key][unit] for _, key, unit in shown]
            for row in rows
        ]
    names = [f"round {row['round']}" if row["round"] else "pre-trained" for row in rows]
    lines = [[name, *found] for name, found in zip(names, cells, strict=True)]
    return Section("Rounds", tables=[Table(["", *columns], lines, note)])


def landmark_error(row: dict[str, Any]) -> float | None:
    """In percent; None where it was not measured."""
    return row.get("landmarks", {}).get("nme_percent")


def published_rounds() -> list[tuple[float, float]]:
    """PCK@.1 and landmark error of JLAD's Table 1: separate, rounds 1 to 3, and final.

    The final one is the fourth, by 4.1's maximum.

    >>> published_rounds()[0]
    (63.2, 7.97)
    """
    return [(row["PCK@0.1"], row["IOD"]) for row in table("JLAD", "1").records()]
