"""The results of a run as text, for a terminal."""

from typing import Any

from experiments.measure.alignment import method_rows
from experiments.measure.evaluation import error_rows
from experiments.measure.published import comparable_errors
from experiments.show.page import format_cell


def print_results(results: dict[str, Any], num_landmarks: int) -> None:
    """Errors and PCK beside their baselines and, under the same protocol, the published ones."""
    alignment = (
        {results["alignment"].get("test", "test"): results["alignment"]}
        if ("alignment" in results)
        else {}
    )
    for name, found in (alignment | results.get("alignment_of", {})).items():
        print_alignment(name, found)
    if rows := results.get("iterations"):
        print(f"\n{results.get('variant', '')}: {legend(rows[-1])}")
        for row in rows:
            name = f"round {row['round']}" if row["round"] else "pre-trained"
            print(f"  {name:16s}{describe_row(row)}")
    if landmarks := results.get("landmarks"):
        print(f"\nerror in % of the {landmarks['normalizer']} (test)")
        rows = [("this run", landmarks["nme_percent"]), *error_rows(landmarks)]
        for name, error in rows + comparable_errors(results, num_landmarks):
            print(f"  {name:46s}{format_cell(error):>8s}")


def print_alignment(name: str, found: dict[str, Any]) -> None:
    """PCK of all methods."""
    print(f"\n{name}: PCK in % at alpha {', '.join(found['pck'])} ({found['pairs']} pairs)")
    print(f"  {found['protocol']}")
    for method, *pck in method_rows(found):
        print(f"  {method:37s}{''.join(f'{value:8.1f}' for value in pck)}")


def legend(row: dict[str, Any]) -> str:
    """What the numbers of a row are."""
    parts = []
    if "pck" in row:
        parts.append(f"PCK in % (alpha {', '.join(row['pck'])})")
    if "landmarks" in row:
        parts.append(f"landmark error in % of the {row['landmarks']['normalizer']}")
    if "consistency" in row:
        parts.append("landmarks that the field carries against those that are found")
    return ", ".join(parts)


def describe_row(row: dict[str, Any]) -> str:
    """The numbers of a row."""
    cells = []
    if "pck" in row:
        cells.append("PCK " + " ".join(f"{value:5.1f}" for value in row["pck"].values()))
    if "landmarks" in row:
        cells.append(f"landmarks {row['landmarks']['nme_percent']:.2f}")
    if "consistency" in row:
        found = row["consistency"]
        cells.append(f"carried {format_cell(found['landmarks_carried_by_flow']['px'])} px")
        if "flow_true" in found:
            cells.append(f"field by the truth {format_cell(found['flow_true']['px'])} px")
    if "uncertainty" in row:
        found = row["uncertainty"]
        cells.append(f"sparsification {found['sparsification_area']:.2f}")
        cells.append(f"(oracle {found['oracle_area']:.2f})")
        if found["occlusion_auroc"] is not None:
            cells.append(f"AUROC of hidden {found['occlusion_auroc']:.2f}")
    return "  ".join(cells)
