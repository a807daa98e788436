"""`report.html` of a run, with numbers, curves, configuration and pictures; its tables as text."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.engine import runs
from experiments.measure.calibration import calibrate
from experiments.measure.self_check import pictures_of
from experiments.show.next_steps import next_commands
from experiments.show.page import Section, Table, as_text, render
from experiments.show.pictures import Picture, loss_curves
from experiments.show.rows import read_rows, results_of
from experiments.show.sections import headline_sections, result_sections
from experiments.show.spots import draw_spots
from experiments.show.verdict import check_data


def write_report(
    folder: Path,
    results: dict[str, Any],
    pictures: Sequence[Picture] = (),
    num_landmarks: int = 0,
    differing: Mapping[str, tuple[Any, Any]] | None = None,
    *,
    data: str = "",
    commands: Sequence[tuple[str, str]] = (),
) -> Path:
    """Writes `report.html` and `pictures/` into a run folder; returns the report's path.

    Args:
      folder: of the run, with config.json and, where something was logged, metrics.jsonl.
      results: as in results.json.
      pictures: drawn from the run.
      num_landmarks: K, for the published errors.
      differing: options that differ from the preset `paper`, here and there, where there is one.
      data: what was trained on, in words.
      commands: what one can do with the run, and what to type for it.
    """
    curves = curves_pictures(folder / "metrics.jsonl")
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    for picture in [*pictures, *curves]:
        (folder / "pictures" / f"{picture.name}.png").write_bytes(picture.png)
    measured = [*result_sections(results, num_landmarks), Section("")]
    first = (
        2 if {"landmarks", "self_check"} <= results.keys() else 1
    )  # the verdict beside the error
    others = measured[first:]
    sections = [
        *measured[:first],
        Section("What to do next", commands=commands),
        Section("Pictures", pictures=pictures),
        *others,
        Section("Training", pictures=curves),
        config_section((folder / "config.json").read_text(encoding="utf-8"), differing),
    ]
    path, on = folder / "report.html", f"; {data}" if data else ""
    runs.replace_text(path, render(folder.name, f"{lead(results)}{on}", sections))
    return path


def conclude(
    trained: Any, data: Any, folder: Path, seconds: float, *, stopped: bool = False
) -> Path:
    """Evaluates a `recipe.Trained`: confidence, results and report, whose path it returns.

    `seconds` it was trained; `stopped`: steps are left.
    """
    calibrate(trained, data, folder)
    results = trained.origin() | {"seconds": round(seconds)}
    if begun := trained.config.init_from:
        results["begun_on"] = runs.data_of(begun)
    if stopped:
        results["stopped"] = True
    results |= trained.recipe.evaluate(trained, data) | results_of(read_rows(folder))
    pictures: list[Picture] = []
    if trained.model.landmarks is not None:
        results["self_check"] = check_data(trained.find_landmarks, data)
        images, _ = pictures_of(data)
        pictures += draw_spots(images, trained.find_landmarks(images), results["self_check"])
    runs.write_json(folder / "results.json", results)
    num_landmarks = trained.config.landmarks
    print_results(results, num_landmarks)
    gallery = trained.recipe.pictures({folder.name: trained}, data)
    pictures += [picture for section in gallery.sections for picture in section.pictures]
    return write_report(
        folder,
        results,
        pictures,
        num_landmarks,
        trained.differing(),
        data=data.description,
        commands=next_commands(trained, folder, results.get("self_check", {})),
    )


def print_results(results: dict[str, Any], num_landmarks: int) -> None:
    """The first table of each measurement, for a terminal."""
    for section in headline_sections(results, num_landmarks):
        print(f"\n{section.title}\n{as_text(section.tables[0])}")


def lead(results: dict[str, Any]) -> str:
    """What was run, in one line."""
    minutes, seconds = divmod(round(results["seconds"]), 60)
    return (
        f"{results['experiment']}, preset {results['preset']}, data {results['data']}, "
        f"seed {results['seed']}: {results['steps']:,} steps in {minutes} min {seconds} s"
        + "; stopped before its end"
        * ("stopped" in results)
    )


def config_section(code: str, differing: Mapping[str, tuple[Any, Any]] | None) -> Section:
    """The whole configuration, and what differs from the preset `paper`."""
    if differing is None:
        return Section("Configuration", code=code)
    rows = [(field, *pair) for field, pair in differing.items()]
    table = Table(["field", "this run", "preset paper"], rows)
    return Section("Configuration", "What differs from the preset paper:", [table], code=code)


def curves_pictures(path: Path) -> list[Picture]:
    """The losses of metrics.jsonl by step; nothing where nothing was logged."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = [json.loads(line) for line in lines]
    if (image := loss_curves(rows)) is None:
        return []
    caption = "As logged (pale) and smoothed; a dotted line where a stage ends."
    if any(name[-1].isdigit() for name in rows[-1]):
        caption += (
            " Perceptual terms are divided by their running means and tend to a constant: their "
            "layers tell the progress."
        )
    return [Picture("losses", "Losses by step", caption, image)]
