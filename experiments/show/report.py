"""`report.html` of a run: one file with its numbers, curves, configuration and pictures."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.engine import runs
from experiments.measure.evaluation import error_rows
from experiments.measure.published import comparable_errors, comparable_pck
from experiments.show.alignment_report import alignment_section
from experiments.show.page import Section, Table, format_cell, render
from experiments.show.pictures import Picture, loss_curves
from experiments.show.rounds_report import rounds_section

# Keys of results.json with a table of their own.
OWN_PLACE = ("config", "landmarks", "consistency", "alignment", "alignment_of")


def write_report(
    folder: Path,
    results: dict[str, Any],
    pictures: Sequence[Picture] = (),
    *,
    reference: tuple[str, dict[str, Any]] | None = None,
) -> Path:
    """Writes `report.html` and `pictures/` into a run folder; returns the report's path.

    Args:
      folder: of the run, with config.json and, where something was logged, metrics.jsonl.
      results: as in results.json.
      pictures: drawn from the run.
      reference: name and JSON of a preset; the report names what differs from it.
    """
    described = runs.read_json(folder / "config.json")
    pictures = [*pictures, *curves_pictures(read_metrics(folder / "metrics.jsonl"))]
    save_pictures(pictures, folder / "pictures")
    sections = [
        *result_sections(results, described["config"].get("landmarks")),
        Section("Pictures", pictures=[p for p in pictures if p.name != "losses"]),
        Section("Training", pictures=[p for p in pictures if p.name == "losses"]),
        config_section(described["config"], reference),
    ]
    path = folder / "report.html"
    path.write_text(render(folder.name, lead(results), sections), encoding="utf-8")
    return path


def save_pictures(pictures: Sequence[Picture], folder: Path) -> None:
    """Writes pictures as PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        (folder / f"{picture.name}.png").write_bytes(picture.png)


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl; none if there is no such file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def lead(results: dict[str, Any]) -> str:
    """What was run, in one line."""
    minutes, seconds = divmod(round(results["seconds"]), 60)
    return (
        f"{results['experiment']}, preset {results['preset']}, data {results['data']}, "
        f"seed {results['seed']}: {results['steps']:,} steps in {minutes} min {seconds} s"
    )


def result_sections(results: dict[str, Any], num_landmarks: int | None) -> list[Section]:
    """Sections of what was measured; measurements that are unknown here become plain tables."""
    sections = []
    if "landmarks" in results:
        sections.append(landmarks_section(results, num_landmarks))
    if "consistency" in results:
        sections.append(consistency_section(results["consistency"]))
    if "alignment" in results:
        sections.append(alignment_section(results["alignment"], comparable_pck(results)))
    if "iterations" in results:
        sections.append(rounds_section(results["iterations"]))
    for name, found in results.get("alignment_of", {}).items():
        sections.append(alignment_section({"test": name, **found}))
    for name, value in results.items():
        if isinstance(value, dict) and name not in OWN_PLACE:
            table = Table(["", ""], list(flatten(value).items()))
            sections.append(Section(name.replace("_", " ").capitalize(), tables=[table]))
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
    rows = [(name, health[key]) for name, key in HEALTH if key in health]
    alive = Table(["health of the landmarks", ""], rows)
    tables = [errors, *([draws] if few else []), *([alive] if rows else [])]
    return Section("Landmarks", tables=tables)


def consistency_section(consistency: dict[str, Any]) -> Section:
    """Figure 3 in numbers."""
    unit = "percent" if "percent" in consistency["landmarks_carried_by_flow"] else "px"
    kept = {"percent": "identity_percent", "px": "identity_px"}[unit]
    fixed = kept.replace("identity", "fixed")
    rows = []
    for name, key, still in (
        ("detected landmarks, carried by the flow (Fig. 3)", "landmarks_carried_by_flow", kept),
        ("detected landmarks, carried by the truth", "landmarks_true", fixed),
        ("points of the head, carried by the flow", "flow_true", kept),
    ):
        if key in consistency:
            found = consistency[key]
            rows.append((name, found[unit], found["px"], found[still], found[f"untrained_{unit}"]))
    columns = ["", "%" if unit == "percent" else "px", "px", "left in place", "untrained"]
    note = (
        f"{consistency['protocol']}. {consistency['pairs']} pairs. Left in place: points that stay "
        "where they are (a detector that never moves, in the second row). Untrained: the flow or "
        "the detector before training."
    )
    return Section("Consistency across images", tables=[Table(columns, rows, note)])


def config_section(config: dict[str, Any], reference: tuple[str, dict] | None) -> Section:
    """The whole configuration, and what differs from a reference."""
    code = json.dumps(config, indent=2)
    if reference is None:
        return Section("Configuration", code=code)
    name, other = reference
    rows = [(field, _short(a), _short(b)) for field, (a, b) in differences(config, other).items()]
    table = Table(["field", "this run", f"preset {name}"], rows)
    return Section("Configuration", f"What differs from the preset {name}:", [table], code=code)


def flatten(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts with dotted names.

    >>> flatten({"a": {"b": 1}, "c": 2})
    {'a.b': 1, 'c': 2}
    """
    flat: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, dict):
            flat |= flatten(item, f"{prefix}{name}.")
        else:
            flat[prefix + name] = item
    return flat


def differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Fields whose values differ, by dotted name; fields that name or place a run are left out."""
    one, other = flatten(one), flatten(other)
    return {
        field: (one.get(field), other.get(field))
        for field in {**one, **other}
        if field not in runs.FREE and one.get(field) != other.get(field)
    }


HEALTH = (
    ("spread of the stillest landmark over the images, px", "min_stddev_px"),
    ("mean distance of the closest two landmarks, px", "min_distance_px"),
    ("landmarks on the head, %", "on_head_percent"),
    ("images with 80 % of the landmarks on the head, %", "images_with_80_percent_on_head"),
    ("spread on the head's surface, 1 = random points", "surface_spread_ratio"),
)


def curves_pictures(rows: list[dict[str, Any]]) -> list[Picture]:
    """The losses by step; nothing where nothing was logged."""
    image = loss_curves(rows)
    if image is None:
        return []
    caption = "As logged (pale) and smoothed; a dotted line where a stage ends."
    if any(name[-1].isdigit() for name in rows[-1]):
        caption += (
            " Perceptual terms are divided by their running means and tend to a constant: their "
            "layers tell the progress."
        )
    return [Picture("losses", "Losses by step", caption, image)]


def _short(value: Any) -> str:
    return json.dumps(value) if isinstance(value, list) else format_cell(value)
